//! Installing and removing plugins: fetched, verified and placed by `labd-plugin-package`, tried out
//! and taken in by the host. One at a time.

use super::plugins;
use crate::{config::Config, failure::Failure};
use jiff::Timestamp;
use labd_plugin_host::{ChangeError, PluginHost, PluginSummary, Rescanned};
use labd_plugin_package::{
    home::{Allowances, Home, InstallError},
    package::PackageError,
    signing::TrustError,
    source::{FetchError, FetchOptions, Fetched, Fetcher, Source, oci::Login, quiet},
};
use labd_protocol::{ApiError, ErrorCode, PluginInstall};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::Mutex;

/// What was installed.
pub struct Installed {
    pub summary: PluginSummary,
    pub version: String,
    pub digest: String,
    pub signer: Option<String>,
    pub fresh: bool,
}

/// Where packages come from, and where they lie.
pub struct Packages {
    home: Home,
    fetcher: Fetcher,
}

impl Packages {
    /// Also removes what a crash in the middle of an installation left.
    pub fn new(config: &Config, extra_roots: Option<String>) -> Result<Self, Failure> {
        let home = Home::new(&config.data_dir);
        home.tidy();
        let options = FetchOptions {
            extra_roots,
            mirror: config.plugin_mirror.clone(),
        };
        Ok(Self {
            home,
            fetcher: Fetcher::new(options).map_err(|error| fetch_error(&error))?,
        })
    }
}

pub struct Installer {
    home: Home,
    fetcher: Fetcher,
    host: Arc<PluginHost>,
    one: Mutex<()>,
}

impl Installer {
    pub fn new(packages: Packages, host: Arc<PluginHost>) -> Self {
        Self {
            home: packages.home,
            fetcher: packages.fetcher,
            host,
            one: Mutex::default(),
        }
    }

    /// The host that takes plugins in.
    pub fn host(&self) -> Arc<PluginHost> {
        Arc::clone(&self.host)
    }

    pub async fn install(&self, install: PluginInstall) -> Result<Installed, ApiError> {
        let _one = self.one.lock().await;
        let source = Source::parse(&install.source).map_err(|error| fetch_error(&error))?;
        if let Source::Local(path) = &source
            && !path.is_absolute()
        {
            let message = "A path has to be absolute: the daemon runs in a folder of its own.";
            return Err(ApiError::invalid("source", message));
        }
        let expected = install.digest.map(|digest| digest.parse()).transpose();
        let expected = expected.map_err(|error| {
            let error: labd_plugin_package::digest::WrongDigest = error;
            ApiError::invalid("digest", error.to_string())
        })?;
        let login = install
            .login
            .map(|login| Login::new(&login.username, login.password.expose()));
        let fetched = self
            .fetcher
            .fetch(&source, expected, login.as_ref(), &quiet)
            .await
            .map_err(|error| fetch_error(&error))?;
        let allowed = Allowances {
            unsigned: install.allow_unsigned,
            downgrade: install.downgrade,
        };
        if install.in_place {
            let Source::Local(folder) = source else {
                let message = "Only a folder of the daemon's machine can be served where it lies.";
                return Err(ApiError::invalid("in_place", message));
            };
            return self.serve_in_place(folder, &fetched).await;
        }
        let id = &fetched.files.manifest().id;
        if let Some((there, _)) = self.host.inspect(id)
            && there.first_party
        {
            return Err(plugins::refused(ChangeError::FirstParty {
                plugin: id.clone(),
                what: "replaced",
            }));
        }
        let home = self.home.clone();
        let (placed, version, digest, signer) = blocking(move || {
            let verified = home.verify(fetched, allowed, Timestamp::now())?;
            let version = verified.files().manifest().version.to_string();
            let digest = verified.files().digest().to_string();
            let signer = verified.signer().map(|signer| signer.name.clone());
            Ok((home.place(verified)?, version, digest, signer))
        })
        .await?;
        let dir = placed.dir.clone();
        let fresh = placed.fresh;
        let taken = self.host.install(dir).await;
        let home = self.home.clone();
        match taken {
            Ok(summary) => {
                blocking(move || Ok(home.prune()?)).await?;
                tracing::info!(plugin = summary.id, version, digest, signer, "installed");
                Ok(Installed {
                    summary,
                    version,
                    digest,
                    signer,
                    fresh,
                })
            }
            Err(refused) => {
                blocking(move || home.undo(&placed)).await?;
                Err(plugins::refused(refused))
            }
        }
    }

