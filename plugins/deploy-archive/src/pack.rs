//! The work: one piece of one file at a time, so that the archive is never in memory as a whole.

use crate::{PACK, file_name};
use labd_plugin::bundle::{File, Reader};
use labd_plugin::deployer::{App, Artifact, Event, Flow, Progress, Release, Work, done, started};
use labd_plugin::{Error, Host, Result};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};
use zip::{CompressionMethod, DateTime};

/// Packed bytes that are handed over at a time; the contract allows 1 MiB.
const CHUNK: usize = 256 * 1024;
/// How often the number of packed files is told.
const EVERY: usize = 25;

/// What the archive writes to, and what is taken from it.
#[derive(Clone, Default)]
struct Packed(Rc<RefCell<Vec<u8>>>);

impl Write for Packed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Packed {
    /// Hands over what is there, in whole chunks, or all of it.
    fn take(&self, all: bool, events: &mut Vec<Event>) {
        let mut packed = self.0.borrow_mut();
        while packed.len() >= CHUNK || (all && !packed.is_empty()) {
            let at = packed.len().min(CHUNK);
            let rest = packed.split_off(at);
            events.push(Event::ArtifactBytes(std::mem::replace(&mut *packed, rest)));
        }
    }
}

/// A half-packed app.
pub struct Packing<H> {
    host: H,
    app: App,
    files: Vec<File>,
    /// The file that is next, or being read.
    at: usize,
    reading: Option<Reader>,
    zip: Option<ZipWriter<StreamWriter<Packed>>>,
    packed: Packed,
    begun: bool,
    bytes: usize,
}

impl<H: Host> Packing<H> {
    pub(crate) fn new(host: H, app: App, files: Vec<File>) -> Self {
        let packed = Packed::default();
        Self {
            host,
            app,
            files,
            at: 0,
            reading: None,
            zip: Some(ZipWriter::new_stream(packed.clone())),
            packed,
            begun: false,
            bytes: 0,
        }
    }

    fn zip(&mut self) -> Result<&mut ZipWriter<StreamWriter<Packed>>> {
        self.zip
            .as_mut()
            .ok_or_else(|| Error::internal("the archive is closed already"))
    }

    /// Packs a piece of the present file; the progress after every so many files.
    fn piece(&mut self, events: &mut Vec<Event>) -> Result<()> {
        let Some(file) = self.files.get(self.at) else {
            return Ok(());
        };
        let path = format!("{}/{}", self.app.slug, file.path);
        let mut reader = match self.reading.take() {
            Some(reader) => reader,
            None => {
                let reader = Reader::new(&file.path);
                self.zip()?.start_file(path, options()).map_err(fault)?;
                reader
            }
        };
        let bytes = reader.next(&self.host)?;
        if !bytes.is_empty() {
            self.zip()?.write_all(&bytes).map_err(|e| fault(e.into()))?;
            self.reading = Some(reader);
            return Ok(());
        }
        self.at += 1;
        if self.at.is_multiple_of(EVERY) {
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            events.push(Event::Progress(Progress {
                done: count(self.at),
                total: Some(count(self.files.len())),
                unit: "files".into(),
            }));
        }
        Ok(())
    }
}

impl<H: Host> Work for Packing<H> {
    fn advance(&mut self, events: &mut Vec<Event>) -> Result<Flow> {
        if !self.begun {
            self.begun = true;
            events.push(started(PACK));
            events.push(Event::Artifact(Artifact {
                name: file_name(&self.app),
                media_type: "application/zip".into(),
            }));
            return Ok(Flow::More);
        }
        let more = self.at < self.files.len();
        if more {
            self.piece(events)?;
        } else if let Some(zip) = self.zip.take() {
            zip.finish().map_err(fault)?;
        }
        let first = events.len();
        self.packed.take(!more, events);
        for event in events.iter().skip(first) {
            if let Event::ArtifactBytes(bytes) = event {
                self.bytes += bytes.len();
            }
        }
        if more {
            return Ok(Flow::More);
        }
        let bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        events.push(done(PACK, format!("{} packed", crate::size(bytes))));
        events.push(Event::Finished(Some(Release {
            id: format!("{}-{}", self.app.slug, short(&self.app.revision)),
            url: None,
            state: None,
        })));
        Ok(Flow::Done)
    }
}

/// The same for every file, so that the same app gives the same bytes.
fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(6))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}

fn fault(error: zip::result::ZipError) -> Error {
    Error::internal(format!("the archive cannot be written: {error}"))
}

fn short(revision: &str) -> &str {
    revision.get(..12).unwrap_or(revision)
}
