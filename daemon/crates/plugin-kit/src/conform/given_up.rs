//! A deployment that is given up: it ends at once, and the same work can be started again.
//!
//! Who gives up drops the deployment, and with it goes the instance. What a plugin can get wrong is
//! what stays: its checkpoints, and what it takes for granted when the same id comes again.

use super::{
    Suite,
    bench::told,
    deployer::{Checks, same, small},
    suite::{Done, Trouble, fail, skip},
};
use labd_plugin_host::kinds::deployer::DeployEvent;
use std::time::{Duration, Instant};

/// The most places at which work is cut off.
const CUTS: usize = 32;
/// How long the way to the last request may take.
const REACHED: Duration = Duration::from_secs(60);
/// How long an end may take: nobody waits for it, so it is no more than the scheduler's.
const AT_ONCE: Duration = Duration::from_secs(5);
/// How often something is looked at that has to come.
const POLL: Duration = Duration::from_millis(5);

pub(super) async fn run(all: &Checks<'_>, suite: &mut Suite) {
    suite
        .check(
            "a deployment that is given up can be started again",
            all.bench,
            started_again(all),
        )
        .await;
    suite
        .check(
            "a deployment that is given up sends nothing more",
            all.bench,
            sends_nothing_more(all),
        )
        .await;
}

/// Cuts the work off after its first, second, … event.
async fn started_again(all: &Checks<'_>) -> Done {
    let (_, whole) = all.deployed(small(), 1).await?;
    for cut in (0..whole.len()).step_by(whole.len().div_ceil(CUTS).max(1)) {
        let checkpoint = given_up_after(all, cut).await?;
        let goes_on = checkpoint.is_some();
        let how = format!(
            "after it was given up behind {cut} of {} events",
            whole.len()
        );
        let again = match resumed(all, checkpoint).await? {
            Ok(again) => again,
            Err(error) => {
                return fail(
                    format!("the same work to its end, {how}"),
                    error,
                    "expect the same id again, with the last `checkpoint` or with none: go on, or \
                     begin anew",
                );
            }
        };
        // Who goes on leaves out what was done; what comes of it is the same.
        if goes_on {
            same(&end(&whole), &end(&again), &how)?;
        } else {
            same(&whole, &again, &how)?;
        }
    }
    let (_, after) = all.deployed(small(), 1).await?;
    same(&whole, &after, "after others were given up")
}

/// Starts the work and drops it after so many events. Gives the last checkpoint that came.
async fn given_up_after(all: &Checks<'_>, cut: usize) -> Result<Option<String>, Trouble> {
    let before = all.bench.instances();
    let access = all.access(&all.peer.origin());
    let mut deployment = match all.begin(&access, small(), None).await? {
        Ok((_, deployment)) => deployment,
        Err(error) => return fail("the work to begin", told(&error), "see the checks before"),
    };
    let mut checkpoint = None;
    for _ in 0..cut {
        match deployment.next(1).await {
            Ok(events) => {
                let last = events.into_iter().rev().find_map(|event| match event {
                    DeployEvent::Checkpoint(checkpoint) => Some(checkpoint),
                    _ => None,
                });
                checkpoint = last.or(checkpoint);
            }
            Err(error) => {
                return fail("the work to go on", told(&error), "see the checks before");
            }
        }
    }
    drop(deployment);
    if comes(AT_ONCE, || all.bench.instances() <= before).await {
        return Ok(checkpoint);
    }
    fail(
        "the instance to end with its work",
        format!("there are {} instances", all.bench.instances()),
        "this is a fault of the host; please report it",
    )
}

/// Starts the same work again, to its end; or why it came to none.
async fn resumed(
    all: &Checks<'_>,
    checkpoint: Option<String>,
) -> Result<Result<Vec<DeployEvent>, String>, Trouble> {
    let access = all.access(&all.peer.origin());
    let mut deployment = match all.begin(&access, small(), checkpoint).await? {
        Ok((_, deployment)) => deployment,
        Err(error) => return Ok(Err(told(&error))),
    };
    let events = all.drain(&mut *deployment, 64).await?;
    Ok(events.map_err(|error| told(&error)))
}

/// What came of the work.
fn end(events: &[DeployEvent]) -> Vec<DeployEvent> {
    let finished = events
        .iter()
        .filter(|event| matches!(event, DeployEvent::Finished(_)));
    finished.cloned().collect()
}

/// Gives up while the target is silent.
async fn sends_nothing_more(all: &Checks<'_>) -> Done {
    all.asks_the_peer()?;
    let access = all.access(&all.peer.origin());
    all.play();
    if let Err(error) = all.plan(&access, &small()).await? {
        return fail("a plan", told(&error), "see the checks before");
    }
    let planning = all.peer.requests().len();
    all.play();
    let (_, wanted) = all.deployed(small(), 64).await?;
    let last = all.peer.requests().len();
    if last <= planning {
        return skip("deploying sends no request beyond those of the plan");
    }
    all.play_until(last);
    let before = all.peer.left();
    let work = async {
        let ended = all.deploy(&access, small(), 64).await?;
        fail(
            "the work to wait for the target's answer",
            ended.map_or_else(|error| told(&error), |_| "it ended without".into()),
            "send the same requests each time",
        )
    };
    tokio::select! {
        ended = work => return ended,
        came = comes(REACHED, || all.peer.requests().len() >= last) => if !came {
            return fail(
                format!("{last} requests, as before"),
                format!("{}", all.peer.requests().len()),
                "send the same requests each time",
            );
        },
    }
    // The work was dropped with the block.
    if !comes(AT_ONCE, || all.peer.left() > before).await {
        return fail(
            "the connection to be closed",
            format!("it was open {} s later", AT_ONCE.as_secs()),
            "this is a fault of the host; please report it",
        );
    }
    let sent = all.peer.requests().len();
    if sent > last {
        return fail(
            format!("no request after the {last}th"),
            format!("{}", sent - last),
            "wait for the answer before the next request",
        );
    }
    all.play();
    let (_, after) = all.deployed(small(), 64).await?;
    same(&wanted, &after, "after it was given up")
}

/// Whether something comes true in time.
async fn comes(within: Duration, what: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !what() {
        if began.elapsed() > within {
            return false;
        }
        tokio::time::sleep(POLL).await;
    }
    true
}
