//! Albums: creating, listing, reading, changing and removing them.
//!
//! Does not own what is in them ([`super::album_items`]). Invariant: a private album and one that does not exist are
//! the same 404 for everyone but its owner.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use contract::media::Visibility;
use contract::{AccountId, MediaId};
use http::{StatusCode, header};
use http_server::auth::Member;
use http_server::{Effect, Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::view;
use crate::error::Error;
use crate::model::album::{Album, AlbumChange, AlbumDetails, AlbumId, CoverChange};
use crate::model::album_view::AlbumView;
use crate::model::cursor::{Cursor, Order};
use crate::model::view::Viewer;
use crate::queries::{self, CoveredAlbum};
use crate::{Media, commands};

/// A new album.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "A week at the sea", "visibility": "unlisted"}))]
pub(super) struct AlbumBody {
    /// The title.
    title: String,
    /// The description: at most 2,000 characters; lines are separated by line feeds.
    description: Option<String>,
    /// Who may read the album; private by default. It does not change who may see the items.
    visibility: Option<Visibility>,
}

/// Creates an album without items.
///
/// Add items to it afterwards; an item may be in several albums.
#[utoipa::path(
    post,
    path = "/v1/albums",
    operation_id = "create_album",
    tag = "albums",
    params(
        (
            "Idempotency-Key" = Option<String>,
            Header,
            description = "Sent again with the same key, the request does not create a second album.",
            example = "2f1c6c0e-album"
        )
    ),
    request_body = AlbumBody,
    responses((
        status = 201,
        description = "The album; `Location` is its URL.",
        body = AlbumView,
        headers(("Location" = String, description = "The URL of the album."))
    )),
    security(("token" = [])),
    extensions(
        ("x-codes" = json!([
            "request.invalid",
            "media.quota_albums",
            "media.account_closed",
            "media.account_limited",
            "request.bad_idempotency_key",
            "request.in_progress",
            "request.done_before",
            "request.result_removed",
            "request.idempotency_key_reused"
        ]))
    )
)]
pub(super) async fn create(
    State(media): State<Media>,
    member: Member,
    effect: Effect,
    Json(body): Json<AlbumBody>,
) -> Result<Response, Error> {
    let details = AlbumDetails::parse(&body.title, body.description.as_deref(), body.visibility);
    let details = details.map_err(Error::Invalid)?;
    let album = commands::create_album(&media, AccountId(member.id()), details, effect).await?;
    let location = [(header::LOCATION, format!("/v1/albums/{}", album.id))];
    Ok((StatusCode::CREATED, location, Json(AlbumView::new(album, None, true))).into_response())
}

/// Parameters of a page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct PageParams {
    /// The number of items, 1–100; 50 by default.
    #[param(example = 50)]
    limit: Option<u16>,
    /// The `next` of the previous page.
    #[param(example = "MTc2NzI2ODgwMDAwMDAwMC41a1QwdllxOFpiM21YdzFSY0hzOUdh")]
    after: Option<String>,
}

impl PageParams {
    /// Returns how many items the page has at most.
    pub(super) fn size(&self) -> usize {
        Page { limit: self.limit, after: None }.size()
    }

    /// Returns where the page begins.
    pub(super) fn after<C>(&self, parse: impl FnOnce(&str) -> Option<C>) -> Result<Option<C>, Error> {
        let Some(text) = &self.after else { return Ok(None) };
        let refused = || Error::Invalid("`after` must be the `next` of another page.".to_owned());
        parse(text).map(Some).ok_or_else(refused)
    }
}

fn position(text: &str) -> Option<Cursor> {
    Cursor::parse(text).filter(|cursor| cursor.order == Order::Added)
}

