//! Publishing and removing a post: the parts that several commands have in common.
//!
//! Invariant: a post's row, its author's count and its event change in one transaction, whose caller holds the lane of
//! the author.

use base::Random;
use chrono::{DateTime, Utc};
use contract::social::threads::{PartAdded, PartRemoved, PartState};
use contract::social::{PostRemoved, PostState, Posted};
use contract::{AccountId, MediaId};
use db::Tx;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Conclusion, Person, Position, Post, PostMedia, ThreadPart, conclude, words_of};
use crate::store::thread_parts::Reason;
use crate::store::{counts, merged_posts, people, post_media, post_words, posts, thread_parts, threads};

/// Draws the position of a moment.
pub(crate) fn draw_position(random: &Random, now: DateTime<Utc>) -> Position {
    Position::at(now, random.below(Position::RANDOM_VALUES))
}

/// What the author of a part reads whose clip can't be converted.
const LOST_CLIP: &str = "The clip can't be converted.";
/// What the author of a part reads whose clip is not in their library any more.
const REMOVED_CLIP: &str = "The clip was removed.";

/// Gives a part that appears now its number in the thread.
pub(super) async fn numbered(tx: &Tx, post: Post) -> Result<Post, Error> {
    let number = match &post.part {
        Some(part) => threads::next_number(tx, part.thread).await?,
        None => return Ok(post),
    };
    let part = post.part.map(|part| ThreadPart { number, ..part });
    Ok(Post { part, ..post })
}

/// Records that a post has appeared: counts it, shows it to its readers by merging, and announces it.
pub(crate) async fn announce(
    tx: &Tx,
    post: &Post,
    author: &Person,
    mentions: Vec<AccountId>,
    media: Vec<MediaId>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    counts::add_posts(tx, post.author, 1, 0).await?;
    counts::settle_public(tx, post.author, post.id).await?;
    merged_posts::insert(tx, post).await?;
    let posted = Posted {
        id: post.id,
        author: author.account,
        position: post.position.0,
        audience: post.audience,
        tags: words_of(&post.text).0,
        mentions,
        media,
        thread: post.part.as_ref().map(|part| part.thread),
        expires_at: post.expires_at,
        at: now,
    };
    tx.publish(&posted, now)?;
    match &post.part {
        Some(part) => announce_part(tx, post.id, author, part, now).await,
        None => Ok(()),
    }
}

/// Announces a part that has appeared, or that waits for approval.
pub(super) async fn announce_part(
    tx: &Tx,
    id: Uuid,
    author: &Person,
    part: &ThreadPart,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (thread, answers, state) = (part.thread, part.answers, part.state);
    let opener = match posts::find(tx, thread).await? {
        Some(opening) => people::find(tx, opening.author).await?.map(|opener| opener.account),
        None => None,
    };
    Ok(tx.publish(&PartAdded { thread, part: id, author: author.account, opener, answers, state, at: now }, now)?)
}

/// Takes a part out of its thread. Its post stays, and only its author sees it, with the reason.
pub(super) async fn take_out(
    tx: &Tx,
    post: &Post,
    author: &Person,
    by: &Person,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(part) = post.part.as_ref().filter(|part| part.state != PartState::Removed) else { return Ok(()) };
    let reason = Reason { text: reason, by: by.number };
    thread_parts::set_state(tx, post.id, part.thread, PartState::Removed, Some(reason)).await?;
    thread_parts::unlink_answers(tx, &[post.id]).await?;
    leave(tx, post.id, part, author, by.account, now).await
}

/// Records that a part has left its thread.
async fn leave(
    tx: &Tx,
    id: Uuid,
    part: &ThreadPart,
    author: &Person,
    by: AccountId,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if part.is_joined() {
        threads::free_place(tx, part.thread).await?;
    }
    Ok(tx.publish(&PartRemoved { thread: part.thread, part: id, author: author.account, by, at: now }, now)?)
}

/// Publishes a waiting post if its media can be shown now, and removes it if nothing is left of it. A part without its
/// clip leaves its thread.
pub(crate) async fn settle(
    tx: &Tx,
    author: &Person,
    post: Post,
    random: &Random,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let media: Vec<PostMedia> = post_media::list(tx, &[post.id]).await?.remove(&post.id).unwrap_or_default();
    let conclusion = conclude(!post.text.is_empty(), &media);
    if conclusion == Conclusion::IsEmpty {
        return remove(tx, author, &[post], now).await;
    }
    let is_waiting = post.state == PostState::Waiting;
    // A part is its clip: one of which only the text is left has no place in the thread, published or not.
    if post.part.is_some() && (media.is_empty() || is_waiting && media.iter().all(PostMedia::is_lost)) {
        let reason = if media.is_empty() { REMOVED_CLIP } else { LOST_CLIP };
        return take_out(tx, &post, author, author, reason, now).await;
    }
    if !is_waiting || conclusion == Conclusion::Waits || post.is_withheld() {
        return Ok(());
    }
    let post = numbered(tx, post.published(draw_position(random, now), now)).await?;
    if posts::set_published(tx, &post).await? {
        post_words::move_words(tx, post.id, post.position).await?;
        let mentioned = post_words::list_mentions(tx, &[post.id]).await?.remove(&post.id).unwrap_or_default();
        let mentioned = people::list(tx, &mentioned).await?;
        let mentions = mentioned.into_iter().map(|person| person.account).collect();
        announce(tx, &post, author, mentions, media.into_iter().map(|item| item.id).collect(), now).await?;
    }
    Ok(())
}

/// Removes posts of one author, with all their rows, and the threads that they have opened.
pub(crate) async fn remove(tx: &Tx, author: &Person, removed: &[Post], now: DateTime<Utc>) -> Result<(), Error> {
    let ids: Vec<_> = removed.iter().map(|post| post.id).collect();
    let public = counts::count_public(tx, &ids).await?;
    posts::remove(tx, &ids).await?;
    threads::remove(tx, &ids).await?;
    thread_parts::unlink_answers(tx, &ids).await?;
    let published = removed.iter().filter(|post| post.state == PostState::Published).count();
    if published > 0 {
        counts::add_posts(tx, author.number, -(published as i64), -public).await?;
    }
    for post in removed {
        // Copies are made of what has appeared only, but media of a waiting post may be claimed for it.
        tx.publish(&PostRemoved { id: post.id, author: author.account, position: post.position.0 }, now)?;
        if let Some(part) = post.part.as_ref().filter(|part| part.state != PartState::Removed) {
            leave(tx, post.id, part, author, author.account, now).await?;
        }
    }
    Ok(())
}
