//! Providers that ask for what they may not have.

use super::{CONNECTOR, OK, OPEN, source};
use crate::support::{Guest, ID, TestHost, World};
use labd_plugin_host::{
    PluginError,
    kinds::ai::{BoundCredential, Completion, Event, ProviderAccess, Request},
};
use std::{collections::BTreeMap, fmt::Write, net::TcpListener as Listener};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const SECRET: &str = "sk-canary-73";

const PERMISSIONS: &str = "http = [\"from-config:base-url\"]\n[[credentials]]\nname = \"api-key\"\n\
     hosts = [\"from-config:base-url\"]\nheader = \"authorization\"\nscheme = \"Bearer {}\"";

/// Memory with texts at 512 and following; the place of each.
struct Texts {
    data: String,
    at: u32,
}

impl Texts {
    fn new() -> Self {
        Self {
            data: String::new(),
            at: 8192,
        }
    }

    /// `(i32.const <place>) (i32.const <length>)`.
    fn add(&mut self, text: &str) -> String {
        let place = self.at;
        let escaped: String = text.bytes().map(|byte| format!("\\{byte:02x}")).collect();
        let _ = write!(self.data, "(data (i32.const {place}) \"{escaped}\")");
        self.at += text.len() as u32 + 8;
        format!("(i32.const {place}) (i32.const {})", text.len())
    }
}

/// A provider that sends a GET to each address, one after another, as long as there is an answer,
/// and passes on the last one's body. `headers` go along with the first.
fn provider(urls: &[&str], headers: &[(&str, &str)]) -> TestHost {
    guest(urls, headers).permissions(PERMISSIONS).host()
}

fn guest(urls: &[&str], headers: &[(&str, &str)]) -> Guest {
    let mut texts = Texts::new();
    let get = texts.add("GET");
    let mut list = String::new();
    for (index, (name, value)) in headers.iter().enumerate() {
        for (half, text) in [name, value].into_iter().enumerate() {
            let place = 640 + index * 16 + half * 8;
            let at = texts.at;
            texts.add(text);
            let _ = write!(
                list,
                "(i32.store (i32.const {place}) (i32.const {at}))
                 (i32.store offset=4 (i32.const {place}) (i32.const {}))",
                text.len()
            );
        }
    }
    let mut complete = list;
    for (index, url) in urls.iter().enumerate() {
        let url = texts.add(url);
        let count = if index == 0 { headers.len() } else { 0 };
        let _ = write!(
            complete,
            "(call $send {get} {url} (i32.const 640) (i32.const {count})
               (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
               (i32.const 3072))
             (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))"
        );
    }
    complete.push_str(
        "(global.set $body (i32.load (i32.const 3088)))
         (i32.store offset=4 (i32.const 2048) (call $new (i32.const 1)))
         (i32.const 2048)",
    );
    let head = format!(
        r#"(import "[export]labd:ai-provider/provider@0.1.0" "[resource-new]completion"
             (func $new (param i32) (result i32)))
           (import "labd:host/http@0.1.0" "send"
             (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
           (import "labd:host/http@0.1.0" "[method]body.read"
             (func $read (param i32 i32 i32)))
           (memory (export "memory") 2)
           (global $body (mut i32) (i32.const 0))
           {}"#,
        texts.data
    );
    let next = "(call $read (global.get $body) (i32.const 1000) (i32.const 4096))
        (if (i32.load8_u (i32.const 4096)) (then (return (i32.const 4096))))
        (i32.store8 (i32.const 5000) (i32.const 1))
        (i32.store (i32.const 5004) (i32.load (i32.const 4100)))
        (i32.store (i32.const 5008) (i32.load (i32.const 4104)))
        (i32.store (i32.const 5104) (i32.const 5000))
        (i32.store (i32.const 5108) (i32.ne (i32.load (i32.const 4104)) (i32.const 0)))
        (i32.const 5100)";
    Guest::new(World::Provider)
        .head(head)
        .body("complete", complete)
        .body("[method]completion.next", next)
}

fn access(origin: &str) -> ProviderAccess {
    ProviderAccess {
        provider_id: "p".into(),
        config: serde_json::json!({ "base-url": origin }),
        credentials: BTreeMap::from([(
            "api-key".to_owned(),
            BoundCredential {
                origin: origin.to_owned(),
                value: SECRET.to_owned().into(),
            },
        )]),
    }
}

async fn complete(host: &TestHost, origin: &str) -> Result<Box<dyn Completion>, PluginError> {
    let provider = host.host.ai_provider(ID).unwrap();
    provider.complete(&access(origin), Request::default()).await
}

