//! Reads that need more than one store call: albums with their covers, the items of an album, whether their owner is
//! suspended, and the list of pictures.
//!
//! Invariant: a reader other than the owner receives only items that the album shows at this moment.

pub(crate) mod picture_list;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use contract::media::Visibility;
use contract::{AccountId, MediaId};
use db::Sql;

use crate::error::Error;
use crate::model::Item;
use crate::model::album::{Album, AlbumId};
use crate::model::album_order::OrderCursor;
use crate::model::cursor::{Cursor, Order};
use crate::store;
use crate::store::album_items::{RankedItem, Shown};

/// Reads of one page; each but the first follows a transaction that numbered the album anew.
const MAX_READS: usize = 5;

/// A page, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Page<T, C> {
    pub items: Vec<T>,
    pub next: Option<C>,
}

/// An album, and the item that stands for it.
#[derive(Debug)]
pub(crate) struct CoveredAlbum {
    pub album: Album,
    pub cover: Option<Item>,
}

/// Returns a page of the albums of a member, the newest first.
pub(crate) async fn list_albums(
    sql: &impl Sql,
    owner: AccountId,
    after: Option<&Cursor>,
    size: usize,
) -> Result<Page<CoveredAlbum, Cursor>, Error> {
    let mut albums = store::albums::list(sql, owner, after, size + 1).await?;
    let has_more = albums.len() > size;
    albums.truncate(size);
    let last = albums.last().filter(|_| has_more);
    let next = last.map(|album| Cursor { order: Order::Added, at: album.created_at, id: album.id.to_string() });
    let covers: Vec<MediaId> = albums.iter().filter_map(|album| album.cover.clone()).collect();
    let found = find_items(sql, owner, &covers).await?;
    let cover = |album: &Album| album.cover.as_ref().and_then(|id| found.get(id).cloned());
    let items = albums.into_iter().map(|album| CoveredAlbum { cover: cover(&album), album }).collect();
    Ok(Page { items, next })
}

/// Returns an album that this reader may read; `None` is a reader without an account. For others than its owner, a
/// private album and one of a suspended member do not exist.
pub(crate) async fn find_album(
    sql: &impl Sql,
    id: &AlbumId,
    reader: Option<AccountId>,
    now: DateTime<Utc>,
) -> Result<Album, Error> {
    let album = store::albums::find(sql, id).await?.ok_or(Error::NoSuchAlbum)?;
    if reader == Some(album.owner) {
        return Ok(album);
    }
    let is_shown = album.visibility != Visibility::Private && !is_hidden(sql, album.owner, now).await?;
    if is_shown { Ok(album) } else { Err(Error::NoSuchAlbum) }
}

/// Whether nothing of a member is shown to others, because the account is suspended.
pub(crate) async fn is_hidden(sql: &impl Sql, owner: AccountId, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(store::standings::find(sql, owner).await?.hides_items(now))
}

/// Refuses a reader of an item whose owner is suspended, as if it did not exist.
pub(crate) async fn check_shown(sql: &impl Sql, item: &Item, now: DateTime<Utc>) -> Result<(), Error> {
    if is_hidden(sql, item.owner, now).await? { Err(Error::NotFound) } else { Ok(()) }
}

/// Returns the item that stands for an album, as this reader sees the album.
pub(crate) async fn find_cover(
    sql: &impl Sql,
    album: &Album,
    reader: Option<AccountId>,
) -> Result<Option<Item>, Error> {
    let Some(id) = &album.cover else { return Ok(None) };
    let shown = shown(album, reader);
    let is_shown = |item: &Item| item.trashed.is_none() && (shown == Shown::All || album.shows(item));
    let cover = store::items::find(sql, id).await?.filter(is_shown);
    if cover.is_some() {
        return Ok(cover);
    }
    let first = store::album_items::list(sql, &album.id, shown, None, 1).await?;
    let Some(first) = first.first() else { return Ok(None) };
    Ok(store::items::find(sql, &first.id).await?.filter(is_shown))
}

/// Returns a page of the items that an album shows this reader, in its order.
pub(crate) async fn list_album_items(
    sql: &impl Sql,
    album: &Album,
    reader: Option<AccountId>,
    after: Option<&OrderCursor>,
    size: usize,
) -> Result<Page<Item, OrderCursor>, Error> {
    let shown = shown(album, reader);
    let mut ranked = match after {
        Some(cursor) => list_behind(sql, album, shown, cursor, size + 1).await?,
        None => store::album_items::list(sql, &album.id, shown, None, size + 1).await?,
    };
    let has_more = ranked.len() > size;
    ranked.truncate(size);
    let last = ranked.last().filter(|_| has_more);
    let next = last.map(|item| OrderCursor { numbering: album.numbering, rank: item.rank, id: item.id.clone() });
    let ids: Vec<MediaId> = ranked.into_iter().map(|item| item.id).collect();
    let mut found = find_items(sql, album.owner, &ids).await?;
    // An item may have been changed since its rank was read.
    let items = ids.iter().filter_map(|id| found.remove(id));
    let items = items.filter(|item| shown == Shown::All || album.shows(item)).collect();
    Ok(Page { items, next })
}

fn shown(album: &Album, reader: Option<AccountId>) -> Shown {
    match album.visibility {
        _ if reader == Some(album.owner) => Shown::All,
        Visibility::Public => Shown::Public,
        Visibility::Unlisted | Visibility::Private => Shown::PublicAndUnlisted,
    }
}

/// Returns the items behind a cursor, at most `limit`. They are read again if the album was numbered anew meanwhile:
/// then the rank was not the place any more.
async fn list_behind(
    sql: &impl Sql,
    album: &Album,
    shown: Shown,
    cursor: &OrderCursor,
    limit: usize,
) -> Result<Vec<RankedItem>, Error> {
    let mut numbering = album.numbering;
    for _ in 0..MAX_READS {
        let place = find_place(sql, album, numbering, cursor).await?;
        let found = store::album_items::list(sql, &album.id, shown, Some(place), limit).await?;
        let current = store::albums::find(sql, &album.id).await?.ok_or(Error::NoSuchAlbum)?.numbering;
        if current == numbering {
            return Ok(found);
        }
        numbering = current;
    }
    Err(db::Error::Conflict.into())
}

/// Returns the rank behind which the next page begins. After the items were numbered anew, that is the rank that the
/// cursor's item has now.
async fn find_place(sql: &impl Sql, album: &Album, numbering: u64, cursor: &OrderCursor) -> Result<i64, Error> {
    if cursor.numbering == numbering {
        return Ok(cursor.rank);
    }
    let gone = || Error::Invalid("The order of the album has changed. Read it again, without `after`.".to_owned());
    store::album_items::find_rank(sql, &album.id, &cursor.id).await?.ok_or_else(gone)
}

async fn find_items(sql: &impl Sql, owner: AccountId, ids: &[MediaId]) -> Result<HashMap<MediaId, Item>, Error> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let items = store::items::list_owned(sql, owner, ids).await?;
    Ok(items.into_iter().map(|item| (item.id.clone(), item)).collect())
}
