//! The one writer: gathers requests into groups, applies each group, syncs once, then acknowledges.
//!
//! - Journal entries wait up to [`crate::Options::window`] for company (or until there is
//!   [`crate::Options::window_bytes`] of it); a stream's first entry, a commit and a flush go at
//!   once, with whatever is in the queue by then. While a group is being synced, the next one gathers
//!   by itself.
//! - Requests are applied in the order they came. Each commit is one batch of sled's, so it is whole
//!   or absent after a crash; with it goes its number, which the commit file has to reach before
//!   anyone is told.
//! - Before a group, the disk is asked for room; a full disk refuses the group and touches nothing.
//! - After a failed write sled can only be opened anew. What was not acknowledged may or may not be
//!   there then; what was acknowledged must be.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::batch::Prepared;
use crate::commit::CommitFile;
use crate::error::StoreError;
use crate::journal::Erased;
use crate::limits::{GROUP, MAX_VALUE};
use crate::queue::{Job, Reply, Request, Room};
use crate::recovery::{self, FORMAT};
use crate::shared::{Shared, State};
use crate::{seal, tree};

/// Takes requests until the store is closed or nobody is left to make any.
pub(crate) async fn run(mut writer: Writer, mut queue: mpsc::Receiver<Request>) {
    while let Some(first) = queue.recv().await {
        let group = gather(first, &mut queue, &writer.shared).await;
        let processed = tokio::task::spawn_blocking(move || {
            let closing = writer.process(group);
            (writer, closing)
        });
        // It catches panics itself, so this fails only when the runtime shuts down.
        let Ok((returned, closing)) = processed.await else {
            return;
        };
        writer = returned;
        if let Some(reply) = closing {
            queue.close();
            let closed = tokio::task::spawn_blocking(move || writer.close()).await;
            let _ = reply.send(closed.unwrap_or(Err(StoreError::Closed)));
            return;
        }
    }
    // Dropped without `close`: it is closed all the same, only nobody is told.
    if let Ok(Err(error)) = tokio::task::spawn_blocking(move || writer.close()).await {
        tracing::warn!(%error, "the store was not closed cleanly; it is checked when it is next opened");
    }
}

async fn gather(
    first: Request,
    queue: &mut mpsc::Receiver<Request>,
    shared: &Shared,
) -> Vec<Request> {
    let deadline = Instant::now() + shared.options.window;
    let mut bytes = first.bytes();
    let mut waits = can_wait(&first, shared);
    let mut group = vec![first];
    while group.len() < GROUP && bytes < shared.options.window_bytes {
        let next = match queue.try_recv() {
            Ok(request) => Some(request),
            Err(_) if waits => timeout_at(deadline, queue.recv()).await.ok().flatten(),
            Err(_) => None,
        };
        let Some(request) = next else { break };
        bytes += request.bytes();
        waits &= can_wait(&request, shared);
        group.push(request);
    }
    group
}

fn can_wait(request: &Request, shared: &Shared) -> bool {
    matches!(request, Request::Append { stream, .. } if !shared.streams.is_new(stream))
}

/// Owns every change of the database.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    commit_file: CommitFile,
    /// The number of the last commit applied, durable or not.
    applied: u64,
}

/// A group on its way: what is left to do, and whom to tell in the end.
#[derive(Default)]
struct Group {
    /// Entries not applied yet, by stream.
    entries: BTreeMap<String, Vec<Entry>>,
    appended: Vec<(Reply<u64>, u64)>,
    committed: Vec<Reply<()>>,
    flushes: Vec<(String, Reply<u64>)>,
    jobs: Vec<Job>,
    closing: Option<Reply<()>>,
    /// Streams that were changed.
    touched: BTreeSet<String>,
    /// Those of them with entries for whose fate nobody waits.
    pushed: BTreeSet<String>,
    /// Held until the group is done.
    rooms: Vec<Room>,
}