/// Answers every connection's one request with the same bytes; tells the requests.
async fn answer(listener: TcpListener, answer: String) -> Vec<String> {
    let mut requests = Vec::new();
    // The plugin is done when nobody comes any more.
    while let Ok(Ok((mut stream, _))) =
        tokio::time::timeout(std::time::Duration::from_millis(500), listener.accept()).await
    {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        requests.push(String::from_utf8(request).unwrap());
    }
    requests
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

fn denied(outcome: Result<Box<dyn Completion>, PluginError>) -> labd_plugin_host::Denial {
    match outcome.map(drop) {
        Err(PluginError::Denied(denial)) => denial,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_more_is_held_open_than_is_allowed() {
    let (listener, origin) = listen().await;
    let url = format!("{origin}/v1");
    // The bodies do not end, and the guest keeps them all.
    let response = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegun";
    for (asks, refused) in [(3, false), (4, true)] {
        let limits = labd_plugin_host::Limits {
            open: 3,
            ..Default::default()
        };
        let urls = vec![url.as_str(); asks];
        let host = guest(&urls, &[]).permissions(PERMISSIONS).host_with(limits);
        let listener = TcpListener::from_std(clone_of(&listener)).unwrap();
        let open = async {
            let mut streams = Vec::new();
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    request.push(stream.read_u8().await.unwrap());
                }
                stream.write_all(response.as_bytes()).await.unwrap();
                streams.push(stream);
            }
            streams
        };
        let (outcome, _streams) = tokio::join!(complete(&host, &origin), open);
        assert_eq!(
            matches!(outcome.map(drop), Err(PluginError::Overloaded)),
            refused
        );
    }
}

#[tokio::test]
async fn nothing_comes_back_in_a_form_in_which_an_echo_is_not_found() {
    let (listener, origin) = listen().await;
    let url = format!("{origin}/v1");
    for header in ["Accept-Encoding", "range", "If-Range"] {
        let host = provider(&[&url], &[(header, "gzip")]);
        let outcome = complete(&host, &origin).await.map(drop);
        assert!(
            matches!(&outcome, Err(PluginError::InvalidRequest(fault)) if fault.message.contains("credential")),
            "{header}: {outcome:?}"
        );
    }
    for head in [
        "200 OK\r\ncontent-encoding: gzip",
        "206 Partial Content\r\ncontent-range: bytes 0-4/10",
    ] {
        let host = provider(&[&url], &[]);
        let response =
            format!("HTTP/1.1 {head}\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
        let listener = TcpListener::from_std(clone_of(&listener)).unwrap();
        let (outcome, _) = tokio::join!(complete(&host, &origin), answer(listener, response));
        let outcome = outcome.map(drop);
        assert!(
            matches!(&outcome, Err(PluginError::Unavailable(fault)) if fault.message.contains("searched")),
            "{head}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_handed_over_and_its_target_is_checked_anew() {
    let (listener, origin) = listen().await;
    let inside = Listener::bind("127.0.0.1:0").unwrap();
    let target = format!("http://{}", inside.local_addr().unwrap());
    for target in [target.as_str(), "http://169.254.169.254"] {
        // The guest follows the redirect by itself, since the host does not.
        let host = provider(&[&format!("{origin}/v1"), &format!("{target}/latest")], &[]);
        let response = format!(
            "HTTP/1.1 302 Found\r\nlocation: {target}/latest\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
        let listener = TcpListener::from_std(clone_of(&listener)).unwrap();
        let (outcome, requests) =
            tokio::join!(complete(&host, &origin), answer(listener, response));
        assert_eq!(denied(outcome).target, target);
        assert_eq!(requests.len(), 1);
    }
    inside.set_nonblocking(true).unwrap();
    assert!(inside.accept().is_err(), "it was reached");
}

/// The same socket once more.
fn clone_of(listener: &TcpListener) -> Listener {
    use std::os::fd::AsFd;
    let socket = listener.as_fd().try_clone_to_owned().unwrap();
    Listener::from(socket)
}

#[tokio::test]
async fn no_spelling_of_an_address_leads_past_the_manifest() {
    let inside = Listener::bind("127.0.0.1:0").unwrap();
    let port = inside.local_addr().unwrap().port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0.0.0.0",
        "localhost",
        "localhost.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "ⓛocalhost",
    ] {
        let guest = provider(&[&format!("http://{host}:{port}/")], &[]);
        // Granted is an origin on the same port, so that only the host differs.
        let denial = denied(complete(&guest, &format!("http://allowed.example:{port}")).await);
        assert_eq!(denial.capability, "http", "{host}");
    }
    inside.set_nonblocking(true).unwrap();
    assert!(inside.accept().is_err(), "it was reached");
}

/// Addresses that no name of a manifest may lead to.
const INSIDE: [&str; 9] = [
    "127.0.0.1",
    "10.0.0.7",
    "192.168.0.7",
    "100.64.0.7",
    "169.254.169.254",
    "::1",
    "fd00::7",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
];

#[tokio::test]
async fn a_name_of_the_manifest_does_not_lead_inside() {
    let inside = Listener::bind("127.0.0.1:0").unwrap();
    let port = inside.local_addr().unwrap().port();
    let origin = format!("https://named.example:{port}");
    for address in INSIDE {
        let host = guest(&[&origin], &[])
            .permissions(format!("http = [\"{origin}\"]"))
            .name("named.example", address)
            .host();
        let denial = denied(complete(&host, "http://unused.example").await);
        assert_eq!(denial.capability, "http", "{address}");
        assert!(
            denial.message.starts_with("named.example leads to "),
            "{address}: {}",
            denial.message
        );
    }
    inside.set_nonblocking(true).unwrap();
    assert!(inside.accept().is_err(), "it was reached");
}

#[tokio::test]
async fn a_name_of_the_operator_leads_inside_but_never_to_the_metadata_service() {
    let (listener, origin) = listen().await;
    let origin = origin.replace("127.0.0.1", "named.example");
    let named = |address| {
        guest(&[&origin], &[])
            .permissions("http = [\"from-config:base-url\"]")
            .name("named.example", address)
            .host()
    };
    let response = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let host = named("127.0.0.1");
    let (outcome, requests) = tokio::join!(
        complete(&host, &origin),
        answer(listener, response.to_owned())
    );
    outcome.map(drop).unwrap();
    assert_eq!(requests.len(), 1);
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"] {
        let host = named(address);
        let denial = denied(complete(&host, &origin).await);
        assert!(
            denial.message.starts_with("named.example leads to "),
            "{address}: {}",
            denial.message
        );
    }
}

#[tokio::test]
async fn a_name_of_a_data_source_never_leads_to_the_metadata_service() {
    let ping = format!(
        "(call $connect (i32.const 0) (i32.const 3072))
         (if (i32.load8_u (i32.const 3072)) (then (return (i32.const 3072))))
         {OK}"
    );
    let named = |address| {
        Guest::new(World::Connector)
            .head(CONNECTOR)
            .body("open", OPEN)
            .body("[method]connection.ping", ping.clone())
            .permissions("net = \"from-config\"\nreveal = [\"password\"]")
            .name("named.example", address)
            .host()
    };
    let listener = Listener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let ping = async |address| {
        let host = named(address);
        let connector = host.host.connector(ID).unwrap();
        let mut connection = connector.open(source("named.example", port)).await?;
        connection.ping().await
    };
    assert_eq!(ping("127.0.0.1").await, Ok(()));
    for address in ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"] {
        match ping(address).await {
            Err(PluginError::Denied(denial)) => assert_eq!(denial.capability, "net"),
            other => panic!("{address}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_injected_header_is_denied_in_any_casing() {
    let (listener, origin) = listen().await;
    for name in [
        "authorization",
        "Authorization",
        "AUTHORIZATION",
        "aUtHoRiZaTiOn",
    ] {
        let host = provider(&[&format!("{origin}/v1")], &[(name, "Bearer mine")]);
        let denial = denied(complete(&host, &origin).await);
        assert_eq!(denial.target, "authorization");
    }
    // As a trailer, hidden behind another name, and by breaking a line.
    for (name, value) in [
        ("trailer", "authorization"),
        ("transfer-encoding", "chunked"),
        ("connection", "authorization"),
        ("x-a", "b\r\nauthorization: Bearer mine"),
        ("authorization ", "Bearer mine"),
        ("x-a\r\nauthorization", "Bearer mine"),
    ] {
        let host = provider(&[&format!("{origin}/v1")], &[(name, value)]);
        let outcome = complete(&host, &origin).await.map(drop);
        assert!(
            matches!(outcome, Err(PluginError::InvalidRequest(_))),
            "{name:?}: {outcome:?}"
        );
    }
    let listener = listener.into_std().unwrap();
    assert!(listener.accept().is_err(), "a request was sent");
}

#[tokio::test]
async fn an_echoed_credential_never_reaches_the_guest() {
    let (listener, origin) = listen().await;
    let host = provider(&[&format!("{origin}/v1")], &[]);
    let body = format!("you said Bearer {SECRET}");
    let response = format!(
        "HTTP/1.1 200 OK\r\nx-echo: {SECRET}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let guest = async {
        let mut answer = complete(&host, &origin).await.unwrap();
        let mut text = String::new();
        while let [Event::Text(more)] = answer.next(1).await.unwrap().as_slice() {
            text.push_str(more);
        }
        text
    };
    let (text, requests) = tokio::join!(guest, answer(listener, response));
    assert!(requests[0].contains(SECRET), "{requests:?}");
    assert_eq!(text, "you said Bearer [scrubbed]");
}

#[tokio::test]
async fn what_a_guest_remembers_of_one_provider_another_never_sees() {
    // It traps when it finds what it left behind.
    let head = "(memory (export \"memory\") 2) (global $seen (mut i32) (i32.const 0))";
    let models =
        format!("(if (global.get $seen) (then unreachable)) (global.set $seen (i32.const 1)) {OK}");
    let host = Guest::new(World::Provider)
        .head(head)
        .body("models", models)
        .host();
    let provider = host.host.ai_provider(ID).unwrap();
    let models = async |id: &str| {
        let access = ProviderAccess {
            provider_id: id.into(),
            ..ProviderAccess::default()
        };
        provider.models(&access).await
    };
    for id in ["p", "q", "p/../q", ""] {
        assert_eq!(models(id).await, Ok(Vec::new()), "{id}");
    }
    // For the same provider the instance is warm, so there was something to be seen.
    assert!(models("p").await.is_err());
}
