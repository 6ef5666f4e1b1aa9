//! The package of a plugin, as the daemon embeds it.
//!
//! ```text
//! daemon/embedded/plugins/<id>-<version>/
//!   plugin.toml       the source's manifest, and an [[assets]] entry for each asset
//!   plugin.wasm.gz    the component, gzip
//!   assets/<path>     the assets
//! ```
//! Assets come from the plugin's folders `assets/` and `generated/assets/`; a path in both is an error. The `wasm` key of
//! the manifest names the unpacked file, `plugin.wasm`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, GzBuilder};

use crate::{
    stamp::{self, Stamp},
    step::{Context, Failure, Result},
};

/// Changes when packages are written differently, so that stamps of before do not hold.
const FORMAT: &str = "2";

/// A plugin in the source tree.
#[derive(Debug)]
pub struct Source {
    manifest: String,
    id: String,
    version: String,
    crate_name: String,
    /// Path within `assets/` → file.
    assets: BTreeMap<String, PathBuf>,
}

impl Source {
    /// Reads `plugin.toml`, `Cargo.toml` and the list of assets.
    pub fn read(folder: &Path) -> Result<Self> {
        let read = |name: &str| {
            let path = folder.join(name);
            fs::read_to_string(&path).context(|| format!("reading {}", path.display()))
        };
        let manifest = read("plugin.toml")?;
        let missing = |what: &str| Failure::new(format!("{}: {what}", folder.display()));
        if manifest.lines().any(|line| line.trim() == "[[assets]]") {
            return Err(missing(
                "remove [[assets]] from plugin.toml: the list is made from the assets folder",
            ));
        }
        let key = |name| string_key(&manifest, None, name);
        let id = key("id").ok_or_else(|| missing("plugin.toml has no id"))?;
        let version = key("version").ok_or_else(|| missing("plugin.toml has no version"))?;
        let crate_name = string_key(&read("Cargo.toml")?, Some("package"), "name")
            .ok_or_else(|| missing("Cargo.toml has no package name"))?;
        let mut assets = BTreeMap::new();
        for place in ["assets", "generated/assets"] {
            let place = folder.join(place);
            if !place.exists() {
                continue;
            }
            for file in stamp::files(&place, &|_| false)? {
                let path = file
                    .strip_prefix(&place)
                    .ok()
                    .and_then(Path::to_str)
                    .ok_or_else(|| missing("an asset's name is not UTF-8"))?
                    .to_owned();
                if assets.insert(path.clone(), file).is_some() {
                    return Err(missing(&format!("there are two assets {path}")));
                }
            }
        }
        Ok(Self {
            manifest,
            id,
            version,
            crate_name,
            assets,
        })
    }

    /// The package's folder name.
    pub fn name(&self) -> String {
        format!("{}-{}", self.id, self.version)
    }

    /// The file that cargo makes of the crate.
    pub fn artifact(&self) -> String {
        format!("{}.wasm", self.crate_name.replace('-', "_"))
    }
}

/// Writes the package into `folder`, unless `stamp` says that it was written from the same inputs.
/// Says whether it changed a file.
pub fn write(source: &Source, wasm: &Path, folder: &Path, stamp: PathBuf) -> Result<bool> {
    let mut inputs = vec![wasm.to_owned()];
    inputs.extend(source.assets.values().cloned());
    let digest = stamp::sha256(
        format!("{FORMAT}\n{}\n{}", source.manifest, stamp::digest(&inputs)?).as_bytes(),
    );
    let stamp = Stamp::new(stamp, digest);
    if stamp.holds() && folder.join("plugin.toml").exists() {
        return Ok(false);
    }
    let read = |path: &Path| fs::read(path).context(|| format!("reading {}", path.display()));
    let mut files = BTreeMap::new();
    let mut manifest = format!("{}\n", source.manifest.trim_end());
    for (path, file) in &source.assets {
        let content = read(file)?;
        manifest.push_str("\n[[assets]]\n");
        let entry = writeln!(
            manifest,
            "path = {path:?}\nsha256 = \"{}\"\nmedia-type = \"{}\"",
            stamp::sha256(&content),
            media_type(path)
        );
        entry.map_err(|error| Failure::new(error.to_string()))?;
        files.insert(folder.join("assets").join(path), content);
    }
    files.insert(folder.join("plugin.wasm.gz"), gzip(&read(wasm)?)?);
    files.insert(folder.join("plugin.toml"), manifest.into_bytes());
    let mut changed = false;
    for (path, content) in &files {
        changed |= stamp::write_if_changed(path, content)?;
    }
    for present in stamp::files(folder, &|_| false)? {
        if !files.contains_key(&present) {
            fs::remove_file(&present).context(|| format!("removing {}", present.display()))?;
            changed = true;
        }
    }
    stamp.set()?;
    Ok(changed)
}

