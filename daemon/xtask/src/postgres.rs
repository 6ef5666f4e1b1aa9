//! A private PostgreSQL server for one run of the tests.
//!
//! Its data is in a temporary directory, its port is free, it does not sync, and it listens on
//! 127.0.0.1 and on a Unix socket in that directory. TLS is on, with a certificate authority made
//! for this run. What a test may rely on:
//!
//! | variable | what it holds |
//! | --- | --- |
//! | `LABD_TEST_POSTGRES_URL` | superuser, database `postgres`, over TCP |
//! | `LABD_TEST_POSTGRES_SOCKET_DIR` | the folder of the Unix socket, same port |
//! | `LABD_TEST_POSTGRES_CA` | the authority of the server's certificate (localhost, 127.0.0.1) |
//! | `LABD_TEST_POSTGRES_CLIENT_CERT`, `…_CLIENT_KEY` | a certificate for the role `cert_user` |
//!
//! Passwords are checked by SCRAM-SHA-256, with these exceptions, for roles that a test creates:
//! `tls_only` is refused without TLS, `md5_user` and `password_user` use those methods, and
//! `cert_user` needs the client certificate.
//!
//! The server is stopped and its directory removed by a shell that waits for the end of a pipe of
//! ours. It runs in a process group of its own, so that it also does so when this process is
//! interrupted or killed.

use std::{
    fs,
    io::Read,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    step::{self, Context, Failure, Result},
    tools,
    workspace::Workspace,
};

/// Who runs the server when we are root, which PostgreSQL refuses to run as.
const SERVER_USER: &str = "postgres";

/// Arguments: directory, user or empty, `pg_ctl`.
const CLEAN_UP: &str = r#"
trap '' HUP INT TERM
read -r _
if [ -n "$2" ]; then
  runuser -u "$2" -- "$3" -D "$1/data" -m immediate stop
else
  "$3" -D "$1/data" -m immediate stop
fi >/dev/null 2>&1
rm -rf "$1"
"#;

const ACCESS: &str = "\
hostnossl all tls_only      all          reject
hostssl   all cert_user     127.0.0.1/32 cert
host      all cert_user     all          reject
host      all md5_user      127.0.0.1/32 md5
host      all password_user 127.0.0.1/32 password
host      all all           127.0.0.1/32 scram-sha-256
local     all all                        scram-sha-256
";

/// A running server; it is stopped when this is dropped.
pub struct Postgres {
    folder: PathBuf,
    port: u16,
    password: String,
    clean_up: Child,
}

/// The folder of `initdb` and `pg_ctl`: Debian's newest, or else the one in `PATH`.
pub fn programs() -> Option<PathBuf> {
    let has_both = |folder: &PathBuf| {
        ["initdb", "pg_ctl"]
            .iter()
            .all(|name| tools::executable(&folder.join(name)))
    };
    let debian = fs::read_dir("/usr/lib/postgresql")
        .ok()
        .and_then(|versions| {
            versions
                .filter_map(|version| Some(version.ok()?.path().join("bin")))
                .filter(has_both)
                .max()
        });
    debian.or_else(|| {
        let folder = tools::find("initdb")?.canonicalize().ok()?;
        folder.parent().map(Path::to_owned).filter(has_both)
    })
}

/// Whether this process has root's rights.
pub fn is_root(workspace: &Workspace) -> Result<bool> {
    Ok(step::quiet(workspace.command("id").arg("-u"))?.trim() == "0")
}

impl Postgres {
    /// Makes and starts a server.
    pub fn start(workspace: &Workspace) -> Result<Self> {
        step::step("start a private PostgreSQL", || {
            let server = Self::create(workspace)?;
            let word = format!("port {}", server.port);
            Ok((server, word))
        })
    }

    fn create(workspace: &Workspace) -> Result<Self> {
        let programs = programs()
            .ok_or_else(|| Failure::new("PostgreSQL's initdb is missing: cargo xtask setup"))?;
        let user = is_root(workspace)?.then_some(SERVER_USER);
        // As root not `TMPDIR`: the server's user may not be able to enter it.
        let parent = match user {
            Some(_) => PathBuf::from("/tmp"),
            None => std::env::temp_dir(),
        };
        let password = random()?;
        let folder = parent.join(format!("labd-postgres-{}", random()?));
        fs::create_dir(&folder).context(|| format!("creating {}", folder.display()))?;
        let clean_up = Command::new("sh")
            .args(["-c", CLEAN_UP, "sh"])
            .arg(&folder)
            .arg(user.unwrap_or_default())
            .arg(programs.join("pg_ctl"))
            .current_dir("/")
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context(|| "starting sh".into())?;
        // From here on, dropping this cleans up.
        let mut server = Self {
            folder,
            port: 0,
            password,
            clean_up,
        };
        server.initialise(&programs, user)?;
        server.listen(&programs, user)?;
        Ok(server)
    }

