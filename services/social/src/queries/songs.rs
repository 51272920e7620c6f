//! The song that a member names in a post.
//!
//! Invariant: a song is named by its owner, or by a member to whom its owner shows it in a public post; one that the
//! member may not name and one that does not exist are the same error.

use contract::MediaId;
use contract::media::{FindOwnedItems, OwnedItem};

use crate::error::Error;
use crate::model::{Person, Song};
use crate::state::Social;
use crate::store::{people, songs};

/// Returns a song that a member may name.
pub(crate) async fn find_usable(social: &Social, author: &Person, id: &MediaId) -> Result<Song, Error> {
    if let Some(song) = find_own(social, author, id).await? {
        return Ok(song);
    }
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    if let Some(owner) = songs::find_owner_showing(sql, id, author.number, now).await?
        && let Some(owner) = people::find(sql, owner).await?
        && let Some(song) = find_own(social, &owner, id).await?
    {
        return Ok(song);
    }
    Err(Error::NoSuchSong(id.to_string()))
}

/// Returns a song of a member's library; `None` if there is no such item, or it is no song.
pub(crate) async fn find_own(social: &Social, owner: &Person, id: &MediaId) -> Result<Option<Song>, Error> {
    let query = FindOwnedItems { owner: owner.account, ids: vec![id.clone()] };
    let items: Vec<OwnedItem> = social.context.peers.ask(&query).await?.unwrap_or_default();
    Ok(items.into_iter().find(|item| item.id == *id).and_then(|item| Song::of(item, owner.number)))
}
