//! What can be typed.

pub mod deploy;
mod package;

pub use package::{InstallOptions, LoginOptions, PackageCommand};

use clap::{Args, Parser, Subcommand};
use std::{net::SocketAddr, path::PathBuf};

/// Turns databases into internal apps by chatting with an AI.
#[derive(Debug, Parser)]
#[command(
    name = "labd",
    version,
    propagate_version = true,
    disable_help_subcommand = true,
    after_help = "A first start: `labd serve`, then `labd open` in another terminal.\n\n\
        Exit codes: 0 done, 1 failed, 2 the command or the request is wrong, 3 the daemon cannot be \
        reached, 4 there is no such thing."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalOptions,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct GlobalOptions {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where everything is kept
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The daemon's socket
    #[arg(long, global = true, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon
    Serve(ServeOptions),
    /// Tell how the daemon stands
    Status,
    /// Print a sign-in link for the console, and open it
    Open {
        /// Only print it
        #[arg(long)]
        print: bool,
    },
    /// Data sources
    #[command(subcommand)]
    Source(SourceCommand),
    /// Projects
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Say what a project should do, and watch it happen
    Chat(ChatOptions),
    /// Bring an app to where others use it
    Deploy(deploy::DeployOptions),
    /// AI providers
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// The gateway in front of AI providers: routes, limits, budgets, prices, usage
    #[command(subcommand)]
    Gateway(GatewayCommand),
    /// Plugins
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Access tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Write everything but the master key to one file
    Backup {
        /// The file to make
        file: PathBuf,
    },
    /// Make a data directory from a backup
    Restore {
        /// A file that `labd backup` wrote
        file: PathBuf,
    },
    /// Look for what is wrong on this machine
    Doctor,
}

#[derive(Clone, Debug, Args)]
pub struct ServeOptions {
    /// Address and port of HTTP
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Do not offer the sample database
    #[arg(long)]
    pub no_sample: bool,
    /// Print a sign-in link also where standard output is no terminal, and may be kept
    #[arg(long)]
    pub sign_in_link: bool,
    /// Open a damaged store as far as it can be read; a copy is kept
    #[arg(long)]
    pub accept_loss: bool,
}

