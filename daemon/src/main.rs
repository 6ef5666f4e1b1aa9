//! The `labd` daemon and its command line.
fn main() {}
