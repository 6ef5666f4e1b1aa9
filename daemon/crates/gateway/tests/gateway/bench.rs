//! A gateway over made-up providers.

use async_trait::async_trait;
use labd_gateway::{
    AiPluginEntry, AiPlugins, CredentialSlotDef, CredentialTarget, Customer, Gateway, Providers,
};
use labd_plugin_host::{
    PluginError,
    kinds::ai::{
        AiProvider, Capabilities, Completion, EmbedRequest, Embeddings, Event, FinishReason,
        Message, Model, Part, ProviderAccess, ProviderInfo, Request, Role, Usage,
    },
};
use labd_protocol::{ApiError, GatewayConfig, KeyStatus, ProviderCreate, ProviderId};
use labd_store::{Options, Store};
use serde_json::json;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What a made-up provider does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It is refused.
    Refuse(PluginError),
    /// These events, then the end.
    Events(Vec<Event>),
    /// These events, then a failure.
    Break(Vec<Event>, PluginError),
    /// These events, then nothing any more.
    Silence(Vec<Event>),
}

impl Reply {
    /// A whole answer of this text.
    pub fn text(text: &str) -> Self {
        Self::Events(vec![
            Event::Started {
                model: String::new(),
                id: "1".into(),
            },
            Event::Text(text.into()),
            Event::Usage(Usage {
                input: Some(100),
                output: Some(20),
                ..Usage::default()
            }),
            Event::Finish(FinishReason::Stop),
        ])
    }
}

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The key that it came with.
    pub key: String,
    pub request: Request,
}

/// All made-up providers. A reply is of the first rule that fits the key, and else a greeting.
#[derive(Default)]
pub struct Fake {
    rules: Mutex<Vec<(String, VecDeque<Reply>)>>,
    pub seen: Mutex<Vec<Seen>>,
    pub embedded: Mutex<Vec<Vec<String>>>,
    pub running: Arc<AtomicUsize>,
    pub most_running: AtomicUsize,
}

impl Fake {
    /// What is done with the next requests that come with a key.
    pub fn play(&self, key: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut rules = self.rules.lock().unwrap();
        rules.retain(|(of, _)| of != key);
        rules.push((key.into(), replies.into_iter().collect()));
    }

    /// The keys of the requests so far.
    pub fn keys(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter().map(|one| one.key.clone()).collect()
    }

    fn key(access: &ProviderAccess) -> String {
        let key = access.credentials.get("api-key");
        key.map_or_else(String::new, |key| key.value.to_string())
    }
}

pub struct FakeProvider(Arc<Fake>);

struct FakeCompletion {
    reply: Reply,
    at: usize,
    running: Arc<AtomicUsize>,
}

impl Drop for FakeCompletion {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Completion for FakeCompletion {
    async fn next(&mut self, _max: u32) -> Result<Vec<Event>, PluginError> {
        let (Reply::Events(events) | Reply::Break(events, _) | Reply::Silence(events)) =
            &self.reply
        else {
            unreachable!("a refusal has no completion")
        };
        if let Some(event) = events.get(self.at) {
            self.at += 1;
            return Ok(vec![event.clone()]);
        }
        match &self.reply {
            Reply::Break(_, error) => Err(error.clone()),
            Reply::Silence(_) => std::future::pending().await,
            _ => Ok(Vec::new()),
        }
    }
}

#[async_trait]
impl AiProvider for FakeProvider {
    async fn describe(&self) -> Result<ProviderInfo, PluginError> {
        Ok(ProviderInfo {
            name: "Fake".into(),
            description: "Made up.".into(),
            capabilities: Capabilities {
                tools: true,
                embeddings: true,
                ..Capabilities::default()
            },
            default_model: Some("usual".into()),
        })
    }

    async fn models(&self, _: &ProviderAccess) -> Result<Vec<Model>, PluginError> {
        Ok(Vec::new())
    }

    async fn complete(
        &self,
        access: &ProviderAccess,
        request: Request,
    ) -> Result<Box<dyn Completion>, PluginError> {
        let fake = &self.0;
        let key = Fake::key(access);
        fake.seen.lock().unwrap().push(Seen {
            key: key.clone(),
            request,
        });
        let reply = {
            let mut rules = fake.rules.lock().unwrap();
            let rule = rules.iter_mut().find(|(of, _)| *of == key);
            rule.and_then(|(_, replies)| replies.pop_front())
        };
        match reply.unwrap_or_else(|| Reply::text("hello")) {
            Reply::Refuse(error) => Err(error),
            reply => {
                let running = fake.running.fetch_add(1, Ordering::SeqCst) + 1;
                fake.most_running.fetch_max(running, Ordering::SeqCst);
                Ok(Box::new(FakeCompletion {
                    reply,
                    at: 0,
                    running: Arc::clone(&fake.running),
                }))
            }
        }
    }

