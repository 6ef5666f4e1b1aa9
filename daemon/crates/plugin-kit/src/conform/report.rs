//! An outcome for people and for CI.

use super::{Outcome, Verdict};
use std::fmt::Write as _;

/// One line per check, and below a failure what was expected, what happened and what to do.
pub fn human(outcome: &Outcome) -> String {
    let mut text = format!("{} {}, {}\n", outcome.plugin, outcome.version, outcome.kind);
    for check in &outcome.checks {
        let seconds = std::time::Duration::from_millis(check.milliseconds).as_secs_f64();
        // Writing to a string cannot fail.
        let _ = match &check.verdict {
            Verdict::Passed => writeln!(text, "  ok      {}  {seconds:.1} s", check.name),
            Verdict::Skipped { reason } => {
                writeln!(text, "  skipped {}\n            {reason}", check.name)
            }
            Verdict::Failed {
                expected,
                happened,
                help,
            } => writeln!(
                text,
                "  FAILED  {}\n            expected  {}\n            happened  {}\n            to do     {}",
                check.name,
                shown(expected),
                shown(happened),
                shown(help)
            ),
        };
    }
    let of = |wanted: fn(&Verdict) -> bool| {
        let all = outcome.checks.iter();
        all.filter(|check| wanted(&check.verdict)).count()
    };
    let _ = writeln!(
        text,
        "{} passed, {} failed, {} skipped",
        of(|verdict| *verdict == Verdict::Passed),
        outcome.failures(),
        of(|verdict| matches!(verdict, Verdict::Skipped { .. })),
    );
    text
}

/// JUnit's XML, as CI systems read it.
pub fn junit(outcome: &Outcome) -> String {
    let seconds = |milliseconds: u64| std::time::Duration::from_millis(milliseconds).as_secs_f64();
    let skipped = outcome
        .checks
        .iter()
        .filter(|check| matches!(check.verdict, Verdict::Skipped { .. }))
        .count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{skipped}\" time=\"{:.3}\">\n",
        escaped(&format!("{} {}", outcome.plugin, outcome.version)),
        outcome.checks.len(),
        outcome.failures(),
        seconds(outcome.milliseconds),
    );
    for check in &outcome.checks {
        // Writing to a string cannot fail.
        let _ = write!(
            xml,
            "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
            escaped(&outcome.plugin),
            escaped(&check.name),
            seconds(check.milliseconds)
        );
        let _ = match &check.verdict {
            Verdict::Passed => writeln!(xml, "/>"),
            Verdict::Skipped { reason } => writeln!(
                xml,
                "><skipped message=\"{}\"/></testcase>",
                escaped(reason)
            ),
            Verdict::Failed {
                expected,
                happened,
                help,
            } => writeln!(
                xml,
                "><failure message=\"{}\">expected: {}\nhappened: {}\nto do: {}</failure></testcase>",
                escaped(happened),
                escaped(expected),
                escaped(happened),
                escaped(help)
            ),
        };
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// Without what would move a terminal's cursor, and not without end.
fn shown(text: &str) -> String {
    const LENGTH: usize = 1000;
    let mut shown: String = text
        .chars()
        .take(LENGTH)
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if text.chars().nth(LENGTH).is_some() {
        shown.push('…');
    }
    shown
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in shown(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conform::Check;

    fn outcome() -> Outcome {
        let check = |name: &str, verdict| Check {
            name: name.into(),
            verdict,
            milliseconds: 1500,
        };
        Outcome {
            plugin: "acme.x".into(),
            version: "1.0.0".into(),
            kind: "ai-provider".into(),
            milliseconds: 4500,
            checks: vec![
                check("it works", Verdict::Passed),
                check(
                    "it is quick",
                    Verdict::Skipped {
                        reason: "no clock".into(),
                    },
                ),
                check(
                    "a <b> & \"c\"",
                    Verdict::Failed {
                        expected: "1".into(),
                        happened: "\u{1b}[31m2".into(),
                        help: "count".into(),
                    },
                ),
            ],
        }
    }

    #[test]
    fn people_read_what_was_expected_what_happened_and_what_to_do() {
        let text = human(&outcome());
        for says in [
            "ok      it works  1.5 s",
            "skipped it is quick\n            no clock",
            "expected  1\n            happened  \\u{1b}[31m2\n            to do     count",
            "1 passed, 1 failed, 1 skipped",
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
    }

    #[test]
    fn the_xml_is_escaped_and_counts() {
        let xml = junit(&outcome());
        assert!(xml.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""));
        assert!(
            xml.contains("name=\"a &lt;b&gt; &amp; &quot;c&quot;\""),
            "{xml}"
        );
        assert!(
            xml.contains("><skipped message=\"no clock\"/></testcase>"),
            "{xml}"
        );
        assert!(!xml.contains('\u{1b}'));
    }

    #[test]
    fn programs_read_why_a_check_was_skipped() {
        let value = serde_json::to_value(outcome()).unwrap();
        assert_eq!(
            value["checks"][1],
            serde_json::json!({
                "name": "it is quick",
                "verdict": "skipped",
                "reason": "no clock",
                "milliseconds": 1500
            })
        );
    }
}
