//! Lets cargo see a change of what is embedded. `cargo xtask` builds that; nothing is built here.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let here = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    // They are missing in a fresh clone, and embedding nothing must compile too.
    for folder in ["embedded/plugins", "embedded/console"] {
        fs::create_dir_all(here.clone().unwrap_or_default().join(folder))?;
    }
    println!("cargo::rerun-if-changed=embedded");
    Ok(())
}
