//! The library: listing, reading, changing and removing items.
//!
//! Invariant: a change is published in the transaction that makes it.

use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use contract::accounts::AVATAR_SUBJECT;
use contract::media::{Kind, Visibility};
use contract::{AccountId, MediaId};
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, List, Page, Path, Query, Removed};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::view;
use crate::error::Error;
use crate::model::cursor::{Cursor, Order};
use crate::model::item_change::ItemChange;
use crate::model::library::{Filter, Listing};
use crate::model::view::{MediaView, Viewer};
use crate::model::{Item, State as ItemState, search_terms};
use crate::{Media, commands, queries, store};

/// The order of a list. Each begins with the latest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sort {
    /// By the time at which an item was added.
    Added,
    /// By the time at which an item was taken, according to its metadata, and where it has none, added.
    Taken,
}

/// Parameters of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// The public items of this member, instead of your library: those that are ready, as everyone sees them. Needs no
    /// token, and goes together with `kind`, `limit` and `after`. A member whose profile is private has none here.
    #[param(value_type = Option<String>, format = "uuid", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60")]
    owner: Option<AccountId>,
    /// Only photos, audio files or videos.
    #[param(example = "photo")]
    kind: Option<Kind>,
    /// Only items in this state.
    #[param(example = "ready")]
    state: Option<ItemState>,
    /// Only items with this visibility.
    #[param(example = "public")]
    visibility: Option<Visibility>,
    /// Only items with this tag.
    #[param(example = "wedding")]
    tag: Option<String>,
    /// Only items with all of these words. Each is the prefix of a word in the name, in a tag, in the alternative text
    /// or in the description of the item; of a long description, the first words count.
    #[param(example = "summer 2026")]
    q: Option<String>,
    /// Only items that were claimed for this subject. `account:avatar`: avatars, which the library leaves out.
    #[param(example = "post:0198f3")]
    subject: Option<String>,
    /// `true`: items that wait to be claimed, instead of the library.
    #[param(example = false)]
    staged: Option<bool>,
    /// `true`: items in the trash, instead of the library, what was removed last first. It is always the whole trash:
    /// no other parameter but `limit` and `after` goes with it.
    #[param(example = false)]
    trash: Option<bool>,
    /// The order: by the time at which the items were `added` (by default) or `taken`, latest first.
    #[param(inline, example = "taken")]
    sort: Option<Sort>,
    /// The number of items, 1–100; 50 by default.
    #[param(example = 50)]
    limit: Option<u16>,
    /// The `next` of the previous page, which must have had the same order.
    #[param(example = "MTc2NzI2ODgwMDAwMDAwMC41a1QwdllxOFpiM21YdzFSY0hzOUdh")]
    after: Option<String>,
}

/// Lists your library, your trash, or the public items of a member (`owner`).
///
/// A page of a search may have fewer items than `limit`, even none, and still have a `next`: continue there.
#[utoipa::path(
    get,
    path = "/v1/media",
    operation_id = "list_media",
    tag = "media",
    params(ListParams),
    responses((status = 200, description = "A page of the library.", body = List<MediaView>)),
    security((), ("token" = [])),
    extensions(
        ("x-codes" = json!(["422 request.invalid", "auth.required", "media.too_many_lists", "media.lists_busy"]))
    )
)]
pub(super) async fn list(
    State(media): State<Media>,
    member: Option<Member>,
    Query(params): Query<ListParams>,
) -> Result<Json<List<MediaView>>, Error> {
    let (owner, viewer, limiter) = match params.owner {
        Some(owner) => (owner, Viewer::Everyone, &media.public_list_limiter),
        None => (AccountId(Member::required(member)?.id()), Viewer::Owner, &media.list_limiter),
    };
    let size = Page { limit: params.limit, after: None }.size();
    let filter = params.filter()?;
    let after = params.after(filter.order)?;
    let (sql, now) = (media.context.db.read(), media.context.clock.now());
    if viewer == Viewer::Everyone
        && (store::private_members::is_private(sql, owner).await? || queries::is_hidden(sql, owner, now).await?)
    {
        return Ok(Json(List { items: Vec::new(), next: None }));
    }
    let read = async { Ok(store::library::list(sql, owner, &filter, after.as_ref(), size).await?) };
    let page = limiter.run(owner, read).await?;
    let items = page.items.iter().map(|item| view(&media, item, &viewer)).collect();
    Ok(Json(List { items, next: page.next.map(|next| next.text()) }))
}

impl ListParams {
    /// Returns where the page begins.
    fn after(&self, order: Order) -> Result<Option<Cursor>, Error> {
        let Some(text) = &self.after else { return Ok(None) };
        let refused = || Error::Invalid("`after` must be the `next` of another page in the same order.".to_owned());
        Cursor::parse(text).filter(|cursor| cursor.order == order).map(Some).ok_or_else(refused)
    }

    /// Returns what is listed.
    fn filter(&self) -> Result<Filter, Error> {
        if self.owner.is_some() {
            return self.public_filter();
        }
        if self.trash == Some(true) {
            return self.trash_filter();
        }
        let listing = match self.subject.as_deref() {
            _ if self.staged == Some(true) => Listing::Staged,
            Some(AVATAR_SUBJECT) => Listing::Avatars,
            _ => Listing::Library,
        };
        Ok(Filter {
            kind: self.kind,
            state: self.state,
            visibility: self.visibility,
            search: search_terms::SearchQuery::new(self.tag.as_deref(), self.subject.clone(), self.q.as_deref()),
            listing,
            order: self.order(),
        })
    }

    fn order(&self) -> Order {
        if self.sort == Some(Sort::Taken) { Order::Taken } else { Order::Added }
    }

