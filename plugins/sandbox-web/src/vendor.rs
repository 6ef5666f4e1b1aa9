//! What apps may import besides their own files.

use crate::text::nearest;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What `npm run build` in `vendor/` found out.
#[derive(Deserialize)]
struct Vendor {
    exports: BTreeMap<String, Vec<String>>,
}

static VENDOR: LazyLock<Vendor> = LazyLock::new(|| {
    // The file is made by our own build; an empty set would show in every test.
    serde_json::from_str(include_str!("../generated/vendor.json")).unwrap_or(Vendor {
        exports: BTreeMap::new(),
    })
});

/// Packages that server code may import, with their code.
pub const SERVER_MODULES: [(&str, &str); 2] = [
    ("date-fns", include_str!("../generated/server/date-fns.js")),
    ("zod", include_str!("../generated/server/zod.js")),
];

/// What stands before every app's own sheet: the reset, the theme, the classes of `@labd/ui`.
pub const BASE_CSS: &str = include_str!("../generated/base.css");

/// The names that a module of the set exports; none when it is not in the set.
#[must_use]
pub fn exports(specifier: &str) -> Option<&'static [String]> {
    VENDOR.exports.get(specifier).map(Vec::as_slice)
}

/// The module of the set that was most likely meant.
#[must_use]
pub fn nearest_module(specifier: &str) -> Option<&'static str> {
    // What is written most often from habit, and what there is in its place.
    const HABITS: [(&str, &str); 16] = [
        ("axios", "@labd/data"),
        ("swr", "@labd/data"),
        ("@tanstack/react-query", "@labd/data"),
        ("react-query", "@labd/data"),
        ("react-router-dom", "@labd/ui"),
        ("react-router", "@labd/ui"),
        ("wouter", "@labd/ui"),
        ("sonner", "@labd/ui"),
        ("react-hot-toast", "@labd/ui"),
        ("clsx", "@labd/ui"),
        ("classnames", "@labd/ui"),
        ("moment", "date-fns"),
        ("dayjs", "date-fns"),
        ("chart.js", "recharts"),
        ("react-chartjs-2", "recharts"),
        ("react-icons", "lucide-react"),
    ];
    let package = specifier
        .split('/')
        .take(if specifier.starts_with('@') { 2 } else { 1 })
        .collect::<Vec<_>>()
        .join("/");
    HABITS
        .iter()
        .find(|(habit, _)| *habit == package)
        .map(|(_, module)| *module)
        .or_else(|| nearest(specifier, VENDOR.exports.keys().map(String::as_str)))
        .or_else(|| {
            VENDOR
                .exports
                .keys()
                .map(String::as_str)
                .find(|module| *module == package)
        })
}

/// The module of the set that exports this name, and is not imported by chance: the packages
/// that apps mean when they name something without importing it.
#[must_use]
pub fn exporter(name: &str) -> Option<&'static str> {
    [
        "react",
        "@labd/ui",
        "@labd/data",
        "recharts",
        "lucide-react",
        "react-dom/client",
        "date-fns",
        "zod",
        "@tanstack/react-table",
    ]
    .into_iter()
    .find(|module| exports(module).is_some_and(|names| names.iter().any(|one| one == name)))
}
