//! How answers are printed: tables for people, JSON for programs.

use crate::failure::Failure;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write as _};

/// Prints a value as JSON.
pub fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)
        .map_err(|error| Failure::new(format!("the answer cannot be printed: {error}")))?;
    writeln!(out).or_else(ignore_closed)
}

/// Prints a value as JSON on a line of its own, for streams of values.
pub fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new(format!("the answer cannot be printed: {error}")))?;
    line(text)
}

/// Prints a line. A reader that has gone away (`labd … | head`) is no failure.
pub fn line(text: impl AsRef<str>) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{}", text.as_ref()).or_else(ignore_closed)
}

/// Prints text without a line's end, at once.
pub fn text(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .or_else(ignore_closed)
}

fn ignore_closed(error: io::Error) -> Result<(), Failure> {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(error.into())
}

/// Prints rows under headings, aligned.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.len()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(shown(cell).chars().count());
        }
    }
    let print = |cells: &mut dyn Iterator<Item = String>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(&cell);
            let pad = width.saturating_sub(cell.chars().count()) + 2;
            text.extend(std::iter::repeat_n(' ', pad));
        }
        line(text.trim_end())
    };
    print(&mut headings.iter().map(|heading| heading.to_uppercase()))?;
    for row in rows {
        print(&mut row.iter().map(|cell| shown(cell)))?;
    }
    Ok(())
}

/// A cell on one line, without what would move the cursor of a terminal.
fn shown(cell: &str) -> String {
    cell.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(120)
        .collect()
}

/// Prints why a command failed.
pub fn print_failure(failure: &Failure, json: bool) {
    let mut out = io::stderr().lock();
    // There is nobody left to tell when this fails.
    if json {
        let _ = serde_json::to_writer(&mut out, &failure.error);
        let _ = writeln!(out);
        return;
    }
    let _ = writeln!(out, "error: {}", failure.error.message);
    for field in failure.error.fields.iter().skip(1) {
        let _ = writeln!(out, "  {}: {}", field.field, field.message);
    }
    if let Some(code) = &failure.error.upstream_code {
        let _ = writeln!(out, "  code: {code}");
    }
    if let Some(hint) = &failure.error.hint {
        let _ = writeln!(out, "  {hint}");
    }
}

/// Asks a yes-or-no question at the terminal.
pub fn confirm(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::with_hint(
            "This needs a yes, and there is no terminal to ask at.",
            "Add --yes.",
        ));
    }
    let mut err = io::stderr().lock();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Reads a secret: from a file, from standard input ("-"), or by asking without showing it.
pub fn secret(
    prompt: &str,
    file: Option<&std::path::Path>,
) -> Result<labd_protocol::Secret, Failure> {
    let text = match file {
        Some(path) if path.as_os_str() == "-" => io::read_to_string(io::stdin())?,
        Some(path) => std::fs::read_to_string(path).map_err(|error| {
            Failure::new(format!("{} cannot be read: {error}.", path.display()))
        })?,
        None if io::stdin().is_terminal() => rpassword::prompt_password(prompt)?,
        None => io::read_to_string(io::stdin())?,
    };
    let text = text.trim();
    if text.is_empty() {
        return Err(Failure::new("Nothing was entered."));
    }
    Ok(labd_protocol::Secret::new(text))
}
