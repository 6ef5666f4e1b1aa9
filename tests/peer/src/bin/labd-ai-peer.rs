//! A server that plays every AI provider with one fast answer, for benchmarks and for trying out by
//! hand. Its first line on standard output is JSON with the addresses.

use std::{
    error::Error,
    io::{self, Write as _},
    net::SocketAddr,
    time::Duration,
};

use clap::Parser;
use labd_ai_peer::{AiPeer, Answer, Provider, Reply, Usage};
use serde_json::{Map, Value};

/// Plays every AI provider with one fast answer.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Pieces of text that an answer has.
    #[arg(long, default_value_t = 16)]
    events: usize,
    /// Bytes of text in each piece.
    #[arg(long, default_value_t = 16)]
    bytes: usize,
    /// Milliseconds before the head of an answer.
    #[arg(long, default_value_t = 0)]
    head_delay: u64,
    /// Milliseconds between the pieces of a stream.
    #[arg(long, default_value_t = 0)]
    delay: u64,
    /// The pieces of a stream as one, in place of one after another.
    #[arg(long, conflicts_with = "delay")]
    at_once: bool,
    /// Refuse requests that the provider would refuse, and say on standard error which rule they
    /// break.
    #[arg(long)]
    check: bool,
    /// Threads that serve.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.threads.max(1))
        .enable_all()
        .build()?
        .block_on(serve(&options))
}

async fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let piece: String = "lorem ipsum ".chars().cycle().take(options.bytes).collect();
    let usage = Usage {
        input: 100,
        output: options.events as u64,
        ..Usage::default()
    };
    let answer = Answer::text(vec![piece; options.events]).costing(usage);
    let mut reply = Reply::answer(answer).head_after(Duration::from_millis(options.head_delay));
    if options.delay > 0 {
        reply = reply.paced(Duration::from_millis(options.delay));
    }
    if options.at_once {
        reply = reply.at_once();
    }
    let mut plan = AiPeer::plan()
        .always(reply)
        .counting_only()
        .at(options.listen);
    if !options.check {
        plan = plan.unchecked();
    }
    let peer = plan.start().await?;
    let mut addresses = Map::new();
    addresses.insert("address".into(), peer.address().to_string().into());
    for provider in Provider::ALL {
        let url = peer.base_url_of(provider);
        addresses.insert(provider.folder().into(), url.into());
    }
    let mut out = io::stdout().lock();
    writeln!(out, "{}", Value::Object(addresses))?;
    out.flush()?;
    drop(out);
    tell(&peer).await;
    Ok(())
}

/// Says what rules are broken, until the end of the process.
async fn tell(peer: &AiPeer) {
    let mut told = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let complaints = peer.complaints();
        for complaint in complaints.iter().skip(told) {
            let (provider, message) = (complaint.provider.folder(), &complaint.message);
            eprintln!("request {} of {provider}: {message}", complaint.request);
        }
        told = complaints.len();
    }
}
