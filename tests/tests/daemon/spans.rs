//! What a collector is told of requests to AI providers, and what it never is.

use labd_ai_peer::{AiPeer, Answer, Asked, Operation, Provider, Refusal, Reply, Step, Usage, Wait};
use labd_tests::{
    collector::{Collector, attribute},
    daemon::{Answer as Told, Daemon, Home, send, until},
};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// In what is asked, in what is answered, and the key.
const ASKED: &str = "canary-asked-83d1";
const ANSWERED: &str = "canary-answered-5c7e";
const KEY: &str = "sk-canary-2f7c99";
/// A header for the collector.
const HEADER: &str = "canary-header-77aa";

/// What the model says, to whoever asks.
fn script(asked: &Asked) -> Reply {
    if asked.operation == Operation::Embed {
        return Reply::answer(Answer::default().embedding(vec![vec![0.25, -0.5]]));
    }
    let said = asked.body.to_string();
    let texts = || Answer::text([ANSWERED, " and on", " and on"]);
    match () {
        () if said.contains("Refuse.") => {
            Reply::refusal(Refusal::Invalid(format!("I do not take {ASKED}.")))
        }
        () if said.contains("Break off.") => Reply::answer(texts()).stopping_after(2, Step::Cut),
        () if said.contains("Be silent.") => {
            Reply::answer(texts()).stopping_after(2, Step::Silence)
        }
        () => {
            let usage = Usage {
                input: 120,
                cached: 80,
                output: 30,
                ..Usage::default()
            };
            Reply::answer(texts().by("large-2026-11").costing(usage))
                .first_after(Duration::from_millis(20))
        }
    }
}

struct World {
    daemon: Daemon,
    collector: Collector,
    peer: AiPeer,
}

impl World {
    /// A daemon that sends its spans soon.
    async fn new(first: impl IntoIterator<Item = Reply>) -> Self {
        let collector = Collector::start().await.unwrap();
        let home = Home::new()
            .unwrap()
            .with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url())
            .with_variable("OTEL_EXPORTER_OTLP_HEADERS", format!("x-team={HEADER}"))
            .with_variable("OTEL_BSP_SCHEDULE_DELAY", "50");
        Self::in_home(home, collector, first).await
    }

    async fn in_home(
        home: Home,
        collector: Collector,
        first: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let mut plan = AiPeer::plan().models(Provider::Compatible, &["large", "embed"]);
        for reply in first {
            plan = plan.then(reply);
        }
        let peer = plan.otherwise(script).start().await.unwrap();
        let daemon = Daemon::start_in(home, &["--no-sample"]).await.unwrap();
        let create = json!({
            "name": "One", "plugin": "labd.openai-compatible", "api_key": KEY,
            "config": { "base-url": peer.base_url_of(Provider::Compatible) },
        });
        let made = daemon.post("/providers", create).await.unwrap();
        assert_eq!(made.status, 201, "{}", made.text());
        let world = Self {
            daemon,
            collector,
            peer,
        };
        world
            .configure("[retry]\nretries = 2\nbase_ms = 1\nmax_ms = 2\n")
            .await;
        world
    }

    async fn configure(&self, toml: &str) {
        let command = ["gateway", "config", "-"];
        let set = self.daemon.home.run_with_input(&command, toml).await;
        let set = set.unwrap();
        assert_eq!(set.code, 0, "{}", set.err);
    }

    fn request(&self, path: &str, body: &Value) -> RequestBuilder {
        let host = format!("http://127.0.0.1:{}", self.daemon.port());
        let request = self.daemon.request_site(Method::POST, &host, path);
        request.bearer_auth(self.daemon.token()).json(body)
    }

    async fn chat(&self, model: &str, text: &str, stream: bool) -> Told {
        send(self.request("/v1/chat/completions", &chat(model, text, stream)))
            .await
            .unwrap()
    }

    /// The spans, when there are so many; never more come.
    async fn spans(&self, count: usize) -> Vec<Span> {
        let arrived = async || Some(self.collector.spans()).filter(|all| all.len() >= count);
        let spans = until("the spans", arrived).await.unwrap();
        assert_eq!(spans.len(), count, "{spans:#?}");
        for delivery in self.collector.deliveries() {
            let text = String::from_utf8_lossy(&delivery.bytes).into_owned();
            for secret in [ASKED, ANSWERED, KEY, HEADER, self.daemon.token()] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
            assert_eq!(delivery.line, "POST /v1/traces");
            assert_eq!(delivery.headers["x-team"], HEADER);
        }
        spans
    }
}

fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({
        "model": model, "stream": stream, "temperature": 0.5, "max_tokens": 77,
        "stop": [format!("{ASKED}-stop")],
        "messages": [
            { "role": "system", "content": ASKED },
            { "role": "user", "content": format!("{ASKED} {text}") },
        ],
    })
}

