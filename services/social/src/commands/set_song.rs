//! The song of a post: writing which one it is, and taking over what happens to the item.
//!
//! A song may be another member's, so its posts have many authors; its row has a lane of its own. Invariant: no post
//! names a song of an erased account, and a song whose item is gone is shown with no post.

use contract::MediaId;
use db::{Lane, Tx};

use crate::error::Error;
use crate::model::{Post, Song, title_of};
use crate::queries;
use crate::state::Social;
use crate::store::{people, songs};

/// Posts of one transaction.
const BATCH: usize = 200;

/// Writes the song of a post, in place of an earlier one. Fails if its owner was erased meanwhile.
pub(super) async fn write_song(tx: &Tx, post: &Post, song: Option<&Song>) -> Result<(), Error> {
    if let Some(song) = song {
        let owner = people::find(tx, song.owner).await?;
        let owner = owner.ok_or_else(|| Error::NoSuchSong(song.id.to_string()))?;
        if people::is_erased(tx, owner.account).await? {
            return Err(Error::NoSuchSong(song.id.to_string()));
        }
    }
    Ok(songs::set(tx, post.id, song, post.position).await?)
}

/// Asks about a song that a post names since now once more: an event about it may have come before its row was there.
pub(super) async fn confirm_song(social: &Social, song: &Song) {
    if let Err(error) = hide_if_gone(social, song).await {
        // The post is written. If the item is gone, its title stays until the post does, and nothing of it plays.
        tracing::warn!(%error, media.id = %song.id, "the song of a post could not be read again");
    }
}

async fn hide_if_gone(social: &Social, song: &Song) -> Result<(), Error> {
    let Some(owner) = people::find(social.context.db.read(), song.owner).await? else { return Ok(()) };
    if queries::songs::find_own(social, &owner, &song.id).await?.is_some() {
        return Ok(());
    }
    let id = song.id.clone();
    social.context.db.write(Lane::of(&song.id), async move |tx| Ok::<_, Error>(songs::hide(tx, &id).await?)).await
}

/// Records what a song is called, and whether it is in the trash.
pub(crate) async fn update_song(
    social: &Social,
    media: MediaId,
    name: &str,
    is_hidden: bool,
    version: u64,
) -> Result<(), Error> {
    if !songs::is_known(social.context.db.read(), &media).await? {
        return Ok(());
    }
    let title = title_of(name);
    social
        .context
        .db
        .write(Lane::of(&media), async move |tx| {
            Ok::<_, Error>(songs::update(tx, &media, &title, is_hidden, version).await?)
        })
        .await
}

/// Takes a song out of all posts, which stay without it, and ends following it: nothing has its id afterwards.
pub(crate) async fn remove_song(social: &Social, media: &MediaId) -> Result<(), Error> {
    if !songs::is_known(social.context.db.read(), media).await? {
        return Ok(());
    }
    loop {
        let id = media.clone();
        let is_done = social
            .context
            .db
            .write(Lane::of(media), async move |tx| Ok::<_, Error>(songs::remove(tx, &id, BATCH).await?))
            .await?;
        if is_done {
            return Ok(());
        }
    }
}
