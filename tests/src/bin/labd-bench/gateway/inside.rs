//! The same within one process: through the plugin alone, and through the gateway.

use super::{
    client::Caller,
    party::{KEY, Party},
    process,
    upstream::Upstream,
};
use crate::{Result, figures::Samples};
use labd_gateway::Customer;
use labd_plugin_host::kinds::ai::{
    AiProvider, BoundCredential, Completion, Event, Message, Part, ProviderAccess, Request, Role,
};
use labd_tests::gateway::{InProcess, NAME, PLUGIN};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use zeroize::Zeroizing;

/// The pieces that are asked for at once.
const AT_ONCE: u32 = 256;

/// Streams of one kind, before the other kind has its turn.
const BLOCK: usize = 20;

/// Direct calls, the plugin, and the gateway around it.
pub struct Inside {
    direct: Caller,
    body: bytes::Bytes,
    streamed: bytes::Bytes,
    provider: Arc<dyn AiProvider>,
    access: ProviderAccess,
    request: Request,
    all: InProcess,
}

/// Times of one thing in four ways.
#[derive(Default)]
pub struct Times {
    /// A direct call over HTTP, whose answer comes at once; it is read and not understood.
    pub direct: Samples,
    /// The same, and the answer streams, as labd always asks for it.
    pub streamed: Samples,
    /// Through the plugin.
    pub plugin: Samples,
    /// Through gateway and plugin.
    pub gateway: Samples,
}

/// What one piece of a stream takes, beyond a direct call.
pub struct Piece {
    /// Time.
    pub wall: Duration,
    /// Processor.
    pub cpu: Duration,
}

impl Inside {
    /// With a prompt of so many bytes.
    pub async fn start(upstream: &Upstream, bytes: usize) -> Result<Self> {
        let party = Arc::new(Party::direct(upstream));
        let (body, streamed) = (party.body(bytes, false), party.body(bytes, true));
        let all = InProcess::start(&upstream.base_url(), KEY).await?;
        let provider = all.host.ai_provider(PLUGIN).ok_or("the plugin is gone")?;
        let credential = BoundCredential {
            origin: format!("http://{}", upstream.address),
            value: Zeroizing::new(KEY.to_owned()),
        };
        let text = "Count the orders of March. ".chars().cycle().take(bytes);
        Ok(Self {
            direct: Caller::connect(&party).await?,
            body,
            streamed,
            provider,
            access: ProviderAccess {
                provider_id: "bench".to_owned(),
                config: json!({ "base-url": upstream.base_url() }),
                credentials: [("api-key".to_owned(), credential)].into(),
            },
            request: Request {
                model: party.model.clone(),
                messages: vec![Message {
                    role: Role::User,
                    parts: vec![Part::Text(text.collect())],
                }],
                ..Request::default()
            },
            all,
        })
    }

    /// Whole answers in each way, in turn.
    pub async fn whole(&mut self, rounds: usize) -> Result<Times> {
        let mut times = Times::default();
        for round in 0..rounds {
            for way in [0, 1, 2, 3].map(|way| (way + round) % 4) {
                match way {
                    0 => times.direct.push(self.direct.ask(&self.body).await?),
                    1 => {
                        let answer = self.direct.stream(&self.streamed).await?;
                        times.streamed.push(answer.whole);
                    }
                    2 => times.plugin.push(self.through_plugin().await?.0),
                    _ => times.gateway.push(self.through_gateway().await?),
                }
            }
        }
        Ok(times)
    }

    /// What a piece costs in streams of so many, which come at once.
    pub async fn burst(&mut self, pieces: usize, rounds: usize) -> Result<Piece> {
        let (mut direct, mut plugin) = (Samples::default(), Samples::default());
        let (mut direct_cpu, mut plugin_cpu) = (Duration::ZERO, Duration::ZERO);
        let own = std::process::id();
        for _ in 0..rounds.div_ceil(BLOCK) {
            let begun = process::cpu(own)?;
            for _ in 0..BLOCK {
                direct.push(self.direct.stream(&self.streamed).await?.whole);
            }
            let between = process::cpu(own)?;
            for _ in 0..BLOCK {
                let (took, seen) = self.through_plugin().await?;
                if seen != pieces {
                    return Err(format!("{seen} of {pieces} pieces came").into());
                }
                plugin.push(took);
            }
            direct_cpu += between.saturating_sub(begun);
            plugin_cpu += process::cpu(own)?.saturating_sub(between);
        }
        let all = pieces * rounds.div_ceil(BLOCK) * BLOCK;
        Ok(Piece {
            wall: plugin
                .p50()
                .saturating_sub(direct.p50())
                .div_f64(pieces as f64),
            cpu: plugin_cpu.saturating_sub(direct_cpu).div_f64(all as f64),
        })
    }

    /// How long an answer took, and how many pieces of text it had.
    async fn through_plugin(&self) -> Result<(Duration, usize)> {
        let request = self.request.clone();
        let begun = Instant::now();
        let mut completion = self.provider.complete(&self.access, request).await?;
        let pieces = drain(&mut *completion).await?;
        let took = begun.elapsed();
        if pieces == 0 {
            return Err("the plugin gave no text".into());
        }
        Ok((took, pieces))
    }

    async fn through_gateway(&self) -> Result<Duration> {
        let request = self.request.clone();
        let customer = Customer {
            user: "bench".to_owned(),
            project: None,
        };
        let name = format!("{NAME}/{}", self.request.model);
        let begun = Instant::now();
        let gateway = &self.all.gateway;
        let route = gateway.named(&name).await?;
        let mut answer = gateway.complete(&customer, &route, request).await?;
        let mut pieces = 0;
        loop {
            let events = answer.next(AT_ONCE).await?;
            if events.is_empty() {
                break;
            }
            pieces += texts(&events);
        }
        drop(answer);
        let took = begun.elapsed();
        if pieces == 0 {
            return Err("the gateway gave no text".into());
        }
        Ok(took)
    }
}

async fn drain(completion: &mut dyn Completion) -> Result<usize> {
    let mut pieces = 0;
    loop {
        let events = completion.next(AT_ONCE).await?;
        if events.is_empty() {
            return Ok(pieces);
        }
        pieces += texts(&events);
    }
}

fn texts(events: &[Event]) -> usize {
    let texts = events
        .iter()
        .filter(|event| matches!(event, Event::Text(_)));
    texts.count()
}