    async fn embed(
        &self,
        _: &ProviderAccess,
        request: EmbedRequest,
    ) -> Result<Embeddings, PluginError> {
        let length = |text: &String| vec![text.len() as f32];
        self.0.embedded.lock().unwrap().push(request.texts.clone());
        Ok(Embeddings {
            model: request.model,
            vectors: request.texts.iter().map(length).collect(),
            usage: Usage::default(),
        })
    }
}

struct FakePlugins(Arc<Fake>);

impl AiPlugins for FakePlugins {
    fn get(&self, plugin: &str) -> Option<AiPluginEntry> {
        self.list().into_iter().find(|entry| entry.plugin == plugin)
    }

    fn list(&self) -> Vec<AiPluginEntry> {
        ["acme.one", "acme.two"]
            .map(|plugin| AiPluginEntry {
                plugin: plugin.into(),
                credentials: vec![CredentialSlotDef {
                    name: "api-key".into(),
                    targets: vec![CredentialTarget::Host("api.acme.example".into())],
                }],
                config_schema: json!({ "properties": {} }),
                provider: Arc::new(FakeProvider(Arc::clone(&self.0))),
            })
            .into()
    }
}

pub struct Bench {
    pub gateway: Gateway,
    pub fake: Arc<Fake>,
    store: Store,
    _dir: tempfile::TempDir,
}

impl Bench {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options::default()).await.unwrap();
        let fake = Arc::<Fake>::default();
        Self {
            gateway: Self::gateway(&store, &fake),
            fake,
            store,
            _dir: dir,
        }
    }

    fn gateway(store: &Store, fake: &Arc<Fake>) -> Gateway {
        let plugins = Arc::new(FakePlugins(Arc::clone(fake)));
        let providers = Providers::new(store.clone(), plugins);
        Gateway::open(store.clone(), providers).unwrap()
    }

    /// The gateway as after a restart.
    pub async fn restarted(&self) -> Gateway {
        self.gateway.shutdown().await;
        Self::gateway(&self.store, &self.fake)
    }

    /// A provider with a key.
    pub async fn provider(&self, name: &str, key: &str) -> ProviderId {
        self.provider_of("acme.one", name, key).await
    }

    pub async fn provider_of(&self, plugin: &str, name: &str, key: &str) -> ProviderId {
        let create = ProviderCreate {
            name: name.into(),
            plugin: plugin.into(),
            config: json!({}),
            api_key: Some(labd_protocol::Secret::new(key)),
            default_model: None,
        };
        self.gateway.providers().create(create).await.unwrap().id
    }

    /// Quick repetitions, and what the test says besides.
    pub async fn configure(&self, config: serde_json::Value) -> GatewayConfig {
        let mut all = json!({ "retry": { "base_ms": 1, "max_ms": 2 } });
        for (key, value) in config.as_object().unwrap() {
            all[key] = value.clone();
        }
        let config = serde_json::from_value(all).unwrap();
        self.gateway.configure(config).await.unwrap()
    }

    /// How the first key of a provider fares.
    pub fn key_of(&self, provider: &str) -> KeyStatus {
        let keys = self.gateway.status().unwrap().keys;
        let mut of = keys.into_iter().filter(|key| key.provider_name == provider);
        of.next().unwrap()
    }

    /// Asks by the name of a route, or of a provider and its model.
    pub async fn ask(&self, name: &str) -> Result<String, ApiError> {
        self.ask_for(name, "ann", request("hi")).await
    }

    pub async fn ask_for(
        &self,
        name: &str,
        user: &str,
        request: Request,
    ) -> Result<String, ApiError> {
        let route = self.gateway.named(name).await?;
        let mut answer = self
            .gateway
            .complete(&customer(user), &route, request)
            .await?;
        let mut text = String::new();
        loop {
            let events = answer.next(8).await?;
            if events.is_empty() {
                return Ok(text);
            }
            for event in events {
                if let Event::Text(more) = event {
                    text.push_str(&more);
                }
            }
        }
    }
}

pub fn customer(user: &str) -> Customer {
    Customer {
        user: user.into(),
        project: None,
    }
}

pub fn request(text: &str) -> Request {
    Request {
        messages: vec![Message {
            role: Role::User,
            parts: vec![Part::Text(text.into())],
        }],
        ..Request::default()
    }
}
