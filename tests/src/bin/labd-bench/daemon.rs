//! The daemon itself: how soon it is there, what it takes, how fast it answers.

use crate::{
    Result,
    figures::{Amount, Figures, Samples, ratio},
};
use labd_protocol::{answer, connect, within};
use labd_tests::daemon::{Daemon, Home, Memory};
use std::{
    fs,
    os::unix::net,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::UnixStream,
    process::Child,
    runtime::{Builder, Runtime},
    task::spawn_blocking,
    time::sleep,
};

const STARTS: usize = 20;
/// Calls and echoes in turn, so many of each at a time.
const ROUNDS: usize = 10;
const CALLS: usize = 1_000;
/// After this long a daemon without work does nothing any more.
const IDLE: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(10);
/// How long compiling all plugins may take.
const COMPILED: Duration = Duration::from_secs(120);

/// Starts, memory and calls, on a data directory with the sample database.
pub async fn measure(figures: &mut Figures) -> Result<()> {
    // The first start makes the sample, and compiles the plugins behind the scenes.
    let mut first = Daemon::start().await?;
    let known = all_compiled(&first).await?;
    first.stop().await?;
    let home = first.home;

    let mut starts = Samples::default();
    for _ in 0..STARTS {
        let (mut child, took) = start(&home).await?;
        starts.push(took);
        let labd = connect(home.data().join("run/labd.sock")).await?;
        let plugins = answer(labd.plugins(within(DEADLINE)).await)?.len();
        if plugins != known {
            return Err(format!("{plugins} of {known} plugins were known when ready").into());
        }
        child.kill().await?;
    }
    figures.goal(
        "start of the daemon until it is ready, all plugins known, p50",
        Amount::Time(Duration::from_millis(150)),
        Amount::Time(starts.p50()),
        format!("p95 {}, {known} plugins", Amount::Time(starts.p95())),
    );

    let (mut child, _) = start(&home).await?;
    sleep(IDLE).await;
    let memory = Memory::of(child.id().unwrap_or_default())?;
    figures.goal(
        "memory of the idle daemon (resident)",
        Amount::Bytes(60 << 20),
        Amount::Bytes(memory.all),
        format!(
            "of it {} its own, the rest mapped files",
            Amount::Bytes(memory.own)
        ),
    );

    let socket = home.data().join("run/labd.sock");
    let (calls, bare) = spawn_blocking(move || -> Result<_> {
        let (mut calls, mut bare) = (Samples::default(), Samples::default());
        for _ in 0..ROUNDS {
            ask(&socket, &mut calls)?;
            echo(&mut bare)?;
        }
        Ok((calls, bare))
    })
    .await??;
    figures.goal(
        "round trip of `status` over the socket, p50",
        Amount::Time(Duration::from_micros(60)),
        Amount::Time(calls.p50()),
        format!("p95 {}", Amount::Time(calls.p95())),
    );
    figures.plain(
        "the same, over one byte there and back between two threads",
        ratio(calls.p50(), bare.p50()),
        format!(
            "{} to {}: what the system takes to wake the other side",
            Amount::Time(calls.p50()),
            Amount::Time(bare.p50())
        ),
    );
    child.kill().await?;
    Ok(())
}

/// Waits until all plugins are compiled; how many there are.
pub async fn all_compiled(daemon: &Daemon) -> Result<usize> {
    let labd = daemon.rpc().await?;
    let known = answer(labd.plugins(within(DEADLINE)).await)?.len();
    let begun = Instant::now();
    loop {
        let files = fs::read_dir(daemon.home.data().join("cache"))?;
        let compiled = files.flatten().filter(|file| {
            let path = file.path();
            path.extension().is_some_and(|extension| extension == "mac")
        });
        if compiled.count() == known {
            return Ok(known);
        }
        if begun.elapsed() > COMPILED {
            return Err("the plugins are not compiled".into());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// A client with one thread, as editors have.
fn single() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Asks a daemon how it is.
fn ask(socket: &Path, calls: &mut Samples) -> Result<()> {
    single()?.block_on(async {
        let labd = connect(socket).await?;
        for _ in 0..CALLS {
            let start = Instant::now();
            answer(labd.status(within(DEADLINE)).await)?;
            calls.push(start.elapsed());
        }
        Ok(())
    })
}

/// Sends a byte to a thread that sends it back.
fn echo(bare: &mut Samples) -> Result<()> {
    let (here, there) = net::UnixStream::pair()?;
    here.set_nonblocking(true)?;
    there.set_nonblocking(true)?;
    let other = thread::spawn(move || -> Result<()> {
        single()?.block_on(async {
            let mut there = UnixStream::from_std(there)?;
            let mut byte = [0];
            while there.read_exact(&mut byte).await.is_ok() {
                there.write_all(&byte).await?;
            }
            Ok(())
        })
    });
    single()?.block_on(async {
        let mut here = UnixStream::from_std(here)?;
        let mut byte = [0];
        for _ in 0..CALLS {
            let start = Instant::now();
            here.write_all(&byte).await?;
            here.read_exact(&mut byte).await?;
            bare.push(start.elapsed());
        }
        Ok::<_, std::io::Error>(())
    })?;
    other.join().map_err(|_| "the echo failed")?
}

/// Starts the daemon; how long it took to say that it is ready.
async fn start(home: &Home) -> Result<(Child, Duration)> {
    let begun = Instant::now();
    let mut child = home
        .labd(&["serve", "--listen", "127.0.0.1:0"])?
        .stderr(Stdio::null())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    loop {
        let line = lines.next_line().await?.ok_or("the daemon ended")?;
        if line.starts_with("labd is ready") {
            return Ok((child, begun.elapsed()));
        }
    }
}
