//! Requests of other roles. The public listener does not route to them.
//!
//! Invariant: the response has ids of sessions that have ended, and nothing of their accounts.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::Query as _;
use chrono::DateTime;
use http_server::auth::{EndedSession, FindEndedSessions, KEPT, MAX_SESSIONS_PER_RESPONSE};
use http_server::{Json, Path};

use crate::error::Error;
use crate::state::Accounts;
use crate::store;

pub(super) fn router() -> Router<Accounts> {
    Router::new().route(FindEndedSessions::PATH, get(ended_sessions))
}

async fn ended_sessions(
    State(accounts): State<Accounts>,
    Path(since): Path<i64>,
) -> Result<Json<Vec<EndedSession>>, Error> {
    let oldest = accounts.context.clock.now() - KEPT;
    let since = DateTime::from_timestamp(since, 0).map_or(oldest, |since| since.max(oldest));
    Ok(Json(store::ended_sessions::list(accounts.context.db.read(), since, MAX_SESSIONS_PER_RESPONSE).await?))
}
