//! Steps: one line each, with the time it took; the output of a command only when it fails.
//!
//! On a terminal the line shows the elapsed time and the command's last line while it runs.
//! Elsewhere a step that takes long says so once a minute, so that no CI system takes it for dead.

use std::{
    fmt,
    io::{self, BufRead, BufReader, IsTerminal, Read, Write},
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

/// How often a running step shows signs of life: on a terminal, and elsewhere.
const TICK: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));

/// Why a task ended, and what to do about it.
#[derive(Debug)]
pub struct Failure(String);

/// The result of a task or a step.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure with its whole message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Says what was being done when an I/O error came.
pub trait Context<T> {
    /// `doing` completes the sentence "while …".
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::new(format!("while {}: {error}", doing())))
    }
}

/// One result of many parts that were all tried, so that one run shows all that is wrong.
pub fn all(parts: impl IntoIterator<Item = Result<()>>) -> Result<()> {
    let failures: Vec<_> = parts
        .into_iter()
        .filter_map(Result::err)
        .map(|failure| failure.0)
        .collect();
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failure(failures.join("\n\n")))
    }
}

/// Prints a line that belongs to no step.
pub fn note(text: &str) {
    eprintln!("  - {text}");
}

/// Runs `work` as a step. It returns what it made and, where that helps, a word on it
/// (`up to date`).
pub fn step<T>(name: &str, work: impl FnOnce() -> Result<(T, String)>) -> Result<T> {
    let line = Line::start(name);
    match work() {
        Ok((value, word)) => {
            line.end("ok", &word);
            Ok(value)
        }
        Err(failure) => {
            line.end("FAILED", "");
            Err(failure)
        }
    }
}

/// Runs `command` as a step and returns what it wrote to standard output and error.
pub fn run(name: &str, command: &mut Command) -> Result<String> {
    let line = Line::start(name);
    match capture(command, |last| line.tick(last)) {
        Ok(output) => {
            line.end("ok", "");
            Ok(output)
        }
        Err(failure) => {
            line.end("FAILED", "");
            Err(failure)
        }
    }
}

/// Runs `command` without a line of its own and returns what it wrote to standard output and
/// error.
pub fn quiet(command: &mut Command) -> Result<String> {
    capture(command, |_| ())
}

/// Runs `command` with the terminal as its own, as for tests, whose output is the point.
pub fn shown(name: &str, command: &mut Command) -> Result<()> {
    eprintln!("  > {name}");
    let started = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    let took = started.elapsed();
    if status.success() {
        eprintln!("  ok  {name}  {}", seconds(took));
        Ok(())
    } else {
        Err(Failure::new(format!("{name} failed ({status})")))
    }
}

fn cannot_start(command: &Command, error: &io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    Failure::new(format!("cannot start {program}: {error}"))
}

fn capture(command: &mut Command, mut tick: impl FnMut(&str)) -> Result<String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let (sender, receiver) = mpsc::channel();
    let readers = [
        child.stdout.take().map(|pipe| lines(pipe, sender.clone())),
        child.stderr.take().map(|pipe| lines(pipe, sender)),
    ];
    let (mut output, mut last) = (String::new(), String::new());
    loop {
        match receiver.recv_timeout(TICK.0) {
            Ok(text) => {
                text.trim().clone_into(&mut last);
                output.push_str(&text);
                output.push('\n');
            }
            Err(RecvTimeoutError::Timeout) => tick(&last),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    drop(readers);
    let status = child
        .wait()
        .context(|| format!("waiting for {command:?}"))?;
    if status.success() {
        return Ok(output);
    }
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    Err(Failure::new(format!(
        "{output}\n{} ({status})",
        words.join(" ")
    )))
}

fn lines(pipe: impl Read + Send + 'static, sender: Sender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        let mut reader = BufReader::new(pipe);
        let mut bytes = Vec::new();
        // Ends at the end of the pipe, and also when the receiver has gone.
        while matches!(reader.read_until(b'\n', &mut bytes), Ok(read) if read > 0) {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            if sender.send(text).is_err() {
                break;
            }
        }
    })
}

/// The line of a running step.
struct Line {
    name: String,
    started: Instant,
    terminal: bool,
    /// When the step last said that it is alive.
    spoke: std::cell::Cell<Instant>,
}

impl Line {
    fn start(name: &str) -> Self {
        let terminal = io::stderr().is_terminal();
        if terminal {
            eprint!("  …   {name}");
        }
        let started = Instant::now();
        Self {
            name: name.to_owned(),
            started,
            terminal,
            spoke: std::cell::Cell::new(started),
        }
    }

    fn tick(&self, last: &str) {
        let took = seconds(self.started.elapsed());
        if self.terminal {
            let last: String = last.chars().filter(|c| !c.is_control()).take(48).collect();
            self.over(&format!("  …   {}  {took}  {last}", self.name));
        } else if self.spoke.get().elapsed() >= TICK.1 {
            self.spoke.set(Instant::now());
            eprintln!("  …   {}  {took}  {last}", self.name);
        }
    }

    fn end(&self, result: &str, word: &str) {
        let took = seconds(self.started.elapsed());
        let word = if word.is_empty() {
            String::new()
        } else {
            format!("  ({word})")
        };
        let text = format!("  {result}  {}  {took}{word}", self.name);
        if self.terminal {
            self.over(&text);
            eprintln!();
        } else {
            eprintln!("{text}");
        }
    }

    /// Writes over the line.
    fn over(&self, text: &str) {
        eprint!("\r\x1b[2K{text}");
        // A terminal that cannot be written to is no reason to end the step.
        let _ = io::stderr().flush();
    }
}

fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}
