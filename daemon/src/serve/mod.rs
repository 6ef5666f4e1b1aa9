//! The daemon: wires the parts of `crates/` together and runs until it is told to stop.

mod assets;
mod backend;
mod deploys;
mod install;
mod log;
mod models;
mod plugins;
mod signals;
mod wiring;

use crate::{cli::GlobalOptions, cli::ServeOptions, config::Config, failure::Failure};
use backend::Daemon;
use install::{Installer, Packages};
use labd_auth::{Auth, SystemClock};
use labd_builder::{Builder, BuilderOptions, BuilderParts};
use labd_data::{Sources, SourcesOptions};
use labd_deploy::Deployments;
use labd_gateway::{Gateway, Providers};
use labd_plugin_host::{Limits, PluginHost, PluginOptions};
use labd_preview::{PreviewOptions, Previews};
use labd_server::{Addresses, Server, ServerParts, Socket, check_listen};
use labd_store::{Options, Store};
use labd_telemetry::Telemetry;
use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::net::TcpListener;

/// How long running turns may go on after the daemon was told to stop.
const GRACE: Duration = Duration::from_secs(10);

/// How much later than the builder the plugin host gives up on a silent provider: the builder ends
/// the turn, and knows what to tell.
const AFTER_THE_BUILDER: Duration = Duration::from_secs(5);

/// Where the sample database lies in the data directory.
const SAMPLES: &str = "samples";

/// Runs the daemon.
pub async fn run(global: GlobalOptions, options: ServeOptions) -> Result<(), Failure> {
    let config = signals::configuration(&global, &options)?;
    let log = log::start(&config)?;
    let trusted_proxies = config
        .trusted_proxies
        .iter()
        .map(|text| text.parse())
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    check_listen(config.listen.ip(), &trusted_proxies).map_err(failed)?;
    let store = Store::open(
        &config.data_dir,
        Options {
            accept_loss: options.accept_loss,
            ..Options::default()
        },
    )
    .await
    .map_err(failed)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        Failure::with_hint(
            format!("{} cannot be listened on: {error}.", config.listen),
            "Is another daemon running? Choose another port with --listen 127.0.0.1:4401.",
        )
    })?;
    let port = listener.local_addr()?.port();
    let addresses = match &config.public {
        Some((public, preview)) => Addresses::public(public, preview).map_err(failed)?,
        None => Addresses::local(port),
    };
    let socket = Socket::bind(&config.socket).map_err(failed)?;

    let telemetry = telemetry(&config)?;
    let daemon = Arc::new(assemble(&config, &store, &addresses, telemetry.as_ref())?);
    daemon.builder.start().await?;
    daemon.deployments.0.start().await?;
    if let Err(error) = daemon.providers.ensure_offline().await {
        tracing::warn!(%error, "the offline generator cannot be used");
    }
    if config.sample && !options.no_sample {
        add_sample(&config, &daemon).await;
    }
    let plugins = daemon.plugins.clone();
    tokio::spawn(async move { plugins.precompile_all().await });

    let auth = Auth::open(store.clone(), Arc::new(SystemClock))
        .await
        .map_err(failed)?;
    let link_asked = options.sign_in_link;
    signals::reload_when_told(global, options, config.clone(), log)?;
    announce(&config, link_asked, &addresses, &auth);
    let server = Server::new(ServerParts {
        backend: daemon.clone(),
        auth,
        previews: Arc::new(wiring::Site(daemon.previews.clone())),
        models: Arc::new(models::Site::new(
            daemon.gateway.clone(),
            telemetry.is_some(),
        )),
        assets: Arc::new(assets::Console),
        addresses,
        trusted_proxies,
    });
    let builder = daemon.builder.clone();
    let deployments = daemon.deployments.0.clone();
    let gateway = daemon.gateway.clone();
    let stop = async move {
        signals::told_to_stop().await;
        signals::tell_manager("STOPPING=1");
        tracing::info!(
            "stopping: running turns may finish for {} s",
            GRACE.as_secs()
        );
        tokio::join!(builder.shutdown(GRACE), deployments.shutdown());
        gateway.shutdown().await;
    };
    // Both doors are open already: who comes now waits for an instant at most.
    signals::tell_manager("READY=1");
    server.serve(listener, socket, stop).await.map_err(failed)?;
    drop(daemon);
    if let Some(telemetry) = telemetry {
        telemetry.shutdown().await;
    }
    store.close().await.map_err(failed)?;
    tracing::info!("stopped");
    Ok(())
}

/// Spans, when a collector is named. One that cannot be used keeps nobody from working.
fn telemetry(config: &Config) -> Result<Option<Telemetry>, Failure> {
    let settings = labd_telemetry::Settings {
        endpoint: config.telemetry.endpoint.clone(),
        headers_file: config.telemetry.headers_file.clone(),
        extra_roots: extra_roots(config)?,
    };
    Ok(Telemetry::start(&settings).unwrap_or_else(|error| {
        tracing::warn!(%error, "no spans are sent");
        None
    }))
}

