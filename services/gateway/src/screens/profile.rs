//! `GET /v1/profiles/{handle}`: the screen of a member.
//!
//! Invariant: while social does not respond, a signed-in reader sees no profile: only social knows of blocks.

use axum::extract::State;
use axum::response::Response;
use contract::social::FindProfileView;
use contract::social::views::{PersonCountsView, RelationshipView};
use contract::{AccountId, Query as PeerQuery};
use http_server::auth::Member;
use http_server::{Path, Problem, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Fields, Screens, part, unavailable};
use crate::codes;

/// The longest name of an account: its id.
const MAX_NAME_BYTES: usize = 36;

/// The public operation of accounts, with the reader's own rules: a suspended account is a 404, a private profile has
/// no details.
struct ShowAccount(String);

impl PeerQuery for ShowAccount {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/v1/accounts/{handle}";
    type Response = Value;

    fn path(&self) -> String {
        format!("/v1/accounts/{}", self.0)
    }
}

/// The parameters of a member's screen.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ProfileParams {
    /// Only these fields, separated by commas, each with its path. `degraded` is always there.
    #[param(example = "account.display_name,counts,relationship.follow")]
    fields: Option<String>,
}

/// The screen of a member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProfileScreen, example = json!({
    "account": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        "handle": "ada",
        "display_name": "Ada Lovelace",
        "bio": "Numbers and music.",
        "avatar": "5kT0vYq8Zb3mXw1RcHs9Ga",
        "roles": ["member"],
        "kind": "artist",
        "place": "London",
        "links": ["https://ada.example.org/"],
        "is_private": false,
        "created_at": "2026-05-17T09:30:00Z",
    },
    "counts": {"followers": 31, "following": 18, "posts": 4},
    "relationship": {
        "follow": "following",
        "follows_you": true,
        "requested_you": false,
        "blocked": false,
        "muted": false,
        "close": false,
    },
    "degraded": [],
}))]
struct ProfileScreenView {
    /// The public profile, as `GET /v1/accounts/{handle}` has it.
    #[schema(schema_with = account_schema)]
    account: Value,
    /// The member's counts. `null` while they can't be read.
    #[schema(required)]
    counts: Option<PersonCountsView>,
    /// How you and the member stand to each other. `null` for yourself, and without a token.
    #[schema(required)]
    relationship: Option<RelationshipView>,
    /// The roles that did not respond, whose parts are missing.
    #[schema(value_type = Vec<String>)]
    degraded: Vec<&'static str>,
}

/// Returns a reference to the schema of accounts, which is assembled into the same document.
fn account_schema() -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name("Account"))
}

/// Returns the screen of a member: the profile, counts, and how the reader and the member stand to each other.
///
/// An unknown member and one who is not shown to the reader are the same 404. Posts are at
/// `/v1/accounts/{handle}/posts`.
#[utoipa::path(
    get,
    path = "/v1/profiles/{handle}",
    operation_id = "show_profile",
    tag = "screens",
    security((), ("token" = [])),
    params(
        (
            "handle" = String,
            Path,
            description = "The handle, whose case doesn't matter, or the id of the account",
            example = "ada",
        ),
        ProfileParams,
    ),
    responses(
        (
            status = 200,
            description = "The screen",
            body = ProfileScreenView,
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "profiles.not_found",
            "request.invalid",
        ])),
    ),
)]
pub(super) async fn show(
    State(screens): State<Screens>,
    member: Option<Member>,
    Path(handle): Path<String>,
    Query(params): Query<ProfileParams>,
) -> Result<Response, Problem> {
    let fields = Fields::parse(params.fields.as_deref())?;
    let name = account_name(&handle).ok_or_else(not_found)?;
    let account = screens.ask(&ShowAccount(name)).await.map_err(|_| unavailable())?.ok_or_else(not_found)?;
    let id = account.get("id").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    let id = AccountId(id.ok_or_else(not_found)?);
    let reader = member.map(|member| AccountId(member.id()));
    let social = screens.ask(&FindProfileView { reader, account: id }).await;
    if social == Ok(None) {
        return Err(not_found());
    }
    if reader.is_some() && social.is_err() {
        return Err(unavailable());
    }
    let mut degraded = Vec::new();
    let social = part(social, &mut degraded);
    let (counts, relationship) = social.map_or((None, None), |view| (Some(view.counts), view.relationship));
    fields.respond(&ProfileScreenView { account, counts, relationship, degraded })
}

/// Returns a name that is safe in the path of a query; `None` if no account can have it.
pub(crate) fn account_name(handle: &str) -> Option<String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    let is_name = handle.len() <= MAX_NAME_BYTES
        && handle.bytes().all(is_allowed)
        // `.` and `..` would be other paths.
        && handle.bytes().any(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| handle.to_owned())
}

fn not_found() -> Problem {
    Problem::of(codes::NO_SUCH_PROFILE, "There is no such account, or it is not shown to you.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_be_another_path_is_none() {
        assert_eq!(account_name("Ada.L-1").as_deref(), Some("Ada.L-1"));
        for wrong in ["", ".", "..", "a/b", "a?b", "a b", "ä", &"a".repeat(37)] {
            assert_eq!(account_name(wrong), None, "{wrong:?}");
        }
    }
}
