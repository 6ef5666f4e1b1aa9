//! Packages of plugins. What publishes or looks at them works without the daemon; what installs and
//! removes them is a call of it, since the data directory is its own.

use super::{Client, quick, show};
use crate::{
    cli::{InstallOptions, LoginOptions, PackageCommand},
    config::Config,
    failure::Failure,
    output,
};
use jiff::Timestamp;
use labd_plugin_package::{
    archive,
    files::{Files, SIGNATURE},
    home::Home,
    lock::Lock,
    package::PackageError,
    signing::{KeyError, SecretKey, Trust, sign as signed},
    source::{
        FetchOptions, Fetcher, Source, mirror,
        oci::{Login, docker_login},
    },
};
use labd_protocol::{
    ApiError, ErrorCode, PluginInfo, PluginInstall, PluginInstalled, PluginState, RegistryLogin,
    Secret, answer, within,
};
use serde::Serialize;
use std::{
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    pin::pin,
    time::Duration,
};

/// Fetching has four minutes, and compiling needs some too.
pub(super) const INSTALLING: Duration = Duration::from_secs(300);

/// After which time nobody should wonder whether anything happens.
const A_WHILE: Duration = Duration::from_secs(1);

pub(super) async fn run(
    config: &Config,
    command: PackageCommand,
    json: bool,
) -> Result<(), Failure> {
    match command {
        PackageCommand::Install(options) => {
            let client = Client::connect(config, json).await?;
            install(config, &client, options).await
        }
        PackageCommand::Remove { plugin, yes } => {
            let client = Client::connect(config, json).await?;
            remove(&client, plugin, yes).await
        }
        PackageCommand::Keygen { file } => keygen(&file, json),
        PackageCommand::Sign { package, key } => sign(&package, &key, json),
        PackageCommand::Verify { package } => verify(config, package.as_deref(), json),
        PackageCommand::Pack { folder, out } => pack(&folder, out, json),
        PackageCommand::Push { package, to, login } => {
            push(config, &package, &to, &login, json).await
        }
        PackageCommand::Mirror {
            lock,
            folder,
            login,
        } => fill_mirror(config, &lock, &folder, &login, json).await,
    }
}

async fn install(config: &Config, client: &Client, options: InstallOptions) -> Result<(), Failure> {
    let mut wanted = Vec::new();
    match (&options.locked, &options.source) {
        (Some(file), _) => {
            let lock = Lock::read_existing(file).map_err(failed)?;
            for locked in lock.plugins {
                let mirrored = config
                    .plugin_mirror
                    .as_deref()
                    .is_some_and(|mirror| mirror::holds(mirror, &locked.id, &locked.version));
                let source = match mirrored {
                    true => format!("{}@{}", locked.id, locked.version),
                    false => locked.source,
                };
                wanted.push((source, Some(locked.digest.to_string())));
            }
        }
        (None, Some(source)) => wanted.push((source.clone(), options.digest.clone())),
        // The command line is not taken without one of them.
        (None, None) => {}
    }
    let mut installed = Vec::new();
    for (source, digest) in wanted {
        let source = Source::parse(&source).map_err(wrong)?;
        let login = login_for(&source, &options.login)?;
        let source = match source {
            // The daemon runs in a folder of its own.
            Source::Local(path) => std::path::absolute(path)?.display().to_string(),
            other => other.to_string(),
        };
        let install = PluginInstall {
            source,
            digest,
            allow_unsigned: options.allow_unsigned,
            in_place: false,
            downgrade: options.downgrade,
            login: login.map(|login| RegistryLogin {
                password: Secret::new(login.password.as_str()),
                username: login.username,
            }),
        };
        let place = install.source.clone();
        let call = client.labd.plugin_install(within(INSTALLING), install);
        let mut done = answer(said_when_slow(&place, client.json, call).await)?;
        if let Some(plugin) = grant(client, &done.plugin, options.grant).await? {
            done.plugin = plugin;
        }
        if !client.json {
            told(&done)?;
        }
        installed.push(done);
    }
    if client.json {
        return match (&options.locked, installed.as_slice()) {
            (None, [one]) => output::json(one),
            _ => output::json(&installed),
        };
    }
    Ok(())
}

