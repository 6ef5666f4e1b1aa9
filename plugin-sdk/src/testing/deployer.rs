//! Small apps and attempts, and the whole of a deployment.

use super::FakeHost;
use crate::deployer::{App, Attempt, Deployment, Event, Setting};
use crate::{Error, Host, bundle};

/// The app `app` with the host's bundle, which reads `DATABASE_URL`.
pub fn app(host: &FakeHost) -> App {
    let files = host.bundle_files(0, u32::MAX).unwrap_or_default();
    App {
        name: "App".into(),
        slug: "app".into(),
        layout: "node-project".into(),
        revision: "0123456789abcdef".repeat(4),
        message: "As it is".into(),
        files: u32::try_from(files.len()).unwrap_or(u32::MAX),
        bytes: files.iter().map(|file: &bundle::File| file.size).sum(),
        settings: vec![Setting {
            name: "DATABASE_URL".into(),
            description: "The database that the app reads.".into(),
            required: true,
            secret: true,
            default_value: None,
            available: false,
        }],
    }
}

/// A first attempt.
pub fn attempt() -> Attempt {
    Attempt {
        id: "01JD0000000000000000000000".into(),
        checkpoint: None,
    }
}

/// All events of a deployment, asking for at most `max` at a time, and the error that ended it.
pub fn drain(deployment: &mut impl Deployment, max: usize) -> (Vec<Event>, Option<Error>) {
    let mut all = Vec::new();
    loop {
        match deployment.next(max) {
            Ok(events) if events.is_empty() => return (all, None),
            Ok(events) => all.extend(events),
            Err(error) => return (all, Some(error)),
        }
    }
}

/// The name and the bytes of the artifact among these events.
pub fn artifact(events: &[Event]) -> Option<(String, Vec<u8>)> {
    let mut found = None;
    for event in events {
        match (event, &mut found) {
            (Event::Artifact(artifact), None) => found = Some((artifact.name.clone(), Vec::new())),
            (Event::ArtifactBytes(bytes), Some((_, all))) => all.extend(bytes),
            _ => {}
        }
    }
    found
}
