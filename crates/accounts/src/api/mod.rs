//! The doors of this role.
//!
//! Invariant: whatever needs somebody who is signed in says so in its signature, as a [`seat::Seated`], whose session has not ended.

mod accounts;
mod asker;
mod keys;
mod me;
mod seat;
mod sessions;
mod views;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::accounts::Accounts;

/// The routes, at work.
pub(crate) fn router(state: Accounts) -> Router {
    routes().with_state(state).split_for_parts().0
}

/// The routes, described.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}

fn routes() -> OpenApiRouter<Accounts> {
    OpenApiRouter::new()
        .routes(routes!(accounts::sign_up))
        .routes(routes!(accounts::profile))
        .routes(routes!(sessions::sign_in, sessions::list))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::end_current))
        .routes(routes!(sessions::end))
        .routes(routes!(me::show, me::edit, me::erase))
        .routes(routes!(me::change_password))
        .routes(routes!(keys::jwks))
}