/// One or more joined entries.
struct Entry {
    entry: Box<dyn Erased>,
    bytes: usize,
    replies: Vec<Reply<u64>>,
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, commit_file: CommitFile) -> Self {
        let applied = commit_file.number();
        Self {
            shared,
            commit_file,
            applied,
        }
    }

    /// Carries out a group; returns whom to tell when it asks for the end.
    fn process(&mut self, requests: Vec<Request>) -> Option<Reply<()>> {
        let mut group = Group::default();
        let mut requests = requests.into_iter();
        let bytes = requests
            .as_slice()
            .iter()
            .map(Request::bytes)
            .sum::<usize>();
        let written = self.ready(bytes).and_then(|()| {
            catch_unwind(AssertUnwindSafe(|| self.write(&mut requests, &mut group)))
                .unwrap_or_else(|_| {
                    Err(StoreError::Unavailable {
                        reason: "the writer panicked".to_owned(),
                    })
                })
                .inspect_err(|error| self.reopen(error))
        });
        match written {
            Ok(()) => self.acknowledge(group),
            Err(error) => {
                tracing::error!(%error, "a group of writes failed");
                let mut closing = None;
                for request in requests {
                    match request {
                        Request::Close(reply) => closing = Some(reply),
                        other => other.refuse(&error, &self.shared),
                    }
                }
                self.refuse(group, &error).or(closing)
            }
        }
    }

    /// Makes sure that the database is open and the disk has room.
    fn ready(&mut self, bytes: usize) -> Result<(), StoreError> {
        if bytes > 0 {
            self.shared.check_room(bytes as u64)?;
        }
        let down = match &*self.shared.exclusive() {
            State::Down(error) => Some(error.clone()),
            State::Open { .. } | State::Closed => None,
        };
        if let Some(error) = down {
            self.reopen(&error);
        }
        self.shared.read(|_| Ok(()))
    }

    fn write(
        &mut self,
        requests: &mut std::vec::IntoIter<Request>,
        group: &mut Group,
    ) -> Result<(), StoreError> {
        for request in requests {
            match request {
                Request::Append {
                    stream,
                    entry,
                    bytes,
                    reply,
                    room,
                } => {
                    group.rooms.push(room);
                    self.take_entry(group, stream, entry, bytes, reply);
                }
                Request::Commit { batch, reply, room } => {
                    group.rooms.push(room);
                    group.committed.push(reply);
                    self.apply_entries(group)?;
                    if let Err(conflict) = self.apply_batch(batch, group)?
                        && let Some(reply) = group.committed.pop()
                    {
                        let _ = reply.send(Err(conflict));
                    }
                }
                Request::Flush { stream, reply } => group.flushes.push((stream, reply)),
                Request::Exclusive(job) => group.jobs.push(job),
                Request::Close(reply) => group.closing = Some(reply),
            }
        }
        self.apply_entries(group)?;
        if self.applied == self.commit_file.number() {
            return Ok(());
        }
        self.shared.sync()?;
        self.commit_file
            .write(self.applied, &*self.shared.disk)
            .map_err(StoreError::io("write the commit number"))?;
        self.shared.commit.store(self.applied, Ordering::Release);
        Ok(())
    }

    /// Takes an entry into the group, onto the one before it when they can be joined.
    fn take_entry(
        &self,
        group: &mut Group,
        stream: String,
        mut entry: Box<dyn Erased>,
        bytes: usize,
        reply: Option<Reply<u64>>,
    ) {
        if let Some(error) = self.shared.streams.failure(&stream) {
            if let Some(reply) = reply {
                let _ = reply.send(Err(error));
            }
            return;
        }
        if reply.is_none() {
            group.pushed.insert(stream.clone());
        }
        let entries = group.entries.entry(stream).or_default();
        if let Some(last) = entries.last_mut()
            && last.bytes + bytes <= MAX_VALUE
        {
            // The trait's method, not one of the box.
            match (*last.entry).join(entry) {
                None => {
                    last.bytes += bytes;
                    last.replies.extend(reply);
                    return;
                }
                Some(back) => entry = back,
            }
        }
        entries.push(Entry {
            entry,
            bytes,
            replies: reply.into_iter().collect(),
        });
    }

    /// Applies the entries gathered so far as one commit.
    fn apply_entries(&mut self, group: &mut Group) -> Result<(), StoreError> {
        if group.entries.is_empty() {
            return Ok(());
        }
        let shared = Arc::clone(&self.shared);
        let state = shared.exclusive();
        let db = state.db()?;
        let mut batch = sled::Batch::default();
        while let Some((stream, entries)) = group.entries.pop_first() {
            group.touched.insert(stream.clone());
            for entry in entries {
                let seq = put_entry(&shared, db, &mut batch, &stream, &*entry.entry)?;
                group
                    .appended
                    .extend(entry.replies.into_iter().map(|reply| (reply, seq)));
            }
        }
        self.apply(db, batch)
    }

    /// Applies a batch as one commit; the inner error is a conflict, and then nothing was applied.
    fn apply_batch(
        &mut self,
        prepared: Prepared,
        group: &mut Group,
    ) -> Result<Result<(), StoreError>, StoreError> {
        let shared = Arc::clone(&self.shared);
        let state = shared.exclusive();
        let db = state.db()?;
        for expect in &prepared.expect {
            match expect.holds(db, &shared.keys) {
                Ok(true) => {}
                Ok(false) => {
                    return Ok(Err(StoreError::Conflict {
                        what: expect.what.clone(),
                    }));
                }
                // What does not open is this caller's concern, not the whole group's.
                Err(error @ StoreError::DoesNotOpen { .. }) => return Ok(Err(error)),
                Err(error) => return Err(error),
            }
        }
        let mut batch = sled::Batch::default();
        for (key, value) in &prepared.values {
            match value {
                Some(sealed) => tree::put(db, &mut batch, key, sealed)?,
                None => tree::remove(db, &mut batch, key)?,
            }
        }
        for stream in prepared.delete_streams {
            tree::remove_all(db, &mut batch, &tree::stream(&stream))?;
            shared.streams.restart(db, &stream)?;
            group.touched.insert(stream);
        }
        for (stream, entry) in prepared.append {
            put_entry(&shared, db, &mut batch, &stream, &*entry)?;
            group.touched.insert(stream);
        }
        self.apply(db, batch).map(Ok)
    }

    fn apply(&mut self, db: &sled::Db, mut batch: sled::Batch) -> Result<(), StoreError> {
        self.applied += 1;
        tree::set_meta(&mut batch, FORMAT, self.applied);
        db.apply_batch(batch)
            .map_err(StoreError::database("write to the database"))
    }

    fn acknowledge(&self, group: Group) -> Option<Reply<()>> {
        let streams = &self.shared.streams;
        streams.settle(group.touched);
        for (reply, seq) in group.appended {
            let _ = reply.send(Ok(seq));
        }
        for reply in group.committed {
            let _ = reply.send(Ok(()));
        }
        for (stream, reply) in group.flushes {
            let _ = reply.send(self.shared.read(|db| streams.flushed(db, &stream)));
        }
        for job in group.jobs {
            let done = self.shared.read(|db| {
                job(Ok(db));
                Ok(())
            });
            if let Err(error) = done {
                tracing::error!(%error, "the database could not be read");
            }
        }
        group.closing
    }

    fn refuse(&self, group: Group, error: &StoreError) -> Option<Reply<()>> {
        for stream in &group.pushed {
            self.shared.streams.fail(stream, error);
        }
        let waiting = group
            .entries
            .into_values()
            .flatten()
            .flat_map(|entry| entry.replies);
        let appended = group.appended.into_iter().map(|(reply, _)| reply);
        for reply in waiting.chain(appended) {
            let _ = reply.send(Err(error.clone()));
        }
        for reply in group.committed {
            let _ = reply.send(Err(error.clone()));
        }
        for (stream, reply) in group.flushes {
            // The flush tells of the failure, so it need not be told again.
            let _ = self
                .shared
                .read(|db| self.shared.streams.flushed(db, &stream));
            let _ = reply.send(Err(error.clone()));
        }
        for job in group.jobs {
            job(Err(error.clone()));
        }
        group.closing
    }

    /// Opens the database anew after a failed write. When that fails, the next group tries again.
    fn reopen(&mut self, cause: &StoreError) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.exclusive();
        let database = shared.layout.database();
        let down = |error: StoreError| {
            tracing::error!(%error, "the database could not be opened again");
            State::Down(error)
        };
        if let State::Open { db, .. } = std::mem::replace(&mut *state, State::Down(cause.clone()))
            && let Err(error) = recovery::close_database(db, &database)
        {
            *state = down(StoreError::io("close the database")(error));
            return;
        }
        let acknowledged = self.commit_file.number();
        let opened =
            recovery::open_database(&database, shared.options.cache_bytes).and_then(|opened| {
                if opened.commit < acknowledged {
                    return Err(StoreError::Damaged {
                        reason: format!(
                            "it ends with commit {}, and commit {acknowledged} was acknowledged",
                            opened.commit
                        ),
                    });
                }
                shared
                    .disk
                    .sync(&opened.log)
                    .map_err(StoreError::io("sync the database"))?;
                shared.streams.reload(&opened.db)?;
                Ok(opened)
            });
        *state = match opened {
            Ok(opened) => {
                tracing::info!(commit = opened.commit, "the database was opened again");
                self.applied = opened.commit;
                State::Open {
                    db: opened.db,
                    log: opened.log,
                }
            }
            Err(error) => down(error),
        };
    }

    /// Closes the database, notes that it was closed cleanly, and gives the directory free.
    fn close(self) -> Result<(), StoreError> {
        let shared = self.shared;
        let state = std::mem::replace(&mut *shared.exclusive(), State::Closed);
        shared.streams.close();
        let database = shared.layout.database();
        let closed = match state {
            State::Open { db, log } => {
                drop(log);
                recovery::close_database(db, &database)
                    .and_then(|()| recovery::mark_clean(&shared.layout))
                    .map_err(StoreError::io("close the database"))
            }
            State::Down(error) => Err(error),
            State::Closed => Ok(()),
        };
        shared.release();
        closed
    }
}

/// Numbers, encodes and seals an entry into the batch.
fn put_entry(
    shared: &Shared,
    db: &sled::Db,
    batch: &mut sled::Batch,
    stream: &str,
    entry: &dyn Erased,
) -> Result<u64, StoreError> {
    let plain = entry.encode(stream)?;
    let seq = shared.streams.number(db, stream)?;
    let key = tree::entry(stream, seq);
    let sealed = seal::seal(&shared.keys, &key, &plain)?;
    tree::put(db, batch, &key, &sealed)?;
    Ok(seq)
}
