//! Gives the component a stack on which JavaScript may recurse (`engine::STACK`), and says what
//! to do when the vendor modules are not there.

fn main() {
    println!("cargo::rerun-if-changed=generated/vendor.json");
    println!("cargo::rerun-if-changed=quickjs/labd_stack.h");
    if !std::path::Path::new("generated/vendor.json").exists() {
        println!(
            "cargo::error=run `npm ci && npm run build` in plugins/sandbox-web/vendor first, or `cargo xtask setup`"
        );
    }
    if std::env::var("CARGO_CFG_TARGET_FAMILY").as_deref() == Ok("wasm") {
        println!("cargo::rustc-link-arg-cdylib=-zstack-size=2097152");
    }
}
