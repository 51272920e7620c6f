//! Requests of other roles. The public listener does not route to them.
//!
//! Invariant: each returns what the public operations return to the member.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use contract::notify::{FindNoticeCounts, NoticeCounts};
use contract::{AccountId, Query as _};
use http_server::{Json, Path};

use crate::error::Error;
use crate::queries;
use crate::state::Notify;

pub(super) fn router() -> Router<Notify> {
    Router::new().route(FindNoticeCounts::PATH, get(counts))
}

async fn counts(State(notify): State<Notify>, Path(member): Path<AccountId>) -> Result<Json<NoticeCounts>, Error> {
    let counts = queries::counts(&notify, member).await?;
    Ok(Json(NoticeCounts { unseen: counts.unseen, unread: counts.unread }))
}