    /// Writes certificates and data directory.
    fn initialise(&self, programs: &Path, user: Option<&str>) -> Result<()> {
        let folder = &self.folder;
        self.certificates()?;
        let password_file = folder.join("password");
        write(&password_file, &self.password)?;
        for private in ["server.key", "client.key", "ca.key", "password"] {
            let path = folder.join(private);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                .context(|| format!("protecting {}", path.display()))?;
        }
        if let Some(user) = user {
            let home = step::quiet(Command::new("id").args(["-u", user]))?;
            let uid = home
                .trim()
                .parse()
                .map_err(|_| Failure::new(format!("there is no user {user}: {home}")))?;
            for path in ["", "server.key", "server.crt", "ca.crt", "password"] {
                let path = folder.join(path);
                chown(&path, Some(uid), None)
                    .context(|| format!("giving {} to {user}", path.display()))?;
            }
        }
        step::quiet(
            as_user(user, &programs.join("initdb"))
                .args(["--username=labd", "--encoding=UTF8", "--locale=C.UTF-8"])
                .args(["--auth=scram-sha-256", "--no-sync", "--no-instructions"])
                .arg(format!("--pwfile={}", password_file.display()))
                .arg("-D")
                .arg(folder.join("data")),
        )?;
        let owner = folder.join("data/postgresql.conf");
        let about = fs::metadata(&owner).context(|| format!("looking at {}", owner.display()))?;
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nunix_socket_directories = '{0}'\n\
             fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n\
             max_connections = 200\nshared_buffers = 64MB\ntimezone = 'UTC'\n\
             ssl = on\nssl_cert_file = '{0}/server.crt'\nssl_key_file = '{0}/server.key'\n\
             ssl_ca_file = '{0}/ca.crt'\n",
            folder.display()
        );
        for (name, content) in [("labd.conf", settings.as_str()), ("pg_hba.conf", ACCESS)] {
            let path = folder.join("data").join(name);
            write(&path, content)?;
            chown(&path, Some(about.uid()), Some(about.gid()))
                .context(|| format!("giving away {}", path.display()))?;
        }
        let mut settings =
            fs::read_to_string(&owner).context(|| format!("reading {}", owner.display()))?;
        settings.push_str("\ninclude 'labd.conf'\n");
        write(&owner, &settings)
    }

    /// An authority, a server certificate and a client certificate.
    fn certificates(&self) -> Result<()> {
        let key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ];
        self.openssl(
            &[
                &[
                    "req",
                    "-x509",
                    "-days",
                    "30",
                    "-subj",
                    "/CN=labd test authority",
                ][..],
                &key,
                &["-keyout", "ca.key", "-out", "ca.crt"],
                &["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
            ]
            .concat(),
        )?;
        for (name, subject, extensions) in [
            (
                "server",
                "/CN=localhost",
                "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n",
            ),
            ("client", "/CN=cert_user", "extendedKeyUsage=clientAuth\n"),
        ] {
            let file = |end: &str| format!("{name}.{end}");
            let (private, request, certificate, extra) =
                (file("key"), file("csr"), file("crt"), file("ext"));
            let basic = "basicConstraints=critical,CA:FALSE\n";
            write(&self.folder.join(&extra), &format!("{basic}{extensions}"))?;
            self.openssl(
                &[
                    &["req", "-new", "-subj", subject][..],
                    &key,
                    &["-keyout", &private, "-out", &request],
                ]
                .concat(),
            )?;
            self.openssl(&[
                "x509",
                "-req",
                "-days",
                "30",
                "-CA",
                "ca.crt",
                "-CAkey",
                "ca.key",
                "-CAcreateserial",
                "-in",
                &request,
                "-extfile",
                &extra,
                "-out",
                &certificate,
            ])?;
        }
        Ok(())
    }

    fn openssl(&self, arguments: &[&str]) -> Result<()> {
        step::quiet(
            Command::new("openssl")
                .args(arguments)
                .current_dir(&self.folder),
        )
        .map(|_| ())
    }

    /// Starts the server on a free port. Another process can take the port in between; then
    /// another port is tried.
    fn listen(&mut self, programs: &Path, user: Option<&str>) -> Result<()> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            self.port = TcpListener::bind("127.0.0.1:0")
                .and_then(|listener| listener.local_addr())
                .context(|| "looking for a free port".into())?
                .port();
            let log = self.folder.join("data/server.log");
            let started = step::quiet(
                as_user(user, &programs.join("pg_ctl"))
                    .args(["start", "--wait", "--timeout=60", "-o"])
                    .arg(format!("-p {}", self.port))
                    .arg("-D")
                    .arg(self.folder.join("data"))
                    .arg("-l")
                    .arg(&log),
            );
            match started {
                Ok(_) => return Ok(()),
                Err(_) if attempts < 3 => (),
                Err(failure) => {
                    let log = fs::read_to_string(&log).unwrap_or_default();
                    return Err(Failure::new(format!("{failure}\n{log}")));
                }
            }
        }
    }

    /// Tells tests where the server is.
    pub fn export(&self, command: &mut Command) {
        let url = format!(
            "postgres://labd:{}@127.0.0.1:{}/postgres",
            self.password, self.port
        );
        command
            .env("LABD_TEST_POSTGRES_URL", url)
            .env("LABD_TEST_POSTGRES_SOCKET_DIR", &self.folder)
            .env("LABD_TEST_POSTGRES_CA", self.folder.join("ca.crt"))
            .env(
                "LABD_TEST_POSTGRES_CLIENT_CERT",
                self.folder.join("client.crt"),
            )
            .env(
                "LABD_TEST_POSTGRES_CLIENT_KEY",
                self.folder.join("client.key"),
            );
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.clean_up.stdin.take());
        if let Err(error) = self.clean_up.wait() {
            eprintln!("the private PostgreSQL may still run: {error}");
        }
    }
}

/// A program as another user, from a directory that every user may enter.
fn as_user(user: Option<&str>, program: &Path) -> Command {
    let mut command = match user {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", user, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.current_dir("/");
    command
}

fn write(path: &Path, content: &str) -> Result<()> {
    fs::write(path, content).context(|| format!("writing {}", path.display()))
}

/// 128 random bits in hexadecimal.
fn random() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context(|| "reading /dev/urandom".into())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
