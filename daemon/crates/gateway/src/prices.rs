//! What tokens cost.

use labd_plugin_host::kinds::ai::Usage;
use labd_protocol::Price;
use serde::Deserialize;
use std::sync::LazyLock;

/// labd's own table; an operator's prices come before it.
static KNOWN: LazyLock<Vec<Price>> = LazyLock::new(|| {
    #[derive(Deserialize)]
    struct Table {
        price: Vec<Price>,
    }
    // A test reads it too, so that a mistake in it does not ship.
    toml::from_str::<Table>(include_str!("prices.toml")).map_or_else(|_| Vec::new(), |t| t.price)
});

/// The price of a model; none when nobody knows it.
pub(crate) fn find<'a>(own: &'a [Price], plugin: &str, model: &str) -> Option<&'a Price> {
    own.iter().chain(KNOWN.iter()).find(|price| {
        price.plugin.as_deref().is_none_or(|only| only == plugin) && fits(&price.model, model)
    })
}

/// What an answer cost.
pub(crate) fn cost(price: &Price, usage: &Usage) -> f64 {
    let count = |tokens: Option<u32>| f64::from(tokens.unwrap_or(0));
    let (cached, written) = (count(usage.cached_input), count(usage.cache_writes));
    let plain = (count(usage.input) - cached - written).max(0.0);
    let all = plain * price.input
        + cached * price.cached_input.unwrap_or(price.input)
        + written * price.cache_writes.unwrap_or(price.input)
        + count(usage.output) * price.output;
    all / 1_000_000.0
}

/// Whether a pattern, in which `*` stands for any characters, fits a whole name.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut name) = name.strip_prefix(first) else {
        return false;
    };
    let mut rest = rest;
    while let Some((piece, more)) = rest.split_once('*') {
        let Some(at) = name.find(piece) else {
            return false;
        };
        name = name.get(at + piece.len()..).unwrap_or_default();
        rest = more;
    }
    name.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(model: &str) -> Price {
        Price {
            model: model.into(),
            plugin: None,
            input: 3.0,
            cached_input: Some(0.3),
            cache_writes: None,
            output: 15.0,
        }
    }

    #[test]
    fn a_pattern_fits_the_whole_name() {
        for (pattern, name, expected) in [
            ("gpt-5", "gpt-5", true),
            ("gpt-5", "gpt-5-mini", false),
            ("gpt-5*", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini", true),
            ("*-mini", "gpt-5-mini-2", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn cached_tokens_cost_their_own_price_and_are_counted_once() {
        let usage = Usage {
            input: Some(1_000_000),
            cached_input: Some(400_000),
            cache_writes: Some(100_000),
            output: Some(100_000),
            reasoning: Some(50_000),
        };
        let cost = cost(&price("m"), &usage);
        assert!((cost - (1.5 + 0.12 + 0.3 + 1.5)).abs() < 1e-9, "{cost}");
    }

    #[test]
    fn an_operators_price_comes_before_labds_own() {
        assert!(!KNOWN.is_empty(), "the table cannot be read");
        let known = &KNOWN[0];
        let model = &known.model;
        let own = [price(model)];
        assert_eq!(find(&own, "x", model), Some(&own[0]));
        assert_eq!(find(&[], "x", model), Some(known));
        assert_eq!(find(&[], "x", "no such model at all"), None);
    }
}
