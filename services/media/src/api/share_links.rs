//! Links that expire: every client that has one sees one item, although it is private.
//!
//! Does not own the page of a link (`/s/…`, web). Invariant: a link that was revoked or has expired, one that never
//! was, and one to an item that is gone are the same 404.

use axum::extract::State;
use axum::response::IntoResponse;
use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, List, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view;
use crate::error::Error;
use crate::model::share_link::{ShareLink, ShareToken};
use crate::model::view::{MediaView, Viewer};
use crate::{Media, commands, queries, store};

/// How long the link lasts: one of the two fields, a minute to 366 days from now.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expires_in": 604_800}))]
pub(super) struct LinkBody {
    /// After how many seconds the link expires.
    #[schema(minimum = 60, maximum = 31_622_400)]
    expires_in: Option<u32>,
    /// When the link expires.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<String>,
}

/// A link to an item.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShareLink, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60",
    "created_at": "2026-06-20T18:30:00Z",
    "expires_at": "2026-06-27T18:30:00Z",
    "token": "3hW9dKx0Qp7LmT2vBnYc4R",
    "url": "/s/3hW9dKx0Qp7LmT2vBnYc4R"
}))]
pub(super) struct LinkView {
    /// The id, which revokes the link and does not open it.
    id: Uuid,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// What opens the link. Only in the response that made it: the server stores its digest alone.
    token: Option<String>,
    /// The URL of its page, relative to the site. Only in the response that made it.
    url: Option<String>,
}

impl LinkView {
    fn new(link: &ShareLink, token: Option<&ShareToken>) -> Self {
        Self {
            id: link.id,
            created_at: link.created_at,
            expires_at: link.expires_at,
            token: token.map(|token| token.as_str().to_owned()),
            url: token.map(|token| format!("/s/{}", token.as_str())),
        }
    }
}

/// What a link opens.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedMedia, example = json!({
    "media": crate::model::view::example(),
    "expires_at": "2026-06-27T18:30:00Z"
}))]
pub(super) struct SharedView {
    /// The item, without what is for its owner only. Its URLs last for an hour at most, and no longer than the link:
    /// open the link again for new ones.
    media: MediaView,
    /// When the link expires.
    expires_at: DateTime<Utc>,
}

/// Makes a link to an item.
///
/// Every client that has the link sees this item until the link expires, even if it is private. The `token` is what the
/// link has in it.
#[utoipa::path(
    post,
    path = "/v1/media/{id}/links",
    operation_id = "create_share_link",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A second request with the same key makes no second link. Its response has no `token`.",
            example = "2f1c6c0e-link"
        )
    ),
    request_body = LinkBody,
    responses((
        status = 201,
        description = "The link; `Location` is its URL for its owner.",
        body = LinkView,
        headers(("Location" = String, description = "Where the owner reads and revokes the link."))
    )),
    security(("token" = [])),
    extensions(
        ("x-codes" = json!([
            "media.account_limited",
            "media.not_found",
            "media.quota_links",
            "media.withheld",
            "request.invalid",
            "request.bad_idempotency_key",
            "request.in_progress",
            "request.idempotency_key_reused",
            "request.result_removed"
        ]))
    )
)]
pub(super) async fn create(
    State(media): State<Media>,
    member: Member,
    effect: Effect,
    Path(id): Path<MediaId>,
    Json(body): Json<LinkBody>,
) -> Result<impl IntoResponse, Error> {
    let expires_at = ShareLink::expiry(body.expires_at.as_deref(), body.expires_in, media.context.clock.now());
    let expires_at = expires_at.map_err(Error::Invalid)?;
    let (link, token) = commands::create_share_link(&media, &id, AccountId(member.id()), expires_at, effect).await?;
    let location = [(header::LOCATION, format!("/v1/media/{id}/links/{}", link.id))];
    Ok((StatusCode::CREATED, location, Json(LinkView::new(&link, Some(&token)))))
}

/// Lists the links to an item that have not expired, newest first.
///
/// There are at most 50, all on one page.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/links",
    operation_id = "list_share_links",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")),
    responses((status = 200, description = "The links.", body = List<LinkView>)),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.not_found"])))
)]
pub(super) async fn list(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<MediaId>,
) -> Result<Json<List<LinkView>>, Error> {
    let links = links_of(&media, &id, &member).await?;
    Ok(Json(List { items: links.iter().map(|link| LinkView::new(link, None)).collect(), next: None }))
}

/// Reads a link.
///
/// The link is one of your own; that of another member is a 404, like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/links/{link}",
    operation_id = "read_share_link",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ("link" = Uuid, Path, description = "The link.", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60")
    ),
    responses((status = 200, description = "The link, without its token.", body = LinkView)),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.not_found", "media.no_such_link"])))
)]
pub(super) async fn get(
    State(media): State<Media>,
    member: Member,
    Path((id, link)): Path<(MediaId, Uuid)>,
) -> Result<Json<LinkView>, Error> {
    let links = links_of(&media, &id, &member).await?;
    let link = links.iter().find(|one| one.id == link).ok_or(Error::NoSuchLink)?;
    Ok(Json(LinkView::new(link, None)))
}

/// Returns the valid links to an item of the caller.
async fn links_of(media: &Media, id: &MediaId, member: &Member) -> Result<Vec<ShareLink>, Error> {
    let sql = media.context.db.read();
    store::items::find_owned(sql, id, AccountId(member.id())).await?.ok_or(Error::NotFound)?;
    Ok(store::share_links::list(sql, id, media.context.clock.now()).await?)
}

/// Revokes a link.
///
/// URLs of files that it has opened before last for an hour at most.
#[utoipa::path(
    delete,
    path = "/v1/media/{id}/links/{link}",
    operation_id = "revoke_share_link",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        ("link" = Uuid, Path, description = "The link.", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60")
    ),
    responses((status = 204, description = "The link opens nothing any more.")),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.not_found", "media.no_such_link"])))
)]
pub(super) async fn revoke(
    State(media): State<Media>,
    member: Member,
    Path((id, link)): Path<(MediaId, Uuid)>,
) -> Result<StatusCode, Error> {
    commands::revoke_share_link(&media, &id, link, AccountId(member.id())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the item that a link opens.
///
/// Needs no token. A link that has expired or was revoked is a 404, like one that never was.
#[utoipa::path(
    get,
    path = "/v1/shared/{token}",
    operation_id = "open_share_link",
    tag = "media",
    params(("token" = String, Path, description = "The token of the link.", example = "3hW9dKx0Qp7LmT2vBnYc4R")),
    responses((status = 200, description = "The item, and until when.", body = SharedView)),
    extensions(("x-codes" = json!(["media.not_found"])))
)]
pub(super) async fn open(State(media): State<Media>, Path(token): Path<String>) -> Result<impl IntoResponse, Error> {
    let (sql, now) = (media.context.db.read(), media.context.clock.now());
    let token = ShareToken::parse(&token).ok_or(Error::NotFound)?;
    let link = store::share_links::find(sql, &token.hash(), now).await?.ok_or(Error::NotFound)?;
    let item = store::items::find_in_use(sql, &link.item, link.owner).await?;
    let item = item.filter(|item| item.withheld.is_none()).ok_or(Error::NotFound)?;
    queries::check_shown(sql, &item, now).await?;
    let viewer = Viewer::ShareLink(link.urls_end_at(now));
    let shared = SharedView { media: view(&media, &item, &viewer), expires_at: link.expires_at };
    // The token is in the URL, which is in no index.
    Ok(([("x-robots-tag", "noindex")], Json(shared)))
}
