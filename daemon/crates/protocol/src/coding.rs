//! Which compressed twin of a file a browser is sent, by each of the daemon's sites.

/// Content codings, the smallest first, and how the twin's name ends.
const CODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

/// The smallest twin that is there and that the client understands, with its coding. `offers` are
/// the values of the request's `accept-encoding` headers; `find` gives the twin of an ending.
pub fn packed<'a, T>(
    offers: impl Iterator<Item = &'a str>,
    find: impl Fn(&str) -> Option<T>,
) -> Option<(&'static str, T)> {
    let offers: Vec<_> = offers.collect();
    CODINGS
        .into_iter()
        .filter(|(coding, _)| accepts(&offers, coding))
        .find_map(|(coding, ending)| Some((coding, find(ending)?)))
}

/// The client understands a content coding.
fn accepts(offers: &[&str], coding: &str) -> bool {
    offers.iter().any(|offers| {
        offers.split(',').any(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            parts.next() == Some(coding) && !parts.any(|part| part == "q=0")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_used_only_where_it_is_accepted() {
        let accepts = |offer, coding| accepts(&[offer], coding);
        assert!(accepts("gzip, deflate, br, zstd", "br"));
        assert!(accepts("br;q=0.5", "br"));
        assert!(!accepts("gzip;q=0", "gzip"));
        assert!(!accepts("brotli", "br"));
        assert!(!super::accepts(&[], "gzip"));
    }
}
