//! The content of a message: a text, or a list of parts.
//!
//! | part | becomes |
//! | --- | --- |
//! | `text`, `input_text`, `output_text`, `refusal` | text; nothing, when it is empty |
//! | `image_url`, `input_image` with a `data:` URL | a picture, of the media type that its first bytes tell |
//! | `file`, `input_file` with `file_data`, a `data:` URL or base64 | a file, or a picture by its media type |
//! | a picture or a file by its address or its id | refused: nothing is fetched for a request, and no files are kept |
//! | `input_audio` and all others | refused |

use crate::errors::Fault;
use base64::{Engine, alphabet, engine::DecodePaddingMode, engine::general_purpose};
use labd_plugin_host::kinds::ai::Part;
use serde::{Deserialize, Deserializer, de};
use std::{borrow::Cow, fmt};

const BASE64: general_purpose::GeneralPurpose = general_purpose::GeneralPurpose::new(
    &alphabet::STANDARD,
    general_purpose::GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A string that is not copied where it stands in the body as it is.
#[derive(Debug, Deserialize)]
pub(crate) struct Str<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// A message's content.
#[derive(Debug, Default)]
pub(crate) enum Content<'a> {
    #[default]
    Nothing,
    Text(String),
    Parts(Vec<PartIn<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of parts")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Content::Nothing)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(text.to_owned()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                let parts = Vec::deserialize(de::value::SeqAccessDeserializer::new(list))?;
                Ok(Content::Parts(parts))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A part of a content, of any kind: fields of one kind are none of another.
#[derive(Debug, Deserialize)]
pub(crate) struct PartIn<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    text: Option<String>,
    refusal: Option<String>,
    #[serde(borrow)]
    image_url: Option<ImageUrl<'a>>,
    #[serde(borrow)]
    file: Option<FileIn<'a>>,
    #[serde(borrow)]
    file_data: Option<Str<'a>>,
    file_id: Option<String>,
    file_url: Option<String>,
    filename: Option<String>,
}

#[derive(Debug, Deserialize)]
struct FileIn<'a> {
    #[serde(borrow)]
    file_data: Option<Str<'a>>,
    file_id: Option<String>,
    filename: Option<String>,
}

/// `"data:…"` in responses, `{"url": "data:…"}` in chat completions.
#[derive(Debug)]
struct ImageUrl<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for ImageUrl<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Object<'a> {
            #[serde(borrow)]
            url: Cow<'a, str>,
        }
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ImageUrl<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address, or an object with `url`")
            }

            fn visit_borrowed_str<E: de::Error>(self, url: &'de str) -> Result<Self::Value, E> {
                Ok(ImageUrl(Cow::Borrowed(url)))
            }

            fn visit_str<E: de::Error>(self, url: &str) -> Result<Self::Value, E> {
                Ok(ImageUrl(Cow::Owned(url.to_owned())))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                let object = Object::deserialize(de::value::MapAccessDeserializer::new(map))?;
                Ok(ImageUrl(object.url))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

impl Content<'_> {
    /// The parts that the contract knows. `place` is the parameter's name.
    pub(crate) fn parts(self, place: &dyn Fn() -> String) -> Result<Vec<Part>, Fault> {
        match self {
            Self::Nothing => Ok(Vec::new()),
            Self::Text(text) if text.is_empty() => Ok(Vec::new()),
            Self::Text(text) => Ok(vec![Part::Text(text)]),
            Self::Parts(parts) => {
                let mut made = Vec::with_capacity(parts.len());
                for (number, part) in parts.into_iter().enumerate() {
                    made.extend(part.part(&|field| format!("{}[{number}]{field}", place()))?);
                }
                Ok(made)
            }
        }
    }

    /// The texts, where nothing else may stand.
    pub(crate) fn texts(self, place: &dyn Fn() -> String) -> Result<Vec<String>, Fault> {
        let (texts, others) = self.apart(place)?;
        if others.is_empty() {
            Ok(texts)
        } else {
            Err(Fault::unsupported(place(), "Only text can stand here."))
        }
    }

    /// The texts, and apart from them pictures and files.
    pub(crate) fn apart(
        self,
        place: &dyn Fn() -> String,
    ) -> Result<(Vec<String>, Vec<Part>), Fault> {
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for part in self.parts(place)? {
            match part {
                Part::Text(text) => texts.push(text),
                other => others.push(other),
            }
        }
        Ok((texts, others))
    }
}