    /// Looks for packages again; see [`PluginHost::rescan`]. None is half in its place then.
    pub async fn rescan(&self) -> Result<Rescanned, ApiError> {
        let _one = self.one.lock().await;
        self.host.rescan().await.map_err(plugins::refused)
    }

    /// Nothing of it is kept: after a restart there is what was installed before, if anything was.
    async fn serve_in_place(
        &self,
        folder: PathBuf,
        fetched: &Fetched,
    ) -> Result<Installed, ApiError> {
        let taken = self.host.install(folder).await;
        Ok(Installed {
            summary: taken.map_err(plugins::refused)?,
            version: fetched.files.manifest().version.to_string(),
            digest: fetched.files.digest().to_string(),
            signer: None,
            fresh: true,
        })
    }

    pub async fn remove(&self, id: &str) -> Result<(), ApiError> {
        let _one = self.one.lock().await;
        let removed = self.host.remove(id).await;
        let home = self.home.clone();
        match removed {
            Ok(()) => blocking(move || Ok(home.prune()?)).await,
            // The host does not know a package that it refuses.
            Err(ChangeError::UnknownPlugin(id)) => {
                let name = id.clone();
                if blocking(move || home.remove(&name)).await? {
                    self.host.forget_refused();
                    return Ok(());
                }
                Err(plugins::refused(ChangeError::UnknownPlugin(id)))
            }
            Err(error) => Err(plugins::refused(error)),
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, InstallError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(|error| install_error(&error)),
        Err(error) => Err(ApiError::new(ErrorCode::Internal, error.to_string())),
    }
}

fn install_error(error: &InstallError) -> ApiError {
    let code = match error {
        InstallError::Package(error) => package_code(error),
        InstallError::Record(_) => ErrorCode::StorageFailed,
        InstallError::Trust(TrustError::Malformed(_)) => ErrorCode::InvalidRequest,
        InstallError::Trust(_) | InstallError::UnsignedFromAfar(_) => ErrorCode::PermissionDenied,
        InstallError::OtherContent { .. } | InstallError::Downgrade { .. } => ErrorCode::Conflict,
    };
    ApiError::new(code, error.to_string())
}

fn package_code(error: &PackageError) -> ErrorCode {
    match error {
        PackageError::Io { .. } | PackageError::Record(_) => ErrorCode::StorageFailed,
        PackageError::Tampered { .. } | PackageError::Revoked { .. } => ErrorCode::PluginFailed,
        _ => ErrorCode::InvalidRequest,
    }
}

fn fetch_error(error: &FetchError) -> ApiError {
    let code = match error {
        FetchError::Package(PackageError::Io { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            ErrorCode::NotFound
        }
        FetchError::Package(error) => package_code(error),
        FetchError::NotMirrored { .. } => ErrorCode::NotFound,
        FetchError::Unreachable { .. }
        | FetchError::Status { .. }
        | FetchError::Redirect { .. }
        | FetchError::Cut { .. } => ErrorCode::Unreachable,
        FetchError::Timeout(_) => ErrorCode::Timeout,
        FetchError::NeedsLogin(_) | FetchError::Forbidden(_) => ErrorCode::CredentialRefused,
        FetchError::OtherDigest { .. } | FetchError::Misnamed { .. } => ErrorCode::Conflict,
        FetchError::TooLarge { .. } => ErrorCode::TooLarge,
        FetchError::Record(_) => ErrorCode::StorageFailed,
        FetchError::Failed(_) => ErrorCode::Internal,
        FetchError::NoSource(_)
        | FetchError::NoReference(..)
        | FetchError::Unsafe(..)
        | FetchError::NeedsDigest(_)
        | FetchError::NoPlugin { .. }
        | FetchError::NoMirror
        | FetchError::SetUp(_) => ErrorCode::InvalidRequest,
    };
    ApiError::new(code, error.to_string())
}
