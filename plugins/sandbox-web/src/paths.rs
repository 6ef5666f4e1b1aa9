//! Paths inside an app: relative, with `/`, never outside.

/// Why a path is refused, or nothing.
#[must_use]
pub fn refusal(path: &str) -> Option<&'static str> {
    if path.is_empty() || path.len() > 512 {
        return Some("a path has 1 to 512 bytes");
    }
    if path.starts_with('/')
        || path.contains('\\')
        || path.contains(':')
        || path.chars().any(char::is_control)
    {
        return Some("a path is relative, with `/` between folders");
    }
    if path
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..")
    {
        return Some("a path has no empty part, no `.` and no `..`");
    }
    None
}

/// The folder of a file; empty at the top.
#[must_use]
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The ending behind the last dot of the file's name.
#[must_use]
pub fn extension(path: &str) -> &str {
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Where `specifier` (`./x`, `../y`, `@/z` for `src/z`, `/src/z`) leads from a file in `base`;
/// none when it leaves the app.
#[must_use]
pub fn join(base: &str, specifier: &str) -> Option<String> {
    let (base, rest) = if let Some(rest) = specifier.strip_prefix("@/") {
        ("src", rest)
    } else if let Some(rest) = specifier.strip_prefix('/') {
        ("", rest)
    } else {
        (base, specifier)
    };
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Whether a specifier means a file of the app rather than a package.
#[must_use]
pub fn is_own(specifier: &str) -> bool {
    specifier.starts_with("./")
        || specifier.starts_with("../")
        || specifier.starts_with('/')
        || specifier.starts_with("@/")
        || specifier == "."
        || specifier == ".."
}

const ENDINGS: [&str; 4] = ["tsx", "ts", "jsx", "js"];

/// The file that an import of `target` means, as bundlers resolve it: the file itself, with an
/// ending, `.js` written for `.ts`, the index of a folder.
#[must_use]
pub fn resolve(target: &str, exists: impl Fn(&str) -> bool) -> Option<String> {
    if exists(target) {
        return Some(target.to_owned());
    }
    let try_all = |stem: &str| {
        ENDINGS
            .iter()
            .map(|ending| format!("{stem}.{ending}"))
            .find(|path| exists(path))
    };
    let written = target
        .strip_suffix(".js")
        .or_else(|| target.strip_suffix(".jsx"));
    let index = if target.is_empty() {
        "index".to_owned()
    } else {
        format!("{target}/index")
    };
    try_all(target)
        .or_else(|| written.and_then(try_all))
        .or_else(|| try_all(&index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_app_is_refused() {
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "src/../../x",
            "a//b",
            "./a",
            "c:\\x",
            "a\\b",
            "a\nb",
        ] {
            assert!(refusal(path).is_some(), "{path:?}");
        }
        assert_eq!(refusal("src/pages/Low Stock.tsx"), None);
    }

    #[test]
    fn an_import_resolves_as_bundlers_do() {
        let files = [
            "src/App.tsx",
            "src/lib/index.ts",
            "src/lib/money.ts",
            "src/data.json",
        ];
        let exists = |path: &str| files.contains(&path);
        let from = |base: &str, specifier: &str| {
            join(base, specifier).and_then(|target| resolve(&target, exists))
        };
        assert_eq!(from("src", "./App").as_deref(), Some("src/App.tsx"));
        assert_eq!(
            from("src/pages", "../lib").as_deref(),
            Some("src/lib/index.ts")
        );
        assert_eq!(
            from("src", "./lib/money.js").as_deref(),
            Some("src/lib/money.ts")
        );
        assert_eq!(
            from("server", "@/data.json").as_deref(),
            Some("src/data.json")
        );
        assert_eq!(from("src", "../../../etc/passwd"), None);
        assert_eq!(from("src", "./nothing"), None);
    }
}