fn extra_roots(config: &Config) -> Result<Option<String>, Failure> {
    match &config.extra_roots {
        Some(path) => Ok(Some(std::fs::read_to_string(path).map_err(|error| {
            Failure::new(format!(
                "tls.extra_roots: {} cannot be read: {error}.",
                path.display()
            ))
        })?)),
        None => Ok(None),
    }
}

fn assemble(
    config: &Config,
    store: &Store,
    addresses: &Addresses,
    telemetry: Option<&Telemetry>,
) -> Result<Daemon, Failure> {
    let extra_roots = extra_roots(config)?;
    // Before the host looks at what is there.
    let packages = Packages::new(config, extra_roots.clone())?;
    let samples = config.data_dir.join(SAMPLES);
    let plugins = Arc::new(
        PluginHost::start(PluginOptions {
            data_dir: config.data_dir.clone(),
            embedded: assets::plugins(),
            directories: config.plugin_dirs.clone(),
            ceiling: config.ceiling.clone(),
            extra_roots,
            sqlite_allowed: vec![samples],
            limits: Limits {
                first_event: config.ai.first_event + AFTER_THE_BUILDER,
                between_events: config.ai.next_event + AFTER_THE_BUILDER,
                ..Limits::default()
            },
            ..PluginOptions::default()
        })
        .map_err(failed)?,
    );
    let sources = Sources::new(
        store.clone(),
        Arc::new(wiring::ConnectorPlugins(plugins.clone())),
        SourcesOptions {
            data_dir: config.data_dir.clone(),
        },
    );
    let providers = Providers::new(
        store.clone(),
        Arc::new(wiring::ProviderPlugins(plugins.clone())),
    );
    let tracer = telemetry.map(|telemetry| telemetry.tracer("labd-gateway"));
    let gateway = Gateway::traced(store.clone(), providers, tracer)?;
    let queries = Arc::new(wiring::ProjectQueries::new(sources.clone()));
    let previews = Previews::new(
        Arc::new(wiring::SandboxPlugin(plugins.clone())),
        queries.clone(),
        PreviewOptions {
            console_origin: addresses.console_url(),
        },
    );
    let builder = Builder::new(
        store.clone(),
        BuilderParts {
            sources: Arc::new(sources.clone()),
            models: Arc::new(wiring::BuilderModels(gateway.clone())),
            previews: Arc::new(previews.clone()),
            kit: Some(Arc::new(wiring::Kit(plugins.clone()))),
        },
        BuilderOptions {
            first_event: config.ai.first_event,
            next_event: config.ai.next_event,
        },
    );
    queries.connect(builder.clone());
    let deployments = Deployments::new(
        store.clone(),
        Arc::new(wiring::DeployerPlugins(plugins.clone())),
        Arc::new(wiring::ProjectBundles(builder.clone())),
    );
    Ok(Daemon::new(
        store.clone(),
        Installer::new(packages, plugins),
        sources,
        gateway,
        previews,
        builder,
        deployments,
    ))
}

/// Makes the sample database at the first start. Who removes it from the sources keeps it removed.
async fn add_sample(config: &Config, daemon: &Daemon) {
    let path: PathBuf = config.data_dir.join(SAMPLES).join("shop.db");
    if path.exists() {
        return;
    }
    tracing::info!("making the sample database");
    let file = path.clone();
    let made = tokio::task::spawn_blocking(move || -> Result<(), String> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        }
        let today = jiff::Zoned::now().date();
        labd_sample::create(&file, today).map_err(|error| error.to_string())
    });
    let outcome = match made.await {
        Ok(Ok(())) => daemon
            .sources
            .add_sample(&path)
            .await
            .map(drop)
            .map_err(|error| error.message),
        Ok(Err(error)) => Err(error),
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = outcome {
        tracing::warn!(error, "the sample database cannot be offered");
        // The next start tries again.
        let _ = std::fs::remove_file(&path);
    }
}

/// Says where everything is. The sign-in link is for whoever sees this terminal or asked for it, and
/// nothing of it is logged.
fn announce(config: &Config, link_asked: bool, addresses: &Addresses, auth: &Auth) {
    let console = addresses.console_url();
    let mut out = std::io::stdout().lock();
    let mut text = format!("labd is ready\n  console  {console}\n");
    if link_asked || std::io::stdout().is_terminal() {
        let link = auth.sign_in_link();
        text.push_str(&format!(
            "  sign in  {console}/#sign-in={}  (once, within five minutes; another one: labd open)\n",
            link.value.expose()
        ));
    } else {
        text.push_str("  sign in  labd open\n");
    }
    if let Ok(program) = std::env::current_exe() {
        text.push_str(&format!("  program  {}\n", program.display()));
    }
    text.push_str(&format!("  socket   {}\n", config.socket.display()));
    // A closed standard output does not keep the daemon from running.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(error.to_string())
}
