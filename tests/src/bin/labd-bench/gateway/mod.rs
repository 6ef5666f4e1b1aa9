//! labd's gateway beside a direct call, Portkey's gateway and LiteLLM's proxy: the same upstream, the
//! same client, the same requests, in turn and in one run.

mod cancel;
mod client;
mod inside;
mod party;
mod process;
mod table;
mod upstream;

use crate::{
    Result,
    figures::{Amount, Samples},
};
use client::Caller;
use inside::{Inside, Times};
use party::{Labd, Party, Rival};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use table::{Goal, Table};
use tokio::{
    runtime::Builder,
    task::{JoinSet, spawn_blocking},
    time::sleep,
};
use upstream::Upstream;

/// Pieces of text of an answer.
const PIECES: usize = 16;
/// Those of a burst.
const BURST: usize = 1_000;
/// Bytes of an everyday prompt, and of a large one.
const PROMPT: usize = 900;
const LARGE_PROMPT: usize = 400_000;
/// Requests of each, one after another.
const ROUNDS: usize = 2_000;
const LARGE_ROUNDS: usize = 200;
const BURST_ROUNDS: usize = 60;
/// Requests of one gateway before the next has its turn.
const BLOCK: usize = 20;
/// Before anything is measured.
const WARM_UP: usize = 100;
/// Callers at once.
const CALLERS: usize = 64;
/// How long they ask each, and how often each has its turn.
const LOAD: Duration = Duration::from_secs(3);
const LOAD_ROUNDS: usize = 3;

/// Who is asked, the upstream itself first, by what the upstream answers.
struct Sets {
    /// [`PIECES`], at once even where they are streamed.
    at_once: Vec<Arc<Party>>,
    /// The same, one after another.
    pieces: Vec<Arc<Party>>,
    /// [`BURST`] pieces, one after another.
    bursts: Vec<Arc<Party>>,
}

/// Measures, and prints its table, be it cut by an error.
#[allow(clippy::print_stdout, reason = "the figures are its output")]
pub async fn measure() -> Result<()> {
    let at_once = Upstream::start_at_once(PIECES).await?;
    let pieces = Upstream::start(PIECES).await?;
    let bursts = Upstream::start(BURST).await?;
    let labd = Labd::start().await?;
    let portkey = Rival::portkey().await?;
    let litellm = Rival::litellm(&pieces).await?;
    let burst_litellm = Rival::litellm(&bursts).await?;
    let labd_at_once = labd.party("AtOnce", &at_once.base_url()).await?;
    let labd_in_pieces = labd.party("Pieces", &pieces.base_url()).await?;
    let labd_in_bursts = labd.party("Bursts", &bursts.base_url()).await?;
    let set = |upstream: &Upstream, labd, litellm: &Rival| {
        [
            Party::direct(upstream),
            labd,
            portkey.as_portkey(upstream),
            litellm.as_litellm(),
        ]
        .map(Arc::new)
        .to_vec()
    };
    let sets = Sets {
        // Of a whole answer, it makes no difference to LiteLLM in which pieces it would have been streamed.
        at_once: set(&at_once, labd_at_once, &litellm),
        pieces: set(&pieces, labd_in_pieces, &litellm),
        bursts: set(&bursts, labd_in_bursts, &burst_litellm),
    };
    let mut table = Table::of(vec!["labd", "Portkey", "LiteLLM"]);

    let outcome = async {
        within(&at_once, &pieces, &bursts, &mut table).await?;
        cancelled(&mut table).await?;
        over_http(&sets, &mut table).await?;
        under_load(&sets.pieces, &mut table).await?;
        let counted = labd.counted().await?;
        eprintln!("labd has written down {counted} requests");
        Ok(())
    }
    .await;
    println!("{table}");
    if outcome.is_err() {
        for rival in [portkey, litellm, burst_litellm] {
            eprintln!("{}", rival.last_words());
        }
    }
    outcome
}

fn micros(micros: u64) -> Goal {
    Goal::AtMost(Amount::Time(Duration::from_micros(micros)))
}

