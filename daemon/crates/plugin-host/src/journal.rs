//! The last lines of a plugin: what it wrote, and what happened to it. Kept in memory, bounded, and
//! gone with the daemon; the daemon's own log has them too.

use crate::instance::lock;
use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, SystemTime},
};
use tokio::sync::watch;

/// Lines that are kept of a plugin.
const LINES: usize = 1000;
/// Bytes that are kept of a plugin.
const BYTES: usize = 512 * 1024;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Counts from 1 since the daemon started, without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: SystemTime,
    /// `debug`, `info`, `warn`, `error`.
    pub level: &'static str,
    /// The plugin wrote it; else the host did, about the plugin.
    pub by_plugin: bool,
    /// Its text, in which control characters are escaped and secrets replaced.
    pub text: String,
}

/// See the module.
pub(crate) struct Journal {
    lines: Mutex<Lines>,
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct Lines {
    kept: VecDeque<LogLine>,
    bytes: usize,
    seq: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            lines: Mutex::default(),
            last: watch::Sender::new(0),
        }
    }
}

impl Journal {
    pub fn write(&self, level: &'static str, by_plugin: bool, text: String) {
        let mut lines = lock(&self.lines);
        lines.seq += 1;
        let seq = lines.seq;
        lines.bytes += text.len();
        lines.kept.push_back(LogLine {
            seq,
            at: SystemTime::now(),
            level,
            by_plugin,
            text,
        });
        while lines.kept.len() > LINES || lines.bytes > BYTES {
            match lines.kept.pop_front() {
                Some(line) => lines.bytes -= line.text.len(),
                None => break,
            }
        }
        self.last.send_replace(seq);
    }

    /// Lines after this number, the oldest first, or the last ones when it is none.
    pub async fn read(&self, after: Option<u64>, max: usize, wait: Duration) -> Vec<LogLine> {
        let since = after.unwrap_or(0);
        let mut last = self.last.subscribe();
        // What has come when the time is up is the answer, be it nothing.
        let _ = tokio::time::timeout(wait, last.wait_for(|seq| *seq > since)).await;
        let lines = lock(&self.lines);
        let newer = lines.kept.iter().filter(|line| line.seq > since);
        match after {
            Some(_) => newer.take(max).cloned().collect(),
            None => {
                let skip = lines.kept.len().saturating_sub(max);
                newer.skip(skip).cloned().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_follower_sees_each_line_once_and_a_newcomer_the_last_ones() {
        let journal = Journal::default();
        assert!(journal.read(None, 9, Duration::ZERO).await.is_empty());
        for n in 1..=3 {
            journal.write("info", true, n.to_string());
        }
        let texts = |lines: Vec<LogLine>| -> Vec<String> {
            lines.into_iter().map(|line| line.text).collect()
        };
        assert_eq!(
            texts(journal.read(None, 2, Duration::ZERO).await),
            ["2", "3"]
        );
        assert_eq!(texts(journal.read(Some(1), 1, Duration::ZERO).await), ["2"]);
        let (seen, ()) = tokio::join!(journal.read(Some(3), 9, Duration::from_secs(20)), async {
            journal.write("warn", false, "4".into());
        });
        assert_eq!(texts(seen), ["4"]);
    }

    #[tokio::test]
    async fn old_lines_make_room_for_new_ones() {
        let journal = Journal::default();
        for _ in 0..LINES + 7 {
            journal.write("info", true, "x".into());
        }
        let all = journal.read(Some(0), usize::MAX, Duration::ZERO).await;
        assert_eq!((all.len(), all[0].seq), (LINES, 8));
        for _ in 0..5 {
            journal.write("info", true, "x".repeat(BYTES / 4));
        }
        assert_eq!(
            journal
                .read(Some(0), usize::MAX, Duration::ZERO)
                .await
                .len(),
            4
        );
    }
}
