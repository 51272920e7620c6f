//! Approving, removing and unlinking a part of a thread, and withdrawing one's own.
//!
//! Invariant: a part of another member's leaves the thread, or the part that it answers, only with a reason, which its
//! author can read; whoever may do neither learns nothing of parts that they don't see.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::social::threads::{PartApproved, PartState};
use db::{Lane, Sql};
use screening_store::verdicts;
use uuid::Uuid;

use super::publish_post::{remove, settle, take_out};
use super::settle_waiting::settle_post;
use crate::error::Error;
use crate::model::{Person, Post, ThreadPart, parse_reason};
use crate::queries::openings::{self, Opening};
use crate::queries::posts::find_visible;
use crate::state::Social;
use crate::store::thread_parts::Reason;
use crate::store::verdicts::HOME;
use crate::store::{people, posts, relations, thread_parts, threads};

/// A part that a member acts on.
#[derive(Debug, Clone)]
pub(crate) struct NamedPart {
    /// The thread.
    pub thread: Uuid,
    /// The part.
    pub part: Uuid,
    /// The token of the thread's link, if the request has one.
    pub token: Option<String>,
}

/// Returns the opening of a thread that a member moderates.
async fn moderated(sql: &impl Sql, actor: &Person, named: &NamedPart, now: DateTime<Utc>) -> Result<Opening, Error> {
    let opening = openings::find(sql, actor.number, named.thread, named.token.as_deref(), now).await?;
    if opening.moderates { Ok(opening) } else { Err(Error::NotModerator) }
}

/// Returns the row of a part of this thread, whoever may see it.
async fn find_part(sql: &impl Sql, named: &NamedPart) -> Result<Post, Error> {
    let is_of_thread = |post: &Post| post.part.as_ref().is_some_and(|part| part.thread == named.thread);
    posts::find(sql, named.part).await?.filter(is_of_thread).ok_or(Error::NotFound)
}

/// Approves a part that waits. Does nothing if it is approved already.
pub(crate) async fn approve_part(social: &Social, actor: Person, named: NamedPart) -> Result<(), Error> {
    let (sql, now, random) = (social.context.db.read(), social.context.clock.now(), social.context.random.clone());
    moderated(sql, &actor, &named, now).await?;
    let post = find_part(sql, &named).await?;
    let author = people::find(sql, post.author).await?.ok_or(Error::NotFound)?;
    let (lane, id) = (Lane::of(&author.account).and(&named.thread), named.part);
    social
        .context
        .db
        .write(lane, async move |tx| {
            let opening = moderated(tx, &actor, &named, now).await?;
            let post = find_part(tx, &named).await?;
            // Who does not see a part that waits does not learn whether it does.
            let relation = relations::find(tx, actor.number, post.author, now).await?;
            if relation.is_blocked() || author.standing.is_hidden(now) {
                return Err(Error::NotFound);
            }
            let Some(part) = post.part.clone() else { return Err(Error::NotFound) };
            match part.state {
                PartState::Joined => return Ok(()),
                PartState::Removed => return Err(Error::NotFound),
                PartState::Pending => {}
            }
            if !threads::take_place(tx, named.thread).await? {
                return Err(Error::ThreadFull(opening.thread.cap));
            }
            thread_parts::set_state(tx, named.part, named.thread, PartState::Joined, None).await?;
            let (thread, part_id, by) = (named.thread, named.part, actor.account);
            tx.publish(&PartApproved { thread, part: part_id, author: author.account, by, at: now }, now)?;
            let approved = Post { part: Some(ThreadPart { state: PartState::Joined, ..part }), ..post };
            settle(tx, &author, approved, &random, now).await
        })
        .await?;
    if let Err(error) = settle_post(social, id).await {
        // It is approved. If it waits for its clip, a job asks again within a minute.
        tracing::warn!(%error, post.id = %id, "the media of an approved part could not be read again");
    }
    Ok(())
}