/// The rows of one process.
async fn within(
    at_once: &Upstream,
    pieces: &Upstream,
    bursts: &Upstream,
    table: &mut Table,
) -> Result<()> {
    eprintln!("gateway: in process …");
    let times = whole(Inside::start(at_once, PROMPT).await?, ROUNDS).await?;
    let added = |of: &Samples, to: &Samples, at: fn(&Samples) -> Duration| {
        [Some(Amount::Time(at(of).saturating_sub(at(to))))]
    };
    for (what, of, goals) in [
        ("the plugin", &times.plugin, [Some(100), Some(300)]),
        ("gateway and plugin", &times.gateway, [None, None]),
    ] {
        let [p50, p99] = goals.map(|goal| goal.map(micros));
        let what = format!("added by {what}, in process, whole answer");
        let to = &times.direct;
        table.row(&format!("{what}, p50"), p50, added(of, to, Samples::p50));
        table.row(&format!("{what}, p99"), p99, added(of, to, Samples::p99));
    }
    let times = whole(Inside::start(pieces, PROMPT).await?, ROUNDS).await?;
    let what = format!("the same by the plugin, when it comes in {PIECES} pieces");
    let beyond = added(&times.plugin, &times.direct, Samples::p50);
    table.row(&format!("{what}, p50"), None, beyond);
    let beyond = added(&times.plugin, &times.streamed, Samples::p50);
    let what = format!("{what}, to a direct call that streams as well, p50");
    table.row(&what, None, beyond);

    let mut inside = Inside::start(bursts, PROMPT).await?;
    inside.burst(BURST, 1).await?;
    let piece = inside.burst(BURST, BURST_ROUNDS).await?;
    let what = "added by the plugin, in process, to each event of a burst";
    let of = |time| [Some(Amount::Time(time))];
    table.row(&format!("{what}, wall"), Some(micros(8)), of(piece.wall));
    table.row(&format!("{what}, CPU"), Some(micros(8)), of(piece.cpu));

    let inside = Inside::start(at_once, LARGE_PROMPT).await?;
    let times = whole(inside, LARGE_ROUNDS).await?;
    let what = "added by gateway and plugin, in process, 400 KB prompt, p50";
    let added = added(&times.gateway, &times.direct, Samples::p50);
    table.row(what, Some(micros(1_000)), added);
    Ok(())
}

/// Whole answers, after some that are not measured.
async fn whole(mut inside: Inside, rounds: usize) -> Result<Times> {
    inside.whole(WARM_UP).await?;
    inside.whole(rounds).await
}

/// The rows of answers that nobody wants any more.
async fn cancelled(table: &mut Table) -> Result<()> {
    eprintln!("gateway: answers that are left …");
    let [within, over_http] = cancel::measure().await?;
    for (who, left) in [
        ("in process", within),
        ("by a client that closes its connection", over_http),
    ] {
        let what = format!("an answer is left {who}, until the upstream's connection is closed");
        let time = |time| [Some(Amount::Time(time))];
        table.row(&format!("{what}, p50"), None, time(left.p50()));
        let goal = Some(micros(50_000));
        table.row(&format!("{what}, p99"), goal, time(left.p99()));
    }
    Ok(())
}

/// What requests took.
#[derive(Default)]
struct Took {
    whole: Samples,
    first: Samples,
}

/// A gateway and direct calls, in turn.
#[derive(Default)]
struct Pairs {
    direct: Took,
    gateway: Took,
    /// What the gateway's process had of the processor.
    cpu: Duration,
}

impl Pairs {
    fn added(&self, at: impl Fn(&Took) -> Duration) -> Duration {
        at(&self.gateway).saturating_sub(at(&self.direct))
    }
}

