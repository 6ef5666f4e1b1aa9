//! `app.json`: what the app is called and which pages its menu shows.

use crate::fault::{Detail, error, warning};
use crate::text::{Lines, Place, nearest};
use labd_plugin::sandbox::Diagnostic;
use serde_json::Value;

const PATH: &str = "app.json";
const KEYS: [&str; 6] = ["name", "description", "icon", "pages", "version", "$schema"];

/// Checks the file; `None` when there is none.
#[must_use]
pub fn check(source: Option<&str>) -> Vec<Diagnostic> {
    let Some(source) = source else {
        return vec![
            warning(
                "missing-manifest",
                "There is no app.json: it names the app and its pages.",
            )
            .in_file(PATH)
            .hint(Some(
                r#"{"name": "My app", "description": "…", "pages": []}"#.to_owned(),
            )),
        ];
    };
    let value: Value = match serde_json::from_str(source) {
        Ok(value) => value,
        Err(fault) => {
            let place = Place {
                line: u32::try_from(fault.line()).unwrap_or(1).max(1),
                column: u32::try_from(fault.column()).unwrap_or(1).max(1),
            };
            let message = fault.to_string();
            let message = message.split(" at line ").next().unwrap_or(&message);
            return vec![
                error("manifest", format!("app.json is no valid JSON: {message}."))
                    .in_file(PATH)
                    .at(place),
            ];
        }
    };
    let lines = Lines::of(source);
    let place = |key: &str| lines.place(source.find(&format!("\"{key}\"")).unwrap_or(0));
    let mut faults = Vec::new();
    let Value::Object(map) = &value else {
        return vec![
            error("manifest", "app.json holds an object.")
                .in_file(PATH)
                .at(Place { line: 1, column: 1 }),
        ];
    };
    let mut wrong = |key: &str, what: &str| {
        faults.push(
            error("manifest", format!("`{key}` in app.json {what}."))
                .in_file(PATH)
                .at(place(key)),
        )
    };
    match map.get("name") {
        Some(Value::String(name)) if !name.trim().is_empty() => {}
        _ => wrong("name", "is a text that is not empty"),
    }
    for key in ["description", "icon"] {
        if map.get(key).is_some_and(|value| !value.is_string()) {
            wrong(key, "is a text");
        }
    }
    match map.get("pages") {
        None => {}
        Some(Value::Array(pages)) => {
            for page in pages {
                let text = |key: &str| page.get(key).and_then(Value::as_str);
                if !text("path").is_some_and(|path| path.starts_with('/'))
                    || (text("label").is_none() && text("title").is_none())
                {
                    wrong(
                        "pages",
                        "is a list of `{\"path\": \"/…\", \"label\": \"…\"}`",
                    );
                    break;
                }
            }
        }
        Some(_) => wrong("pages", "is a list"),
    }
    for key in map.keys().filter(|key| !KEYS.contains(&key.as_str())) {
        faults.push(
            warning("manifest", format!("`{key}` means nothing in app.json."))
                .in_file(PATH)
                .at(place(key))
                .hint(nearest(key, KEYS).map(str::to_owned)),
        );
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_good_manifest_has_no_faults() {
        assert_eq!(check(Some(r#"{"name": "Shop", "description": "", "pages": [{"path": "/", "label": "Overview"}]}"#)).len(), 0);
    }

    #[test]
    fn faults_have_their_place() {
        let broken = check(Some("{\n  \"name\": \"x\",\n}"));
        assert_eq!(
            (broken[0].code.as_str(), broken[0].line),
            ("manifest", Some(3))
        );
        let wrong = check(Some(
            "{\n  \"name\": 7,\n  \"pages\": [{}],\n  \"desription\": \"\"\n}",
        ));
        assert_eq!(
            wrong.iter().map(|one| one.line).collect::<Vec<_>>(),
            [Some(2), Some(3), Some(4)]
        );
        assert_eq!(wrong[2].hint.as_deref(), Some("description"));
        assert_eq!(check(None)[0].code, "missing-manifest");
    }
}
