//! An example client.
fn main() {}
