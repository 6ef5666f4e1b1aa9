//! `labd deploy`: what can be typed.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Options of `labd deploy`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct DeployOptions {
    /// The project, by name or id
    #[arg(required = true)]
    pub project: Option<String>,
    /// Where to, by name or id; may be left out when there is one target
    #[arg(long)]
    pub target: Option<String>,
    /// Agree to the plan without being asked
    #[arg(long)]
    pub yes: bool,
    /// Only show the plan
    #[arg(long, conflicts_with_all = ["yes", "output"])]
    pub plan: bool,
    /// Write the file that the deployment gives here, a file or a folder
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(subcommand)]
    pub command: Option<DeployCommand>,
}

#[derive(Debug, Subcommand)]
pub enum DeployCommand {
    /// Places that apps are deployed to
    Targets {
        #[command(subcommand)]
        command: Option<TargetCommand>,
    },
    /// List what was deployed
    Releases {
        /// The project, by name or id
        project: String,
    },
    /// Tell how a release fares at its target
    Status {
        /// The project, by name or id
        project: String,
        /// The deployment that made it; what is live when absent
        deployment: Option<String>,
    },
    /// Make an earlier release live again
    Rollback {
        /// The project, by name or id
        project: String,
        /// The deployment that made it, as `releases` shows it
        deployment: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take down what was deployed
    Destroy {
        /// The project, by name or id
        project: String,
        /// Where, by name or id
        #[arg(long)]
        target: String,
        /// Only the release of this deployment
        #[arg(long, value_name = "DEPLOYMENT")]
        release: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Write the file that a deployment gave
    Download {
        /// The project, by name or id
        project: String,
        /// The deployment; the latest that gave a file when absent
        deployment: Option<String>,
        /// Where to, a file or a folder
        #[arg(long, short, value_name = "FILE", default_value = ".")]
        output: PathBuf,
    },
    /// Stop a running deployment
    Stop {
        /// The project, by name or id
        project: String,
        /// The deployment
        deployment: String,
    },
    /// Go on with a deployment that was broken off
    Resume {
        /// The project, by name or id
        project: String,
        /// The deployment
        deployment: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum TargetCommand {
    /// List targets
    List,
    /// Add a target
    Add {
        /// Its name
        name: String,
        /// The plugin
        #[arg(long)]
        plugin: String,
        #[command(flatten)]
        with: TargetOptions,
    },
    /// Change a target
    Update {
        /// Its name or id
        target: String,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        with: TargetOptions,
    },
    /// Check a target's configuration and credential
    Test {
        /// Its name or id
        target: String,
    },
    /// Remove a target with its credential; what was deployed there stays
    Remove {
        /// Its name or id
        target: String,
    },
}

/// What a target is made of. Secrets come from files or a prompt, never as an argument.
#[derive(Debug, Args)]
pub struct TargetOptions {
    /// A key of its configuration: key=value
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub config: Vec<String>,
    /// Ask for its credential
    #[arg(long)]
    pub credential: bool,
    /// Read its credential from a file ("-" for standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "credential")]
    pub credential_file: Option<PathBuf>,
    /// Ask for a setting of the app, such as DATABASE_URL
    #[arg(long = "setting", value_name = "NAME")]
    pub settings: Vec<String>,
    /// Read a setting of the app from a file: NAME=FILE
    #[arg(long = "setting-file", value_name = "NAME=FILE")]
    pub setting_files: Vec<String>,
}
