//! The API's routes, each described where it is written. Handlers are thin: they take the request
//! apart, call the facade, and name the status.

mod daemon;
mod events;
mod files;
mod projects;
mod providers;
mod sources;
mod turns;

use crate::api::Api;
use utoipa_axum::router::OpenApiRouter;

/// All routes under `/api/v1` that need a caller, and `POST /session`, which makes one.
pub(crate) fn all() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(daemon::routes())
        .merge(sources::routes())
        .merge(projects::routes())
        .merge(files::routes())
        .merge(turns::routes())
        .merge(providers::routes())
        .merge(events::routes())
}
