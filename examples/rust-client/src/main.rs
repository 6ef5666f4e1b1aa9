//! An editor's side of labd in one file: makes a project, asks for an app, follows what happens,
//! loses its connection on the way, and comes back without missing anything.
//!
//! ```sh
//! labd serve &
//! cargo run -p labd-rust-client -- "Revenue by month as a chart"
//! ```
//! The socket is `LABD_SOCKET`, or where `labd` itself looks for it ([`socket`]).
//!
//! What to look at:
//! - [`main`]: the calls are the methods of [`labd_protocol::Labd`], each with a deadline.
//! - [`follow`]: events are numbered; whoever comes back passes the last number it saw. There is
//!   no subscription: a call waits until there is something to tell.
//! - The client chooses the turn's id, so that sending `turn_start` again after a lost answer
//!   starts nothing twice.

use labd_protocol::{
    ApiError, ErrorCode, LabdClient, ProjectCreate, ProjectId, StartTurn, TurnEvent, TurnId,
    TurnState, answer, connect, within,
};
use std::{error::Error, io::Write, path::PathBuf, time::Duration};

/// After so many events the connection is dropped, once, to show that it does no harm.
const DROP_AFTER: u32 = 5;

/// Time for an answer that the daemon has at hand.
const SHORT: Duration = Duration::from_secs(10);
/// Time that one call waits for events.
const LONG: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let request = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    let text = if request.is_empty() {
        "An overview of the data".to_owned()
    } else {
        request
    };
    let socket = socket().ok_or("there is no home directory; set LABD_SOCKET")?;
    let labd = connect(&socket).await.map_err(|error| {
        format!(
            "{}: {error}; is `labd serve` running? LABD_SOCKET names another socket.",
            socket.display()
        )
    })?;

    let status = answer(labd.status(within(SHORT)).await)?;
    println!("labd {}, console at {}", status.version, status.console_url);

    // The sample database when it is there, else the first source.
    let sources = answer(labd.sources(within(SHORT)).await)?;
    let source = sources
        .iter()
        .find(|source| source.sample)
        .or_else(|| sources.first())
        .ok_or("there is no data source; add one with `labd source add`")?;
    println!(
        "on {} ({}, {})",
        source.name, source.connector, source.location
    );

    let id = ProjectId::generate();
    let create = ProjectCreate {
        id: Some(id),
        name: text.clone(),
        source: Some(source.id),
    };
    let project = answer(labd.project_create(within(SHORT), create).await)?;

    let turn = TurnId::generate();
    let start = StartTurn {
        id: turn,
        text,
        provider: None,
        model: None,
    };
    let started = answer(labd.turn_start(within(SHORT), project.id, start).await)?;
    println!("asking {} ({})\n", started.provider, started.model);

    let (state, labd) = follow(&socket, labd, project.id, turn).await?;
    println!("\n\nthe turn is {state:?}");

    for problem in answer(labd.problems(within(SHORT), project.id).await)? {
        println!(
            "problem: {} {}",
            problem.path.unwrap_or_default(),
            problem.message
        );
    }
    let preview = answer(labd.preview(within(LONG), project.id).await)?;
    println!("open within 30 seconds: {}", preview.url);
    match state {
        TurnState::Done => Ok(()),
        _ => Err("the app was not finished; see the console for its draft".into()),
    }
}

/// Prints a turn's events to their end, over as many connections as it takes.
async fn follow(
    socket: &PathBuf,
    mut labd: LabdClient,
    project: ProjectId,
    turn: TurnId,
) -> Result<(TurnState, LabdClient), Box<dyn Error>> {
    let mut seen = 0;
    let mut dropped = false;
    loop {
        let wait = u32::try_from(LONG.as_millis()).unwrap_or(u32::MAX);
        let max = if dropped { 100 } else { DROP_AFTER };
        let page = labd
            .turn_events(within(LONG), project, turn, seen, max, wait)
            .await;
        let page = match answer(page) {
            Ok(page) => page,
            // The daemon went away or was restarted. What it had told is durable.
            Err(ApiError {
                code: ErrorCode::Unreachable,
                ..
            }) => {
                labd = reconnect(socket).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        for record in page.events {
            seen = record.seq;
            if let Some(state) = print(&record.event)? {
                return Ok((state, labd));
            }
        }
        if seen >= u64::from(DROP_AFTER) && !dropped {
            dropped = true;
            eprintln!("\n[dropping the connection after event {seen}]");
            labd = reconnect(socket).await?;
        }
    }
}

/// A new connection, for as long as a restart of the daemon may take.
async fn reconnect(socket: &PathBuf) -> Result<LabdClient, Box<dyn Error>> {
    let mut attempts = 0;
    loop {
        match connect(socket).await {
            Ok(labd) => return Ok(labd),
            Err(error) if attempts == 50 => return Err(error.into()),
            Err(_) => attempts += 1,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Shows an event; the state that the turn ended in, when it is the last one.
fn print(event: &TurnEvent) -> Result<Option<TurnState>, std::io::Error> {
    match event {
        TurnEvent::Text { text } => print!("{text}"),
        TurnEvent::FileStarted { path, action } => println!("\n{action:?} {path}"),
        TurnEvent::FileFinished { path, size, fault } => match fault {
            Some(fault) => println!("  {path}: {fault}"),
            None => println!("  {path}: {size} bytes"),
        },
        TurnEvent::Candidate { revision } => println!("shown as {revision}"),
        TurnEvent::Check { name, state } => println!("check {name}: {state:?}"),
        TurnEvent::Problems { problems } => {
            for problem in problems {
                println!(
                    "{}: {}",
                    problem.path.as_deref().unwrap_or("app"),
                    problem.message
                );
            }
        }
        TurnEvent::Snapshot {
            message, changed, ..
        } => {
            println!("saved: {message} ({} files)", changed.len());
        }
        TurnEvent::Draft { reason, .. } => println!("kept as a draft: {reason}"),
        TurnEvent::Finished { state, error } => {
            if let Some(error) = error {
                println!("{error}");
            }
            return Ok(Some(*state));
        }
        // Reasoning and the pieces of files come fast; an editor would show them in place.
        TurnEvent::Started { .. }
        | TurnEvent::Reasoning { .. }
        | TurnEvent::FileText { .. }
        | TurnEvent::Usage { .. } => {}
    }
    std::io::stdout().flush()?;
    Ok(None)
}

/// With a data directory of one's own the socket lies in it; else in the folder that the system
/// keeps for the user's sockets, where there is one.
fn socket() -> Option<PathBuf> {
    let set = |name| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(socket) = set("LABD_SOCKET") {
        return Some(socket);
    }
    let own = set("LABD_DATA_DIR");
    if let (None, Some(runtime)) = (&own, set("XDG_RUNTIME_DIR")) {
        return Some(runtime.join("labd/labd.sock"));
    }
    let usual = || {
        let home = || std::env::home_dir().map(|home| home.join(".local/share"));
        Some(set("XDG_DATA_HOME").or_else(home)?.join("labd"))
    };
    Some(own.or_else(usual)?.join("run/labd.sock"))
}
