//! What the operations about another member have in common: the response, and the two people.
//!
//! Invariant: a member who is not shown to the caller is the 404 of an unknown one, except where the caller undoes
//! something or blocks.

use contract::social::views::FollowState;
use http_server::Json;
use http_server::auth::Member;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::known_people::{by_name, caller, shown_by_name};
use crate::model::Person;
use crate::state::Social;

/// What there is between the caller and a member after an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RelationWord {
    /// Nothing of what the operation is about.
    None,
    /// A request to follow waits for an answer.
    Requested,
    /// The caller follows the member.
    Following,
    /// The caller has blocked the member.
    Blocked,
    /// The caller has muted the member.
    Muted,
    /// The member is one of the caller's close friends.
    Close,
}

/// The state after an operation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"state": "following"}))]
pub(super) struct RelationState {
    /// What there is now.
    state: RelationWord,
}

/// Returns the response of an operation.
pub(super) fn state(state: RelationWord) -> Json<RelationState> {
    Json(RelationState { state })
}

impl From<FollowState> for RelationWord {
    fn from(state: FollowState) -> Self {
        match state {
            FollowState::None => Self::None,
            FollowState::Requested => Self::Requested,
            FollowState::Following => Self::Following,
        }
    }
}

/// Returns the caller, and the other member if they are shown to the caller.
pub(super) async fn both(social: &Social, member: &Member, handle: &str) -> Result<(Person, Person), Error> {
    let caller = caller(social, member).await?;
    let (other, _) = shown_by_name(social, caller.number, handle).await?;
    Ok((caller, other))
}

/// Returns the caller and the other member, also one who has blocked the caller: a member may always undo what they
/// did, and block back.
pub(super) async fn both_always(social: &Social, member: &Member, handle: &str) -> Result<(Person, Person), Error> {
    Ok((caller(social, member).await?, by_name(social, handle).await?))
}
