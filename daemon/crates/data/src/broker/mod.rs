//! Running a statement that has been shown to only read.

mod bind;
mod cache;
mod cursors;
mod json;
mod lease;
pub mod limits;
mod pool;
mod run;

pub(crate) use bind::{by_contract, by_value};
pub(crate) use cache::ResultCache;
pub(crate) use cursors::{Cursors, Held};
pub(crate) use lease::Lease;
pub(crate) use pool::Pool;
pub(crate) use run::{Page, first_page, next_page};
