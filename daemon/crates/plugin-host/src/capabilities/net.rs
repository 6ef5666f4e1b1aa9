//! `labd:host/net`: a connector's way to the servers of its data source. What it may do is settled
//! in [`crate::net`]; here it meets the guest.

use super::not_permitted;
use crate::{
    PluginError,
    bindings::{host::labd::host::net, wire::Error},
    net::{Conn, Dialer, Secret, TlsUse},
    state::{Access, HostState},
};
use wasmtime::component::{Linker, Resource};

/// The servers of this instance's data source; none without permission.
#[derive(Default)]
pub(crate) struct NetAccess(pub Option<Dialer>);

pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    net::add_to_linker::<_, Access>(linker, |state| state)
}

impl HostState {
    fn dialer(&self) -> Result<Dialer, PluginError> {
        let dialer = self.net.0.clone();
        dialer.ok_or_else(|| not_permitted(&self.core.id, "net", "the data source's servers"))
    }
}

impl net::Host for HostState {
    async fn targets(&mut self) -> wasmtime::Result<Result<Vec<net::Target>, Error>> {
        let targets = self.dialer().map(|dialer| {
            let targets = dialer.targets().into_iter();
            targets
                .map(|target| net::Target {
                    host: target.host,
                    port: target.port,
                    tls: match target.tls {
                        TlsUse::Disable => net::TlsMode::Disable,
                        TlsUse::Prefer => net::TlsMode::Prefer,
                        TlsUse::Require => net::TlsMode::Require,
                    },
                })
                .collect()
        });
        Ok(self.answer(targets))
    }

    async fn connect(&mut self, index: u32) -> wasmtime::Result<Result<Resource<Conn>, Error>> {
        let connected = match (self.dialer(), self.core.place_to_open()) {
            (Ok(dialer), Ok(place)) => {
                let connected = dialer.connect(index).await;
                connected.map(|conn| conn.keeping(place))
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let connected = match connected {
            Ok(conn) => Ok(self.table.push(conn)?),
            Err(error) => Err(error),
        };
        Ok(self.answer(connected))
    }
}

impl net::HostConn for HostState {
    async fn read(
        &mut self,
        conn: Resource<Conn>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let read = self.table.get_mut(&conn)?.read(max).await;
        Ok(self.answer(read))
    }

    async fn write(
        &mut self,
        conn: Resource<Conn>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let written = self.table.get_mut(&conn)?.write(&bytes).await;
        Ok(self.answer(written))
    }

    async fn upgrade_tls(
        &mut self,
        conn: Resource<Conn>,
        alpn: Vec<String>,
    ) -> wasmtime::Result<Result<net::TlsInfo, Error>> {
        let upgraded = self.table.get_mut(&conn)?.upgrade_tls(&alpn).await;
        Ok(self.answer(upgraded.map(|info| net::TlsInfo {
            alpn: info.alpn,
            server_end_point: info.server_end_point,
        })))
    }

    async fn reveal(
        &mut self,
        conn: Resource<Conn>,
        name: String,
    ) -> wasmtime::Result<Result<Resource<Secret>, Error>> {
        let revealed = match self.table.get(&conn)?.reveal(&name) {
            Ok(secret) => Ok(self.table.push(secret)?),
            Err(error) => Err(error),
        };
        Ok(self.answer(revealed))
    }

    async fn drop(&mut self, conn: Resource<Conn>) -> wasmtime::Result<()> {
        self.table.delete(conn)?;
        Ok(())
    }
}

impl net::HostSecret for HostState {
    async fn read(&mut self, secret: Resource<Secret>) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        Ok(Ok(self.table.get(&secret)?.read().to_vec()))
    }

    async fn drop(&mut self, secret: Resource<Secret>) -> wasmtime::Result<()> {
        self.table.delete(secret)?;
        Ok(())
    }
}
