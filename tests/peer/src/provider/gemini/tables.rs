//! The fields of `generateContent` and of embeddings.

use crate::shape::{Field, Shape, list, may, must};

use Shape::{Any, Bool, Either, Integer, List, Map, Number, Object, Text, Word};

const PART: Shape = Object(&[
    may("text", Text),
    may("thought", Bool),
    may("thoughtSignature", Text),
    may(
        "inlineData",
        Object(&[must("mimeType", Text), must("data", Text)]),
    ),
    may(
        "fileData",
        Object(&[may("mimeType", Text), must("fileUri", Text)]),
    ),
    may(
        "functionCall",
        Object(&[must("name", Text), may("args", Map), may("id", Text)]),
    ),
    may(
        "functionResponse",
        Object(&[
            must("name", Text),
            must("response", Map),
            may("id", Text),
            may("parts", list(&Map)),
            may("scheduling", Text),
            may("willContinue", Bool),
        ]),
    ),
    may("executableCode", Map),
    may("codeExecutionResult", Map),
    may("videoMetadata", Map),
    may("mediaResolution", Any),
    may("partMetadata", Map),
]);
const CONTENT: Shape = Object(&[may("role", Text), must("parts", list(&PART))]);
/// Enums are taken in capitals and in small letters.
const TYPE: Shape = Word(&[
    "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "string", "number",
    "integer", "boolean", "array", "object", "null",
]);
const SIZE: Shape = Either(&[Text, Integer(0, i64::MAX)]);
/// `Schema` of OpenAPI 3.0 as Gemini has it; what stands deeper is walked by [`openapi`].
pub const SCHEMA: &[Field] = &[
    may("type", TYPE),
    may("format", Text),
    may("title", Text),
    may("description", Text),
    may("nullable", Bool),
    may("enum", list(&Text)),
    may("items", Map),
    may("maxItems", SIZE),
    may("minItems", SIZE),
    may("properties", Map),
    may("required", list(&Text)),
    may("minProperties", SIZE),
    may("maxProperties", SIZE),
    may("minLength", SIZE),
    may("maxLength", SIZE),
    may("pattern", Text),
    may("example", Any),
    may("anyOf", list(&Map)),
    may("propertyOrdering", list(&Text)),
    may("default", Any),
    may("minimum", Number(f64::MIN, f64::MAX)),
    may("maximum", Number(f64::MIN, f64::MAX)),
];
const TOOL: Shape = Object(&[
    may(
        "functionDeclarations",
        list(&Object(&[
            must("name", Text),
            may("description", Text),
            may("parameters", Map),
            may("parametersJsonSchema", Any),
            may("response", Map),
            may("responseJsonSchema", Any),
            may("behavior", Text),
        ])),
    ),
    may("googleSearch", Map),
    may("googleSearchRetrieval", Map),
    may("codeExecution", Map),
    may("urlContext", Map),
    may("googleMaps", Map),
    may("computerUse", Map),
    may("fileSearch", Map),
]);
pub const GENERATE: Shape = Object(&[
    may("model", Text),
    must("contents", List(&CONTENT, 1, usize::MAX)),
    may("systemInstruction", CONTENT),
    may("tools", list(&TOOL)),
    may(
        "toolConfig",
        Object(&[
            may(
                "functionCallingConfig",
                Object(&[
                    may(
                        "mode",
                        Word(&["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"]),
                    ),
                    may("allowedFunctionNames", list(&Text)),
                    may("streamFunctionCallArguments", Bool),
                ]),
            ),
            may("retrievalConfig", Map),
            may("includeServerSideToolInvocations", Bool),
        ]),
    ),
    may(
        "safetySettings",
        list(&Object(&[must("category", Text), must("threshold", Text)])),
    ),
    may("cachedContent", Text),
    may("serviceTier", Text),
    may("store", Bool),
    may(
        "generationConfig",
        Object(&[
            may("stopSequences", List(&Text, 0, 5)),
            may(
                "responseMimeType",
                Word(&["text/plain", "application/json", "text/x.enum"]),
            ),
            may("responseSchema", Map),
            may("responseJsonSchema", Any),
            may("_responseJsonSchema", Any),
            may("responseModalities", list(&Text)),
            may("candidateCount", Integer(1, 8)),
            may("maxOutputTokens", Integer(1, i64::MAX)),
            may("temperature", Number(0.0, 2.0)),
            may("topP", Number(0.0, 1.0)),
            may("topK", Integer(1, i64::MAX)),
            may("seed", Integer(i64::MIN, i64::MAX)),
            may("presencePenalty", Number(-2.0, 2.0)),
            may("frequencyPenalty", Number(-2.0, 2.0)),
            may("responseLogprobs", Bool),
            may("logprobs", Integer(0, 20)),
            may("enableEnhancedCivicAnswers", Bool),
            may("speechConfig", Map),
            may("imageConfig", Map),
            may("mediaResolution", Text),
            may(
                "thinkingConfig",
                Object(&[
                    may("includeThoughts", Bool),
                    may("thinkingBudget", Integer(-1, i64::MAX)),
                    may(
                        "thinkingLevel",
                        Word(&[
                            "THINKING_LEVEL_UNSPECIFIED",
                            "MINIMAL",
                            "LOW",
                            "MEDIUM",
                            "HIGH",
                            "minimal",
                            "low",
                            "medium",
                            "high",
                        ]),
                    ),
                ]),
            ),
        ]),
    ),
]);
const TASKS: &[&str] = &[
    "TASK_TYPE_UNSPECIFIED",
    "RETRIEVAL_QUERY",
    "RETRIEVAL_DOCUMENT",
    "SEMANTIC_SIMILARITY",
    "CLASSIFICATION",
    "CLUSTERING",
    "QUESTION_ANSWERING",
    "FACT_VERIFICATION",
    "CODE_RETRIEVAL_QUERY",
];
const EMBED: &[Field] = &[
    may("model", Text),
    must("content", CONTENT),
    may("taskType", Word(TASKS)),
    may("title", Text),
    may("outputDimensionality", Integer(1, 65_536)),
];
pub const ONE: Shape = Object(EMBED);
pub const BATCH: Shape = Object(&[must("requests", List(&Object(EMBED), 1, 100))]);
