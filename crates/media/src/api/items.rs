//! The library: listing, reading, changing and removing items.
//!
//! Invariant: a change is told to the neighbours in the transaction that makes it.

use axum::extract::State;
use contract::media::{Changed, Kind, Visibility};
use contract::{AccountId, MediaId};
use http::StatusCode;
use kit::auth::Member;
use kit::http::{Json, List, Page, Path, Query};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Media;
use crate::error::Error;
use crate::model::cursor::Cursor;
use crate::model::view::{MediaView, Reader};
use crate::model::{Item, State as Stage, tags, terms};
use crate::store;
use crate::store::items::Change;
use crate::store::library::Filter;

/// What a list shows.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only photos, sounds or videos.
    kind: Option<Kind>,
    /// Only items that are this far.
    state: Option<Stage>,
    /// Only items with this audience.
    visibility: Option<Visibility>,
    /// Only items with this tag.
    tag: Option<String>,
    /// Only items with all of these words: each begins a word of the item's name or of one of its tags.
    q: Option<String>,
    /// Only items that were claimed for this.
    subject: Option<String>,
    /// `true`: what waits to be claimed, instead of the library.
    staged: Option<bool>,
    /// How many items, 1–100; 50 unless told.
    limit: Option<u16>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Lists your library, newest first.
///
/// A page that is searched for may hold fewer items than `limit`, even none, and have a `next` all the same: go on there.
#[utoipa::path(get, path = "/v1/media", operation_id = "list_media", tag = "media", params(Wanted), responses((status = 200, description = "A page of the library.", body = List<MediaView>)), security(("token" = [])))]
pub(super) async fn list(State(media): State<Media>, member: Member, Query(wanted): Query<Wanted>) -> Result<Json<List<MediaView>>, Error> {
    let after = wanted.after.as_deref().map(|text| Cursor::parse(text).ok_or_else(|| Error::Invalid("`after` is the `next` of another page.".to_owned()))).transpose()?;
    let size = Page { limit: wanted.limit, after: None }.size();
    let filter = Filter {
        kind: wanted.kind,
        state: wanted.state,
        visibility: wanted.visibility,
        wanted: terms::Wanted::new(wanted.tag.as_deref(), wanted.subject, wanted.q.as_deref()),
        staged: wanted.staged.unwrap_or(false),
    };
    let owner = AccountId(member.id());
    let read = async { Ok(store::library::list(media.context.db.read(), owner, &filter, after.as_ref(), size).await?) };
    let page = media.quota.lists.read(owner, read).await?;
    let items = page.items.iter().map(|item| media.view(item, &Reader::Owner)).collect();
    Ok(Json(List { items, next: page.next.map(|next| next.text()) }))
}

/// Reads an item: your own, or one that is public or unlisted.
#[utoipa::path(get, path = "/v1/media/{id}", operation_id = "read_media", tag = "media", params(("id" = MediaId, Path, description = "The item.")), responses((status = 200, description = "The item.", body = MediaView)))]
pub(super) async fn get(State(media): State<Media>, member: Option<Member>, Path(id): Path<MediaId>) -> Result<Json<MediaView>, Error> {
    let item = store::items::find(media.context.db.read(), &id).await?.ok_or(Error::NotFound)?;
    let reader = reader(&item, member.as_ref())?;
    Ok(Json(media.view(&item, &reader)))
}

/// Who this is to the item; whoever may not read it is told that it isn't there.
pub(super) fn reader(item: &Item, member: Option<&Member>) -> Result<Reader, Error> {
    match member {
        Some(member) if member.id() == item.owner.0 => Ok(Reader::Owner),
        _ if item.is_open() => Ok(Reader::Everyone),
        _ => Err(Error::NotFound),
    }
}

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    /// Another name.
    name: Option<String>,
    /// Other tags, all of them.
    tags: Option<Vec<String>>,
    /// Another audience.
    visibility: Option<Visibility>,
}

/// Changes an item's name, tags or audience.
#[utoipa::path(
    patch,
    path = "/v1/media/{id}", operation_id = "edit_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.")),
    request_body = ChangeBody,
    responses((status = 200, description = "The item as it is now.", body = MediaView)),
    security(("token" = []))
)]
pub(super) async fn change(State(media): State<Media>, member: Member, Path(id): Path<MediaId>, Json(body): Json<ChangeBody>) -> Result<Json<MediaView>, Error> {
    let item = media.change(&id, AccountId(member.id()), body).await?;
    Ok(Json(media.view(&item, &Reader::Owner)))
}

/// Removes an item and everything made from it, for good.
#[utoipa::path(
    delete,
    path = "/v1/media/{id}", operation_id = "remove_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.")),
    responses((status = 204, description = "It is gone.")),
    security(("token" = []))
)]
pub(super) async fn remove(State(media): State<Media>, member: Member, Path(id): Path<MediaId>) -> Result<StatusCode, Error> {
    if media.remove_item(&id, AccountId(member.id())).await? { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound) }
}

impl Media {
    async fn change(&self, id: &MediaId, owner: AccountId, body: ChangeBody) -> Result<Item, Error> {
        let name = body.name.as_deref().map(codec::filename::clean);
        let tags = body.tags.map(|tags| tags::clean(&tags.iter().map(String::as_str).collect::<Vec<_>>())).transpose().map_err(Error::Invalid)?;
        let (wanted, now) = (id.clone(), self.context.clock.now());
        let item = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let item = store::items::find_of(tx, &wanted, owner).await?.ok_or(Error::NotFound)?;
                    let change = Change {
                        name: name.unwrap_or_else(|| item.name.clone()),
                        tags: tags.unwrap_or_else(|| item.tags.clone()),
                        visibility: body.visibility.unwrap_or(item.visibility),
                    };
                    let item = store::items::update(tx, &item, &change, now).await?.ok_or(Error::NotFound)?;
                    tx.publish(&item.changed(), now)?;
                    Ok::<_, Error>(item)
                })
            })
            .await?;
        self.news(id);
        Ok(item)
    }
}

impl Item {
    /// What neighbours are told after a change.
    pub(crate) fn changed(&self) -> Changed {
        Changed { id: self.id.clone(), name: self.name.clone(), tags: self.tags.clone(), visibility: self.audience(), version: self.version }
    }
}