    fn public_filter(&self) -> Result<Filter, Error> {
        let is_searched = self.tag.is_some() || self.q.is_some() || self.subject.is_some();
        let is_own = self.state.is_some() || self.visibility.is_some() || self.staged.is_some() || self.trash.is_some();
        // When an item was taken is for its owner only; an order, and a cursor of it, would tell it.
        if is_searched || is_own || self.sort == Some(Sort::Taken) {
            let sentence = "Send `owner` with `kind`, `limit` and `after` only.";
            return Err(Error::Invalid(sentence.to_owned()));
        }
        let (state, visibility) = (Some(ItemState::Ready), Some(Visibility::Public));
        Ok(Filter { kind: self.kind, state, visibility, ..Filter::default() })
    }

    fn trash_filter(&self) -> Result<Filter, Error> {
        let is_narrowed = self.kind.is_some()
            || self.state.is_some()
            || self.visibility.is_some()
            || self.tag.is_some()
            || self.q.is_some()
            || self.subject.is_some()
            || self.staged.is_some()
            || self.sort.is_some();
        if is_narrowed {
            return Err(Error::Invalid(
                "`trash=true` goes with `limit` and `after` only. Leave the others out.".into(),
            ));
        }
        Ok(Filter::trash())
    }
}

/// Reads an item: your own, in the trash too, or one that is public or unlisted.
///
/// As its owner you also see what others do not: its digest, when and with what it was taken, and the URL of the
/// original. An item that you may not read is a 404, like one that does not exist.
#[utoipa::path(
    get,
    path = "/v1/media/{id}",
    operation_id = "read_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")),
    responses((status = 200, description = "The item.", body = MediaView)),
    security((), ("token" = [])),
    extensions(("x-codes" = json!(["media.not_found"])))
)]
pub(super) async fn get(
    State(media): State<Media>,
    member: Option<Member>,
    Path(id): Path<MediaId>,
) -> Result<impl IntoResponse, Error> {
    let (sql, now) = (media.context.db.read(), media.context.clock.now());
    let item = store::items::find(sql, &id).await?.ok_or(Error::NotFound)?;
    let viewer = viewer(&item, member.as_ref())?;
    if viewer != Viewer::Owner {
        queries::check_shown(sql, &item, now).await?;
    }
    Ok((item.trashed.map(|_| Extension(Removed)), Json(view(&media, &item, &viewer))))
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
#[schema(example = json!({
    "name": "cat at the sea.jpeg",
    "tags": ["sea"],
    "visibility": "public",
    "description": "The first morning at the sea.",
    "alt": "A black cat looks out of a porthole.",
}))]
pub(super) struct ChangeBody {
    /// The new name.
    name: Option<String>,
    /// The new tags, which replace the old ones.
    tags: Option<Vec<String>>,
    /// The new visibility.
    visibility: Option<Visibility>,
    /// The new description: at most 2,000 characters, in lines if you like. Empty removes it.
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// What stands for the picture where it is not seen, as in `<img alt>`: at most 1,000 characters. Empty removes it.
    #[schema(max_length = 1000)]
    alt: Option<String>,
    /// Whether its picture stays blurred for others until they open it. `false` ends the doubt of a classifier; one
    /// that is sure still has it blurred for strangers.
    sensitive: Option<bool>,
}

/// Changes the name, tags, visibility, description or alternative text of an item, or marks it as sensitive.
///
/// Fields that are left out stay as they are; `tags` replaces all of them. Once an item is private again, its plain
/// URLs stop working for others.
#[utoipa::path(
    patch,
    path = "/v1/media/{id}",
    operation_id = "edit_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga")),
    request_body = ChangeBody,
    responses((status = 200, description = "The item as it is now.", body = MediaView)),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.account_limited", "media.not_found", "media.withheld", "request.invalid"])))
)]
pub(super) async fn change(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<MediaId>,
    Json(body): Json<ChangeBody>,
) -> Result<Json<MediaView>, Error> {
    let change = ItemChange::parse(body.name.as_deref(), body.tags.as_deref(), body.visibility)
        .and_then(|change| change.with_texts(body.description.as_deref(), body.alt.as_deref()))
        .map(|change| change.with_mark(body.sensitive))
        .map_err(Error::Invalid)?;
    let item = commands::change_item(&media, &id, AccountId(member.id()), change).await?;
    Ok(Json(view(&media, &item, &Viewer::Owner)))
}

/// How to remove an item.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct RemoveParams {
    /// `true`: for good and at once, from the trash too.
    #[param(example = true)]
    purge: Option<bool>,
}

/// Moves an item to the trash, from where it can be restored for 30 days unless the server sets another time.
///
/// It is as good as gone for all others at once, and you see it only by its id and in the list of the trash. It counts
/// towards your quota until it is removed for good, with everything made from it. An item that could not be converted,
/// one that is staged and one that was claimed for an avatar are removed for good at once. To remove what is in the
/// trash, send `purge=true`: without it, the item is not found, so a repeated request does no harm.
#[utoipa::path(
    delete,
    path = "/v1/media/{id}",
    operation_id = "remove_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"), RemoveParams),
    responses((status = 204, description = "The item is removed.")),
    security(("token" = [])),
    extensions(("x-codes" = json!(["media.not_found"])))
)]
pub(super) async fn remove(
    State(media): State<Media>,
    member: Member,
    Path(id): Path<MediaId>,
    Query(params): Query<RemoveParams>,
) -> Result<StatusCode, Error> {
    let owner = AccountId(member.id());
    let removed = if params.purge == Some(true) {
        commands::remove_item(&media, &id, owner).await?
    } else {
        commands::delete_item(&media, &id, owner).await?
    };
    if removed { Ok(StatusCode::NO_CONTENT) } else { Err(Error::NotFound) }
}