/// Removes packages that are not among `names`: of plugins or versions that are gone.
pub fn remove_others(packages: &Path, names: &[String]) -> Result<()> {
    let listing = || format!("listing {}", packages.display());
    for entry in fs::read_dir(packages).context(listing)? {
        let entry = entry.context(listing)?;
        if !names.iter().any(|name| **name == *entry.file_name()) {
            let path = entry.path();
            fs::remove_dir_all(&path).context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// A string of the table `table` (`None`: before the first table) of a TOML file. Enough for the
/// keys read here, which are plain `key = "value"` lines.
fn string_key(text: &str, table: Option<&str>, name: &str) -> Option<String> {
    let mut current = None;
    for line in text.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            current = header.split(']').next().map(str::trim);
        } else if current == table
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == name
        {
            let value = value.trim().strip_prefix('"')?;
            return value.split_once('"').map(|(text, _)| text.to_owned());
        }
    }
    None
}

/// The same bytes for the same content: no time, no name.
fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::best());
    writer
        .write_all(content)
        .and_then(|()| writer.finish())
        .context(|| "compressing".into())
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "json" | "map" => "application/json",
        "txt" | "md" | "ts" => "text/plain; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "id = \"labd.demo\" # a comment\nversion = \"1.2.0\"\n[config]\nid = \"not this\"\n";

    /// A plugin's folder in a directory of its own.
    struct Demo(PathBuf);

    impl Demo {
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("xtask-{name}-{}", std::process::id()));
            let demo = Self(folder);
            demo.put("plugin.toml", MANIFEST);
            demo.put("Cargo.toml", "[package]\nname = \"labd-demo\"\n");
            demo.put("demo.wasm", "\0asm");
            demo
        }

        fn put(&self, path: &str, content: &str) {
            stamp::write_if_changed(&self.0.join(path), content.as_bytes())
                .unwrap_or_else(|failure| panic!("{failure}"));
        }

        fn package(&self) -> Result<bool> {
            write(
                &Source::read(&self.0)?,
                &self.0.join("demo.wasm"),
                &self.0.join("out"),
                self.0.join("stamp"),
            )
        }
    }

    impl Drop for Demo {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn keys_are_read_from_their_own_table() {
        assert_eq!(string_key(MANIFEST, None, "id").unwrap(), "labd.demo");
        assert_eq!(
            string_key(MANIFEST, Some("config"), "id").unwrap(),
            "not this"
        );
        assert_eq!(string_key(MANIFEST, None, "wasm"), None);
    }

    #[test]
    fn a_package_lists_its_assets_with_their_hashes() {
        let demo = Demo::new("assets");
        demo.put("assets/icon.svg", "<svg/>");
        demo.put("generated/assets/m/react.js", &"export {};\n".repeat(100));
        assert!(demo.package().unwrap());
        let manifest = fs::read_to_string(demo.0.join("out/plugin.toml")).unwrap();
        assert!(manifest.starts_with(MANIFEST));
        let hash = stamp::sha256(b"<svg/>");
        let entry = format!(
            "[[assets]]\npath = \"icon.svg\"\nsha256 = \"{hash}\"\nmedia-type = \"image/svg+xml\"\n"
        );
        assert!(manifest.contains(&entry), "{manifest}");
        assert!(demo.0.join("out/assets/icon.svg").exists());
        assert!(demo.0.join("out/assets/m/react.js").exists());
        assert!(demo.0.join("out/plugin.wasm.gz").exists());
    }

    #[test]
    fn an_unchanged_package_is_left_alone_and_a_removed_asset_goes() {
        let demo = Demo::new("again");
        demo.put("assets/a.txt", "a");
        assert!(demo.package().unwrap());
        assert!(!demo.package().unwrap());
        fs::remove_file(demo.0.join("assets/a.txt")).unwrap();
        assert!(demo.package().unwrap());
        assert!(!demo.0.join("out/assets/a.txt").exists());
        demo.put("demo.wasm", "\0asm2");
        assert!(demo.package().unwrap());
    }

    #[test]
    fn a_manifest_with_assets_of_its_own_is_refused() {
        let demo = Demo::new("refused");
        demo.put("plugin.toml", &format!("{MANIFEST}[[assets]]\n"));
        assert!(demo.package().is_err());
    }
}
