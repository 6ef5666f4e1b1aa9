//! The fields of an interaction.

use crate::shape::{Field, Shape, list, may, must};

use Shape::{Any, Bool, Either, Integer, Map, Number, Object, Tagged, Text, Values, Word};

/// What a picture, a sound, a film and a document have in common.
const MEDIA: &[Field] = &[
    may("data", Text),
    may("mime_type", Text),
    may("uri", Text),
    may("resolution", Word(&["low", "medium", "high", "ultra_high"])),
];
const TEXT: &[Field] = &[must("text", Text), may("annotations", list(&Map))];
/// What stands in a step, and may be all of the input.
pub const CONTENT: Shape = Tagged(
    "type",
    false,
    &[
        ("text", TEXT),
        ("image", MEDIA),
        (
            "document",
            &[may("data", Text), may("mime_type", Text), may("uri", Text)],
        ),
        (
            "audio",
            &[
                may("data", Text),
                may("mime_type", Text),
                may("uri", Text),
                may("channels", Integer(1, 64)),
                may("sample_rate", Integer(1, i64::MAX)),
            ],
        ),
        ("video", MEDIA),
    ],
);
/// Summaries of thoughts and results of functions.
const SHOWN: Shape = Tagged("type", false, &[("text", TEXT), ("image", MEDIA)]);
/// A step. Those of the service's own tools are not played.
pub const STEP: Shape = Tagged(
    "type",
    false,
    &[
        ("user_input", &[may("content", list(&CONTENT))]),
        (
            "model_output",
            &[may("content", list(&CONTENT)), may("error", Map)],
        ),
        (
            "thought",
            &[may("signature", Text), may("summary", list(&SHOWN))],
        ),
        (
            "function_call",
            &[
                must("id", Text),
                must("name", Text),
                must("arguments", Map),
                may("signature", Text),
            ],
        ),
        (
            "function_result",
            &[
                must("call_id", Text),
                must("result", Either(&[Text, list(&SHOWN), Map])),
                may("name", Text),
                may("is_error", Bool),
                may("signature", Text),
            ],
        ),
    ],
);
const TOOL: Shape = Tagged(
    "type",
    false,
    &[
        (
            "function",
            &[
                may("name", Text),
                may("description", Text),
                may("parameters", Any),
            ],
        ),
        ("google_search", &[may("search_types", list(&Text))]),
        ("code_execution", &[]),
        ("url_context", &[]),
    ],
);
const CHOICE: Shape = Word(&["auto", "any", "none", "validated"]);
const CONFIG: Shape = Object(&[
    may("max_output_tokens", Integer(1, i64::MAX)),
    may("seed", Integer(i64::MIN, i64::MAX)),
    may("stop_sequences", Shape::List(&Text, 0, 5)),
    may("temperature", Number(0.0, 2.0)),
    may("top_p", Number(0.0, 1.0)),
    may("top_k", Integer(1, i64::MAX)),
    may(
        "thinking_level",
        Word(&["minimal", "low", "medium", "high"]),
    ),
    may("thinking_summaries", Word(&["auto", "none"])),
    may(
        "tool_choice",
        Either(&[
            CHOICE,
            Object(&[may(
                "allowed_tools",
                Object(&[may("mode", CHOICE), may("tools", list(&Text))]),
            )]),
        ]),
    ),
    may("image_config", Map),
    may("speech_config", Any),
    may("transcription_config", Map),
    may("video_config", Map),
]);
/// The whole body; `input` and `response_format` are looked into on their own.
pub const CREATE: Shape = Object(&[
    must("model", Text),
    must("input", Any),
    may("background", Bool),
    may("environment", Any),
    may("generation_config", CONFIG),
    may("labels", Values(&Text)),
    may("previous_interaction_id", Text),
    may("response_format", Either(&[Map, list(&Map)])),
    may("response_mime_type", Text),
    may(
        "response_modalities",
        list(&Word(&["text", "image", "audio", "video", "document"])),
    ),
    may(
        "safety_settings",
        list(&Object(&[
            must("type", Text),
            must("threshold", Text),
            may("method", Text),
        ])),
    ),
    may(
        "service_tier",
        Word(&["flex", "standard", "priority", "deferred"]),
    ),
    may("store", Bool),
    may("stream", Bool),
    may("system_instruction", Text),
    may("tools", list(&TOOL)),
    may("webhook_config", Map),
]);
/// A format of an answer that is text.
pub const FORMAT: Shape = Object(&[
    must("type", Text),
    may("mime_type", Word(&["application/json", "text/plain"])),
    may("schema", Map),
]);
