//! Servers that send what they should not.
#![allow(missing_docs)]

use labd_db_postgres::{Postgres, Session};
use labd_plugin::connector::{Connector, QueryOptions};
use labd_plugin::net::{Target, TlsMode};
use labd_plugin::testing::FakeHost;
use labd_plugin::testing::connector::{config, options};
use labd_plugin::{Error, Result};

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend(u32::try_from(body.len() + 4).unwrap_or(0).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// What a server without passwords says up to its first `ReadyForQuery`, and to our first flight.
fn greeting() -> Vec<u8> {
    [
        message(b'R', &[0, 0, 0, 0]),
        message(b'S', b"server_version\015.8\0"),
        message(b'K', &[0, 0, 0, 1, 0, 0, 0, 2]),
        message(b'Z', b"I"),
        message(b'1', b"").repeat(4),
        message(b'Z', b"I"),
    ]
    .concat()
}

fn description() -> Vec<u8> {
    let mut columns = vec![0, 2];
    for (name, oid) in [(b"a\0", 23_u32), (b"b\0", 1009)] {
        columns.extend(name);
        columns.extend([0; 6]);
        columns.extend(oid.to_be_bytes());
        columns.extend([0, 4, 255, 255, 255, 255, 0, 0]);
    }
    [
        message(b'1', b""),
        message(b't', &[0, 0]),
        message(b'T', &columns),
        message(b'Z', b"I"),
    ]
    .concat()
}

fn rows() -> Vec<u8> {
    let mut row = vec![0, 2, 0, 0, 0, 4, 0, 0, 0, 7];
    row.extend([0, 0, 0, 5]);
    row.extend(b"{x,y}");
    [
        message(b'C', b"SET\0").repeat(2),
        message(b'Z', b"I"),
        message(b'2', b""),
        message(b'C', b"BEGIN\0"),
        message(b'2', b""),
        message(b'D', &row).repeat(3),
        message(b'C', b"SELECT 3\0"),
        message(b'Z', b"T"),
    ]
    .concat()
}

fn server(pieces: Vec<Vec<u8>>) -> FakeHost {
    let host = FakeHost::new();
    // Whatever we send is taken; the answers come regardless.
    host.script_conn().answer(pieces);
    host
}

fn talk(host: FakeHost) -> Result<u32> {
    let mut session: Session<FakeHost> = Postgres::new(host).open(config())?;
    let small = QueryOptions {
        max_rows: 10,
        ..options()
    };
    let mut count = 0;
    let mut rows = session.query("SELECT a, b FROM t", &[], &small)?;
    count += rows.first.rows;
    if let Some(rest) = rows.rest.as_mut() {
        for _ in 0..5 {
            count += session.fetch(rest, 10, 1000)?.rows;
        }
    }
    Ok(count)
}

#[test]
fn every_split_of_a_conversation_gives_the_same_rows() {
    let whole = [greeting(), description(), rows()].concat();
    assert_eq!(talk(server(vec![whole.clone()])), Ok(3));
    assert_eq!(
        talk(server(whole.iter().map(|byte| vec![*byte]).collect())),
        Ok(3)
    );
    for at in 0..whole.len() {
        let (head, tail) = whole.split_at(at);
        assert_eq!(
            talk(server(vec![head.to_vec(), tail.to_vec()])),
            Ok(3),
            "{at}"
        );
    }
}

#[test]
fn a_conversation_cut_off_anywhere_is_unavailable() {
    let whole = [greeting(), description(), rows()].concat();
    // The last message is read before the next flight only.
    for end in 0..whole.len() - 6 {
        let result = talk(server(vec![whole[..end].to_vec()]));
        assert!(
            matches!(result, Err(Error::Unavailable(_))),
            "{end}: {result:?}"
        );
    }
}

#[test]
fn a_changed_byte_never_panics() {
    let whole = [greeting(), description(), rows()].concat();
    for at in 0..whole.len() {
        for value in [
            0,
            1,
            0x7F,
            0x80,
            0xFF,
            b'D',
            b'Z',
            b'E',
            b'G',
            whole[at] ^ 1,
        ] {
            let mut changed = whole.clone();
            changed[at] = value;
            // Any answer will do, as long as there is one.
            drop(talk(server(vec![changed])));
        }
    }
}

#[test]
fn a_huge_message_is_refused_before_it_is_read() {
    let mut bytes = greeting();
    bytes.extend([b'T', 0x7F, 0xFF, 0xFF, 0xFF]);
    let result = talk(server(vec![bytes]));
    assert!(
        matches!(&result, Err(Error::Unavailable(fault)) if fault.message.contains("at most")),
        "{result:?}"
    );
    let early = talk(server(vec![vec![b'R', 0x7F, 0xFF, 0xFF, 0xFF]]));
    assert!(
        matches!(&early, Err(Error::Unavailable(fault)) if fault.message.contains("not as a PostgreSQL")),
        "{early:?}"
    );
}

#[test]
fn another_protocol_behind_the_port_is_named_as_such() {
    let result = talk(server(vec![b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()]));
    assert!(
        matches!(&result, Err(Error::Unavailable(fault)) if fault.message.contains("check the port")),
        "{result:?}"
    );
}

fn tls_host(mode: TlsMode) -> FakeHost {
    let host = FakeHost::new();
    host.set_targets(vec![Target {
        host: "db.example".into(),
        port: 5432,
        tls: mode,
    }]);
    host
}

#[test]
fn tls_is_asked_for_and_never_given_up_where_it_is_required() {
    let host = tls_host(TlsMode::Require);
    host.script_conn()
        .expect(&[0, 0, 0, 8, 4, 210, 22, 47])
        .answer([b"N"]);
    let error = Postgres::new(host).open(config()).err();
    assert!(
        matches!(&error, Some(Error::Unavailable(fault)) if fault.hint.as_deref().is_some_and(|hint| hint.contains("sslmode"))),
        "{error:?}"
    );

    let host = tls_host(TlsMode::Prefer);
    host.script_conn()
        .expect(&[0, 0, 0, 8, 4, 210, 22, 47])
        .answer([b"N".to_vec(), greeting()]);
    assert!(Postgres::new(host).open(config()).is_ok());

    let host = tls_host(TlsMode::Require);
    let peer = host.script_conn();
    peer.expect(&[0, 0, 0, 8, 4, 210, 22, 47])
        .answer([b"S"])
        .handshake(Ok(None))
        .answer([greeting()]);
    assert!(Postgres::new(host).open(config()).is_ok());
    assert!(peer.is_tls());
}

#[test]
fn what_comes_before_the_handshake_is_not_trusted() {
    let host = tls_host(TlsMode::Require);
    host.script_conn()
        .answer([[b"S".to_vec(), greeting()].concat()])
        .handshake(Ok(None));
    let error = Postgres::new(host).open(config()).err();
    assert!(matches!(error, Some(Error::Conflict(_))), "{error:?}");
}

#[test]
fn the_password_is_bound_to_the_tls_connection_where_both_sides_can() {
    let host = tls_host(TlsMode::Require);
    let peer = host.script_conn();
    peer.secret("password", b"pencil").reveal_needs_tls();
    let offer = [
        vec![0, 0, 0, 10],
        b"SCRAM-SHA-256\0SCRAM-SHA-256-PLUS\0\0".to_vec(),
    ]
    .concat();
    peer.answer([b"S"])
        .handshake(Ok(Some(vec![7; 32])))
        .answer([message(b'R', &offer)]);
    assert!(Postgres::new(host).open(config()).is_err());
    let written = peer.written();
    let sent = String::from_utf8_lossy(&written);
    assert!(
        sent.contains("SCRAM-SHA-256-PLUS") && sent.contains("p=tls-server-end-point"),
        "{sent}"
    );
}

#[test]
fn a_server_that_skips_its_own_proof_is_refused() {
    let host = FakeHost::new();
    let peer = host.script_conn();
    peer.secret("password", b"pencil");
    let offer = [vec![0, 0, 0, 10], b"SCRAM-SHA-256\0\0".to_vec()].concat();
    peer.answer([message(b'R', &offer), greeting()]);
    assert!(Postgres::new(host).open(config()).is_err());
    assert!(!String::from_utf8_lossy(&peer.written()).contains("pencil"));
}

#[test]
fn the_next_server_is_tried_when_one_cannot_be_reached_but_not_when_it_refuses() {
    let host = tls_host(TlsMode::Disable);
    let target = |name: &str| Target {
        host: name.into(),
        port: 5432,
        tls: TlsMode::Disable,
    };
    host.set_targets(vec![target("one"), target("two")]);
    host.script_conn()
        .refuse(Error::unavailable("connection refused"));
    host.script_conn().answer([greeting()]);
    assert!(Postgres::new(host.clone()).open(config()).is_ok());
    assert_eq!(host.connects(), [0, 1]);

    host.script_conn().answer([message(
        b'E',
        b"C28P01\0Mpassword authentication failed\0\0",
    )]);
    assert!(matches!(
        Postgres::new(host.clone()).open(config()).err(),
        Some(Error::Unauthenticated(_))
    ));
    assert_eq!(host.connects(), [0, 1, 0]);
}
