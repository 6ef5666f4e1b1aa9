//! Where things are, and the target directory that clones share.
//!
//! Unless `CARGO_TARGET_DIR` says otherwise, builds go to `<cache>/labd/target` (host) and
//! `<cache>/labd/plugins-target` (wasm), `<cache>` being `$XDG_CACHE_HOME` or `~/.cache`.
//! Compiling the dependencies takes over ten minutes on two cores, and a second clone would do it
//! again. With `CARGO_TARGET_DIR=<dir>` the plugins go to `<dir>-plugins`. The benchmark beside other
//! hosts, with its second wasmtime, goes to `hosts-target` and `<dir>-hosts`.
//!
//! Sharing has one trap. Cargo hashes the path of a workspace's member relative to the workspace
//! and takes it for fresh when no source is newer than the artifact, so that a clone made before
//! another clone's build would get that other clone's code. Hence two rules:
//! - one task at a time holds the lock file beside the shared directory;
//! - the file `used-by` names the clone that built last; when it was another one, all sources here
//!   get the present time as their modification time before anything is built.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File, TryLockError},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

use crate::{
    stamp,
    step::{self, Context, Failure, Result},
};

/// The repository on this machine.
pub struct Workspace {
    root: PathBuf,
    cache: PathBuf,
    target: PathBuf,
    plugins_target: PathBuf,
    hosts_target: PathBuf,
    shared: Option<File>,
}

impl Workspace {
    /// Finds the repository and takes the shared target directory, waiting for another task that
    /// has it.
    pub fn open() -> Result<Self> {
        // The variable of this run, not the one of the build: with a shared target directory this
        // binary may have been compiled in another clone.
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .ok_or_else(|| Failure::new("start this as `cargo xtask`"))?;
        let root = Path::new(&manifest)
            .ancestors()
            .nth(2)
            .map(Path::to_owned)
            .ok_or_else(|| Failure::new("start this as `cargo xtask`"))?;
        let cache = cache_folder()?.join("labd");
        fs::create_dir_all(&cache).context(|| format!("creating {}", cache.display()))?;
        let own = env::var_os("CARGO_TARGET_DIR").filter(|value| !value.is_empty());
        let (target, plugins_target, hosts_target, shared) = match own {
            Some(own) => {
                let target = root.join(own);
                let beside = |suffix: &str| {
                    let mut path = target.clone().into_os_string();
                    path.push(suffix);
                    PathBuf::from(path)
                };
                let (plugins, hosts) = (beside("-plugins"), beside("-hosts"));
                (target, plugins, hosts, None)
            }
            None => {
                let lock = share(&root, &cache)?;
                (
                    cache.join("target"),
                    cache.join("plugins-target"),
                    cache.join("hosts-target"),
                    Some(lock),
                )
            }
        };
        Ok(Self {
            root,
            cache,
            target,
            plugins_target,
            hosts_target,
            shared,
        })
    }

    /// A path in the repository.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A path of the repository from its root, for messages.
    pub fn relative(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// Where tools and their builds are kept.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The target directory of the host workspace.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// The target directory of the plugins' workspace.
    pub fn plugins_target(&self) -> &Path {
        &self.plugins_target
    }

    /// The target directory of the benchmark beside other hosts.
    pub fn hosts_target(&self) -> &Path {
        &self.hosts_target
    }

    /// Where a step keeps its stamp. In the clone, because its outputs are there too.
    pub fn stamp(&self, name: &str) -> PathBuf {
        self.path("target/xtask").join(name)
    }

    /// A command in the repository's root, without what `cargo run` added to the environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_")
                || text.starts_with("CARGO_MANIFEST_")
                || text == "CARGO_PRIMARY_PACKAGE"
            {
                command.env_remove(name);
            }
        }
        command
    }

    /// A cargo command on the host workspace.
    pub fn cargo(&self, command: &str) -> Command {
        subcommand(self.in_host(cargo()), command)
    }

    /// A cargo command on the plugins' workspace.
    pub fn plugins_cargo(&self, command: &str) -> Command {
        subcommand(self.in_plugins(cargo()), command)
    }

    /// A cargo command in `tests/hosts` or, for what it measures, in `tests/hosts/guests`.
    pub fn hosts_cargo(&self, folder: &str, target: &Path, command: &str) -> Command {
        let mut cargo = self.command(cargo());
        cargo
            .current_dir(self.path(folder))
            .env("CARGO_TARGET_DIR", target);
        subcommand(cargo, command)
    }

    /// A program with what cargo needs in the host workspace.
    pub fn in_host(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command(program);
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// A program with what cargo needs in the plugins' workspace, which compiles C for
    /// wasm32-wasip2 too (QuickJS).
    pub fn in_plugins(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command(program);
        command
            .current_dir(self.path("plugins"))
            .env("CARGO_TARGET_DIR", &self.plugins_target);
        // Without the first of these rquickjs downloads an SDK. The header has QuickJS stop deep
        // recursion before it traps.
        command.env("C_INCLUDE_PATH", self.path("plugins/sandbox-web/quickjs"));
        for (name, value) in [
            ("RQUICKJS_SYS_NO_WASI_SDK", "1"),
            ("CC_wasm32_wasip2", "clang-19"),
            ("AR_wasm32_wasip2", "llvm-ar-19"),
            (
                "CFLAGS_wasm32_wasip2",
                "--sysroot=/usr -isystem /usr/include/wasm32-wasi -include labd_stack.h",
            ),
        ] {
            if env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        command
    }

    /// Lets other tasks have the shared target directory.
    pub fn release(&mut self) {
        self.shared = None;
    }
}

/// The cargo that started us, and so the same toolchain.
fn cargo() -> std::ffi::OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn subcommand(mut cargo: Command, name: &str) -> Command {
    cargo.arg(name);
    // In CI a lock file that does not fit is an error; a developer's is updated.
    if name != "fmt" && env::var_os("CI").is_some() {
        cargo.arg("--locked");
    }
    cargo
}

fn cache_folder() -> Result<PathBuf> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .ok_or_else(|| Failure::new("set HOME (or XDG_CACHE_HOME) to say where builds are kept"))
}

fn share(root: &Path, cache: &Path) -> Result<File> {
    let path = cache.join("target.lock");
    let lock = File::create(&path).context(|| format!("creating {}", path.display()))?;
    match lock.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => {
            step::note("waiting for another `cargo xtask` that uses the same target directory");
            lock.lock()
                .context(|| format!("locking {}", path.display()))?;
        }
        Err(TryLockError::Error(error)) => {
            return Err(Failure::new(format!(
                "while locking {}: {error}",
                path.display()
            )));
        }
    }
    let used_by = cache.join("used-by");
    let identity = identity(root)?;
    if fs::read_to_string(&used_by).ok().as_deref() != Some(&identity) {
        make_newest(root)?;
        stamp::write_if_changed(&used_by, identity.as_bytes())?;
    }
    Ok(lock)
}

/// Tells this clone from others, also from an earlier one at the same path.
fn identity(root: &Path) -> Result<String> {
    let about = fs::metadata(root).context(|| format!("looking at {}", root.display()))?;
    Ok(format!(
        "{}\n{}:{}\n",
        root.display(),
        about.dev(),
        about.ino()
    ))
}

fn make_newest(root: &Path) -> Result<()> {
    let now = SystemTime::now();
    for path in stamp::files(root, &|_| false)? {
        File::open(&path)
            .and_then(|file| file.set_modified(now))
            .context(|| format!("setting the time of {}", path.display()))?;
    }
    Ok(())
}
