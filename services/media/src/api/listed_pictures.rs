//! `/v1/admin/listed-pictures`: the list of pictures that may not be shown here.
//!
//! Owns its text form, one hash a line. Invariant: only operators change the list, each time with a reason; a list with
//! a line that can't be read is refused as a whole.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_server::operators::{Actor, Moderator, Operator, Superuser, require_reason};
use http_server::{Json, List, Page, Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::captions::read_text;
use super::refuse;
use crate::error::Error;
use crate::ingest::BodyReader;
use crate::model::known_picture::{parse_hash_list, parse_note};
use crate::store::listed_pictures::{IMPORTED, ListedPicture};
use crate::{Media, commands, store};

/// The largest list in one request, in bytes: more than a hundred thousand hashes.
const MAX_BYTES: usize = 8 << 20;
const EXAMPLE: &str = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22\n";
const NO_STORE: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];

/// A picture that may not be shown here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ListedPicture, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b73",
    "hash": EXAMPLE.trim_end(),
    "decision": null,
    "note": "From the team, May",
    "at": "2026-05-17T09:30:00Z",
}))]
pub(super) struct ListedPictureView {
    /// The id of the entry.
    id: Uuid,
    /// Its PDQ hash, 64 hexadecimal digits.
    hash: String,
    /// The decision of a moderator that it comes from; `null` if it was imported.
    #[schema(required)]
    decision: Option<String>,
    /// What was noted when it was imported.
    note: String,
    /// Since when it is on the list.
    at: DateTime<Utc>,
}

impl From<ListedPicture> for ListedPictureView {
    fn from(entry: ListedPicture) -> Self {
        let decision = (entry.origin != IMPORTED).then_some(entry.origin);
        Self { id: entry.id, hash: entry.hash.to_string(), decision, note: entry.note, at: entry.added_at }
    }
}