impl PartIn<'_> {
    fn part(self, place: &dyn Fn(&str) -> String) -> Result<Option<Part>, Fault> {
        let text = |text: Option<String>, field: &str| match text {
            Some(text) if text.is_empty() => Ok(None),
            Some(text) => Ok(Some(Part::Text(text))),
            None => Err(missing(place(field))),
        };
        match self.kind.as_ref() {
            "text" | "input_text" | "output_text" => text(self.text, ".text"),
            "refusal" => text(self.refusal, ".refusal"),
            "image_url" | "input_image" => match self.image_url {
                Some(url) => {
                    let field = place(".image_url");
                    let (media_type, data) = data_url(&url.0, &field)?;
                    Ok(Some(picture(media_type, data)))
                }
                None if self.file_id.is_some() => Err(no_files(place(".file_id"))),
                None => Err(missing(place(".image_url"))),
            },
            "file" => match self.file {
                Some(file) => {
                    let field = place(".file");
                    file_part(file.file_data, file.file_id, file.filename, field).map(Some)
                }
                None => Err(missing(place(".file"))),
            },
            "input_file" => {
                if self.file_url.is_some() {
                    return Err(no_fetching(place(".file_url"), "file_data"));
                }
                file_part(self.file_data, self.file_id, self.filename, place("")).map(Some)
            }
            other => Err(Fault::unsupported(
                place(".type"),
                format!("labd takes no parts of the type {other}: text, pictures and files only."),
            )),
        }
    }
}

fn file_part(
    data: Option<Str<'_>>,
    id: Option<String>,
    name: Option<String>,
    place: String,
) -> Result<Part, Fault> {
    let Some(Str(text)) = data else {
        return Err(match id {
            Some(_) => no_files(format!("{place}.file_id")),
            None => missing(format!("{place}.file_data")),
        });
    };
    let field = format!("{place}.file_data");
    let (media_type, data) = if text.starts_with("data:") {
        data_url(&text, &field)?
    } else {
        (by_name(name.as_deref()), decoded(&text, &field)?)
    };
    if media_type.starts_with("image/") {
        return Ok(picture(media_type, data));
    }
    // A file name without folders.
    let name = name
        .as_deref()
        .and_then(|name| name.rsplit(['/', '\\']).next())
        .filter(|name| !name.is_empty())
        .map(str::to_owned);
    Ok(Part::File {
        media_type,
        name,
        data,
    })
}

/// A picture. Its first bytes count before what it was declared as, which is often wrong, and which
/// providers check.
fn picture(declared: String, data: Vec<u8>) -> Part {
    let media_type = match by_first_bytes(&data) {
        Some(found) => found.to_owned(),
        None if matches!(declared.as_str(), "image/jpg" | "image/pjpeg") => "image/jpeg".to_owned(),
        None => declared,
    };
    Part::Image { media_type, data }
}

fn by_first_bytes(data: &[u8]) -> Option<&'static str> {
    match data {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

/// The media type of a file whose data does not tell.
fn by_name(name: Option<&str>) -> String {
    let ending = name
        .and_then(|name| name.rsplit_once('.'))
        .map(|(_, ending)| ending);
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("txt" | "md" | "log") => "text/plain",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        // What OpenAI takes such data for.
        _ => "application/pdf",
    }
    .to_owned()
}

fn data_url(url: &str, field: &str) -> Result<(String, Vec<u8>), Fault> {
    let Some(rest) = url.strip_prefix("data:") else {
        return Err(no_fetching(field.to_owned(), "a data: URL"));
    };
    let wrong = || Fault::invalid(field, "Write data:<media type>;base64,<data>.");
    let (head, data) = rest.split_once(',').ok_or_else(wrong)?;
    let described = head.strip_suffix(";base64").ok_or_else(wrong)?;
    let media_type = described.split(';').next().unwrap_or_default().trim();
    if !media_type.contains('/') {
        return Err(wrong());
    }
    Ok((media_type.to_ascii_lowercase(), decoded(data, field)?))
}

fn decoded(text: &str, field: &str) -> Result<Vec<u8>, Fault> {
    BASE64
        .decode(text)
        .map_err(|error| Fault::invalid(field, format!("This is no base64: {error}.")))
}

fn missing(place: String) -> Fault {
    let message = format!("The parameter {place} is missing.");
    Fault::invalid(place, message).code("missing_required_parameter")
}

fn no_fetching(place: String, instead: &str) -> Fault {
    Fault::unsupported(
        place,
        format!("labd fetches nothing for a request: download it, and send it as {instead}."),
    )
}