/// Waits for an installation. Where somebody watches, or it takes a while, it is said what for; what
/// programs read holds nothing but the answer.
async fn said_when_slow<T>(place: &str, json: bool, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    if !json {
        let wait = match std::io::stderr().is_terminal() {
            true => Duration::ZERO,
            false => A_WHILE,
        };
        if let Ok(done) = tokio::time::timeout(wait, &mut work).await {
            return done;
        }
        // It is for the eye only.
        let _ = writeln!(
            std::io::stderr(),
            "labd: {place} is being fetched, verified, compiled and tried out"
        );
    }
    work.await
}

/// What a plugin asks for beyond what it has.
pub(super) fn asks(plugin: &PluginInfo) -> Option<(&str, &[String], &str)> {
    match (&plugin.waiting, &plugin.state) {
        (Some(waiting), _) => Some((&waiting.version, &waiting.asks, &waiting.command)),
        (None, PluginState::AwaitingGrant { asks, command }) => {
            Some((&plugin.version, asks, command))
        }
        (None, _) => None,
    }
}

/// Grants a new plugin what it asks for: when that was said before, or on a yes at the terminal.
pub(super) async fn grant(
    client: &Client,
    plugin: &PluginInfo,
    said: bool,
) -> Result<Option<PluginInfo>, Failure> {
    let Some((version, asks, _)) = asks(plugin) else {
        return Ok(None);
    };
    let question = || {
        output::confirm(&format!(
            "{} {version} asks for: {}. Allow it?",
            plugin.id,
            asks.join(", ")
        ))
    };
    let ask = !client.json && std::io::stdin().is_terminal();
    if !(said || ask && question()?) {
        return Ok(None);
    }
    let granted = client.labd.plugin_grant(quick(), plugin.id.clone()).await;
    Ok(Some(answer(granted)?))
}

fn told(done: &PluginInstalled) -> Result<(), Failure> {
    let by = match &done.signer {
        Some(name) => format!("signed by {name}"),
        None => "not signed".to_owned(),
    };
    let what = if done.fresh {
        "installed"
    } else {
        "there already"
    };
    output::line(format!("{} {}: {what}, {by}", done.plugin.id, done.version))?;
    output::line(format!("  digest  {}", done.digest))?;
    if let Some((version, asks, command)) = asks(&done.plugin) {
        let asks = asks.join(", ");
        output::line(format!(
            "  version {version} asks for {asks}; to allow it: {command}"
        ))?;
    }
    Ok(())
}

async fn remove(client: &Client, plugin: String, yes: bool) -> Result<(), Failure> {
    let question = format!("Remove {plugin} with its grants?");
    if !yes && !output::confirm(&question)? {
        return Ok(());
    }
    answer(client.labd.plugin_remove(quick(), plugin.clone()).await)?;
    show(client, &plugin, |plugin| {
        output::line(format!("{plugin} is removed"))
    })
}

fn keygen(file: &Path, json: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Made {
        file: PathBuf,
        id: String,
        public: String,
    }
    let key = SecretKey::generate().map_err(failed)?;
    key.write(file).map_err(wrong)?;
    let made = Made {
        file: file.to_owned(),
        id: key.public().id().to_string(),
        public: key.public().to_string(),
    };
    if json {
        return output::json(&made);
    }
    output::line(format!(
        "{} is the secret key {}: keep it, and keep it secret",
        file.display(),
        made.id
    ))?;
    output::line(
        "Whoever is to trust your plugins adds this to trust.toml in the data directory:\n",
    )?;
    output::line(format!(
        "[[key]]\nname = \"…\"\nkey = \"{}\"\nplugins = [\"….*\"]",
        made.public
    ))
}

/// The package in a folder or in an archive.
fn read(path: &Path) -> Result<Files, Failure> {
    let files = if path.is_dir() {
        Files::read_dir(path)
    } else {
        archive::read_file(path)
    };
    files.map_err(|error| package_failure(&error))
}