/// Lists your albums, newest first.
///
/// Continue with the `next` of a page as `after`.
#[utoipa::path(
    get,
    path = "/v1/albums",
    operation_id = "list_albums",
    tag = "albums",
    params(PageParams),
    responses((status = 200, description = "A page of your albums.", body = List<AlbumView>)),
    security(("token" = [])),
    extensions(("x-codes" = json!(["422 request.invalid", "media.too_many_lists", "media.lists_busy"])))
)]
pub(super) async fn list(
    State(media): State<Media>,
    member: Member,
    Query(params): Query<PageParams>,
) -> Result<Json<List<AlbumView>>, Error> {
    let (owner, after) = (AccountId(member.id()), params.after(position)?);
    let read = queries::list_albums(media.context.db.read(), owner, after.as_ref(), params.size());
    let page = media.list_limiter.run(owner, read).await?;
    let albums = page.items.into_iter();
    let items = albums.map(|CoveredAlbum { album, cover }| {
        let cover = cover.map(|item| view(&media, &item, &Viewer::Owner));
        AlbumView::new(album, cover, true)
    });
    Ok(Json(List { items: items.collect(), next: page.next.map(|next| next.text()) }))
}

/// Reads an album: your own, or one that is public or unlisted.
///
/// An album that you may not read is a 404, like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/albums/{id}",
    operation_id = "read_album",
    tag = "albums",
    params(("id" = AlbumId, Path, description = "The album.", example = "2bQ9sLw7Kd4nYx0TfGv5Rm")),
    responses((status = 200, description = "The album.", body = AlbumView)),
    security((), ("token" = [])),
    extensions(("x-codes" = json!(["media.no_such_album"])))
)]
pub(super) async fn get(
    State(media): State<Media>,
    member: Option<Member>,
    Path(id): Path<AlbumId>,
) -> Result<Json<AlbumView>, Error> {
    let reader = member.map(|member| AccountId(member.id()));
    let album = queries::find_album(media.context.db.read(), &id, reader, media.context.clock.now()).await?;
    Ok(Json(album_view(&media, album, reader).await?))
}

/// Returns an album as this reader sees it, who may read it.
pub(super) async fn album_view(media: &Media, album: Album, reader: Option<AccountId>) -> Result<AlbumView, Error> {
    let is_owner = reader == Some(album.owner);
    let viewer = if is_owner { Viewer::Owner } else { Viewer::Everyone };
    let cover = queries::find_cover(media.context.db.read(), &album, reader).await?;
    Ok(AlbumView::new(album, cover.map(|item| view(media, &item, &viewer)), is_owner))
}

/// The changes. Fields that are left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Two weeks at the sea", "cover": "5kT0vYq8Zb3mXw1RcHs9Ga"}))]
pub(super) struct AlbumChangeBody {
    /// The new title.
    title: Option<String>,
    /// The new description: at most 2,000 characters.
    description: Option<String>,
    /// The new visibility. It does not change who may see the items.
    visibility: Option<Visibility>,
    /// The item that stands for the album, which is one of its items; `null`: the first one.
    #[serde(default)]
    #[schema(value_type = Option<MediaId>)]
    cover: CoverChange,
}

/// Changes the title, description, visibility or cover of an album.
///
/// Fields that are left out stay as they are.
#[utoipa::path(
    patch,
    path = "/v1/albums/{id}",
    operation_id = "edit_album",
    tag = "albums",
    params(("id" = AlbumId, Path, description = "The album.", example = "2bQ9sLw7Kd4nYx0TfGv5Rm")),
    request_body = AlbumChangeBody,
    responses((status = 200, description = "The album as it is now.", body = AlbumView)),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.account_limited", "media.no_such_album", "request.invalid"])))
)]
pub(super) async fn change(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<AlbumId>,
    Json(body): Json<AlbumChangeBody>,
) -> Result<Json<AlbumView>, Error> {
    let change = AlbumChange::parse(body.title.as_deref(), body.description.as_deref(), body.visibility, body.cover);
    let owner = AccountId(member.id());
    let album = commands::change_album(&media, &id, owner, change.map_err(Error::Invalid)?).await?;
    Ok(Json(album_view(&media, album, Some(owner)).await?))
}

/// Removes an album.
///
/// Its items stay in the library.
#[utoipa::path(
    delete,
    path = "/v1/albums/{id}",
    operation_id = "remove_album",
    tag = "albums",
    params(("id" = AlbumId, Path, description = "The album.", example = "2bQ9sLw7Kd4nYx0TfGv5Rm")),
    responses((status = 204, description = "The album is removed.")),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.no_such_album"])))
)]
pub(super) async fn remove(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<AlbumId>,
) -> Result<StatusCode, Error> {
    if commands::remove_album(&media, &id, AccountId(member.id())).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::NoSuchAlbum)
    }
}