/// Takes a part into its thread that a verdict has held, as its opener would approve it. Does nothing if it waits no
/// more, if there is no place, or if there is a block between its author and the opener.
pub(super) async fn release_part(social: &Social, id: Uuid, verdict: Uuid, owner: AccountId) -> Result<(), Error> {
    let (sql, now, random) = (social.context.db.read(), social.context.clock.now(), social.context.random.clone());
    let held = verdicts::find(sql, &HOME, owner.0, verdict).await?;
    if held.is_none_or(|held| held.object != Some(id)) {
        return Ok(());
    }
    let Some(post) = posts::find(sql, id).await? else { return Ok(()) };
    let Some(author) = people::find(sql, post.author).await? else { return Ok(()) };
    let Some(thread) = post.part.map(|part| part.thread) else { return Ok(()) };
    social
        .context
        .db
        .write(Lane::of(&author.account).and(&thread), async move |tx| {
            let Some(author) = people::find(tx, author.number).await? else { return Ok(()) };
            let Some(post) = posts::find(tx, id).await? else { return Ok(()) };
            let Some(part) = post.part.clone().filter(|part| part.state == PartState::Pending) else { return Ok(()) };
            let Some(opening) = posts::find(tx, thread).await? else { return Ok(()) };
            let is_blocked = relations::find(tx, author.number, opening.author, now).await?.is_blocked();
            let may_publish = author.standing.may_publish(now) && !people::is_erased(tx, author.account).await?;
            if is_blocked || !may_publish || !threads::take_place(tx, thread).await? {
                return Ok(());
            }
            thread_parts::set_state(tx, id, thread, PartState::Joined, None).await?;
            // No member of the thread has approved it, and who the moderator is stays with moderation.
            let by = author.account;
            tx.publish(&PartApproved { thread, part: id, author: by, by, at: now }, now)?;
            let approved = Post { part: Some(ThreadPart { state: PartState::Joined, reason: None, ..part }), ..post };
            settle(tx, &author, approved, &random, now).await
        })
        .await?;
    if let Err(error) = settle_post(social, id).await {
        // It is approved. If it waits for its clip, a job asks again within a minute.
        tracing::warn!(%error, post.id = %id, "the media of a released part could not be read again");
    }
    Ok(())
}

/// Withdraws a part of the actor's; removes one from a thread that the actor moderates; unlinks one that answers a part
/// of the actor's.
pub(crate) async fn remove_part(
    social: &Social,
    actor: Person,
    named: NamedPart,
    reason: Option<&str>,
) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let found = find_part(sql, &named).await;
    if let Ok(post) = &found
        && post.author == actor.number
    {
        return withdraw(social, actor, named).await;
    }
    let opening = openings::find(sql, actor.number, named.thread, named.token.as_deref(), now).await?;
    let post = found?;
    if !opening.moderates {
        find_visible(social, actor.number, named.part, named.token.as_deref()).await?;
        if !answers_part_of(sql, &post, &actor).await? {
            return Err(Error::NotModerator);
        }
    }
    let reason = parse_reason(reason)?;
    let author = people::find(sql, post.author).await?.ok_or(Error::NotFound)?;
    let lane = Lane::of(&author.account).and(&named.thread);
    social
        .context
        .db
        .write(lane, async move |tx| {
            // An erasure removes what its member wrote, and this would come after it.
            if people::is_erased(tx, actor.account).await? {
                return Err(Error::NoSuchPerson);
            }
            let opening = openings::find(tx, actor.number, named.thread, named.token.as_deref(), now).await?;
            let post = find_part(tx, &named).await?;
            if opening.moderates {
                return take_out(tx, &post, &author, &actor, &reason, now).await;
            }
            if !answers_part_of(tx, &post, &actor).await? {
                return Err(Error::NotModerator);
            }
            Ok(thread_parts::unlink(tx, named.part, Reason { text: &reason, by: actor.number }).await?)
        })
        .await
}

async fn withdraw(social: &Social, author: Person, named: NamedPart) -> Result<(), Error> {
    let now = social.context.clock.now();
    social
        .context
        .db
        .write(Lane::of(&author.account).and(&named.thread), async move |tx| {
            let post = find_part(tx, &named).await?;
            if post.author != author.number {
                return Err(Error::NotFound);
            }
            remove(tx, &author, &[post], now).await
        })
        .await
}

/// Whether a part answers one of a member's.
async fn answers_part_of(sql: &impl Sql, post: &Post, member: &Person) -> Result<bool, Error> {
    let Some(answered) = post.part.as_ref().and_then(|part| part.answers) else { return Ok(false) };
    Ok(posts::find(sql, answered).await?.is_some_and(|answered| answered.author == member.number))
}