/// A package in answers of this module's commands.
#[derive(Serialize)]
struct Shown {
    id: String,
    version: String,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl Shown {
    fn of(files: &Files) -> Self {
        let manifest = files.manifest();
        Self {
            id: manifest.id.clone(),
            version: manifest.version.to_string(),
            digest: files.digest().to_string(),
            file: None,
            file_digest: None,
            reference: None,
            key: None,
        }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return output::json(self);
        }
        output::line(format!("{} {}", self.id, self.version))?;
        output::line(format!("  digest     {}", self.digest))?;
        let file = self.file.as_ref().map(|file| file.display().to_string());
        for (name, value) in [
            ("file", &file),
            ("its digest", &self.file_digest),
            ("reference", &self.reference),
            ("signed by", &self.key),
        ] {
            if let Some(value) = value {
                output::line(format!("  {name:<9}  {value}"))?;
            }
        }
        Ok(())
    }
}

fn sign(package: &Path, key: &Path, json: bool) -> Result<(), Failure> {
    let key = SecretKey::read(key).map_err(|error| match &error {
        KeyError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            ApiError::new(ErrorCode::NotFound, error.to_string()).into()
        }
        _ => wrong(error),
    })?;
    let files = signed(read(package)?, &key).map_err(failed)?;
    if package.is_dir() {
        let signature = files.signature().cloned().unwrap_or_default();
        replace(&package.join(SIGNATURE), &signature)?;
    } else {
        let bytes = archive::write(&files).map_err(|error| package_failure(&error))?;
        replace(package, &bytes)?;
    }
    Shown {
        key: Some(key.public().id().to_string()),
        ..Shown::of(&files)
    }
    .print(json)
}

fn pack(folder: &Path, out: Option<PathBuf>, json: bool) -> Result<(), Failure> {
    let files = read(folder)?;
    let bytes = archive::write(&files).map_err(|error| package_failure(&error))?;
    let file = out.unwrap_or_else(|| archive::file_name(&files).into());
    replace(&file, &bytes)?;
    Shown {
        file_digest: Some(labd_plugin_package::digest::Digest::of(&bytes).to_string()),
        file: Some(file),
        ..Shown::of(&files)
    }
    .print(json)
}

/// Writes a file beside its place, and then there.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    fs::write(&fresh, bytes)
        .and_then(|()| fs::rename(&fresh, path))
        .map_err(|error| Failure::new(format!("{} cannot be written: {error}.", path.display())))
}

async fn push(
    config: &Config,
    package: &Path,
    to: &str,
    login: &LoginOptions,
    json: bool,
) -> Result<(), Failure> {
    let files = read(package)?;
    let source = Source::parse(to).map_err(wrong)?;
    let login = login_for(&source, login)?;
    let Source::Oci(reference) = source else {
        return Err(ApiError::invalid(
            "to",
            format!("{to} is no registry; write oci://registry.example/repository:tag"),
        )
        .into());
    };
    let pushed = fetcher(config)?
        .push(&files, &reference, login.as_ref(), &progress)
        .await
        .map_err(failed)?;
    Shown {
        reference: Some(format!("oci://{pushed}")),
        ..Shown::of(&files)
    }
    .print(json)
}

async fn fill_mirror(
    config: &Config,
    lock: &Path,
    folder: &Path,
    login: &LoginOptions,
    json: bool,
) -> Result<(), Failure> {
    let lock = Lock::read_existing(lock).map_err(failed)?;
    // Asked for once, however many packages come from registries.
    let given = match &login.username {
        Some(username) => Some(password_of(username, login)?),
        None => None,
    };
    let login = |source: &Source| match source {
        Source::Oci(reference) => given.clone().or_else(|| docker_login(reference.registry())),
        _ => None,
    };
    let files = mirror::fill(&fetcher(config)?, &lock, folder, login, &progress)
        .await
        .map_err(failed)?;
    if json {
        return output::json(&files);
    }
    for file in &files {
        output::line(file.display().to_string())?;
    }
    Ok(())
}

