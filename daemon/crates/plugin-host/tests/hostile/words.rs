//! What a guest says to people.

use super::{CONNECTOR, OPEN, source};
use crate::support::{Guest, ID, TestHost, World};
use labd_plugin_host::{Happening, PluginError};

/// Clears a terminal, turns text around, and forges a line.
const EVIL: &str = "\u{1b}[2J\u{202e}drowssap\u{2066}\nlabd: all is well\u{9b}31m\u{2028}\u{7f}";

const PERMISSIONS: &str = "net = \"from-config\"\nreveal = [\"password\"]";

/// The line that a call of `ping` logs, and the message that it fails with.
async fn says(host: &TestHost, port: u16) -> (String, String) {
    let mut events = host.host.events();
    let connector = host.host.connector(ID).unwrap();
    let mut connection = connector.open(source("127.0.0.1", port)).await.unwrap();
    let Err(PluginError::Internal(message)) = connection.ping().await else {
        panic!("it was to fail");
    };
    loop {
        if let Happening::Log { line, .. } = events.recv().await.unwrap().what {
            return (line, message);
        }
    }
}

/// Logs what lies at 3304 (place) and 3308 (length), and fails with it as `internal`.
const SAY: &str = "(call $log (i32.const 1) (i32.load (i32.const 3304))
      (i32.load (i32.const 3308)) (i32.const 0) (i32.const 0))
    (i32.store8 (i32.const 4096) (i32.const 1))
    (i32.store8 (i32.const 4100) (i32.const 10))
    (i32.store (i32.const 4104) (i32.load (i32.const 3304)))
    (i32.store (i32.const 4108) (i32.load (i32.const 3308)))
    (i32.const 4096)";

#[tokio::test]
async fn escapes_in_lines_and_errors_are_spelled_out() {
    let data: String = EVIL.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    let ping = format!(
        "(i32.store (i32.const 3304) (i32.const 8192))
         (i32.store (i32.const 3308) (i32.const {}))
         {SAY}",
        EVIL.len()
    );
    let host = Guest::new(World::Connector)
        .head(format!("{CONNECTOR} (data (i32.const 8192) \"{data}\")"))
        .body("open", OPEN)
        .body("[method]connection.ping", ping)
        .permissions(PERMISSIONS)
        .host();
    let (line, message) = says(&host, 1).await;
    for text in [&line, &message] {
        assert!(
            text.contains("\\u{1b}[2J\\u{202e}drowssap\\u{2066}"),
            "{text:?}"
        );
        let obeyed =
            |c: char| c.is_control() && c != '\n' || ('\u{2028}'..='\u{202e}').contains(&c);
        assert!(!text.contains(obeyed), "{text:?}");
    }
    assert!(!line.contains('\n'), "{line:?}");
}

#[tokio::test]
async fn a_revealed_password_leaves_in_no_line_and_no_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let ping = format!(
        "(call $connect (i32.const 0) (i32.const 3072))
         (if (i32.load8_u (i32.const 3072)) (then unreachable))
         (call $reveal (i32.load (i32.const 3076)) (i32.const 512) (i32.const 8) (i32.const 3200))
         (if (i32.load8_u (i32.const 3200)) (then unreachable))
         (call $secret (i32.load (i32.const 3204)) (i32.const 3300))
         (if (i32.load8_u (i32.const 3300)) (then unreachable))
         {SAY}"
    );
    let host = Guest::new(World::Connector)
        .head(format!("{CONNECTOR} (data (i32.const 512) \"password\")"))
        .body("open", OPEN)
        .body("[method]connection.ping", ping)
        .permissions(PERMISSIONS)
        .host();
    let (line, message) = says(&host, port).await;
    assert_eq!(line, "[sealed]");
    assert_eq!(message, "[sealed]");
}
