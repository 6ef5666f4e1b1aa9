//! A TCP proxy that a test can break, for servers that go away in the middle and come back.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};
use url::Url;

/// What happens to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Open,
    Stalled,
    Cut,
}

/// A proxy on a free port of 127.0.0.1. It ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy to the server of a URL that names a port.
    ///
    /// # Errors
    /// When no port is free, or the URL names no server.
    pub async fn to(server: &Url) -> io::Result<Self> {
        let target = server
            .host_str()
            .zip(server.port())
            .map(|(host, port)| (host.to_owned(), port))
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no host and port"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (mode, receiver) = watch::channel(Mode::Open);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *receiver.borrow() != Mode::Cut {
                    tokio::spawn(connect(client, target.clone(), receiver.clone()));
                }
            }
        });
        Ok(Self {
            address,
            mode,
            accepting,
        })
    }

    /// The same URL with this proxy in the place of the server.
    pub fn url(&self, server: &Url) -> Url {
        let mut url = server.clone();
        // Both fail only for URLs without a host.
        let _ = url.set_ip_host(self.address.ip());
        let _ = url.set_port(Some(self.address.port()));
        url
    }

    /// Closes all connections. New ones are closed as soon as they are made.
    pub fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Keeps connections, and lets no byte through.
    pub fn stall(&self) {
        self.mode.send_replace(Mode::Stalled);
    }

    /// Lets everything through again. Connections that were cut stay closed.
    pub fn restore(&self) {
        self.mode.send_replace(Mode::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn connect(client: TcpStream, target: (String, u16), mode: watch::Receiver<Mode>) {
    // A server that cannot be reached shows as a connection that is closed at once.
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    // What ends one direction is for the two ends to notice; it is what the test is about.
    let _ = tokio::join!(
        forward(from_client, to_server, mode.clone()),
        forward(from_server, to_client, mode),
    );
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read?,
            _ = mode.wait_for(|mode| *mode == Mode::Cut) => return Ok(()),
        };
        let cut = mode
            .wait_for(|mode| *mode != Mode::Stalled)
            .await
            .is_ok_and(|mode| *mode == Mode::Cut);
        if read == 0 || cut {
            return to.shutdown().await;
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_connection_stalls_goes_on_is_cut_and_can_be_made_again() {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", server.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = server.accept().await {
                let (mut from, mut to) = stream.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut from, &mut to).await });
            }
        });
        let url = Url::parse(&url).unwrap();
        let proxy = Proxy::to(&url).await.unwrap();
        let through = proxy.url(&url).socket_addrs(|| None).unwrap();
        let mut client = TcpStream::connect(&through[..]).await.unwrap();
        let mut byte = [0];

        client.write_all(b"a").await.unwrap();
        client.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"a");

        proxy.stall();
        client.write_all(b"b").await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_millis(50), client.read(&mut byte));
        assert!(waiting.await.is_err());
        proxy.restore();
        client.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"b");

        proxy.cut();
        assert!(matches!(client.read(&mut byte).await, Ok(0) | Err(_)));
        proxy.restore();
        let mut client = TcpStream::connect(&through[..]).await.unwrap();
        client.write_all(b"c").await.unwrap();
        client.read_exact(&mut byte).await.unwrap();
        assert_eq!(&byte, b"c");
    }
}
