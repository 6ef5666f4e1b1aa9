//! What a client may send, and what comes back; over an in-memory connection and a real tarpc
//! channel.

use super::*;
use futures_util::StreamExt;
use serde_json::{Value, json};
use tarpc::server::{BaseChannel, Channel};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

#[tarpc::service]
trait Small {
    async fn add(a: i64, b: i64) -> Result<i64, ApiError>;
    async fn hang() -> Result<(), ApiError>;
    async fn large(bytes: usize) -> Result<String, ApiError>;
    async fn deadline() -> Result<u64, ApiError>;
}

#[derive(Clone)]
struct Served;

impl Small for Served {
    async fn add(self, _: tarpc::context::Context, a: i64, b: i64) -> Result<i64, ApiError> {
        Ok(a + b)
    }
    async fn hang(self, _: tarpc::context::Context) -> Result<(), ApiError> {
        std::future::pending().await
    }
    async fn large(self, _: tarpc::context::Context, bytes: usize) -> Result<String, ApiError> {
        Ok("x".repeat(bytes))
    }
    async fn deadline(self, context: tarpc::context::Context) -> Result<u64, ApiError> {
        Ok((context.deadline - Instant::now()).as_secs())
    }
}

/// A client that sends what it likes.
struct Raw(DuplexStream);

impl Raw {
    fn connect() -> Self {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let transport = ServerTransport::<_, SmallRequest, SmallResponse>::new(far);
        tokio::spawn(
            BaseChannel::with_defaults(transport)
                .execute(Served.serve())
                .for_each(|call| async {
                    tokio::spawn(call);
                }),
        );
        Self(near)
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0
            .write_u32(u32::try_from(bytes.len()).map_err(io::Error::other)?)
            .await?;
        self.0.write_all(bytes).await
    }

    async fn receive(&mut self) -> io::Result<Value> {
        let read = async {
            let mut bytes = vec![0; self.0.read_u32().await? as usize];
            self.0.read_exact(&mut bytes).await?;
            Ok(serde_json::from_slice(&bytes)?)
        };
        tokio::time::timeout(Duration::from_secs(10), read).await?
    }

    async fn call(&mut self, frame: Value) -> io::Result<Value> {
        self.send(frame.to_string().as_bytes()).await?;
        self.receive().await
    }

    /// The connection still serves.
    async fn assert_usable(&mut self) {
        let frame = json!({"Request": {"id": 99, "message": {"Add": {"a": 1, "b": 2}}}});
        assert_eq!(
            self.call(frame).await.unwrap(),
            json!({"request_id": 99, "message": {"Ok": {"Add": {"Ok": 3}}}})
        );
    }
}

fn refused(answer: &Value) -> (u64, ErrorCode) {
    let detail = answer["message"]["Err"]["detail"].as_str().unwrap();
    let error: ApiError = serde_json::from_str(detail).unwrap();
    (answer["request_id"].as_u64().unwrap(), error.code)
}

#[tokio::test]
async fn a_call_as_tarpc_writes_it_is_answered() {
    let mut raw = Raw::connect();
    let mut context = tarpc::context::current();
    context.deadline = Instant::now() + Duration::from_secs(30);
    let message = ClientMessage::Request(Request {
        context,
        id: 7,
        message: SmallRequest::Add { a: 40, b: 2 },
    });
    let frame = serde_json::to_value(&message).unwrap();
    assert_eq!(
        frame["Request"]["context"]["trace_context"]["sampling_decision"],
        "Unsampled"
    );
    assert_eq!(frame["Request"]["context"]["deadline"]["secs"], 29);
    assert_eq!(
        raw.call(frame).await.unwrap(),
        json!({"request_id": 7, "message": {"Ok": {"Add": {"Ok": 42}}}})
    );
}

#[tokio::test]
async fn a_frame_that_is_not_json_is_answered_and_harms_nothing() {
    let mut raw = Raw::connect();
    raw.send(b"{\"Request\": nonsense").await.unwrap();
    assert_eq!(
        refused(&raw.receive().await.unwrap()),
        (NO_ID, ErrorCode::InvalidRequest)
    );
    raw.send(&[0xff; 12]).await.unwrap();
    assert_eq!(
        refused(&raw.receive().await.unwrap()),
        (NO_ID, ErrorCode::InvalidRequest)
    );
    raw.send(b"").await.unwrap();
    assert_eq!(
        refused(&raw.receive().await.unwrap()),
        (NO_ID, ErrorCode::InvalidRequest)
    );
    raw.assert_usable().await;
}

#[tokio::test]
async fn an_unknown_method_is_answered_under_its_id() {
    let mut raw = Raw::connect();
    let answer = raw
        .call(json!({"Request": {"id": 5, "message": {"Fly": {}}}}))
        .await
        .unwrap();
    assert_eq!(refused(&answer), (5, ErrorCode::UnknownMethod));
    raw.assert_usable().await;
}

