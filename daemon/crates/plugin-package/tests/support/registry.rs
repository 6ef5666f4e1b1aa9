//! Debian's registry on loopback.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::net::TcpStream;

/// The longest that a registry may take to start, on a machine that does much else.
const READY: Duration = Duration::from_secs(60);

/// Debian's `docker-registry`, for one test. It ends when this is dropped.
pub struct Registry {
    address: SocketAddr,
    process: Child,
    _folder: TempDir,
}

/// The user of a registry with passwords; of `open sesame`.
const USER: &str = "ann:$2b$04$skVGDEPjnGD195EvrvrfxOLVF/QgtdVkxbYFlfHtkIEY1lOi4tM7a";

impl Registry {
    /// One that anybody may use.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// One for `ann` with the password `open sesame`.
    pub async fn start_with_passwords() -> Self {
        let auth = "auth:\n  htpasswd:\n    realm: test\n    path: @FOLDER@/users\n";
        Self::start_with(auth).await
    }

    async fn start_with(auth: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("users"), USER).unwrap();
        let deadline = Instant::now() + READY;
        loop {
            // Another process may take the port before the registry does.
            let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let auth = auth.replace("@FOLDER@", &folder.path().display().to_string());
            let config = format!(
                "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
                 http:\n  addr: {address}\n{auth}",
                folder.path().join("data").display()
            );
            let file = folder.path().join("config.yml");
            fs::write(&file, config).unwrap();
            let mut process = Command::new("docker-registry")
                .arg("serve")
                .arg(&file)
                .env_clear()
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("docker-registry, which `cargo xtask test` installs");
            while process.try_wait().unwrap().is_none() {
                if TcpStream::connect(address).await.is_ok() {
                    return Self {
                        address,
                        process,
                        _folder: folder,
                    };
                }
                assert!(Instant::now() < deadline, "the registry is not ready");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(Instant::now() < deadline, "the registry does not start");
        }
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It has ended by itself when this fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
