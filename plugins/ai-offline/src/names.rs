//! Names: words of a name, labels for people, keys for code, texts in JavaScript.

/// The words of a name, in lower case: `orderLines`, `order_lines` and `Order Lines` are the same.
pub fn words(name: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut lower_before = false;
    for c in name.chars() {
        let ends_word = !c.is_alphanumeric() || (c.is_uppercase() && lower_before);
        if ends_word && !word.is_empty() {
            all.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase() || c.is_numeric();
    }
    if !word.is_empty() {
        all.push(word);
    }
    all
}

/// English singular of a word, good enough to compare words with.
pub fn singular(word: &str) -> String {
    let irregular = [
        ("people", "person"),
        ("children", "child"),
        ("men", "man"),
        ("women", "woman"),
        ("statuses", "status"),
        ("addresses", "address"),
        ("series", "series"),
        ("news", "news"),
    ];
    if let Some((_, one)) = irregular.iter().find(|(many, _)| *many == word) {
        return (*one).to_owned();
    }
    if word.len() > 4
        && let Some(stem) = word.strip_suffix("ies")
    {
        return format!("{stem}y");
    }
    for ending in ["sses", "shes", "ches", "xes", "zes"] {
        if let Some(stem) = word.strip_suffix(ending) {
            return format!("{stem}{}", ending.trim_end_matches("es"));
        }
    }
    let keeps = ["ss", "us", "is"];
    if word.len() > 3
        && word.ends_with('s')
        && !keeps.iter().any(|ending| word.ends_with(ending))
        && let Some(stem) = word.strip_suffix('s')
    {
        return stem.to_owned();
    }
    word.to_owned()
}

/// The singular words of a name.
pub fn stems(name: &str) -> Vec<String> {
    words(name).iter().map(|word| singular(word)).collect()
}

/// A label for people: `quantity_on_hand` → `Quantity on hand`.
pub fn label(name: &str) -> String {
    let mut text = words(name).join(" ");
    if text.is_empty() {
        text = "Column".into();
    }
    for short in ["id", "sku", "url", "vat", "ip"] {
        text = text
            .split(' ')
            .map(|word| {
                if word == short {
                    short.to_uppercase()
                } else {
                    word.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join(" ");
    }
    capital(&text)
}

/// With a capital at the beginning.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// A key of small letters, digits and `_`, beginning with a letter and at most 40 long; names of
/// queries and result columns are such keys.
pub fn key(name: &str) -> String {
    let ascii: String = words(name)
        .join("_")
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(40)
        .collect();
    let tidy = ascii.trim_matches('_');
    if tidy.is_empty() {
        "value".into()
    } else if tidy.starts_with(|c: char| c.is_ascii_digit()) {
        format!("n{tidy}")
    } else {
        tidy.to_owned()
    }
}

/// A name that is not among `taken` yet, by a number at its end; it is added to them.
pub fn unique(name: &str, taken: &mut Vec<String>) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2;
    while taken.contains(&candidate) {
        candidate = format!("{name}_{number}");
        number += 1;
    }
    taken.push(candidate.clone());
    candidate
}

/// A component's name from a title: `Low stock` → `LowStock`.
pub fn component(title: &str) -> String {
    let name: String = key(title).split('_').map(capital).collect();
    // Names that the files import, or that mean something to JavaScript.
    let taken = [
        "AppShell",
        "App",
        "Page",
        "Grid",
        "Stat",
        "DataTable",
        "Array",
        "Date",
        "Map",
        "Set",
        "Object",
        "Number",
        "String",
        "Error",
        "Value",
        "Image",
        "Text",
        "Link",
        "Badge",
        "Form",
        "Card",
        "Promise",
        "Symbol",
        "Function",
        "Table2",
        "Users",
    ];
    if taken.contains(&name.as_str()) {
        format!("{name}Page")
    } else {
        name
    }
}

/// A text as a JavaScript literal that also cannot end a tag of the answer.
pub fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '<' => out.push_str("\\u003c"),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A text as the value of a JSX attribute.
pub fn attribute(text: &str) -> String {
    let plain = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '<' | '>' | '&' | '{' | '}');
    if text.chars().all(plain) {
        format!("\"{text}\"")
    } else {
        format!("{{{}}}", literal(text))
    }
}

/// A text on one line, without what could be read as a tag: for prose and comments.
pub fn plain(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| match c {
            '<' => '‹',
            '>' => '›',
            '`' => '\'',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_style_have_the_same_words() {
        for name in [
            "order_lines",
            "orderLines",
            "OrderLines",
            "Order Lines",
            "order-lines",
        ] {
            assert_eq!(stems(name), ["order", "line"], "{name}");
        }
        assert_eq!(label("quantity_on_hand"), "Quantity on hand");
        assert_eq!(label("sku"), "SKU");
        assert_eq!(stems("Categories"), ["category"]);
        assert_eq!(stems("addresses"), ["address"]);
        assert_eq!(singular("status"), "status");
    }

    #[test]
    fn keys_are_names_that_queries_may_have() {
        assert_eq!(key("2nd Größe"), "n2nd_gre");
        assert_eq!(key("数量"), "value");
        let mut taken = vec!["value".into()];
        assert_eq!(unique("value", &mut taken), "value_2");
        assert_eq!(unique("value", &mut taken), "value_3");
    }

    #[test]
    fn a_text_in_code_stays_a_text() {
        assert_eq!(
            literal("a\"b\\c</lab-file>\n"),
            "\"a\\\"b\\\\c\\u003c/lab-file>\\u000a\""
        );
        assert_eq!(attribute("Revenue by month"), "\"Revenue by month\"");
        assert_eq!(attribute("a\"{b}"), "{\"a\\\"{b}\"}");
    }
}
