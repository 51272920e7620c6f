//! `/v1/accounts/{handle}/follow` and `/block`.
//!
//! Invariant: each operation can be repeated; it responds with the state that there is then.

use axum::extract::State;
use http_server::auth::Member;
use http_server::{Json, Path};

use super::relation_state::{RelationState, RelationWord, both, both_always, state};
use crate::commands;
use crate::error::Error;
use crate::model::Sender;
use crate::state::Social;

/// Follows a member, or asks to.
///
/// A member whose profile is private is asked first: the state is `requested` then. Neither side of a block follows the
/// other. Following very many people who don't follow back is slowed down: 429, with the time after which it goes on.
#[utoipa::path(
    put,
    path = "/v1/accounts/{handle}/follow",
    operation_id = "follow_account",
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
            "social.account_limited",
            "social.slow_down",
            "social.too_many",
            "social.too_many_follows",
        ])),
    ),
)]
pub(super) async fn follow(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<Json<RelationState>, Error> {
    let (person, other) = both(&social, &member, &handle).await?;
    let sender = Sender { person, is_confirmed: member.0.confirmed };
    Ok(state(commands::follow(&social, sender, other).await?.into()))
}

/// Ends following a member, or takes a request back.
///
/// Nothing changes if the caller does neither.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{handle}/follow",
    operation_id = "unfollow_account",
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
pub(super) async fn unfollow(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<Json<RelationState>, Error> {
    let (caller, other) = both_always(&social, &member, &handle).await?;
    commands::unfollow(&social, caller, other).await?;
    Ok(state(RelationWord::None))
}

/// Blocks a member.
///
/// Neither sees the other from then on, in any list, and neither follows the other. Signed URLs of media that were
/// given out before end within an hour. The other member is not told.
#[utoipa::path(
    put,
    path = "/v1/accounts/{handle}/block",
    operation_id = "block_account",
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
            "social.too_many",
        ])),
    ),
)]
pub(super) async fn block(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<Json<RelationState>, Error> {
    let (caller, other) = both_always(&social, &member, &handle).await?;
    commands::block(&social, caller, other).await?;
    Ok(state(RelationWord::Blocked))
}

/// Ends a block.
///
/// What the block has ended, such as follows, does not come back by itself.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{handle}/block",
    operation_id = "unblock_account",
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
pub(super) async fn unblock(
    State(social): State<Social>,
    member: Member,
    Path(handle): Path<String>,
) -> Result<Json<RelationState>, Error> {
    let (caller, other) = both_always(&social, &member, &handle).await?;
    commands::unblock(&social, caller, other).await?;
    Ok(state(RelationWord::None))
}
