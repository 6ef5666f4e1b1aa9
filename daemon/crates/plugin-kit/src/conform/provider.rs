//! The checks of AI providers.

use super::{
    ConformError, Setting, Suite,
    bench::{self, Bench, CANARY, told},
    configuration, growth, order,
    peer::{End, Peer, Received, Reply, nobody},
    refusals,
    spec::{Answer, Recorded, carries, contains, for_peer},
    suite::{Done, Trouble, fail, present, skip},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use labd_plugin_host::{
    Ceiling, PluginError,
    kinds::ai::{AiProvider, Completion, Event, Message, Part, ProviderAccess, Request, Role},
};
use serde_json::Value;
use std::{
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

/// How many streams are split at once.
const AT_ONCE: usize = 8;
/// The most places at which a stream is split.
const SPLITS: usize = 2000;
/// Events of the check for many.
const EVENTS: usize = 10_000;
/// Text in several scripts, with characters of one to four bytes.
pub(super) const SCRIPTS: &str = "Grüße, Ελλάδα, 東京, \u{1f99c}\u{200d}\u{1f525} and \"quotes\"";

pub(super) async fn run(setting: &Setting<'_>, suite: &mut Suite) -> Result<(), ConformError> {
    let peer = Peer::start().await?;
    let bench = Bench::start(setting, Ceiling::default(), bench::limits()).await?;
    let mut all = Provider::new(setting, &bench, &peer);
    suite
        .check("it loads and describes itself", &bench, all.describes())
        .await;
    if bench.refused().is_some() {
        return Ok(());
    }
    if all.model.is_empty()
        && let Some(model) = all.default_model().await
    {
        all.model = model;
    }
    suite
        .check("its models are those of the upstream", &bench, all.models())
        .await;
    suite
        .check(
            "a wrong configuration is refused, and the key is named",
            &bench,
            all.wrong_configurations(),
        )
        .await;
    for answer in &setting.spec.answer {
        let name = format!("the recorded answer `{}` is understood", answer.name);
        suite.check(&name, &bench, all.recorded(answer)).await;
    }
    suite
        .check(
            "text in every script passes both ways",
            &bench,
            all.scripts(),
        )
        .await;
    suite
        .check(
            "a prompt of a megabyte arrives whole",
            &bench,
            all.large_prompt(),
        )
        .await;
    suite
        .check(
            "ten thousand events arrive whole",
            &bench,
            all.many_events(),
        )
        .await;
    suite
        .check(
            "every split of the stream gives the same answer",
            &bench,
            all.splits(),
        )
        .await;
    suite
        .check(
            "no more events come than were asked for",
            &bench,
            all.one_by_one(),
        )
        .await;
    suite
        .check(
            "a withdrawn answer closes the upstream at once",
            &bench,
            all.withdrawn(),
        )
        .await;
    refusals::run(setting, suite, &all).await?;
    suite
        .check(
            "an upstream without end is an error, not a crash",
            &bench,
            all.flood(),
        )
        .await;
    suite
        .check(
            "eight answers at once are all right",
            &bench,
            all.at_once(8),
        )
        .await;
    suite
        .check("a long run leaves nothing behind", &bench, all.long_run())
        .await;
    suite
        .check(
            "no secret is in a log, an error or a request's body",
            &bench,
            all.secrets(),
        )
        .await;
    Ok(())
}

/// A provider, its upstream, and what is known of both.
pub(super) struct Provider<'a> {
    pub setting: &'a Setting<'a>,
    pub bench: &'a Bench,
    pub peer: &'a Peer,
    pub model: String,
}

/// Events, and the error that ended them.
pub(super) type Heard = (Vec<Event>, Option<PluginError>);

impl<'a> Provider<'a> {
    pub fn new(setting: &'a Setting<'a>, bench: &'a Bench, peer: &'a Peer) -> Self {
        Self {
            setting,
            bench,
            peer,
            model: setting.spec.model.clone().unwrap_or_default(),
        }
    }

    fn provider(&self) -> Result<Arc<dyn AiProvider>, Trouble> {
        present(
            self.bench.host.ai_provider(&self.setting.manifest.id),
            "a provider",
        )
    }

    /// Settings for an upstream at this origin, with a canary for each credential that may go there.
    pub fn access(&self, origin: &str) -> ProviderAccess {
        let config = self.setting.spec.config_for(origin);
        let credentials = configuration::credentials(self.setting, &config);
        ProviderAccess {
            provider_id: "conformance".into(),
            config,
            credentials,
        }
    }

    /// Whether its requests can be led to the peer.
    pub fn asks_the_peer(&self) -> bool {
        configuration::leads_to_the_peer(self.setting)
    }

    /// The first recorded answer that comes from the peer.
    pub fn exchange(&self) -> Result<(&'a Answer, &'a Recorded), Trouble> {
        if !self.asks_the_peer() {
            return skip(if self.setting.manifest.permissions.http.is_empty() {
                "the plugin sends no requests".to_owned()
            } else {
                "the peer cannot be asked: conformance.toml needs `config` with `{peer}` in the \
                 setting that the permission `from-config:…` names"
                    .to_owned()
            });
        }
        let answers = &self.setting.spec.answer;
        let found = answers
            .iter()
            .find_map(|answer| Some((answer, answer.reply.as_ref()?)));
        found.map_or_else(
            || skip("conformance.toml has no [[answer]] with a `reply`"),
            Ok,
        )
    }

    /// Plays a variation of a recorded reply, and everything beside it as recorded.
    pub fn play(&self, recorded: &Recorded, reply: impl Fn() -> Reply + Send + Sync + 'static) {
        let aside = self.setting.spec.reply.clone();
        let recorded = recorded.clone();
        self.peer.play(move |request: &Received| {
            if recorded.answers(request) {
                return reply();
            }
            let aside = aside.iter().find(|aside| aside.answers(request));
            aside.map_or_else(
                || Reply::of(501, "conformance.toml has no reply for this request"),
                Recorded::reply,
            )
        });
    }

    fn request(&self, answer: &Answer) -> Result<Request, Trouble> {
        let document = match &answer.document_file {
            None => None,
            Some(file) => match fs::read_to_string(self.setting.spec.folder.join(file)) {
                Ok(text) => Some(text),
                Err(error) => {
                    return fail(
                        format!("{} of conformance.toml", file.display()),
                        error.to_string(),
                        "name a file beside conformance.toml",
                    );
                }
            },
        };
        Ok(Request {
            model: self.model.clone(),
            messages: vec![Message {
                role: Role::User,
                parts: vec![Part::Text(answer.prompt.clone())],
            }],
            document,
            ..Request::default()
        })
    }

    /// Starts an answer; errors are noted.
    pub async fn begin(
        &self,
        access: &ProviderAccess,
        request: Request,
    ) -> Result<Result<Box<dyn Completion>, PluginError>, Trouble> {
        let begun = self.provider()?.complete(access, request).await;
        Ok(begun.inspect_err(|error| self.bench.note(error)))
    }

    /// Asks for an answer and hears it to its end.
    pub async fn ask(&self, answer: &Answer, max: u32) -> Result<Heard, Trouble> {
        self.ask_at(
            &self.access(&self.peer.origin()),
            self.request(answer)?,
            max,
        )
        .await
    }

    pub async fn ask_at(
        &self,
        access: &ProviderAccess,
        request: Request,
        max: u32,
    ) -> Result<Heard, Trouble> {
        let mut events = Vec::new();
        let mut completion = match self.begin(access, request).await? {
            Ok(completion) => completion,
            Err(error) => return Ok((events, Some(error))),
        };
        loop {
            match completion.next(max).await {
                Ok(more) if more.is_empty() => return Ok((events, None)),
                Ok(more) if more.len() > usize::try_from(max).unwrap_or(usize::MAX) => {
                    return fail(
                        format!("at most {max} events"),
                        format!("{} came", more.len()),
                        "keep what is beyond `max` for the next call of `next`",
                    );
                }
                Ok(more) => events.extend(more),
                Err(error) => {
                    self.bench.note(&error);
                    return Ok((events, Some(error)));
                }
            }
        }
    }

    /// An answer that must succeed.
    async fn heard(&self, answer: &Answer, max: u32) -> Result<Vec<Event>, Trouble> {
        match self.ask(answer, max).await? {
            (events, None) => Ok(events),
            (events, Some(error)) => fail(
                "the answer to its end",
                format!("{} after {} events", told(&error), events.len()),
                "compare the reply in conformance.toml with what the plugin reads",
            ),
        }
    }

    async fn describes(&self) -> Done {
        self.bench.loaded()?;
        self.peer.play(|_| Reply::of(501, "nobody should ask"));
        let provider = self.provider()?;
        let mut before = None;
        for _ in 0..2 {
            match provider.describe().await {
                Ok(info) if info.name.trim().is_empty() || info.description.trim().is_empty() => {
                    return fail(
                        "a name and a description",
                        format!("{info:?}"),
                        "fill them in `describe`; the console shows them",
                    );
                }
                Ok(info) if before.as_ref().is_some_and(|before| *before != info) => {
                    return fail(
                        "the same description each time",
                        format!("{info:?}"),
                        "let `describe` depend on nothing",
                    );
                }
                Ok(info) => before = Some(info),
                Err(error) => {
                    return fail(
                        "a description, without configuration and network",
                        told(&error),
                        "let `describe` depend on nothing",
                    );
                }
            }
        }
        Ok(())
    }

    async fn default_model(&self) -> Option<String> {
        let provider = self.provider().ok()?;
        provider.describe().await.ok()?.default_model
    }

    async fn models(&self) -> Done {
        let Some(models) = &self.setting.spec.models else {
            return skip("conformance.toml has no [models]");
        };
        if let Some(reply) = &models.reply {
            let whole = reply.reply();
            self.play(reply, move || whole.clone());
        }
        let access = self.access(&self.peer.origin());
        let listed = match self.provider()?.models(&access).await {
            Ok(listed) => listed,
            Err(error) => {
                self.bench.note(&error);
                return fail(
                    "a list",
                    told(&error),
                    "compare the reply with what is read",
                );
            }
        };
        let ids: Vec<_> = listed.iter().map(|model| model.id.as_str()).collect();
        let missing = models.ids.iter().find(|id| !ids.contains(&id.as_str()));
        match missing {
            Some(id) => fail(
                format!("{id} among the models"),
                format!("{ids:?}"),
                "map the upstream's list in `models`",
            ),
            None if listed.iter().any(|model| model.name.is_empty()) => fail(
                "a name for each model",
                format!("{listed:?}"),
                "give the id again where there is nothing better",
            ),
            None => Ok(()),
        }
    }

    async fn wrong_configurations(&self) -> Done {
        let wrong = configuration::wrong(self.setting);
        if wrong.is_empty() {
            return skip("[config] of the manifest describes no keys that could be wrong");
        }
        self.peer.play(|_| Reply::of(501, "nobody should ask"));
        let origin = self.peer.origin();
        for wrong in wrong {
            let config = for_peer(&wrong.config, &origin);
            let access = ProviderAccess {
                config: config.clone(),
                ..self.access(&origin)
            };
            let request = self.request(&Answer::default())?;
            let (_, error) = self.ask_at(&access, request, 16).await?;
            configuration::refused(&wrong, &config, error)?;
        }
        Ok(())
    }

    async fn recorded(&self, answer: &Answer) -> Done {
        if let Some(reply) = &answer.reply {
            self.exchange()?;
            let whole = reply.reply();
            self.play(reply, move || whole.clone());
        }
        let events = self.heard(answer, 64).await?;
        if let Some(fault) = order::fault(&events) {
            return fail(
                "`started`, content, `finish` once, each tool call opened and finished",
                fault,
                "see the order of events in wit/ai-provider",
            );
        }
        let help = "map the upstream's frames to events; see wit/ai-provider";
        let equal = |what: &str, wanted: &Option<String>, found: &str| match wanted {
            Some(wanted) if wanted != found => {
                fail(format!("{what} {wanted:?}"), format!("{found:?}"), help)
            }
            _ => Ok(()),
        };
        let text = order::text(&events);
        equal("the text", &answer.text, &text)?;
        equal(
            "the reasoning",
            &answer.reasoning,
            &order::reasoning(&events),
        )?;
        equal(
            "the reason",
            &answer.finish,
            order::finish(&events).unwrap_or_default(),
        )?;
        if let Some(part) = answer
            .text_contains
            .iter()
            .find(|part| !text.contains(*part))
        {
            return fail(format!("{part:?} in the text"), text, help);
        }
        let calls = order::tool_calls(&events);
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        let same = calls.len() == answer.tool_calls.len()
            && calls.iter().zip(&answer.tool_calls).all(|(found, wanted)| {
                found.0 == wanted.name && json(&found.1) == json(&wanted.arguments)
            });
        if !same {
            return fail(
                format!("the tool calls {:?}", answer.tool_calls),
                format!("{calls:?}"),
                help,
            );
        }
        let usage = events.iter().rev().find_map(|event| match event {
            Event::Usage(usage) => Some(*usage),
            _ => None,
        });
        for (wanted, found) in [
            (answer.input_tokens, usage.and_then(|usage| usage.input)),
            (answer.output_tokens, usage.and_then(|usage| usage.output)),
        ] {
            if wanted.is_some() && wanted != found {
                return fail(
                    format!(
                        "{} and {} tokens",
                        shown(answer.input_tokens),
                        shown(answer.output_tokens)
                    ),
                    format!("{usage:?}"),
                    help,
                );
            }
        }
        self.sent(answer)
    }

    /// What the plugin asked the upstream.
    fn sent(&self, answer: &Answer) -> Done {
        let (Some(sends), Some(reply)) = (&answer.sends, &answer.reply) else {
            return Ok(());
        };
        let wanted: Value = match serde_json::from_str(sends) {
            Ok(wanted) => wanted,
            Err(error) => {
                return fail(
                    "JSON in `sends` of conformance.toml",
                    error.to_string(),
                    "mend conformance.toml",
                );
            }
        };
        let requests = self.peer.requests();
        let asked = requests.iter().find(|request| reply.answers(request));
        let body = asked
            .map(|request| request.body.clone())
            .unwrap_or_default();
        match serde_json::from_slice::<Value>(&body) {
            Ok(found) if contains(&found, &wanted) => Ok(()),
            _ => fail(
                format!("a request with {wanted}"),
                String::from_utf8_lossy(&body).into_owned(),
                "map the request to the upstream's; see `Request` in wit/ai-provider",
            ),
        }
    }

    async fn scripts(&self) -> Done {
        let (answer, reply) = self.exchange()?;
        let whole = reply.reply();
        self.play(reply, move || whole.clone());
        self.prompt_arrives(reply, SCRIPTS).await?;
        if std::str::from_utf8(&reply.bytes).is_ok_and(str::is_ascii) {
            return skip(format!(
                "prompts do, and the reply of `{}` holds ASCII only: record one with other text",
                answer.name
            ));
        }
        Ok(())
    }

    async fn large_prompt(&self) -> Done {
        let (_, reply) = self.exchange()?;
        let whole = reply.reply();
        self.play(reply, move || whole.clone());
        let prompt: String = SCRIPTS.chars().cycle().take(700_000).collect();
        self.prompt_arrives(reply, &prompt).await
    }

    async fn prompt_arrives(&self, reply: &Recorded, prompt: &str) -> Done {
        let asked = Answer {
            prompt: prompt.to_owned(),
            ..Answer::default()
        };
        self.heard(&asked, 64).await?;
        let requests = self.peer.requests();
        let mut bodies = requests.iter().filter(|request| reply.answers(request));
        if bodies.any(|request| carries(&request.body, prompt)) {
            return Ok(());
        }
        fail(
            format!(
                "the prompt of {} bytes in the request, character by character",
                prompt.len()
            ),
            "it is not in it, or not as it was",
            "encode the request as UTF-8 JSON and cut nothing",
        )
    }

    async fn many_events(&self) -> Done {
        let (answer, reply) = self.exchange()?;
        let Some(large) = &self.setting.spec.large else {
            return skip("conformance.toml has no [large] with a `frame` to repeat");
        };
        let body: Bytes =
            format!("{}{}{}", large.head, large.frame.repeat(EVENTS), large.tail).into();
        let whole = reply.in_pieces(vec![body], End::Whole);
        self.play(reply, move || whole.clone());
        let events = self.heard(answer, 1000).await?;
        let text = order::text(&events);
        if text == large.text.repeat(EVENTS) {
            return Ok(());
        }
        fail(
            format!("{EVENTS} times {:?}", large.text),
            format!("{} bytes of text in {} events", text.len(), events.len()),
            "read the stream to its end, whatever its length",
        )
    }

    async fn splits(&self) -> Done {
        let (answer, reply) = self.exchange()?;
        let whole = reply.reply();
        self.play(reply, move || whole.clone());
        let wanted = order::joined(&self.heard(answer, 64).await?);
        let bytes = &reply.bytes;
        let singly = bytes.chunks(1).map(Bytes::copy_from_slice).collect();
        let singly = reply.in_pieces(singly, End::Whole);
        self.play(reply, move || singly.clone());
        self.same(answer, &wanted, "byte by byte").await?;
        let step = bytes.len().div_ceil(SPLITS).max(1);
        // The split is chosen by the number of the request.
        let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let (recorded, content) = (reply.clone(), bytes.clone());
        self.play(reply, move || {
            let count = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let at = ((count + 1) * step).min(content.len());
            recorded.in_pieces(vec![content.slice(..at), content.slice(at..)], End::Whole)
        });
        let places = bytes.len().div_ceil(step).saturating_sub(1);
        stream::iter((0..places).map(Ok))
            .try_for_each_concurrent(AT_ONCE, |_| self.same(answer, &wanted, "in two pieces"))
            .await
    }

    async fn same(&self, answer: &Answer, wanted: &[Event], how: &str) -> Done {
        let (events, error) = self.ask(answer, 64).await?;
        let found = order::joined(&events);
        if error.is_none() && found == wanted {
            return Ok(());
        }
        fail(
            format!("the same answer when it arrives {how}: {wanted:?}"),
            error.map_or_else(|| format!("{found:?}"), |error| told(&error)),
            "keep what is not a whole frame, down to the bytes of a character, for the next read",
        )
    }

    async fn one_by_one(&self) -> Done {
        let answer = match self.exchange() {
            Ok((answer, reply)) => {
                let whole = reply.reply();
                self.play(reply, move || whole.clone());
                answer
            }
            Err(_) => match self.setting.spec.answer.first() {
                Some(answer) => answer,
                None => return skip("conformance.toml has no [[answer]]"),
            },
        };
        let wanted = order::joined(&self.heard(answer, 1000).await?);
        let found = order::joined(&self.heard(answer, 1).await?);
        if wanted == found {
            return Ok(());
        }
        fail(
            format!("the same answer one event at a time: {wanted:?}"),
            format!("{found:?}"),
            "keep what is beyond `max` for the next call of `next`",
        )
    }

    async fn withdrawn(&self) -> Done {
        let (answer, reply) = self.exchange()?;
        let half = reply.bytes.slice(..reply.bytes.len() / 2);
        let half = reply.in_pieces(vec![half], End::Silence);
        self.play(reply, move || half.clone());
        let before = self.peer.left();
        let access = self.access(&self.peer.origin());
        let begun = self.begin(&access, self.request(answer)?).await?;
        let mut completion = match begun {
            Ok(completion) => completion,
            Err(error) => return fail("an answer", told(&error), "see the checks before"),
        };
        let first = tokio::time::timeout(Duration::from_secs(5), completion.next(16)).await;
        if first.is_err() {
            return fail(
                "the events of the half that has arrived",
                "nothing came while the rest was awaited",
                "give events as soon as their frame is whole; wait only when none is ready",
            );
        }
        drop(completion);
        let began = Instant::now();
        while self.peer.left() == before {
            if began.elapsed() > Duration::from_secs(5) {
                return fail(
                    "the connection to be closed",
                    "it was open 5 s later",
                    "let the completion own the response's body, so that both end together",
                );
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn flood(&self) -> Done {
        let (answer, reply) = self.exchange()?;
        for (status, what) in [(200, "an answer"), (500, "an error")] {
            let mut flood = reply.in_pieces(Vec::new(), End::Flood(vec![b'x'; 256 * 1024].into()));
            flood.status = status;
            self.play(reply, move || flood.clone());
            if let (events, None) = self.ask(answer, 64).await? {
                return fail(
                    format!("an error for {what} without end and without a line's end"),
                    format!("{} events and an end", events.len()),
                    "bound what is read, and tell the caller where the bound was",
                );
            }
        }
        Ok(())
    }

    async fn at_once(&self, count: usize) -> Done {
        let answer = match self.exchange() {
            Ok((answer, reply)) => {
                let pieces = reply.bytes.chunks(64).map(Bytes::copy_from_slice).collect();
                let slow = reply.in_pieces(pieces, End::Whole);
                self.play(reply, move || slow.clone());
                answer
            }
            Err(_) => match self.setting.spec.answer.first() {
                Some(answer) => answer,
                None => return skip("conformance.toml has no [[answer]]"),
            },
        };
        let wanted = order::joined(&self.heard(answer, 64).await?);
        stream::iter((0..count * 4).map(Ok))
            .try_for_each_concurrent(count, |_| async {
                let found = order::joined(&self.heard(answer, 64).await?);
                if found == wanted {
                    return Ok(());
                }
                fail(
                    format!("the same answer as alone: {wanted:?}"),
                    format!("{found:?}"),
                    "keep no state between answers",
                )
            })
            .await
    }

    async fn long_run(&self) -> Done {
        let calls = self.setting.options.calls;
        let exchange = self.exchange().ok();
        if let Some((_, reply)) = exchange {
            let whole = reply.reply();
            self.play(reply, move || whole.clone());
        }
        let run = async |count: u32| match exchange {
            Some((answer, _)) => {
                let answers = stream::iter(0..count).map(|_| self.heard(answer, 64));
                let answers = answers.buffer_unordered(AT_ONCE);
                answers.try_for_each(|_| async { Ok(()) }).await
            }
            None => {
                let provider = self.provider()?;
                for _ in 0..count {
                    if let Err(error) = provider.describe().await {
                        return fail("a description", told(&error), "see the checks before");
                    }
                }
                Ok(())
            }
        };
        run(calls / 2).await?;
        let middle = growth::resident();
        run(calls / 2).await?;
        let end = growth::resident();
        let most = u64::try_from(bench::limits().answers).unwrap_or(u64::MAX);
        match self.bench.instances() {
            instances if instances <= most => growth::compare(middle, end, calls),
            instances => fail(
                format!("at most {most} instances"),
                format!("{instances}"),
                "this is a fault of the host; please report it",
            ),
        }
    }

    async fn secrets(&self) -> Done {
        if self.setting.manifest.credentials.is_empty() {
            return skip("the plugin has no credentials");
        }
        if let Ok((answer, reply)) = self.exchange() {
            // An upstream that repeats what it was sent.
            for status in [200, 401] {
                let mut echo = reply.in_pieces(
                    vec![format!("{{\"error\":{{\"message\":\"bad key {CANARY}\"}}}}").into()],
                    End::Whole,
                );
                echo.status = status;
                self.play(reply, move || echo.clone());
                self.ask(answer, 64).await?;
            }
            self.note_requests();
        }
        found_secret(self.bench)
    }

    /// Notes what was sent beyond the header of the credential, for the search for secrets.
    pub fn note_requests(&self) {
        let ours: Vec<_> = self
            .setting
            .manifest
            .credentials
            .iter()
            .map(|credential| credential.header.as_str())
            .collect();
        for request in self.peer.requests() {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            self.bench.say("a request's body", body);
            self.bench.say("a request's address", request.path);
            for (name, value) in request.headers {
                if !ours.contains(&name.as_str()) {
                    self.bench.say("a request's header", value);
                }
            }
        }
    }

    /// An upstream that is not there.
    pub async fn nobody(&self) -> Result<Option<PluginError>, Trouble> {
        let (answer, _) = self.exchange()?;
        let origin = match nobody().await {
            Ok(origin) => origin,
            Err(error) => return skip(format!("no port is free: {error}")),
        };
        let heard = self
            .ask_at(&self.access(&origin), self.request(answer)?, 64)
            .await?;
        Ok(heard.1)
    }
}

fn shown(tokens: Option<u32>) -> String {
    tokens.map_or_else(|| "any number of".into(), |tokens| tokens.to_string())
}

/// Looks for the canary in everything that was said.
pub(super) fn found_secret(bench: &Bench) -> Done {
    let said = bench.said();
    match said.iter().find(|said| said.text.contains(CANARY)) {
        None => Ok(()),
        Some(said) => fail(
            "the secret nowhere but where the host puts it",
            format!(
                "it is in {}: {}",
                said.place,
                said.text.replace(CANARY, "[the canary]")
            ),
            "do not repeat what an upstream or a credential says; name it instead",
        ),
    }
}