/// An attribute of a span; empty when it is not there.
fn of(span: &Span, name: &str) -> String {
    attribute(&span.attributes, name).unwrap_or_default()
}

fn seconds(span: &Span, name: &str) -> f64 {
    of(span, name).parse().unwrap()
}

fn code(span: &Span) -> StatusCode {
    span.status.as_ref().map_or(StatusCode::Unset, |status| {
        assert_eq!(status.message, "", "it may repeat what was asked");
        status.code()
    })
}

/// What each attempt came to.
fn attempts(span: &Span) -> Vec<String> {
    let all = span.events.iter();
    all.map(|event| {
        assert_eq!(event.name, "labd.attempt");
        attribute(&event.attributes, "error.type").unwrap_or_default()
    })
    .collect()
}

fn nanoseconds(time: SystemTime) -> u64 {
    u64::try_from(time.duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

#[tokio::test]
async fn a_request_with_its_repetitions_is_one_span_below_that_of_who_asked() {
    let world = World::new([Reply::refusal(Refusal::Overloaded(Wait::Unsaid))]).await;
    let before = nanoseconds(SystemTime::now());
    let request = world
        .request(
            "/v1/chat/completions",
            &chat("One/large", "Say something.", true),
        )
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .header("tracestate", "acme=7");
    let told = send(request).await.unwrap();
    assert!(told.text().contains(ANSWERED), "{}", told.text());
    let after = nanoseconds(SystemTime::now());
    let span = &world.spans(1).await[0];

    assert_eq!((&*span.name, span.kind()), ("chat large", SpanKind::Client));
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let trace: String = hex(&span.trace_id);
    let parent: String = hex(&span.parent_span_id);
    assert_eq!(trace, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(parent, "b7ad6b7169203331");
    assert_eq!(span.trace_state, "acme=7");
    let port = world.peer.address().port().to_string();
    for (name, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "large"),
        ("gen_ai.request.stream", "true"),
        ("gen_ai.request.max_tokens", "77"),
        ("gen_ai.request.temperature", "0.5"),
        ("gen_ai.response.model", "large-2026-11"),
        ("gen_ai.response.finish_reasons", "stop"),
        ("gen_ai.usage.input_tokens", "120"),
        ("gen_ai.usage.cache_read.input_tokens", "80"),
        ("gen_ai.usage.output_tokens", "30"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("labd.provider", "One"),
        ("labd.attempts", "2"),
        ("error.type", ""),
    ] {
        assert_eq!(of(span, name), value, "{name}");
    }
    assert!(!of(span, "gen_ai.response.id").is_empty());
    assert!(of(span, "labd.user").starts_with("token:"));
    assert_eq!(code(span), StatusCode::Unset);
    assert_eq!(attempts(span), ["overloaded", ""]);

    let (began, ended) = (span.start_time_unix_nano, span.end_time_unix_nano);
    let (failed, first) = (span.events[0].time_unix_nano, span.events[1].time_unix_nano);
    assert!(before <= began && began < failed && failed < first);
    assert!(first < ended && ended <= after, "{span:#?}");
    let to_first = seconds(span, "gen_ai.response.time_to_first_chunk");
    let (least, most) = ((first - began) as f64 / 1e9, (ended - began) as f64 / 1e9);
    assert!(0.02 <= to_first && (to_first - least).abs() < 0.01 && to_first < most);

    let delivered = &world.collector.deliveries()[0].decoded.resource_spans[0];
    let resource = delivered.resource.as_ref().unwrap();
    assert_eq!(
        attribute(&resource.attributes, "service.name").as_deref(),
        Some("labd")
    );
}

#[tokio::test]
async fn what_fails_is_told_by_its_code_and_never_in_a_providers_words() {
    let world = World::new([]).await;
    assert_eq!(world.chat("One/large", "Refuse.", false).await.status, 400);
    let span = world.spans(1).await.remove(0);
    assert_eq!(
        (of(&span, "error.type"), code(&span)),
        ("invalid_request".into(), StatusCode::Error)
    );
    assert_eq!(attempts(&span), ["invalid_request"]);
    assert_eq!(of(&span, "gen_ai.response.time_to_first_chunk"), "");
    assert!(span.parent_span_id.is_empty());

    let told = world.chat("One/large", "Break off.", true).await;
    assert!(told.text().contains("error"), "{}", told.text());
    let span = world.spans(2).await.remove(1);
    assert_eq!(of(&span, "error.type"), "unreachable");
    assert_eq!(attempts(&span), [""]);
    assert!(seconds(&span, "gen_ai.response.time_to_first_chunk") > 0.0);
    assert_eq!(of(&span, "gen_ai.response.finish_reasons"), "");

    // Whoever asked goes away in the middle.
    let asked = world.request(
        "/v1/chat/completions",
        &chat("One/large", "Be silent.", true),
    );
    let mut answer = asked.send().await.unwrap();
    assert!(answer.chunk().await.unwrap().is_some());
    drop(answer);
    let span = world.spans(3).await.remove(2);
    assert_eq!(of(&span, "error.type"), "cancelled");

    let budget = "[[budgets]]\nscope = \"everyone\"\ntokens_per_day = 1\n";
    world.configure(budget).await;
    assert_eq!(world.chat("One/large", "Hi", false).await.status, 429);
    let span = world.spans(4).await.remove(3);
    assert_eq!(of(&span, "error.type"), "rate_limited");
    assert_eq!((&*span.name, attempts(&span).len()), ("chat large", 0));
}

#[tokio::test]
async fn embeddings_routes_and_answers_from_memory_have_spans_too() {
    let world = World::new([]).await;
    let embed = json!({ "model": "One/embed", "input": ASKED, "dimensions": 2 });
    let told = send(world.request("/v1/embeddings", &embed)).await.unwrap();
    assert_eq!(told.status, 200, "{}", told.text());
    let span = world.spans(1).await.remove(0);
    assert_eq!(span.name, "embeddings embed");
    assert_eq!(of(&span, "gen_ai.operation.name"), "embeddings");
    assert_eq!(of(&span, "gen_ai.embeddings.dimension.count"), "2");
    assert!(!of(&span, "gen_ai.usage.input_tokens").is_empty());

    world
        .configure(
            "[cache]\nembeddings = true\n[[routes]]\nname = \"fast\"\ntiers = [\
             [{ provider = \"One\", model = \"no-such\" }], [{ provider = \"One\", model = \"large\" }]]\n",
        )
        .await;
    let told = world.chat("fast", "Hi", false).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let span = world.spans(2).await.remove(1);
    assert_eq!(span.name, "chat large");
    assert_eq!(of(&span, "labd.route"), "fast");
    assert_eq!(attempts(&span), ["not_found", ""]);

    for count in [3, 4] {
        send(world.request("/v1/embeddings", &embed)).await.unwrap();
        let span = world.spans(count).await.remove(count - 1);
        let hit = of(&span, "labd.cache.hit");
        assert_eq!(hit, if count == 4 { "true" } else { "" });
    }
}

#[tokio::test]
async fn the_end_of_the_daemon_sends_what_waits_to_the_collector_of_the_file() {
    let collector = Collector::start().await.unwrap();
    let home = Home::new().unwrap();
    let folder = home.path().join("config/labd");
    std::fs::create_dir_all(&folder).unwrap();
    let headers = home.path().join("headers");
    std::fs::write(&headers, format!("x-team={HEADER}\n")).unwrap();
    let config = format!(
        "[telemetry]\nendpoint = '{}'\nheaders_file = '{}'\n",
        collector.url(),
        headers.display()
    );
    std::fs::write(folder.join("labd.toml"), config).unwrap();
    // Longer than the test.
    let home = home
        .with_variable("OTEL_BSP_SCHEDULE_DELAY", "600000")
        .with_variable("OTEL_SERVICE_NAME", "labd-here");
    let mut world = World::in_home(home, collector, []).await;
    assert_eq!(world.chat("One/large", "Hi", false).await.status, 200);
    assert!(world.collector.spans().is_empty());
    assert!(world.daemon.stop().await.unwrap().success());
    let span = world.spans(1).await.remove(0);
    assert_eq!(span.name, "chat large");
    let delivered = &world.collector.deliveries()[0].decoded.resource_spans[0];
    let resource = delivered.resource.as_ref().unwrap();
    let name = attribute(&resource.attributes, "service.name");
    assert_eq!(name.as_deref(), Some("labd-here"));
    assert!(!world.daemon.home.log().contains(HEADER));
}

#[tokio::test]
async fn a_collector_that_is_away_costs_one_line_in_the_log_and_no_request() {
    let collector = Collector::start().await.unwrap();
    // A port where nobody listens any more.
    let gone = Collector::start().await.unwrap().url();
    let home = Home::new()
        .unwrap()
        .with_variable("OTEL_EXPORTER_OTLP_ENDPOINT", gone)
        .with_variable("OTEL_BSP_SCHEDULE_DELAY", "20");
    let mut world = World::in_home(home, collector, []).await;
    let warned = |log: &str| log.matches("does not take spans").count();
    for _ in 0..3 {
        assert_eq!(world.chat("One/large", "Hi", false).await.status, 200);
        let told = async || (warned(&world.daemon.home.log()) > 0).then_some(());
        until("the warning", told).await.unwrap();
    }
    assert!(world.daemon.stop().await.unwrap().success());
    let log = world.daemon.home.log();
    assert_eq!(warned(&log), 1, "{log}");
}
