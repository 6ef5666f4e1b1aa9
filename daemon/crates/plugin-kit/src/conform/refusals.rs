//! What an upstream refuses, or does not do, becomes the right error of the contract.

use super::{
    ConformError, Setting, Suite,
    bench::{self, Bench, name, told},
    peer::{End, Reply},
    provider::Provider,
    suite::{Done, fail},
};
use labd_plugin_host::{Ceiling, PluginError};
use std::time::Duration;

/// A status, whether `retry-after` comes with it, and the errors that it may become. Who says for
/// how long asks to wait, whatever the status; see `wit/common`.
const STATUSES: [(u16, bool, &[&str]); 10] = [
    (400, false, &["invalid-request"]),
    (401, false, &["unauthenticated"]),
    (403, false, &["unauthenticated", "denied"]),
    (404, false, &["not-found"]),
    (429, true, &["rate-limited"]),
    (500, false, &["unavailable"]),
    (502, false, &["unavailable"]),
    (503, true, &["rate-limited"]),
    (503, false, &["overloaded", "unavailable"]),
    (504, false, &["timeout", "unavailable"]),
];

pub(super) async fn run(
    setting: &Setting<'_>,
    suite: &mut Suite,
    provider: &Provider<'_>,
) -> Result<(), ConformError> {
    let bench = provider.bench;
    suite
        .check(
            "what the upstream refuses becomes the right error",
            bench,
            statuses(provider),
        )
        .await;
    suite
        .check(
            "a connection that breaks is `unavailable`, and what came before is kept",
            bench,
            broken(provider),
        )
        .await;
    suite
        .check(
            "an upstream that is not there is `unavailable`",
            bench,
            absent(provider),
        )
        .await;
    let hasty = Bench::start(setting, Ceiling::default(), bench::impatient()).await?;
    let other = beside(provider, &hasty);
    suite
        .check(
            "an upstream that falls silent is a `timeout`",
            &hasty,
            silent(&other),
        )
        .await;
    let nothing = Ceiling {
        http: Some(Vec::new()),
        ..Ceiling::default()
    };
    let denying = Bench::start(setting, nothing, bench::limits()).await?;
    let other = beside(provider, &denying);
    suite
        .check(
            "a denial is returned, and not trapped",
            &denying,
            denied(&other),
        )
        .await;
    for other in [&hasty, &denying] {
        bench.take_over(other);
    }
    Ok(())
}

/// The same plugin and peer in another host.
fn beside<'a>(provider: &Provider<'a>, bench: &'a Bench) -> Provider<'a> {
    let mut other = Provider::new(provider.setting, bench, provider.peer);
    other.model.clone_from(&provider.model);
    other
}

async fn statuses(provider: &Provider<'_>) -> Done {
    let (answer, reply) = provider.exchange()?;
    let recorded = &provider.setting.spec.refusal;
    let mut all: Vec<(u16, bool, Vec<&str>, String)> = STATUSES
        .iter()
        .filter(|(status, ..)| !recorded.iter().any(|refusal| refusal.status == *status))
        .map(|(status, waits, names)| {
            let body = format!("{{\"error\":{{\"message\":\"status {status}\"}}}}");
            (*status, *waits, names.to_vec(), body)
        })
        .collect();
    all.extend(recorded.iter().map(|refusal| {
        let names = vec![&*refusal.error];
        (refusal.status, true, names, refusal.body.clone())
    }));
    for (status, waits, names, body) in all {
        let mut refusal = Reply::of(status, body);
        if waits {
            let wait = ("retry-after".into(), "7".into());
            refusal.headers.push(wait);
        }
        provider.play(reply, move || refusal.clone());
        let expected = format!("`{}` for the status {status}", names.join("` or `"));
        let help = "map statuses with http::status_error, after the upstream's own codes";
        match provider.ask(answer, 64).await?.1 {
            Some(PluginError::RateLimited(wait)) if names.contains(&"rate-limited") => {
                if wait != Some(Duration::from_secs(7)) {
                    return fail(
                        "the 7 s of `retry-after: 7` in `rate-limited`",
                        format!("{wait:?}"),
                        "read the wait with http::retry_after",
                    );
                }
            }
            Some(error) if names.contains(&name(&error)) => {}
            Some(error) => return fail(expected, told(&error), help),
            None => return fail(expected, "an answer", help),
        }
    }
    provider.note_requests();
    Ok(())
}

async fn broken(provider: &Provider<'_>) -> Done {
    let (answer, reply) = provider.exchange()?;
    let half = reply.bytes.slice(..reply.bytes.len() / 2);
    for end in [End::Cut, End::Whole] {
        let cut = reply.in_pieces(vec![half.clone()], end.clone());
        provider.play(reply, move || cut.clone());
        let help = "a stream that ends before the upstream said why is `unavailable`";
        let expected = "what has arrived, and then `unavailable`";
        match provider.ask(answer, 64).await? {
            (events, Some(PluginError::Unavailable(_))) if !events.is_empty() => {}
            (events, error) => {
                return fail(
                    expected,
                    format!(
                        "{} events and {}",
                        events.len(),
                        error.map_or_else(|| "an end".into(), |error| told(&error))
                    ),
                    help,
                );
            }
        }
    }
    Ok(())
}

async fn absent(provider: &Provider<'_>) -> Done {
    match provider.nobody().await? {
        Some(PluginError::Unavailable(_)) => Ok(()),
        other => fail(
            "`unavailable`",
            other.map_or_else(|| "an answer".into(), |error| told(&error)),
            "pass on what the host says of the connection",
        ),
    }
}

async fn silent(provider: &Provider<'_>) -> Done {
    let (answer, reply) = provider.exchange()?;
    let half = reply.bytes.slice(..reply.bytes.len() / 2);
    let half = reply.in_pieces(vec![half], End::Silence);
    for reply_to in [Reply::silence(), half] {
        provider.play(reply, move || reply_to.clone());
        match provider.ask(answer, 64).await?.1 {
            Some(PluginError::Timeout) => {}
            other => {
                return fail(
                    "`timeout`",
                    other.map_or_else(|| "an answer".into(), |error| told(&error)),
                    "pass on what the host says of the request; do not ask again",
                );
            }
        }
    }
    Ok(())
}

async fn denied(provider: &Provider<'_>) -> Done {
    let (answer, reply) = provider.exchange()?;
    let whole = reply.reply();
    provider.play(reply, move || whole.clone());
    let before = provider.bench.denials();
    let error = provider.ask(answer, 64).await?.1;
    if !provider.peer.requests().is_empty() {
        return fail(
            "no request",
            "it arrived",
            "this is a fault of the host; please report it",
        );
    }
    match error {
        Some(PluginError::Denied(denial)) if denial.message.contains("labd") => {
            if provider.bench.denials() > before {
                return Ok(());
            }
            fail(
                "the denial to be counted",
                "it is not",
                "pass on the host's own denial instead of making one",
            )
        }
        other => fail(
            "`denied`, with the host's message",
            other.map_or_else(|| "an answer".into(), |error| told(&error)),
            "pass on what the host says",
        ),
    }
}