/// The rows over HTTP, one request after another.
async fn over_http(sets: &Sets, table: &mut Table) -> Result<()> {
    eprintln!("gateway: over HTTP …");
    in_turn(&sets.at_once, PROMPT, None, WARM_UP).await?;
    let whole = in_turn(&sets.at_once, PROMPT, None, ROUNDS).await?;
    let what = "added over HTTP, whole answer";
    let p50 = row(table, what, "p50", 250, &whole, |one| one.whole.p50());
    row(table, what, "p99", 1_500, &whole, |one| one.whole.p99());
    let times = |other: Duration, labd: Duration| {
        Some(Amount::Ratio(
            other.as_secs_f64() / labd.as_secs_f64().max(1e-9),
        ))
    };
    if let [labd, portkey, litellm] = *p50 {
        let least = |times| Some(Goal::AtLeast(Amount::Ratio(times)));
        let what = "the same p50, over labd's";
        table.row(
            &format!("{what}: Portkey"),
            least(10.0),
            [times(portkey, labd)],
        );
        table.row(
            &format!("{what}: LiteLLM"),
            least(50.0),
            [times(litellm, labd)],
        );
    }

    let [direct, labd, ..] = sets.pieces.as_slice() else {
        return Ok(());
    };
    let labd = [Arc::clone(direct), Arc::clone(labd)];
    in_turn(&labd, PROMPT, None, WARM_UP).await?;
    let whole = in_turn(&labd, PROMPT, None, ROUNDS).await?;
    let what = format!("added over HTTP, whole answer that comes in {PIECES} pieces, p50");
    let added = whole.iter().map(|one| one.added(|took| took.whole.p50()));
    table.row(&what, None, added.map(|time| Some(Amount::Time(time))));

    in_turn(&sets.pieces, PROMPT, Some(PIECES), WARM_UP).await?;
    let streams = in_turn(&sets.pieces, PROMPT, Some(PIECES), ROUNDS).await?;
    let what = "added over HTTP, until the first event";
    row(table, what, "p50", 350, &streams, |one| one.first.p50());

    let large = in_turn(&sets.at_once, LARGE_PROMPT, None, LARGE_ROUNDS).await?;
    let what = "added over HTTP, 400 KB prompt";
    row(table, what, "p50", 1_000, &large, |one| one.whole.p50());

    in_turn(&sets.bursts, PROMPT, Some(BURST), 1).await?;
    let bursts = in_turn(&sets.bursts, PROMPT, Some(BURST), BURST_ROUNDS).await?;
    let what = "added over HTTP, to each event of a burst";
    row(table, what, "wall", 8, &bursts, |one| {
        one.whole.p50().div_f64(BURST as f64)
    });
    let each = |one: &Pairs| {
        let events = BURST * (BURST_ROUNDS + BURST_ROUNDS / BLOCK);
        Some(Amount::Time(one.cpu.div_f64(events as f64)))
    };
    let what = "CPU of the gateway's process for each such event";
    table.row(what, Some(micros(8)), bursts.iter().map(each));
    Ok(())
}

/// A row of what each gateway adds to its direct calls; what they add.
fn row(
    table: &mut Table,
    what: &str,
    of: &str,
    goal: u64,
    pairs: &[Pairs],
    at: impl Fn(&Took) -> Duration,
) -> Vec<Duration> {
    let added: Vec<_> = pairs.iter().map(|one| one.added(&at)).collect();
    table.row(
        &format!("{what}, {of}"),
        Some(micros(goal)),
        added.iter().map(|time| Some(Amount::Time(*time))),
    );
    added
}

/// Requests for streams of so many pieces, or else for whole answers: each gateway and a direct call in
/// turn, for a block, then another gateway.
async fn in_turn(
    parties: &[Arc<Party>],
    prompt: usize,
    pieces: Option<usize>,
    rounds: usize,
) -> Result<Vec<Pairs>> {
    let parties = parties.to_vec();
    let work = async move {
        let mut callers = Vec::new();
        for party in &parties {
            let body = party.body(prompt, pieces.is_some());
            callers.push((Caller::connect(party).await?, body));
        }
        let Some(((direct, direct_body), gateways)) = callers.split_first_mut() else {
            return Ok(Vec::new());
        };
        let others = parties.iter().skip(1);
        let mut all: Vec<_> = gateways
            .iter_mut()
            .zip(others)
            .map(|((caller, body), party)| (caller, body, party, Pairs::default()))
            .collect();
        for _ in 0..rounds.div_ceil(BLOCK) {
            all.sort_by_cached_key(|_| rand::random::<u32>());
            for (caller, body, party, pairs) in &mut all {
                let before = process::cpu(party.pid)?;
                // Whoever was not asked for a while is slow at first.
                ask(direct, direct_body, pieces, &mut Took::default()).await?;
                ask(caller, body, pieces, &mut Took::default()).await?;
                for _ in 0..BLOCK {
                    ask(direct, direct_body, pieces, &mut pairs.direct).await?;
                    ask(caller, body, pieces, &mut pairs.gateway).await?;
                }
                pairs.cpu += process::cpu(party.pid)?.saturating_sub(before);
            }
        }
        all.sort_by_key(|(_, _, party, _)| parties.iter().position(|one| one.name == party.name));
        Ok(all.into_iter().map(|(_, _, _, pairs)| pairs).collect())
    };
    // A client with a thread of its own.
    spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(work)
    })
    .await?
}

