//! Server code: `server/<route>.ts`, answering at `/api/<route>`.
//!
//! A route's file exports functions named by method: `export async function GET(request, ctx)`.
//! `index` stands for its folder, `[id]` for one part of the path (`ctx.params.id`). Files
//! without such an export are helpers.

mod bundle;
mod run;

pub use bundle::{Bundle, Part, Route, methods_of, route_of, sort};
pub use run::Handlers;
