//! Opaque bytes of a provider in a client's hands: bound to the model that they came from, since no
//! other may get them.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// What is not ours does not begin like this.
const MARK: &str = "labd1";

/// Bytes that came from a model, by the name under which it was asked.
pub(super) fn seal(model: &str, bytes: &[u8]) -> String {
    let model = BASE64_URL_SAFE_NO_PAD.encode(model);
    let bytes = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    format!("{MARK}.{model}.{bytes}")
}

/// The bytes, when they came from this model.
pub(super) fn open(model: &str, text: &str) -> Option<Vec<u8>> {
    let (from, bytes) = text
        .strip_prefix(MARK)?
        .strip_prefix('.')?
        .split_once('.')?;
    let from = BASE64_URL_SAFE_NO_PAD.decode(from).ok()?;
    if from != model.as_bytes() {
        return None;
    }
    BASE64_URL_SAFE_NO_PAD.decode(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_back_to_their_own_model_and_to_no_other() {
        let sealed = seal("Acme AI/parrot", &[0, 255, 7]);
        assert_eq!(open("Acme AI/parrot", &sealed), Some(vec![0, 255, 7]));
        assert_eq!(open("Acme AI/cat", &sealed), None);
        for strange in [
            "",
            "gAAAAABo",
            "labd1",
            "labd1.x",
            "labd1.?.?",
            "labd1..AP8H",
        ] {
            assert_eq!(open("Acme AI/parrot", strange), None, "{strange}");
        }
    }
}