#[tokio::test]
async fn wrong_arguments_are_an_error_of_the_method() {
    let mut raw = Raw::connect();
    let frame = json!({"Request": {"id": 5, "message": {"Add": {"a": "one", "b": 2}}}});
    let answer = raw.call(frame).await.unwrap();
    assert_eq!(answer["request_id"], 5);
    assert_eq!(
        answer["message"]["Ok"]["Add"]["Err"]["code"],
        "invalid_request"
    );
    raw.assert_usable().await;
}

#[tokio::test]
async fn a_message_without_method_or_context_without_sense_is_answered_under_its_id() {
    let mut raw = Raw::connect();
    for request in [
        json!({"id": 6, "message": 1}),
        json!({"id": 6}),
        json!({"id": 6, "context": {"deadline": "soon"}, "message": {"Add": {"a": 1, "b": 2}}}),
        json!({"id": 6, "context": {"deadline": {"secs": -1}}, "message": {"Add": {"a": 1, "b": 2}}}),
    ] {
        let answer = raw.call(json!({"Request": request})).await.unwrap();
        assert_eq!(
            refused(&answer),
            (6, ErrorCode::InvalidRequest),
            "{request}"
        );
    }
    raw.assert_usable().await;
}

#[tokio::test]
async fn the_furthest_deadline_there_is_becomes_five_minutes() {
    let mut raw = Raw::connect();
    let frame = json!({"Request": {
        "id": 1,
        "context": {"deadline": {"secs": u64::MAX, "nanos": u32::MAX}},
        "message": {"Deadline": {}},
    }});
    let answer = raw.call(frame).await.unwrap();
    let seconds = answer["message"]["Ok"]["Deadline"]["Ok"].as_u64().unwrap();
    assert!((299..=300).contains(&seconds), "{seconds}");
    raw.assert_usable().await;
}

#[tokio::test]
async fn a_call_without_time_is_told_so() {
    let mut raw = Raw::connect();
    let frame = json!({"Request": {
        "id": 1, "context": {"deadline": {"secs": 0}}, "message": {"Deadline": {}}}});
    assert_eq!(
        refused(&raw.call(frame).await.unwrap()),
        (1, ErrorCode::Timeout)
    );
}

#[tokio::test]
async fn a_frame_too_large_is_answered_and_ends_the_connection() {
    let mut raw = Raw::connect();
    raw.0.write_u32(u32::MAX).await.unwrap();
    raw.0.write_all(b"anything").await.unwrap();
    assert_eq!(
        refused(&raw.receive().await.unwrap()),
        (NO_ID, ErrorCode::TooLarge)
    );
    assert_eq!(
        raw.receive().await.unwrap_err().kind(),
        io::ErrorKind::UnexpectedEof
    );
}

#[tokio::test]
async fn an_answer_too_large_fails_its_own_call_only() {
    let mut raw = Raw::connect();
    let frame = json!({"Request": {"id": 3, "message": {"Large": {"bytes": MAX_FRAME}}}});
    assert_eq!(
        refused(&raw.call(frame).await.unwrap()),
        (3, ErrorCode::TooLarge)
    );
    raw.assert_usable().await;
}

#[tokio::test]
async fn a_withdrawn_call_frees_its_id() {
    let mut raw = Raw::connect();
    let hang = json!({"Request": {"id": 1, "message": {"Hang": {}}}});
    raw.send(hang.to_string().as_bytes()).await.unwrap();
    raw.send(json!({"Cancel": {"request_id": 1}}).to_string().as_bytes())
        .await
        .unwrap();
    let again = json!({"Request": {"id": 1, "message": {"Add": {"a": 1, "b": 1}}}});
    assert_eq!(
        raw.call(again).await.unwrap()["message"]["Ok"]["Add"]["Ok"],
        2
    );
}

#[tokio::test]
async fn faults_without_a_reader_are_not_gathered_without_end() {
    let mut raw = Raw::connect();
    let flood = async {
        for _ in 0..100_000 {
            raw.send(b"nonsense").await?;
        }
        io::Result::Ok(())
    };
    // The daemon stops reading when nobody takes its answers.
    assert!(
        tokio::time::timeout(Duration::from_millis(500), flood)
            .await
            .is_err()
    );
}

#[test]
fn the_methods_of_the_service_are_known_by_name() {
    let names = variants::<crate::LabdRequest>();
    assert!(
        names.contains(&"Status") && names.contains(&"TurnEvents"),
        "{names:?}"
    );
}

#[test]
fn a_cut_frame_at_the_end_never_was() {
    let mut bytes = BytesMut::from(&[0, 0, 0, 9, b'{'][..]);
    assert!(Frames::default().decode_eof(&mut bytes).unwrap().is_none());
    assert!(bytes.is_empty());
}
