//! The items of an album: listing, adding, moving them, and taking them out.
//!
//! Invariant: a reader other than the album's owner receives only items that are shared at least as widely as the
//! album, so an album publishes no item.

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::{AccountId, MediaId};
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, List, Path, Query, Repeatable};
use serde::Deserialize;
use utoipa::ToSchema;

use super::albums::{PageParams, album_view};
use super::view;
use crate::error::Error;
use crate::model::album::{AlbumId, parse_added};
use crate::model::album_order::{Destination, OrderCursor};
use crate::model::album_view::AlbumView;
use crate::model::view::{MediaView, Viewer};
use crate::{Media, commands, queries};

/// Lists the items of an album in its order: all of your own; of another member's, those that are shared as widely.
///
/// An album opens no item: who may see an item is the item's own `visibility`. A public album shows others its public
/// items; an unlisted one, which takes a link to open, its public and unlisted items.
#[utoipa::path(
    get,
    path = "/v1/albums/{id}/items",
    operation_id = "list_album_items",
    tag = "albums",
    params(
        ("id" = AlbumId, Path, description = "The album.", example = "2bQ9sLw7Kd4nYx0TfGv5Rm"),
        PageParams
    ),
    responses((status = 200, description = "A page of the album.", body = List<MediaView>)),
    security((), ("token" = [])),
    extensions(("x-codes" = json!([
        "media.no_such_album",
        "422 request.invalid",
        "media.too_many_lists",
        "media.lists_busy"
    ])))
)]
pub(super) async fn list(
    State(media): State<Media>,
    member: Option<Member>,
    Path(id): Path<AlbumId>,
    Query(params): Query<PageParams>,
) -> Result<Json<List<MediaView>>, Error> {
    let (after, db) = (params.after(OrderCursor::parse)?, media.context.db.read());
    let reader = member.map(|member| AccountId(member.id()));
    let album = queries::find_album(db, &id, reader, media.context.clock.now()).await?;
    let (viewer, limiter) = if reader == Some(album.owner) {
        (Viewer::Owner, &media.list_limiter)
    } else {
        (Viewer::Everyone, &media.public_list_limiter)
    };
    let read = queries::list_album_items(db, &album, reader, after.as_ref(), params.size());
    let page = limiter.run(album.owner, read).await?;
    let items = page.items.iter().map(|item| view(&media, item, &viewer)).collect();
    Ok(Json(List { items, next: page.next.map(|next| next.text()) }))
}

/// The items to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["5kT0vYq8Zb3mXw1RcHs9Ga"]}))]
pub(super) struct AlbumItemsBody {
    /// Items of your library, at most 100, in the order in which they are added.
    ids: Vec<MediaId>,
}

/// Adds items to the end of an album, all or none.
///
/// Those that it has already stay where they are.
#[utoipa::path(
    post,
    path = "/v1/albums/{id}/items",
    operation_id = "add_album_items",
    tag = "albums",
    params(
        ("id" = AlbumId, Path, description = "The album.", example = "2bQ9sLw7Kd4nYx0TfGv5Rm"),
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "A second request with the same key is done once.",
            example = "2f1c6c0e-add"
        )
    ),
    request_body = AlbumItemsBody,
    responses((status = 200, description = "The album has them.", body = AlbumView)),
    security(("token" = [])),
    extensions(
        ("x-codes" = json!([
            "media.no_such_album",
            "media.not_found",
            "media.album_full",
            "request.invalid",
            "request.bad_idempotency_key",
            "request.in_progress",
            "request.idempotency_key_reused"
        ]))
    )
)]
pub(super) async fn add(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<AlbumId>,
    Json(body): Json<AlbumItemsBody>,
) -> Result<impl IntoResponse, Error> {
    let ids = parse_added(body.ids).map_err(Error::Invalid)?;
    let owner = AccountId(member.id());
    let album = commands::add_album_items(&media, &id, owner, ids).await?;
    let view = album_view(&media, album, Some(owner)).await?;
    // Adding again changes nothing, so the response need not be stored for the idempotency key.
    Ok((Extension(Repeatable), Json(view)))
}

/// Where the item goes: exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"before": "7hD3mPz1Xw9bKc5QyLs2Ta"}))]
pub(super) struct AlbumMoveBody {
    /// Directly before this item of the album.
    before: Option<MediaId>,
    /// Directly after this item of the album.
    after: Option<MediaId>,
}

/// Moves an item within an album.
///
/// The others keep their order.
#[utoipa::path(
    patch,
    path = "/v1/albums/{id}/items/{media_id}",
    operation_id = "move_album_item",
    tag = "albums",
    params(
        ("id" = AlbumId, Path, description = "The album.", example = "2bQ9sLw7Kd4nYx0TfGv5Rm"),
        ("media_id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")
    ),
    request_body = AlbumMoveBody,
    responses((status = 204, description = "It is there.")),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.no_such_album", "media.not_found", "request.invalid"])))
)]
pub(super) async fn change_place(
    State(media): State<Media>,
    member: Member,
    Path((id, moved)): Path<(AlbumId, MediaId)>,
    Json(body): Json<AlbumMoveBody>,
) -> Result<StatusCode, Error> {
    let destination = Destination::parse(body.before, body.after, &moved).map_err(Error::Invalid)?;
    commands::move_album_item(&media, &id, AccountId(member.id()), moved, destination).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an item out of an album.
///
/// The item stays in the library.
#[utoipa::path(
    delete,
    path = "/v1/albums/{id}/items/{media_id}",
    operation_id = "remove_album_item",
    tag = "albums",
    params(
        ("id" = AlbumId, Path, description = "The album.", example = "2bQ9sLw7Kd4nYx0TfGv5Rm"),
        ("media_id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")
    ),
    responses((status = 204, description = "The album does not have it any more.")),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.no_such_album", "media.not_found"])))
)]
pub(super) async fn remove(
    State(media): State<Media>,
    member: Member,
    Path((id, removed)): Path<(AlbumId, MediaId)>,
) -> Result<StatusCode, Error> {
    commands::remove_album_item(&media, &id, AccountId(member.id()), removed).await?;
    Ok(StatusCode::NO_CONTENT)
}
