//! The Interactions API: a conversation is a list of steps, and nothing of it is stored.
//!
//! | module | what it maps |
//! | --- | --- |
//! | `request` | labd's request → the API's body |
//! | `stream` | the API's events → labd's |

mod request;
mod stream;

pub use request::body;
pub use stream::Steps;
