//! What the browser loads beside modules: style sheets and pictures.

use crate::graph::NAME_LENGTH;
use crate::paths;
use crate::script::Script;
use labd_plugin::sandbox::Asset;

/// Pictures that a script may import, with their media types.
const IMAGES: [(&str, &str); 7] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("webp", "image/webp"),
    ("gif", "image/gif"),
    ("avif", "image/avif"),
];

/// Whether a file with this ending is a picture that a script may import.
#[must_use]
pub fn is_image(ending: &str) -> bool {
    IMAGES.iter().any(|(one, _)| *one == ending)
}

fn hashed(content: &[u8], ending: &str) -> String {
    let hash = blake3::hash(content).to_hex();
    format!("{}.{ending}", hash.get(..NAME_LENGTH).unwrap_or_default())
}

/// A style sheet, named by its content.
#[must_use]
pub fn style_asset(css: &str) -> Asset {
    Asset {
        name: hashed(css.as_bytes(), "css"),
        media_type: "text/css".to_owned(),
        content: css.as_bytes().to_vec(),
        source_path: None,
        source_map: None,
    }
}

/// A picture, named by its content.
#[must_use]
pub fn image_asset(path: &str, content: &[u8]) -> Asset {
    let ending = paths::extension(path);
    let media_type = IMAGES
        .iter()
        .find(|(one, _)| *one == ending)
        .map_or("application/octet-stream", |(_, media_type)| media_type);
    Asset {
        name: hashed(content, ending),
        media_type: media_type.to_owned(),
        content: content.to_vec(),
        source_path: Some(path.to_owned()),
        source_map: None,
    }
}

/// A module whose default export is the address of a picture.
#[must_use]
pub fn image_module(path: &str, content: &[u8]) -> Script {
    let name = hashed(content, paths::extension(path));
    Script {
        code: format!("export default new URL(\"./{name}\", import.meta.url).href;\n"),
        exports: vec!["default".to_owned()],
        ..Script::default()
    }
}
