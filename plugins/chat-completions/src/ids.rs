//! Ids that a server takes. A conversation may have begun with another provider, whose ids this one
//! refuses: those are written as others, always the same for the same id, so that a result finds its
//! call.

use crate::dialect::Ids;
use std::borrow::Cow;

/// What Mistral's ids consist of.
const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An id as the server takes it. What it takes stays as it is.
pub fn written(id: &str, taken: Ids) -> Cow<'_, str> {
    let fits = match taken {
        Ids::Any => true,
        Ids::Nine => id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        Ids::UpTo64 => id.chars().count() <= 64,
    };
    if fits {
        Cow::Borrowed(id)
    } else {
        Cow::Owned(nine(id))
    }
}

/// Nine letters and digits out of any text: two of 13 × 10¹⁵ are the same by chance.
fn nine(id: &str) -> String {
    let mut rest = fnv(id.as_bytes());
    (0..9)
        .filter_map(|_| {
            let letter = LETTERS.get(usize::try_from(rest % 62).unwrap_or_default());
            rest /= 62;
            letter.map(|byte| char::from(*byte))
        })
        .collect()
}

/// FNV-1a with 64 bits, then mixed: its lowest bits alone are not spread well.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_id_that_is_taken_stays_and_another_becomes_nine_letters_always_the_same() {
        assert_eq!(written("gSIMJiOkT", Ids::Nine), "gSIMJiOkT");
        assert_eq!(written("toolu_01", Ids::Any), "toolu_01");
        assert_eq!(written("toolu_01", Ids::UpTo64), "toolu_01");
        let mut seen = BTreeSet::new();
        for number in 0..10_000 {
            let id = format!("call_{number}");
            let short = written(&id, Ids::Nine).into_owned();
            assert!(short.len() == 9 && short.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            assert_eq!(written(&id, Ids::Nine), short);
            // What was written once is taken when it comes back.
            assert_eq!(written(&short, Ids::Nine), short);
            assert!(seen.insert(short));
        }
        assert_eq!(written(&"x".repeat(65), Ids::UpTo64).len(), 9);
    }
}
