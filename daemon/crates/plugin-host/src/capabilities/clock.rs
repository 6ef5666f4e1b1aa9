//! `labd:host/clock`: time, and waiting without holding a thread.

use crate::{
    bindings::{
        host::labd::host::clock,
        wire::{Error, Fault},
    },
    limits,
    state::{Access, HostState},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wasmtime::component::Linker;

pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    clock::add_to_linker::<_, Access>(linker, |state| state)
}

impl clock::Host for HostState {
    async fn now(&mut self) -> wasmtime::Result<u64> {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    async fn sleep(&mut self, milliseconds: u32) -> wasmtime::Result<Result<(), Error>> {
        let time = Duration::from_millis(milliseconds.into());
        if time > limits::SLEEP {
            return Ok(Err(Error::InvalidRequest(Fault {
                message: format!("sleep takes at most {} ms", limits::SLEEP.as_millis()),
                code: None,
                position: None,
                hint: None,
            })));
        }
        tokio::time::sleep(time).await;
        Ok(Ok(()))
    }
}
