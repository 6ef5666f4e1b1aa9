//! Commands for packages of plugins: getting them, and publishing them.

use clap::{Args, Subcommand};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum PackageCommand {
    /// Install a plugin, or another version of one
    #[command(after_help = SOURCES)]
    Install(InstallOptions),
    /// Remove an installed plugin with all its versions and grants
    Remove {
        /// Its id
        plugin: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Make a key for signing packages
    Keygen {
        /// The file to write the secret key to
        file: PathBuf,
    },
    /// Sign a package: writes plugin.sig
    Sign {
        /// The package's folder, or its archive
        package: PathBuf,
        /// The file with the secret key
        #[arg(long = "key-file", value_name = "FILE")]
        key: PathBuf,
    },
    /// Check packages against their signatures, trust.toml and plugins.lock
    Verify {
        /// The id of an installed plugin, or the path of a package; all that is installed without
        package: Option<String>,
    },
    /// Make one file of a package
    Pack {
        /// The package's folder
        folder: PathBuf,
        /// The file to write; <id>-<version>.labd-plugin without
        #[arg(long, short, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Push a package to a registry
    Push {
        /// The package's folder, or its archive
        package: PathBuf,
        /// oci://registry.example/repository:tag
        to: String,
        #[command(flatten)]
        login: LoginOptions,
    },
    /// Fill a folder with the packages of a lock file, for machines without a network
    Mirror {
        /// A plugins.lock
        lock: PathBuf,
        /// The folder
        folder: PathBuf,
        #[command(flatten)]
        login: LoginOptions,
    },
}

const SOURCES: &str = "Sources:\n  \
    ./folder, ./file.labd-plugin        on this machine\n  \
    https://host/file.labd-plugin       with --digest\n  \
    oci://registry/repository:tag       a registry, also @sha256:…\n  \
    acme.gateway@1.0.0                  the mirror folder (plugins.mirror of the configuration)\n\n\
    A package has to be signed by a key of trust.toml in the data directory.";

/// Options of `plugin install`.
#[derive(Debug, Args)]
pub struct InstallOptions {
    /// Where the package is
    #[arg(required_unless_present = "locked")]
    pub source: Option<String>,
    /// Install exactly the packages of this lock file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["source", "digest"])]
    pub locked: Option<PathBuf>,
    /// The digest of the file, or of the package: sha256:…
    #[arg(long)]
    pub digest: Option<String>,
    /// Take a package of this machine without a signature
    #[arg(long)]
    pub allow_unsigned: bool,
    /// Take a version older than the one that is installed
    #[arg(long)]
    pub downgrade: bool,
    /// Allow the plugin what it asks for, without asking
    #[arg(long)]
    pub grant: bool,
    #[command(flatten)]
    pub login: LoginOptions,
}

/// Who asks a registry.
#[derive(Debug, Args)]
pub struct LoginOptions {
    /// The user name for the registry; what `docker login` keeps without
    #[arg(long)]
    pub username: Option<String>,
    /// Read the password from a file ("-" for standard input) instead of asking
    #[arg(long, value_name = "FILE", requires = "username")]
    pub password_file: Option<PathBuf>,
}
