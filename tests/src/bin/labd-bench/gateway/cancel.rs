//! How soon the upstream's connection is closed once nobody wants the answer any more.

use super::{
    client::Caller,
    party::{KEY, Labd},
};
use crate::{Result, figures::Samples};
use labd_ai_peer::{AiPeer, Answer, Ended, Provider, Reply, Step};
use labd_gateway::Customer;
use labd_plugin_host::kinds::ai::{Message, Part, Request, Role};
use labd_tests::gateway::{InProcess, NAME};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::time::sleep;

/// Answers that are begun and left.
const ANSWERS: usize = 300;

/// How long an upstream's connection may stay open before this gives up.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers left in the process of the gateway, and by clients who close their connection.
pub async fn measure() -> Result<[Samples; 2]> {
    let answer = || {
        let begun = Answer::text(["lorem ipsum ", "lorem ipsum ", "lorem ipsum "]);
        Reply::answer(begun).stopping_after(2, Step::Silence)
    };
    let peer = AiPeer::plan().otherwise(move |_| answer()).start().await?;
    let base_url = peer.base_url_of(Provider::OpenAi);
    let inside = InProcess::start(&base_url, KEY).await?;
    let mut within = Samples::default();
    for _ in 0..ANSWERS {
        within.push(leave_answer(&inside, &peer).await?);
    }
    let labd = Labd::start().await?;
    let party = Arc::new(labd.party("Peer", &base_url).await?);
    let body = party.body(100, true);
    let mut over_http = Samples::default();
    for _ in 0..ANSWERS {
        let request = peer.count();
        let caller = Caller::connect(&party).await?;
        let left = caller.begin_and_leave(&body).await?;
        over_http.push(closed(&peer, request, left).await?);
    }
    Ok([within, over_http])
}

async fn leave_answer(inside: &InProcess, peer: &AiPeer) -> Result<Duration> {
    let request = peer.count();
    let route = inside.gateway.named(&format!("{NAME}/gpt-4o")).await?;
    let customer = Customer {
        user: "bench".to_owned(),
        project: None,
    };
    let asked = Request {
        messages: vec![Message {
            role: Role::User,
            parts: vec![Part::Text("Count to three.".to_owned())],
        }],
        ..Request::default()
    };
    let mut answer = inside.gateway.complete(&customer, &route, asked).await?;
    answer.next(1).await?;
    let left = SystemTime::now();
    drop(answer);
    closed(peer, request, left).await
}

/// Waits until the connection of a request is closed; how long after it was left.
async fn closed(peer: &AiPeer, request: usize, left: SystemTime) -> Result<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        match peer.ended(request) {
            Some((Ended::ByClient, at)) => return Ok(at.duration_since(left).unwrap_or_default()),
            Some((how, _)) => return Err(format!("an answer ended otherwise: {how:?}").into()),
            None => sleep(Duration::from_millis(1)).await,
        }
    }
    Err("a connection was not closed".into())
}