/// Where a connection URL comes from: never an argument, which other users of the machine can see.
#[derive(Debug, Args)]
pub struct UrlOptions {
    /// Read the connection URL from a file ("-" for standard input) instead of asking
    #[arg(long, value_name = "FILE")]
    pub url_file: Option<PathBuf>,
    /// The certificate of the source's own authority, PEM
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The certificate to sign in with, PEM
    #[arg(long, value_name = "FILE", requires = "client_key_file")]
    pub client_cert_file: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "client_cert_file")]
    pub client_key_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Connect a database: asks for its URL, tests it, and saves it sealed
    Add {
        /// Its name
        name: String,
        #[command(flatten)]
        url: UrlOptions,
        /// Time zone of its sessions, such as Europe/Berlin
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
        /// Save it even when the test fails
        #[arg(long)]
        save_untested: bool,
    },
    /// List sources
    List,
    /// Change a source
    Update {
        /// Its name or id
        source: String,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        /// Ask for a new connection URL
        #[arg(long)]
        url: bool,
        #[command(flatten)]
        from: UrlOptions,
        /// Go back to the authorities of the operating system
        #[arg(long, conflicts_with = "ca_file")]
        no_ca: bool,
        /// A new time zone
        #[arg(long, value_name = "ZONE")]
        time_zone: Option<String>,
        /// Save it even when the test fails
        #[arg(long)]
        save_untested: bool,
    },
    /// Test a source
    Test {
        /// Its name or id
        source: String,
    },
    /// Show the schema of a source
    Schema {
        /// Its name or id
        source: String,
        /// Only tables whose name contains this
        table: Option<String>,
        /// Read it anew
        #[arg(long)]
        refresh: bool,
    },
    /// Run a statement that reads
    Query {
        /// Its name or id
        source: String,
        /// The statement, with :name for each parameter; "-" reads it from standard input
        sql: String,
        /// A parameter: name=value
        #[arg(short, long = "param", value_name = "NAME=VALUE")]
        params: Vec<String>,
        /// The most rows to print
        #[arg(long, default_value_t = 1000)]
        max_rows: u32,
    },
    /// Remove a source with its credential
    Remove {
        /// Its name or id
        source: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project
    New {
        /// Its name
        name: String,
        /// The source it works on, by name or id; the sample when absent
        #[arg(long)]
        source: Option<String>,
    },
    /// List projects
    List,
    /// Print the address of a project's preview, and open it
    Open {
        /// Its name or id
        project: String,
        /// Only print it
        #[arg(long)]
        print: bool,
    },
    /// Rename a project
    Rename {
        /// Its name or id
        project: String,
        /// Its new name
        name: String,
    },
    /// Choose who answers in a project
    Provider {
        /// Its name or id
        project: String,
        /// The provider to ask, by name or id
        #[arg(required_unless_present = "default", conflicts_with = "default")]
        provider: Option<String>,
        /// The model to ask; the provider's default when absent
        #[arg(long, conflicts_with = "default")]
        model: Option<String>,
        /// Ask the default provider again
        #[arg(long)]
        default: bool,
    },
    /// List the states of a project
    History {
        /// Its name or id
        project: String,
    },
    /// Make an earlier, or later, state the present one
    Rewind {
        /// Its name or id
        project: String,
        /// The state's id, as `history` shows it
        snapshot: String,
    },
    /// Write the project to a zip file that runs outside labd
    Export {
        /// Its name or id
        project: String,
        /// The file to make
        file: PathBuf,
    },
    /// Remove a project with its history
    Delete {
        /// Its name or id
        project: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct ChatOptions {
    /// The project, by name or id
    pub project: String,
    /// What is wanted
    pub text: String,
    /// The provider to ask, by name or id
    #[arg(long)]
    pub provider: Option<String>,
    /// The model to ask
    #[arg(long)]
    pub model: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum ProviderCommand {
    /// Add an AI provider: asks for its API key
    Add {
        /// Its name
        name: String,
        /// The plugin
        #[arg(long, default_value = "labd.openai-compatible")]
        plugin: String,
        /// A setting: key=value
        #[arg(long = "set", value_name = "KEY=VALUE")]
        settings: Vec<String>,
        /// Read the API key from a file ("-" for standard input) instead of asking
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// It needs no API key
        #[arg(long)]
        no_key: bool,
        /// The model to use when nobody chose one
        #[arg(long)]
        model: Option<String>,
        /// Ask it when a project names no provider
        #[arg(long)]
        default: bool,
    },
    /// List providers
    List,
    /// List the models of a provider
    Models {
        /// Its name or id
        provider: String,
    },
    /// Remove a provider with its API keys
    Remove {
        /// Its name or id
        provider: String,
    },
    /// Further API keys of a provider, over which its requests are spread
    #[command(subcommand)]
    Key(ProviderKeyCommand),
}

#[derive(Debug, Subcommand)]
pub enum ProviderKeyCommand {
    /// Enter a further API key under a name, or the same one anew: asks for it
    Set {
        /// The provider's name or id
        provider: String,
        /// The key's name: a-z, 0-9, - and _
        name: String,
        /// Read the API key from a file ("-" for standard input) instead of asking
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
    /// Remove an API key
    Remove {
        /// The provider's name or id
        provider: String,
        /// The key's name
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum GatewayCommand {
    /// Tell how each provider's keys fare, what was used today, and what budgets leave
    Status,
    /// Tell what was used, by day, model, user and project
    Usage {
        /// Of so many days
        #[arg(long, default_value_t = 7)]
        days: u32,
    },
    /// Print the configuration as TOML, or replace it
    #[command(
        after_help = "daemon/docs/gateway.md explains every key. Providers go by their names or ids."
    )]
    Config {
        /// The file to replace it with ("-" for standard input)
        file: Option<PathBuf>,
    },
}

/// What the exit codes of the commands for authors mean, for their help.
const AUTHOR_EXIT_CODES: &str = "Exit codes: 0 no fault, 1 faults were found or it failed, \
    2 the command is wrong, 4 there is no such folder or file.";

#[derive(Debug, Subcommand)]
pub enum PluginCommand {
    /// Begin a plugin: a small one that works, with its tests
    #[command(after_help = AUTHOR_EXIT_CODES)]
    New(PluginNewOptions),
    /// Build a plugin from its source and make its package, dist/
    #[command(after_help = AUTHOR_EXIT_CODES)]
    Build {
        /// The plugin's folder
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Build a plugin, let the running daemon serve it where it lies, and again after each change
    #[command(after_help = AUTHOR_EXIT_CODES)]
    Dev(PluginDevOptions),
    /// Tell every fault of a plugin without running it, and what it asks for
    #[command(after_help = AUTHOR_EXIT_CODES)]
    Check {
        /// A plugin's folder, of which dist/ is looked at, a package's, or a component
        #[arg(default_value = ".")]
        path: PathBuf,
    },
    /// Build a plugin and run it in the real host against scripted peers: the conformance kit
    #[command(after_help = AUTHOR_EXIT_CODES)]
    Test(PluginTestOptions),
    #[command(flatten)]
    Package(PackageCommand),
    /// List plugins
    List,
    /// Show what a plugin is, may do and has done
    Inspect {
        /// Its id
        plugin: String,
    },
    /// Allow a plugin what it asks for
    Grant {
        /// Its id
        plugin: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take back what a plugin was allowed
    Revoke {
        /// Its id
        plugin: String,
    },
    /// Read a plugin's package again and start it anew, which also ends a quarantine; without an id,
    /// look which packages were put there or taken away by hand
    Reload {
        /// Its id
        plugin: Option<String>,
    },
    /// Let a plugin take calls again
    Enable {
        /// Its id
        plugin: String,
    },
    /// Refuse further calls of a plugin, also after a restart
    Disable {
        /// Its id
        plugin: String,
    },
    /// Show what a plugin wrote, and what happened to it, since the daemon started
    Logs {
        /// Its id
        plugin: String,
        /// How many of the last lines
        #[arg(long, short = 'n', default_value_t = 50)]
        lines: u32,
        /// Go on with lines as they come, until interrupted
        #[arg(long, short)]
        follow: bool,
    },
}

#[derive(Debug, Args)]
pub struct PluginNewOptions {
    /// The folder to make
    pub folder: PathBuf,
    /// What it is to be
    #[arg(long, value_parser = ["ai-provider", "connector", "deployer", "sandbox"])]
    pub kind: String,
    /// The language: rust; for AI providers and connectors also javascript and python
    #[arg(long, default_value = "rust", value_parser = ["rust", "javascript", "python"])]
    pub language: String,
    /// The plugin's id, a name in reverse: com.example.gateway; local.<folder> when absent
    #[arg(long)]
    pub id: Option<String>,
    /// Its name for people; the folder's when absent
    #[arg(long)]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct PluginDevOptions {
    /// The plugin's folder
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// Allow the plugin what it asks for, without asking
    #[arg(long)]
    pub grant: bool,
    /// Build and serve it once, and do not wait for changes
    #[arg(long)]
    pub once: bool,
}

#[derive(Debug, Args)]
pub struct PluginTestOptions {
    /// The plugin's folder, with conformance.toml in it
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The package to test instead of building one; without a source it is `dist` in the folder, or
    /// the folder itself
    #[arg(long, value_name = "DIR")]
    pub package: Option<PathBuf>,
    /// Write the outcome for CI, as JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Only checks whose name contains this
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Calls of the long run
    #[arg(long, default_value_t = 10_000, value_name = "NUMBER")]
    pub calls: u32,
}

#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Make a token for HTTP; it is shown this once
    Create {
        /// What it is for
        name: String,
        /// Days until it expires; never when absent
        #[arg(long)]
        days: Option<u64>,
    },
    /// List tokens
    List,
    /// Revoke a token
    Revoke {
        /// Its id
        token: String,
    },
}

#[cfg(test)]
mod tests;
