//! The library: listing, reading, changing and removing items.
//!
//! Invariant: a change is published in the transaction that makes it.

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
use crate::model::view::{MediaView, Viewer};
use crate::model::{Item, State as ItemState, search_terms, tags};
use crate::store;
use crate::store::items::ItemUpdate;
use crate::store::library::Filter;

/// Parameters of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only photos, audio files or videos.
    kind: Option<Kind>,
    /// Only items in this state.
    state: Option<ItemState>,
    /// Only items with this visibility.
    visibility: Option<Visibility>,
    /// Only items with this tag.
    tag: Option<String>,
    /// Only items with all of these words. Each is the prefix of a word in the name or in a tag of the item.
    q: Option<String>,
    /// Only items that were claimed for this subject.
    subject: Option<String>,
    /// `true`: items that wait to be claimed, instead of the library.
    staged: Option<bool>,
    /// The number of items, 1–100; 50 by default.
    limit: Option<u16>,
    /// The `next` of the previous page.
    after: Option<String>,
}

/// Lists your library, newest first.
///
/// A page of a search may have fewer items than `limit`, even none, and still have a `next`: continue there.
#[utoipa::path(get, path = "/v1/media", operation_id = "list_media", tag = "media", params(ListParams), responses((status = 200, description = "A page of the library.", body = List<MediaView>)), security(("token" = [])))]
pub(super) async fn list(
    State(media): State<Media>,
    member: Member,
    Query(params): Query<ListParams>,
) -> Result<Json<List<MediaView>>, Error> {
    let after = params
        .after
        .as_deref()
        .map(|text| {
            Cursor::parse(text).ok_or_else(|| Error::Invalid("`after` must be the `next` of another page.".to_owned()))
        })
        .transpose()?;
    let size = Page { limit: params.limit, after: None }.size();
    let filter = Filter {
        kind: params.kind,
        state: params.state,
        visibility: params.visibility,
        search: search_terms::SearchQuery::new(params.tag.as_deref(), params.subject, params.q.as_deref()),
        staged: params.staged.unwrap_or(false),
    };
    let owner = AccountId(member.id());
    let read = async { Ok(store::library::list(media.context.db.read(), owner, &filter, after.as_ref(), size).await?) };
    let page = media.quota.lists.run(owner, read).await?;
    let items = page.items.iter().map(|item| media.view(item, &Viewer::Owner)).collect();
    Ok(Json(List { items, next: page.next.map(|next| next.text()) }))
}

/// Reads an item: your own, or one that is public or unlisted.
#[utoipa::path(get, path = "/v1/media/{id}", operation_id = "read_media", tag = "media", params(("id" = MediaId, Path, description = "The item.")), responses((status = 200, description = "The item.", body = MediaView)))]
pub(super) async fn get(
    State(media): State<Media>,
    member: Option<Member>,
    Path(id): Path<MediaId>,
) -> Result<Json<MediaView>, Error> {
    let item = store::items::find(media.context.db.read(), &id).await?.ok_or(Error::NotFound)?;
    let viewer = viewer(&item, member.as_ref())?;
    Ok(Json(media.view(&item, &viewer)))
}

/// Returns how the caller sees the item. A caller that may not read it receives the same error as for an item that does
/// not exist.
pub(super) fn viewer(item: &Item, member: Option<&Member>) -> Result<Viewer, Error> {
    match member {
        Some(member) if member.id() == item.owner.0 => Ok(Viewer::Owner),
        _ if item.is_public_or_unlisted() => Ok(Viewer::Everyone),
        _ => Err(Error::NotFound),
    }
}

/// The changes. Fields that are left out stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeBody {
    /// The new name.
    name: Option<String>,
    /// The new tags, which replace the old ones.
    tags: Option<Vec<String>>,
    /// The new visibility.
    visibility: Option<Visibility>,
}

/// Changes the name, tags or visibility of an item.
#[utoipa::path(
    patch,
    path = "/v1/media/{id}", operation_id = "edit_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.")),
    request_body = ChangeBody,
    responses((status = 200, description = "The item as it is now.", body = MediaView)),
    security(("token" = []))
)]
pub(super) async fn change(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<MediaId>,
    Json(body): Json<ChangeBody>,
) -> Result<Json<MediaView>, Error> {
    let item = media.change(&id, AccountId(member.id()), body).await?;
    Ok(Json(media.view(&item, &Viewer::Owner)))
}

/// Removes an item and everything made from it, for good.
#[utoipa::path(
    delete,
    path = "/v1/media/{id}", operation_id = "remove_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.")),
    responses((status = 204, description = "The item is removed.")),
    security(("token" = []))
)]
pub(super) async fn remove(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<MediaId>,
) -> Result<StatusCode, Error> {
    if media.remove_item(&id, AccountId(member.id())).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Error::NotFound)
    }
}

impl Media {
    async fn change(&self, id: &MediaId, owner: AccountId, body: ChangeBody) -> Result<Item, Error> {
        let name = body.name.as_deref().map(codec::filename::clean);
        let tags = body
            .tags
            .map(|tags| tags::normalize(&tags.iter().map(String::as_str).collect::<Vec<_>>()))
            .transpose()
            .map_err(Error::Invalid)?;
        let (item_id, now) = (id.clone(), self.context.clock.now());
        let item = self
            .context
            .db
            .write(move |tx| {
                Box::pin(async move {
                    let item = store::items::find_owned(tx, &item_id, owner).await?.ok_or(Error::NotFound)?;
                    let change = ItemUpdate {
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
        self.notify(id);
        Ok(item)
    }
}

impl Item {
    /// Returns the event that is published after a change.
    pub(crate) fn changed(&self) -> Changed {
        Changed {
            id: self.id.clone(),
            name: self.name.clone(),
            tags: self.tags.clone(),
            visibility: self.effective_visibility(),
            version: self.version,
        }
    }
}