fn no_files(place: String) -> Fault {
    Fault::unsupported(
        place,
        "labd keeps no files: send the data itself, as file_data or as a data: URL.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(json: &str) -> Result<Vec<Part>, Fault> {
        let content: Content<'_> = serde_json::from_str(json).unwrap();
        content.parts(&|| "content".into())
    }

    fn refused(json: &str) -> (Option<String>, String) {
        let fault = parts(json).unwrap_err();
        (fault.detail.param, fault.detail.message)
    }

    #[test]
    fn texts_come_as_they_are_and_empty_ones_not_at_all() {
        let text = |text: &str| Part::Text(text.into());
        assert_eq!(parts(r#""Größe\n😀""#).unwrap(), [text("Größe\n😀")]);
        assert_eq!(parts("null").unwrap(), []);
        assert_eq!(parts(r#""""#).unwrap(), []);
        let list = r#"[{"type":"text","text":"a"},{"type":"text","text":""},
            {"type":"output_text","text":"b","annotations":[]},{"type":"refusal","refusal":"c"}]"#;
        assert_eq!(parts(list).unwrap(), [text("a"), text("b"), text("c")]);
    }

    #[test]
    fn a_picture_comes_in_its_data_url() {
        let picture = Part::Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3],
        };
        for json in [
            r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AQID","detail":"low"}}]"#,
            r#"[{"type":"input_image","image_url":"data:image/PNG;base64,AQID"}]"#,
            r#"[{"type":"input_image","image_url":"data:image\/png;base64,AQID"}]"#,
            r#"[{"type":"input_file","filename":"a.png","file_data":"AQID"}]"#,
        ] {
            assert_eq!(
                parts(json).unwrap(),
                std::slice::from_ref(&picture),
                "{json}"
            );
        }
    }

    #[test]
    fn a_picture_is_what_its_first_bytes_say() {
        for (declared, base64, found) in [
            ("image/jpeg", "iVBORw==", "image/png"),
            ("image/png", "/9j/", "image/jpeg"),
            ("image/png", "R0lGOA==", "image/gif"),
            ("image/png", "UklGRgAAAABXRUJQ", "image/webp"),
            ("image/png", "UklGRgAAAABXQVZF", "image/png"),
            ("image/jpg", "AQID", "image/jpeg"),
            ("image/pjpeg", "AQID", "image/jpeg"),
            ("image/bmp", "AQID", "image/bmp"),
        ] {
            let url = format!("data:{declared};base64,{base64}");
            for json in [
                format!(r#"[{{"type":"input_image","image_url":"{url}"}}]"#),
                format!(r#"[{{"type":"input_file","filename":"a","file_data":"{url}"}}]"#),
            ] {
                let made = parts(&json).unwrap();
                let [Part::Image { media_type, .. }] = made.as_slice() else {
                    panic!("{made:?}")
                };
                assert_eq!(media_type, found, "{json}");
            }
        }
    }

    #[test]
    fn a_file_comes_with_its_name_and_without_its_folders() {
        let file = |media_type: &str, name: Option<&str>| Part::File {
            media_type: media_type.into(),
            name: name.map(str::to_owned),
            data: vec![37, 80],
        };
        let json = r#"[{"type":"file","file":{"filename":"/tmp/a.pdf","file_data":"data:application/pdf;base64,JVA="}}]"#;
        assert_eq!(
            parts(json).unwrap(),
            [file("application/pdf", Some("a.pdf"))]
        );
        let json = r#"[{"type":"input_file","filename":"a.CSV","file_data":"JVA"}]"#;
        assert_eq!(parts(json).unwrap(), [file("text/csv", Some("a.CSV"))]);
        let json = r#"[{"type":"input_file","file_data":"JVA="}]"#;
        assert_eq!(parts(json).unwrap(), [file("application/pdf", None)]);
    }

    #[test]
    fn nothing_is_fetched() {
        for (json, place) in [
            (
                r#"[{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]"#,
                "content[0].image_url",
            ),
            (
                r#"[{"type":"input_file","file_url":"https://example.org/a.pdf"}]"#,
                "content[0].file_url",
            ),
        ] {
            let (param, message) = refused(json);
            assert_eq!(param.as_deref(), Some(place));
            assert!(message.contains("download it"), "{message}");
        }
        let (param, message) = refused(r#"[{"type":"file","file":{"file_id":"file-1"}}]"#);
        assert_eq!(param.as_deref(), Some("content[0].file.file_id"));
        assert!(message.contains("keeps no files"), "{message}");
    }

    #[test]
    fn what_cannot_be_read_is_refused_by_its_place() {
        for (json, place) in [
            (r#"[{"type":"text"}]"#, "content[0].text"),
            (
                r#"[{"type":"text","text":"a"},{"type":"input_audio"}]"#,
                "content[1].type",
            ),
            (
                r#"[{"type":"image_url","image_url":{"url":"data:image/png,a"}}]"#,
                "content[0].image_url",
            ),
            (
                r#"[{"type":"image_url","image_url":{"url":"data:;base64,AQID"}}]"#,
                "content[0].image_url",
            ),
            (
                r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,?"}}]"#,
                "content[0].image_url",
            ),
            (r#"[{"type":"image_url"}]"#, "content[0].image_url"),
            (r#"[{"type":"file"}]"#, "content[0].file"),
            (r#"[{"type":"input_file"}]"#, "content[0].file_data"),
        ] {
            assert_eq!(refused(json).0.as_deref(), Some(place), "{json}");
        }
    }
}
