//! Packages, Debian's registry on loopback, and a server that answers as a test says.

#![allow(dead_code, unused_imports, reason = "each test program uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod registry;

pub use registry::Registry;

use labd_plugin_package::{
    digest::Digest,
    files::Files,
    signing::{SecretKey, sign},
    source::{FetchOptions, Fetcher},
};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Writes the folder of a small package. Its component is `code`.
pub fn folder(dir: &Path, id: &str, version: &str, code: &str) -> PathBuf {
    let folder = dir.join(format!(
        "{id}-{version}-{}",
        Digest::of(code.as_bytes()).hex()
    ));
    let asset = format!("export default {version:?};\n");
    let manifest = format!(
        "schema = 1\nid = \"{id}\"\nversion = \"{version}\"\nkind = \"sandbox\"\nhost = \">=0.1\"\n\
         wasm = \"plugin.wasm\"\nlicense = \"Apache-2.0\"\n[[assets]]\npath = \"vendor/x.js\"\n\
         sha256 = \"{}\"\nmedia-type = \"text/javascript\"\n",
        Digest::of(asset.as_bytes()).hex()
    );
    fs::create_dir_all(folder.join("assets/vendor")).unwrap();
    fs::write(folder.join("plugin.toml"), manifest).unwrap();
    fs::write(folder.join("plugin.wasm"), code).unwrap();
    fs::write(folder.join("assets/vendor/x.js"), asset).unwrap();
    fs::write(folder.join("README.md"), "# A plugin\n").unwrap();
    folder
}

/// The same, read.
pub fn package(id: &str, version: &str, code: &str) -> Files {
    let dir = tempfile::tempdir().unwrap();
    Files::read_dir(&folder(dir.path(), id, version, code)).unwrap()
}

/// The same, signed.
pub fn signed(id: &str, version: &str, code: &str, key: &SecretKey) -> Files {
    sign(package(id, version, code), key).unwrap()
}

pub fn fetcher(mirror: Option<&Path>) -> Fetcher {
    Fetcher::new(FetchOptions {
        extra_roots: None,
        mirror: mirror.map(Path::to_owned),
    })
    .unwrap()
}

/// What a server answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Status, headers, body; with the right length.
    Whole(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A body without end, without a length.
    Endless(u16, Vec<(&'static str, String)>),
    /// A head that announces so many bytes, of which only these come.
    Cut(usize, Vec<u8>),
}

impl Reply {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::Whole(200, Vec::new(), body.into())
    }

    pub fn typed(media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", media_type.to_owned())];
        Self::Whole(200, headers, body.into())
    }

    pub fn to(location: impl Into<String>) -> Self {
        Self::Whole(307, vec![("location", location.into())], Vec::new())
    }

    pub fn absent() -> Self {
        Self::Whole(404, Vec::new(), Vec::new())
    }
}

/// A server on loopback.
pub struct Server {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers each request by its path.
    pub async fn start(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, seen) = (answer.clone(), seen.clone());
                tokio::spawn(serve(stream, answer, seen));
            }
        });
        Self { address, heads }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The heads of the requests so far, in lower case.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&str) -> Reply>,
    seen: Arc<Mutex<Vec<String>>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap().push(head.to_lowercase());
    // Whoever has heard enough closes: then writing fails, and that is the end.
    let _ = write(&mut stream, answer(&path)).await;
}

async fn write(stream: &mut TcpStream, reply: Reply) -> std::io::Result<()> {
    let head = |status: u16, headers: &[(&str, String)], more: &str| {
        let mut head = format!("HTTP/1.1 {status} Status\r\nconnection: close\r\n{more}");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head + "\r\n"
    };
    match reply {
        Reply::Whole(status, headers, body) => {
            let length = format!("content-length: {}\r\n", body.len());
            stream
                .write_all(head(status, &headers, &length).as_bytes())
                .await?;
            stream.write_all(&body).await?;
        }
        Reply::Endless(status, headers) => {
            stream
                .write_all(head(status, &headers, "").as_bytes())
                .await?;
            let block = vec![b' '; 1 << 16];
            loop {
                stream.write_all(&block).await?;
            }
        }
        Reply::Cut(announced, body) => {
            let length = format!("content-length: {announced}\r\n");
            stream.write_all(head(200, &[], &length).as_bytes()).await?;
            stream.write_all(&body).await?;
        }
    }
    stream.shutdown().await
}
