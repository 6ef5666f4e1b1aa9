//! The Unix socket: who may open it, and what is done about one that was left behind.
//!
//! The socket's directory is the daemon user's alone (0700), the socket itself 0600, and the peer
//! of each connection must be that user or root. A socket that nobody listens on is removed; a
//! file that is no socket never is.

use std::{
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tokio::net::{UnixListener, UnixStream};

/// A socket that is listened on. Its file is removed when it is dropped.
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file: another daemon's is left alone.
    file: (u64, u64),
    /// The daemon's user, as the owner of the file it made.
    user: u32,
}

/// Why a socket cannot be listened on, or a connection is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Someone listens there.
    #[error("a daemon listens on {} already; stop it, or choose another socket", .0.display())]
    InUse(PathBuf),
    /// Something else is there.
    #[error("{} is no socket; remove it, or choose another path for the socket", .0.display())]
    NoSocket(PathBuf),
    /// Others may enter the directory.
    #[error("{} must be a directory of the daemon's user alone; run: chmod 700 {}", .0.display(), .0.display())]
    OpenDirectory(PathBuf),
    /// A connection of another user.
    #[error("a process of user {user} tried to connect")]
    Foreign {
        /// The user's number.
        user: u32,
    },
    /// The system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// The socket, or its directory.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl Socket {
    /// Listens at `path`. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        let directory = path.parent().unwrap_or(Path::new("."));
        private_directory(directory)?;
        remove_stale(path)?;
        let io = |error| SocketError::Io {
            path: path.to_owned(),
            error,
        };
        // Nobody else can be in the directory between this line and the next.
        let listener = UnixListener::bind(path).map_err(io)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
        let meta = std::fs::symlink_metadata(path).map_err(io)?;
        let found = std::fs::metadata(directory).map_err(io)?;
        if found.uid() != meta.uid() {
            return Err(SocketError::OpenDirectory(directory.to_owned()));
        }
        Ok(Self {
            listener,
            path: path.to_owned(),
            file: (meta.dev(), meta.ino()),
            user: meta.uid(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection of the daemon's user or root.
    pub(crate) async fn accept(&self) -> Result<UnixStream, SocketError> {
        let io = |error| SocketError::Io {
            path: self.path.clone(),
            error,
        };
        let (stream, _) = self.listener.accept().await.map_err(io)?;
        let user = stream.peer_cred().map_err(io)?.uid();
        if !admitted(user, self.user) {
            return Err(SocketError::Foreign { user });
        }
        Ok(stream)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path)
            .is_ok_and(|meta| (meta.dev(), meta.ino()) == self.file);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the socket stays behind");
        }
    }
}

/// The daemon's own user, or root.
fn admitted(peer: u32, daemon: u32) -> bool {
    peer == daemon || peer == 0
}

fn private_directory(directory: &Path) -> Result<(), SocketError> {
    let io = |error| SocketError::Io {
        path: directory.to_owned(),
        error,
    };
    match std::fs::metadata(directory) {
        Ok(meta) if meta.is_dir() && meta.mode() & 0o077 == 0 => Ok(()),
        Ok(_) => Err(SocketError::OpenDirectory(directory.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(io),
        Err(error) => Err(io(error)),
    }
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let io = |error| SocketError::Io {
        path: path.to_owned(),
        error,
    };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io(error)),
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(SocketError::NoSocket(path.to_owned()));
        }
        Ok(_) => {}
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(io)
        }
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) => Err(io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_the_users_alone_and_goes_with_the_daemon() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/labd.sock");
        let socket = Socket::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            std::fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777,
            0o700
        );
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/labd.sock");
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(path.parent().unwrap())
            .unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let living = Socket::bind(&path).unwrap();
        assert!(matches!(Socket::bind(&path), Err(SocketError::InUse(_))));
        assert!(path.exists());
        drop(living);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/labd.sock");
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(path.parent().unwrap())
            .unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(Socket::bind(&path), Err(SocketError::NoSocket(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }

    #[tokio::test]
    async fn a_directory_that_others_may_enter_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        std::fs::DirBuilder::new()
            .mode(0o755)
            .create(&open)
            .unwrap();
        assert!(matches!(
            Socket::bind(&open.join("s")),
            Err(SocketError::OpenDirectory(_))
        ));
    }

    #[test]
    fn only_the_daemons_user_and_root_are_admitted() {
        assert!(admitted(1000, 1000) && admitted(0, 1000));
        assert!(!admitted(1001, 1000) && !admitted(1000, 0));
    }
}