async fn ask(
    caller: &mut Caller,
    body: &bytes::Bytes,
    pieces: Option<usize>,
    took: &mut Took,
) -> Result<()> {
    let Some(pieces) = pieces else {
        took.whole.push(caller.ask(body).await?);
        return Ok(());
    };
    let seen = caller.stream(body).await?;
    if seen.pieces != pieces {
        return Err(format!("{} of {pieces} pieces came", seen.pieces).into());
    }
    took.first.push(seen.first);
    took.whole.push(seen.whole);
    Ok(())
}

/// What one party did while many asked.
#[derive(Clone, Default)]
struct Load {
    answers: usize,
    failures: usize,
    time: Duration,
    took: Samples,
    memory: u64,
}

/// The rows of many callers at once.
async fn under_load(parties: &[Arc<Party>], table: &mut Table) -> Result<()> {
    let mut loads = vec![Load::default(); parties.len()];
    for round in 1..=LOAD_ROUNDS {
        for (party, load) in parties.iter().zip(&mut loads) {
            eprintln!(
                "gateway: {CALLERS} callers at once, {}, {round} of {LOAD_ROUNDS} …",
                party.name
            );
            ask_at_once(party, load).await?;
        }
    }
    let gateways = || loads.iter().skip(1);
    let what = format!("whole answers at {CALLERS} callers at once");
    table.row(
        &format!("{what}, a second"),
        Some(Goal::AtLeast(Amount::Rate(3_000.0))),
        gateways().map(|load| {
            let second = load.answers as f64 / load.time.as_secs_f64();
            Some(Amount::Rate(second))
        }),
    );
    table.row(
        &format!("{what}, failed"),
        Some(Goal::AtMost(Amount::Count(0))),
        gateways().map(|load| Some(Amount::Count(load.failures))),
    );
    table.row(
        &format!("{what}, p50"),
        None,
        gateways().map(|load| Some(Amount::Time(load.took.p50()))),
    );
    table.row(
        &format!("{what}, p99"),
        None,
        gateways().map(|load| Some(Amount::Time(load.took.p99()))),
    );
    table.row(
        "resident memory then, at most",
        Some(Goal::AtMost(Amount::Bytes(60 << 20))),
        gateways().map(|load| Some(Amount::Bytes(load.memory))),
    );
    if let Some(direct) = loads.first() {
        let second = direct.answers as f64 / direct.time.as_secs_f64();
        eprintln!("the upstream alone: {}", Amount::Rate(second));
    }
    Ok(())
}

async fn ask_at_once(party: &Arc<Party>, load: &mut Load) -> Result<()> {
    let body = party.body(PROMPT, false);
    let begun = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (party, body) = (Arc::clone(party), body.clone());
        callers.spawn(async move {
            let mut caller = Caller::connect(&party).await?;
            let (mut took, mut failures) = (Vec::new(), 0);
            while begun.elapsed() < LOAD {
                match caller.ask(&body).await {
                    Ok(time) => took.push(time),
                    Err(error) => {
                        if failures == 0 {
                            eprintln!("{error}");
                        }
                        failures += 1;
                    }
                }
            }
            Result::Ok((took, failures))
        });
    }
    while begun.elapsed() < LOAD {
        load.memory = load.memory.max(process::memory(party.pid)?);
        sleep(Duration::from_millis(50)).await;
    }
    while let Some(one) = callers.join_next().await {
        let (took, failures) = one??;
        load.answers += took.len();
        load.failures += failures;
        for time in took {
            load.took.push(time);
        }
    }
    load.time += begun.elapsed();
    Ok(())
}