/// Lists the pictures that may not be shown here, the newest first.
///
/// They are hashes (PDQ): a picture can't be made of one.
#[utoipa::path(
    get,
    path = "/v1/admin/listed-pictures",
    operation_id = "list_listed_pictures",
    tag = "operators",
    params(Page),
    security(("token" = [])),
    responses((status = 200, description = "A page of the list.", body = List<ListedPictureView>)),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn list(
    _: Operator<Moderator>,
    State(media): State<Media>,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, Error> {
    let refused = |_| Error::Invalid("`after` must be the `next` of another page.".to_owned());
    let before = page.after.as_deref().map_or(Ok(u64::MAX), str::parse).map_err(refused)?;
    let size = page.size();
    let mut found = store::listed_pictures::list_newest(media.context.db.read(), before, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| last.change.to_string());
    Ok((NO_STORE, Json(List { items: found.into_iter().map(ListedPictureView::from).collect::<Vec<_>>(), next })))
}

/// Returns an entry of the list.
///
/// An item that is withheld names the entry that it is like.
#[utoipa::path(
    get,
    path = "/v1/admin/listed-pictures/{id}",
    operation_id = "show_listed_picture",
    tag = "operators",
    params(("id" = Uuid, Path, description = "The entry.", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b73")),
    security(("token" = [])),
    responses((status = 200, description = "The entry.", body = ListedPictureView)),
    extensions(
        ("x-codes" = json!(["media.no_such_listed_picture"])),
        ("x-admin-role" = json!("moderator")),
    ),
)]
pub(super) async fn show(
    _: Operator<Moderator>,
    State(media): State<Media>,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Error> {
    let id = id.parse().map_err(|_| Error::NoSuchListedPicture)?;
    let found = store::listed_pictures::find(media.context.db.read(), id).await?.ok_or(Error::NoSuchListedPicture)?;
    Ok((NO_STORE, Json(ListedPictureView::from(found))))
}

/// The query of an import.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportParams {
    /// Why, for the audit trail, in 1 to 500 characters.
    #[param(example = "The list of the other sites of this company.")]
    reason: Option<String>,
    /// What each of the new entries says about itself, at most 200 characters.
    #[param(example = "From the team, May")]
    note: Option<String>,
}

/// What an import has done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ImportedPictures, example = json!({ "added": 412, "known": 3 }))]
pub(super) struct ImportedView {
    /// How many hashes were added.
    added: u64,
    /// How many were on the list already, or twice in what was sent.
    known: u64,
}

/// Adds hashes to the list of pictures that may not be shown here.
///
/// The body has one hash (PDQ, 64 hexadecimal digits) a line; empty lines and those that begin with `#` say nothing. A
/// list with any other line is refused as a whole, with the number of that line. New items that are like a listed
/// picture are shown to their owners only, at once; the others follow within minutes. The same list may be sent again.
/// The act is recorded in the audit trail.
#[utoipa::path(
    post,
    path = "/v1/admin/listed-pictures",
    operation_id = "import_listed_pictures",
    tag = "operators",
    params(ImportParams),
    request_body(content = String, content_type = "text/plain", example = json!(EXAMPLE)),
    security(("token" = [])),
    responses((status = 200, description = "They are on the list.", body = ImportedView)),
    extensions(
        ("x-codes" = json!([
            "media.bad_hash_list",
            "media.busy",
            "media.hash_list_full",
            "media.incomplete",
            "media.too_large",
            "media.too_slow",
            "request.invalid",
        ])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn import(
    operator: Operator<Superuser>,
    State(media): State<Media>,
    Query(params): Query<ImportParams>,
    request: Request,
) -> Response {
    let mut body = BodyReader::new(&media, request.into_body());
    match receive(&media, operator.actor, &params, &mut body).await {
        Ok(imported) => (NO_STORE, Json(imported)).into_response(),
        Err(error) => refuse(&media, error, &body),
    }
}

async fn receive(
    media: &Media,
    actor: Actor,
    params: &ImportParams,
    body: &mut BodyReader,
) -> Result<ImportedView, Error> {
    let reason = require_reason(params.reason.as_deref().unwrap_or_default())?;
    let note = parse_note(params.note.as_deref()).map_err(Error::Invalid)?;
    let text = read_text(media, body, MAX_BYTES, "a list of hashes").await?;
    let hashes = parse_hash_list(&String::from_utf8_lossy(&text)).map_err(Error::BadHashList)?;
    if hashes.is_empty() {
        return Err(Error::Invalid("The body has no hash. Send one of 64 hexadecimal digits a line.".to_owned()));
    }
    let added = commands::list_pictures(media, actor, &hashes, &note, reason).await?;
    Ok(ImportedView { added, known: (hashes.len() as u64).saturating_sub(added) })
}

/// Why an entry is removed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "It is a logo that many pictures have." }))]
pub(super) struct UnlistPicture {
    /// The reason, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

/// Removes an entry from the list of pictures that may not be shown here.
///
/// Items that are like it and no other one are shown again within minutes, unless a moderator has decided about them.
/// The act is recorded in the audit trail.
#[utoipa::path(
    delete,
    path = "/v1/admin/listed-pictures/{id}",
    operation_id = "remove_listed_picture",
    tag = "operators",
    request_body = UnlistPicture,
    params(("id" = Uuid, Path, description = "The entry.", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b73")),
    security(("token" = [])),
    responses((status = 204, description = "It is not on the list any more.")),
    extensions(
        ("x-codes" = json!([
            "media.no_such_listed_picture",
            "request.broken_off",
            "request.invalid",
            "request.not_json",
            "request.too_large",
        ])),
        ("x-admin-role" = json!("operator")),
    ),
)]
pub(super) async fn remove(
    operator: Operator<Superuser>,
    State(media): State<Media>,
    Path(id): Path<String>,
    Json(body): Json<UnlistPicture>,
) -> Result<StatusCode, Error> {
    let id = id.parse().map_err(|_| Error::NoSuchListedPicture)?;
    let reason = require_reason(&body.reason)?;
    commands::unlist_picture(&media, operator.actor, id, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
