// The smallest AI provider: it answers with the last text of the request.
//
// It is written to the canonical ABI by hand, to show that there is no magic: exports are functions
// with the names of the contract, values lie in memory as abi.h says, and results are pointers.
#include "abi.h"

#include <stdlib.h>
#include <string.h>

#define PROVIDER "labd:ai-provider/provider@0.1.0"
#define EXPORT(name) __attribute__((export_name(PROVIDER "#" name)))
#define TEXT(literal) ((string){literal, sizeof(literal) - 1})

// ---- memory ----
// What one call allocates, for its arguments and for its result, is freed when the host has read the
// result. Only a completion lives longer.

static void **blocks;
static size_t block_count, block_room;

static void *allocate(size_t size) {
  if (block_count == block_room) {
    block_room = block_room ? block_room * 2 : 16;
    blocks = realloc(blocks, block_room * sizeof *blocks);
    if (!blocks) __builtin_trap();
  }
  void *block = calloc(1, size ? size : 1);
  if (!block) __builtin_trap(); // The limit of memory: this instance ends, and the host makes another.
  return blocks[block_count++] = block;
}

static void free_all(void) {
  while (block_count > 0) free(blocks[--block_count]);
}

// The host takes memory here to put arguments into.
__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
  (void)align; // malloc aligns to 16.
  void *block = allocate(new_size);
  if (old_size) memcpy(block, old, old_size < new_size ? old_size : new_size);
  return block;
}

// The host calls these after it has read a result.
#define POST_RETURN(name) \
  __attribute__((export_name("cabi_post_" PROVIDER "#" name)))
POST_RETURN("describe") void post_describe(void *result) { (void)result; free_all(); }
POST_RETURN("models") void post_models(void *result) { (void)result; free_all(); }
POST_RETURN("complete") void post_complete(void *result) { (void)result; free_all(); }
POST_RETURN("embed") void post_embed(void *result) { (void)result; free_all(); }
POST_RETURN("[method]completion.next") void post_next(void *result) { (void)result; free_all(); }

// ---- the resource ----

typedef struct {
  string model, echo;
  uint32_t told; // How many of the events were given.
} completion;

// Makes a handle of a completion for the host to own.
__attribute__((import_module("[export]" PROVIDER), import_name("[resource-new]completion")))
int32_t completion_new(completion *self);

static string copy(string text) {
  char *at = malloc(text.length ? text.length : 1);
  if (!at) __builtin_trap();
  memcpy(at, text.at, text.length);
  return (string){at, text.length};
}

// The host has dropped the handle.
EXPORT("[dtor]completion") void completion_drop(completion *self) {
  free((void *)self->model.at);
  free((void *)self->echo.at);
  free(self);
}

EXPORT("[method]completion.next") result_events *completion_next(completion *self, uint32_t max) {
  const event events[] = {
      {.tag = EVENT_STARTED, .started = {.model = self->model, .id = TEXT("echo")}},
      {.tag = EVENT_TEXT, .text = self->echo},
      {.tag = EVENT_FINISH, .finish = FINISH_STOP},
  };
  uint32_t left = sizeof events / sizeof *events - self->told;
  uint32_t count = max < left ? max : left;
  event *given = allocate(count * sizeof *given);
  memcpy(given, events + self->told, count * sizeof *given);
  self->told += count;
  result_events *result = allocate(sizeof *result);
  result->ok = (list_event){given, count}; // None at the end.
  return result;
}

// ---- the functions ----

EXPORT("describe") result_info *describe(void) {
  result_info *result = allocate(sizeof *result);
  result->ok = (info){
      .name = TEXT("Echo (C)"),
      .description = TEXT("Says what it was told."),
      .default_model = {1, TEXT("echo")},
  };
  return result;
}

EXPORT("models") result_models *models(const char *config, size_t length) {
  (void)config, (void)length; // There is nothing to configure.
  model *only = allocate(sizeof *only);
  *only = (model){.id = TEXT("echo"), .name = TEXT("Echo")};
  result_models *result = allocate(sizeof *result);
  result->ok = (list_model){only, 1};
  return result;
}

EXPORT("complete") result_completion *complete(const complete_arguments *arguments) {
  result_completion *result = allocate(sizeof *result);
  string last = {0};
  list_message messages = arguments->request.messages;
  for (size_t i = 0; i < messages.length; i++)
    for (size_t j = 0; j < messages.at[i].parts.length; j++)
      if (messages.at[i].parts.at[j].tag == PART_TEXT) last = messages.at[i].parts.at[j].text;
  if (!last.length) {
    result->is_error = 1;
    result->error = (error){
        .tag = ERROR_INVALID_REQUEST,
        .fault = {.message = TEXT("there is no text in the request to say again")},
    };
    return result;
  }
  completion *self = calloc(1, sizeof *self);
  if (!self) __builtin_trap();
  self->model = copy(arguments->request.model);
  self->echo = copy(last);
  result->ok = completion_new(self);
  return result;
}

// Thirteen values fit: they come one by one, and none of them is looked at.
EXPORT("embed") void *embed(int32_t config, int32_t config_length, int32_t model_, int32_t model_length,
                            int32_t texts, int32_t text_count, int32_t has_dimensions, int32_t dimensions,
                            int32_t has_purpose, int32_t purpose, int32_t has_user, int32_t user,
                            int32_t user_length) {
  (void)config, (void)config_length, (void)model_, (void)model_length, (void)texts, (void)text_count;
  (void)has_dimensions, (void)dimensions, (void)has_purpose, (void)purpose, (void)has_user, (void)user;
  (void)user_length;
  // `embeddings` and `error` begin at the same place; only the error is ever written.
  RESULT(struct { string model; bytes vectors; option_u32 usage[5]; }) *result = allocate(sizeof *result);
  result->is_error = 1;
  result->error = (error){
      .tag = ERROR_INVALID_REQUEST,
      .fault = {.message = TEXT("this provider has no embeddings")},
  };
  return result;
}
