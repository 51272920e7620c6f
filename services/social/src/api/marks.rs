//! `/v1/accounts/{handle}/mute` and `/close`: what the caller decides about another member, who does not learn of it.
//!
//! Invariant: each operation can be repeated; it responds with the state that there is then.

use axum::extract::State;
use chrono::{DateTime, Utc};
use http_server::auth::Member;
use http_server::{Json, Path, Query};
use serde::Deserialize;

use super::relation_state::{RelationState, RelationWord, both, both_always, state};
use crate::commands;
use crate::error::Error;
use crate::state::Social;

/// Until when a member is muted.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct MuteParams {
    /// When the mute ends by itself; without it, it stays.
    #[param(value_type = Option<String>, format = "date-time", example = "2026-06-20T18:30:00Z")]
    until: Option<DateTime<Utc>>,
}

/// Mutes a member.
///
/// The caller's feeds leave the member out. The other member is not told, and sees and does what they did before.
#[utoipa::path(
    put,
    path = "/v1/accounts/{handle}/mute",
    operation_id = "mute_account",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
        MuteParams,
    ),
    responses(
        (
            status = 200,
            description = "The state",
            body = RelationState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.yourself",
            "social.too_many",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn mute(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
    Query(params): Query<MuteParams>,
) -> Result<Json<RelationState>, Error> {
    let (caller, other) = both(&social, &member, &handle).await?;
    commands::mute(&social, caller, other, params.until).await?;
    Ok(state(RelationWord::Muted))
}

/// Ends a mute.
///
/// Nothing changes if there is none.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{handle}/mute",
    operation_id = "unmute_account",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The state",
            body = RelationState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.yourself",
        ])),
    ),
)]
pub(super) async fn unmute(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<Json<RelationState>, Error> {
    let (caller, other) = both_always(&social, &member, &handle).await?;
    commands::unmute(&social, caller, other).await?;
    Ok(state(RelationWord::None))
}

/// Makes a member a close friend.
///
/// Close friends see posts with the audience `close`. The other member is not told.
#[utoipa::path(
    put,
    path = "/v1/accounts/{handle}/close",
    operation_id = "add_close_friend",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The state",
            body = RelationState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.yourself",
            "social.blocked",
            "social.too_many",
        ])),
    ),
)]
pub(super) async fn add_close(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<Json<RelationState>, Error> {
    let (caller, other) = both(&social, &member, &handle).await?;
    commands::set_close(&social, caller, other, true).await?;
    Ok(state(RelationWord::Close))
}

/// Takes a member out of the close friends.
///
/// The other member is not told.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{handle}/close",
    operation_id = "remove_close_friend",
    tag = "people",
    security(("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "bob",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The state",
            body = RelationState,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.no_such_person",
            "social.yourself",
        ])),
    ),
)]
pub(super) async fn remove_close(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<Json<RelationState>, Error> {
    let (caller, other) = both_always(&social, &member, &handle).await?;
    commands::set_close(&social, caller, other, false).await?;
    Ok(state(RelationWord::None))
}
