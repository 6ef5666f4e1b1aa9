// The types of `labd:ai-provider` as they lie in memory.
//
// The canonical ABI lays records out as a C compiler lays out structs, and variants as a byte that
// tells the case before a union. So these declarations follow wit/ai-provider/provider.wit and
// wit/common/errors.wit line by line; what this plugin does not read is left out where nothing comes
// after it.
#ifndef ABI_H
#define ABI_H

#include <stddef.h>
#include <stdint.h>

typedef struct { const char *at; size_t length; } string;
typedef struct { const uint8_t *at; size_t length; } bytes;
typedef struct { uint8_t is_some; string value; } option_string;
typedef struct { uint8_t is_some; uint32_t value; } option_u32;
typedef struct { uint8_t is_some; uint8_t value; } option_u8;

// labd:common/errors

typedef struct { string message; option_string code; option_u32 position; option_string hint; } fault;
typedef struct { string capability, target, message; } denial;

enum error_case { ERROR_DENIED, ERROR_INVALID_REQUEST, ERROR_UNAUTHENTICATED, ERROR_RATE_LIMITED,
                  ERROR_OVERLOADED, ERROR_TIMEOUT, ERROR_CANCELLED, ERROR_UNAVAILABLE,
                  ERROR_NOT_FOUND, ERROR_CONFLICT, ERROR_INTERNAL };
typedef struct {
  uint8_t tag;
  union { denial denied; fault fault; option_u32 rate_limited; string internal; };
} error;

// labd:ai-provider/provider

typedef struct { string name, description; uint8_t capabilities; option_string default_model; } info;
typedef struct {
  string id, name;
  option_u32 context_window, output_limit;
  option_u8 capabilities;
} model;
typedef struct { const model *at; size_t length; } list_model;

enum part_case { PART_TEXT, PART_IMAGE, PART_FILE, PART_TOOL_USE, PART_TOOL_RESULT, PART_REASONING,
                 PART_BLOB };
typedef struct {
  uint8_t tag;
  union {
    string text;
    struct { string media_type; bytes data; } image;
    struct { string media_type; option_string name; bytes data; } file;
    struct { string id, name, arguments; } tool_use;
    struct { string id, content; uint8_t is_error; } tool_result;
    string reasoning;
    bytes blob;
  };
} part;
typedef struct { const part *at; size_t length; } list_part;
typedef struct { uint8_t role; list_part parts; } message;
typedef struct { const message *at; size_t length; } list_message;
typedef struct { const string *at; size_t length; } list_string;

// Parameters that do not fit sixteen values come in memory, one after the other: the configuration,
// then the request, which is aligned to 8 because it holds doubles further on.
typedef struct {
  string config;
  _Alignas(8) struct { string model; list_string system; list_message messages; } request;
} complete_arguments;

enum event_case { EVENT_STARTED, EVENT_TEXT, EVENT_REASONING, EVENT_TOOL_STARTED, EVENT_TOOL_FRAGMENT,
                  EVENT_TOOL_FINISHED, EVENT_BLOB, EVENT_USAGE, EVENT_FINISH };
enum finish_reason { FINISH_STOP };
typedef struct {
  uint8_t tag;
  union {
    struct { string model, id; } started;
    string text;
    struct { string id, fragment; } tool_fragment;
    struct { option_u32 input, cached_input, cache_writes, output, reasoning; } usage;
    uint8_t finish;
  };
} event;
typedef struct { const event *at; size_t length; } list_event;

// `result<T, error>`: 0 is success.
#define RESULT(T) struct { uint8_t is_error; union { T ok; error error; }; }
typedef RESULT(info) result_info;
typedef RESULT(list_model) result_models;
typedef RESULT(int32_t) result_completion;
typedef RESULT(list_event) result_events;

#endif
