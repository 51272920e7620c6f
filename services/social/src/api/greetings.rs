//! `/v1/greetings`: a clip for one person, behind a link that opens without an account.
//!
//! Invariant: the link is the whole permission. One that has ended, was revoked or never was is the same 404.

use axum::extract::State;
use axum::response::IntoResponse;
use contract::MediaId;
use contract::social::talk_views::GreetingView;
use http::{HeaderName, StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::reader_of;
use super::visitor::Visitor;
use crate::commands;
use crate::error::Error;
use crate::known_people::{caller, reader};
use crate::model::{GreetingToken, NewGreeting};
use crate::queries;
use crate::state::Social;

/// The token is in the URL, which is in no index and no cache.
const HEADERS: [(HeaderName, &str); 2] =
    [(header::CACHE_CONTROL, "no-store"), (HeaderName::from_static("x-robots-tag"), "noindex")];

/// A new greeting.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "media": "5kT0vYq8Zb3mXw1RcHs9Ga",
    "to_name": "Grandma",
    "text": "Happy birthday!",
    "expires_in": 604_800,
}))]
pub(super) struct NewGreetingBody {
    /// An item of the caller's library that can be shown (`playable` or `ready`).
    media: MediaId,
    /// Whom it is for, in the caller's words: one line of at most 80 characters.
    #[schema(min_length = 1, max_length = 80)]
    to_name: String,
    /// What the caller says, at most 1,000 characters.
    #[serde(default)]
    #[schema(max_length = 1000)]
    text: String,
    /// How long the link lasts, in seconds: from a minute to 90 days; 7 days by default.
    #[schema(minimum = 60, maximum = 7_776_000)]
    expires_in: Option<u32>,
}

/// Makes a greeting.
///
/// Every client that has the link sees the clip until the link ends, even if the item is private. `url` has the link,
/// in this response only.
#[utoipa::path(
    post,
    path = "/v1/greetings",
    operation_id = "create_greeting",
    tag = "greetings",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day makes no second greeting. Its response has no `url`",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewGreetingBody,
    responses(
        (
            status = 201,
            description = "The greeting",
            body = GreetingView,
            headers(
                ("Location" = String, description = "Where the sender reads and revokes it"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "social.account_limited",
            "social.invalid_greeting",
            "social.media_not_ready",
            "social.no_such_media",
            "social.no_such_person",
            "social.too_often",
            "request.bad_idempotency_key",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
            "request.result_removed",
        ])),
    ),
)]
pub(super) async fn create(
    State(social): State<Social>,
    member: Member,
    effect: Effect,
    Json(body): Json<NewGreetingBody>,
) -> Result<impl IntoResponse, Error> {
    let new = NewGreeting::parse(body.media, &body.to_name, &body.text, body.expires_in);
    let (new, sender) = (new.map_err(Error::InvalidGreeting)?, caller(&social, &member).await?);
    let (id, token) = commands::create_greeting(&social, sender.clone(), new, effect).await?;
    let mut greeting = queries::greetings::get_own(&social, &sender, id).await?;
    greeting.url = Some(token.url());
    Ok((StatusCode::CREATED, [(header::LOCATION, format!("/v1/greetings/{id}"))], Json(greeting)))
}

/// Lists the greetings of the caller, the newest first, with when they were opened.
///
/// Continue with the `next` of a page as `after`. One is listed for 30 days after its link has ended.
#[utoipa::path(
    get,
    path = "/v1/greetings",
    operation_id = "list_greetings",
    tag = "greetings",
    security(("token" = [])),
    params(
        Page,
    ),
    responses(
        (
            status = 200,
            description = "A page of greetings",
            body = List<GreetingView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_person", "request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(social): State<Social>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<GreetingView>>, Error> {
    let before = page.after.as_deref().map_or(Ok(Uuid::max()), str::parse).map_err(|_| Error::BadCursor)?;
    let sender = caller(&social, &member).await?;
    let (items, next) = queries::greetings::list(&social, &sender, before, page.size()).await?;
    Ok(Json(List { items, next }))
}

/// Opens a greeting by the token of its link; its sender reads it by its id.
///
/// Needs no account. The sender sees in `openings` when it was opened: once for each visitor and hour, without programs
/// that make previews. A link that has ended or was revoked is a 404, like one that never was.
#[utoipa::path(
    get,
    path = "/v1/greetings/{greeting}",
    operation_id = "open_greeting",
    tag = "greetings",
    security((), ("token" = [])),
    params(
        (
            "greeting" = String,
            Path,
            description = "The token of the link; or the id, for the sender",
            example = "3hW9dKx0Qp7LmT2vBnYc4R",
        ),
    ),
    responses(
        (
            status = 200,
            description = "The greeting",
            body = GreetingView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_greeting"])),
    ),
)]
pub(super) async fn open(
    State(social): State<Social>,
    member: Option<Member>,
    visitor: Visitor,
    Path(greeting): Path<String>,
) -> Result<impl IntoResponse, Error> {
    if let (Ok(id), Some(member)) = (greeting.parse::<Uuid>(), &member) {
        let sender = caller(&social, member).await.map_err(no_greeting)?;
        return Ok((HEADERS, Json(queries::greetings::get_own(&social, &sender, id).await?)));
    }
    let token = GreetingToken::parse(&greeting).ok_or(Error::NoSuchGreeting)?;
    let reader = reader(&social, reader_of(member.clone())).await?;
    let opened = queries::greetings::open(&social, reader, &token).await?;
    if let Some(features) = visitor.features(member.as_ref()).filter(|_| reader != opened.sender.number) {
        let counted = commands::count_opening(&social, opened.sender, &opened.greeting, token.visitor(&features)).await;
        if let Err(error) = counted {
            // The greeting is shown all the same.
            tracing::warn!(%error, "the opening of a greeting could not be counted");
        }
    }
    Ok((HEADERS, Json(opened.view)))
}

/// A caller who is no member any more has sent no greeting.
fn no_greeting(error: Error) -> Error {
    if matches!(error, Error::NoSuchPerson) { Error::NoSuchGreeting } else { error }
}

/// Revokes a greeting of the caller's.
///
/// Its link opens nothing from now on. URLs of files that it has opened before last for an hour at most.
#[utoipa::path(
    delete,
    path = "/v1/greetings/{greeting}",
    operation_id = "remove_greeting",
    tag = "greetings",
    security(("token" = [])),
    params(
        (
            "greeting" = String,
            Path,
            description = "The greeting's id",
            example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
        ),
    ),
    responses(
        (
            status = 204,
            description = "Revoked",
        ),
    ),
    extensions(
        ("x-codes" = json!(["social.no_such_greeting", "social.no_such_person"])),
    ),
)]
pub(super) async fn remove(
    State(social): State<Social>,
    member: Member,
    Path(greeting): Path<String>,
) -> Result<StatusCode, Error> {
    let id = greeting.parse().map_err(|_| Error::NoSuchGreeting)?;
    commands::remove_greeting(&social, caller(&social, &member).await?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