fn fetcher(config: &Config) -> Result<Fetcher, Failure> {
    let extra_roots = match &config.extra_roots {
        Some(path) => Some(super::read_text(path)?),
        None => None,
    };
    Fetcher::new(FetchOptions {
        extra_roots,
        mirror: config.plugin_mirror.clone(),
    })
    .map_err(failed)
}

/// Who asks a registry: whoever the options name, or else whom `docker login` keeps.
fn login_for(source: &Source, options: &LoginOptions) -> Result<Option<Login>, Failure> {
    match (source, &options.username) {
        (Source::Oci(_), Some(username)) => Ok(Some(password_of(username, options)?)),
        (Source::Oci(reference), None) => Ok(docker_login(reference.registry())),
        _ => Ok(None),
    }
}

fn password_of(username: &str, options: &LoginOptions) -> Result<Login, Failure> {
    let prompt = format!("Password of {username}: ");
    let password = output::secret(&prompt, options.password_file.as_deref())?;
    Ok(Login::new(username, password.expose()))
}

/// Tells of each file that has come or gone, where somebody watches.
fn progress(what: &str, done: u64, total: Option<u64>) {
    let mut err = std::io::stderr();
    if err.is_terminal() && total == Some(done) {
        // It is for the eye only.
        let _ = writeln!(err, "  {what}: {} KiB", done.div_ceil(1024));
    }
}

#[derive(Serialize)]
struct Verdict {
    package: String,
    version: String,
    good: bool,
    /// Who signed it; none for what is not signed.
    signer: Option<String>,
    /// What is wrong.
    problem: Option<String>,
}

fn verify(config: &Config, package: Option<&str>, json: bool) -> Result<(), Failure> {
    let home = Home::new(&config.data_dir);
    let now = Timestamp::now();
    let verdicts = match package.map(|package| (package, Source::parse(package))) {
        Some((_, Ok(Source::Local(path)))) => {
            let files = read(&path)?;
            let trust = Trust::read(&home.trust_path()).map_err(failed)?;
            let verdict = trust.verify(&files, now);
            vec![Verdict {
                package: files.manifest().id.clone(),
                version: files.manifest().version.to_string(),
                good: verdict.is_ok(),
                problem: verdict.as_ref().err().map(ToString::to_string),
                signer: verdict.ok().map(|signer| signer.name),
            }]
        }
        other => {
            let id = other.map(|(id, _)| id);
            let examined = home.examine(id, now).map_err(failed)?;
            if let Some(id) = id.filter(|_| examined.is_empty()) {
                let error = ApiError::not_found("installed plugin", id);
                return Err(error
                    .with_hint("A package on this machine is named ./…")
                    .into());
            }
            let verdict = |one: labd_plugin_package::home::Examined| Verdict {
                package: one.id,
                version: one.version.to_string(),
                good: one.verdict.is_ok(),
                problem: one.verdict.as_ref().err().map(ToString::to_string),
                signer: one.verdict.ok().flatten().map(|signer| signer.name),
            };
            examined.into_iter().map(verdict).collect()
        }
    };
    let bad = verdicts.iter().filter(|verdict| !verdict.good).count();
    if json {
        output::json(&verdicts)?;
    } else {
        for verdict in &verdicts {
            let says = match (&verdict.problem, &verdict.signer) {
                (Some(problem), _) => format!("BAD: {problem}"),
                (None, Some(signer)) => format!("good, signed by {signer}"),
                (None, None) => "as it was installed, not signed".to_owned(),
            };
            output::line(format!("{} {}: {says}", verdict.package, verdict.version))?;
        }
    }
    match bad {
        0 => Ok(()),
        _ => Err(Failure::new(format!(
            "{bad} of {} packages cannot be trusted.",
            verdicts.len()
        ))),
    }
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}

/// The command is wrong as it stands.
fn wrong(error: impl std::fmt::Display) -> Failure {
    ApiError::new(ErrorCode::InvalidRequest, error.to_string()).into()
}

fn package_failure(error: &PackageError) -> Failure {
    let code = match error {
        PackageError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            ErrorCode::NotFound
        }
        PackageError::Io { .. } => ErrorCode::Internal,
        _ => ErrorCode::InvalidRequest,
    };
    ApiError::new(code, error.to_string()).into()
}
