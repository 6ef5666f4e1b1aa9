//! A server that plays AI providers: as strictly as they are, with every fault they have.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use labd_ai_peer::{AiPeer, Answer, Chance, Provider, Refusal, Reply, Step, Wait};
//!
//! let peer = AiPeer::plan()
//!     // The script: whoever asks next, and one provider's own.
//!     .then(Reply::refusal(Refusal::Limit(Wait::Seconds(1))))
//!     .then_of(Provider::Gemini, Reply::answer(Answer::text(["Hel", "lo"])))
//!     // Beyond it: a fifth fails, and the same ones each time.
//!     .otherwise(|asked| match Chance::of(7, asked.number).hits(0.2) {
//!         true => Reply::answer(Answer::text(["half"])).ending_with(Step::Cut),
//!         false => Reply::answer(Answer::text(["whole"])),
//!     })
//!     .start()
//!     .await?;
//! assert!(peer.base_url_of(Provider::Gemini).ends_with("/gemini/v1beta"));
//! // … have a client send requests there; then:
//! assert_eq!(peer.complaints(), []);
//! assert_eq!((peer.count(), peer.running()), (0, 0));
//! # Ok(())
//! # }
//! ```
#![doc = include_str!("../README.md")]

mod always;
mod answer;
mod body;
mod chance;
mod clock;
mod peer;
mod plan;
mod provider;
mod record;
mod refusal;
mod reply;
mod shape;

pub use answer::{Answer, Finish, Part, Usage};
pub use chance::Chance;
pub use peer::AiPeer;
pub use plan::Plan;
pub use provider::{Asked, Operation, Provider};
pub use record::{Complaint, Ended, Received};
pub use refusal::{Refusal, Wait};
pub use reply::{Reply, Step};
