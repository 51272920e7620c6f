//! `/v1/newservice`: the entries of the caller.
//!
//! Invariant: no operation here takes an account id; the owner is always the member of the access token.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use contract::AccountId;
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, List, Page, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::{Entry, Text};
use crate::state::NewService;
use crate::store;

/// A new entry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Ask the band for the key."}))]
pub(super) struct NewEntry {
    /// 1–2,000 characters.
    #[schema(min_length = 1, max_length = 2000)]
    text: String,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Entry, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "text": "Ask the band for the key.",
    "created_at": "2026-05-04T18:30:00Z",
}))]
pub(super) struct EntryView {
    /// Its id.
    id: Uuid,
    /// The text.
    text: String,
    /// When it was added.
    created_at: DateTime<Utc>,
}

impl From<Entry> for EntryView {
    fn from(entry: Entry) -> Self {
        Self { id: entry.id, text: entry.text, created_at: entry.created_at }
    }
}

/// Adds an entry.
///
/// The response has the entry, and its URL in `Location`.
#[utoipa::path(
    post,
    path = "/v1/newservice",
    operation_id = "add_newservice_entry",
    tag = "newservice",
    security(("token" = [])),
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A repeated request within a day returns the entry that the first one added",
            min_length = 1,
            max_length = 255,
            example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        ),
    ),
    request_body = NewEntry,
    responses(
        (
            status = 201,
            description = "The entry",
            body = EntryView,
            headers(
                ("Location" = String, description = "The URL of the entry"),
            ),
        ),
    ),
    extensions(
        ("x-codes" = json!([
            "newservice.invalid_text",
            "newservice.too_many_entries",
            "request.bad_idempotency_key",
            "request.broken_off",
            "request.done_before",
            "request.idempotency_key_reused",
            "request.in_progress",
            "request.invalid",
            "request.not_json",
            "request.result_removed",
            "request.too_large",
        ])),
    ),
)]
pub(super) async fn add(
    State(newservice): State<NewService>,
    member: Member,
    effect: Effect,
    Json(body): Json<NewEntry>,
) -> Result<impl IntoResponse, Error> {
    let entry = commands::add_entry(&newservice, AccountId(member.id()), Text::parse(&body.text)?, effect).await?;
    let location = [(header::LOCATION, format!("/v1/newservice/{}", entry.id))];
    Ok((StatusCode::CREATED, location, Json(EntryView::from(entry))))
}

/// Lists the caller's entries, newest first.
///
/// Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/newservice",
    operation_id = "list_newservice_entries",
    tag = "newservice",
    security(("token" = [])),
    params(Page),
    responses(
        (
            status = 200,
            description = "A page of entries",
            body = List<EntryView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(newservice): State<NewService>,
    member: Member,
    Query(page): Query<Page>,
) -> Result<Json<List<EntryView>>, Error> {
    let after = page.after.as_deref().map(str::parse::<Uuid>).transpose().map_err(|_| Error::BadCursor)?;
    let (owner, before, size) = (AccountId(member.id()), after.unwrap_or(Uuid::max()), page.size());
    let mut entries = store::entries::list(newservice.context.db.read(), owner, before, size + 1).await?;
    let has_more = entries.len() > size;
    entries.truncate(size);
    let next = entries.last().filter(|_| has_more).map(|entry| entry.id.to_string());
    Ok(Json(List { items: entries.into_iter().map(EntryView::from).collect(), next }))
}

/// Returns an entry of the caller's.
///
/// An entry of another member is a 404, like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/newservice/{id}",
    operation_id = "show_newservice_entry",
    tag = "newservice",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The entry's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    responses(
        (
            status = 200,
            description = "The entry",
            body = EntryView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["newservice.not_found", "request.no_such_url"])),
    ),
)]
pub(super) async fn show(
    State(newservice): State<NewService>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<EntryView>, Error> {
    let entry = store::entries::find(newservice.context.db.read(), AccountId(member.id()), id).await?;
    entry.map(|entry| Json(entry.into())).ok_or(Error::NotFound)
}

/// Removes an entry of the caller's.
///
/// It is gone for good.
#[utoipa::path(
    delete,
    path = "/v1/newservice/{id}",
    operation_id = "remove_newservice_entry",
    tag = "newservice",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The entry's id", example = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10"),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!(["newservice.not_found", "request.no_such_url"])),
    ),
)]
pub(super) async fn remove(
    State(newservice): State<NewService>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove_entry(&newservice, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
