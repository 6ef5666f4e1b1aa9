//! The Chat Completions API, as OpenAI and the many servers that follow it speak it: what the
//! plugins share whose upstream is one of them.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`dialect`] | where servers differ, as data |
//! | [`client`] | the endpoints, over HTTP |
//! | [`settings`] | what a model would refuse of a request |
//! | [`request`] | labd's request → the API's body |
//! | [`messages`] | the messages in it |
//! | `marks` | what of them comes again, for OpenRouter |
//! | [`effort`] | labd's steps of reasoning → each server's words |
//! | [`ids`] | ids of tool calls for servers that do not take any |
//! | [`stream`] | the API's chunks → labd's events |
//! | [`quick`] | the chunk that most of a stream is made of |
//! | [`calls`] | tool calls that arrive in pieces |
//! | [`usage`] | tokens, however they are counted |
//! | [`models`] | the API's lists of models → labd's |
//! | [`embed`] | requests for embeddings, and their answers |
//! | [`fault`] | the API's errors → labd's |
//!
//! Servers leave out fields, send them empty, or end a stream in their own way; whatever can be
//! understood is, and a stream that ends without saying why is `unavailable`.

pub mod calls;
pub mod client;
mod details;
pub mod dialect;
pub mod effort;
pub mod embed;
pub mod fault;
pub mod ids;
mod limits;
mod marks;
pub mod messages;
pub mod models;
pub mod quick;
pub mod request;
pub mod settings;
pub mod stream;
pub mod usage;
