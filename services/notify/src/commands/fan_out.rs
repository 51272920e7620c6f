//! Telling the followers of an author of a post.
//!
//! The followers are walked by their ids, with a cursor that is stored after each turn, so a process that is killed
//! anywhere leaves a place from which the next one goes on. Within a turn some batches run at once: while one is
//! written, the next is decided, and the last is checked again (decisions 56 and 88). Invariant: a batch that is told
//! again adds nothing, and the cursor passes no batch that is not done.

use std::sync::Arc;

use contract::AccountId;
use contract::notify::NoticeKind;
use contract::social::{Audience, Posted};
use db::Lane;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use uuid::Uuid;

use super::tell::announce;
use super::withdraw::withdraw_forbidden;
use crate::error::Error;
use crate::history::{MAX_SHARED_MEMBERS, SharedNotice};
use crate::model::{Access, Proposal, RelationKind, decide};
use crate::state::Notify;
use crate::store::fan_outs::{self, FanOut};
use crate::store::known::{self, KnownPost};
use crate::store::{people, relations};

/// Members after whom the cursor is stored, and the fan-outs of other posts go first.
const MEMBERS_PER_TURN: usize = 16 * MAX_SHARED_MEMBERS;
/// Batches of a turn that run at once, of those that all fan-outs share. SQLite writes those that wait in one
/// transaction, PostgreSQL beside each other; one of its writing connections is left to others.
const BATCHES_AT_ONCE: usize = 3;

/// Tells some followers of a post. Returns whether nothing is left to do.
pub(crate) async fn fan_out(notify: &Notify, posted: &Posted) -> Result<bool, Error> {
    run_turn(notify, posted, MEMBERS_PER_TURN).await
}

/// Tells the next followers of a post, at most so many. Returns whether nothing is left to do.
async fn run_turn(notify: &Notify, posted: &Posted, max_members: usize) -> Result<bool, Error> {
    // Who sees a thread is not in the event.
    if posted.audience == Audience::Link || posted.thread.is_some() {
        return Ok(true);
    }
    let Some(last) = find_cursor(notify, posted).await? else { return Ok(true) };
    let members = list_members(notify, posted, last, max_members).await?;
    let post = Arc::new(known::read_post(notify.context.db.read(), posted).await?);
    let batches: Vec<Vec<AccountId>> = members.chunks(MAX_SHARED_MEMBERS).map(<[AccountId]>::to_vec).collect();
    let told = stream::iter(batches).map(|batch| {
        let (notify, posted, post) = (notify.clone(), posted.clone(), post.clone());
        async move {
            // It is never closed.
            let _permit = notify.fan_out_batches.acquire().await;
            tell_batch(&notify, &posted, &post, &batch).await
        }
    });
    told.buffer_unordered(BATCHES_AT_ONCE).try_collect::<Vec<()>>().await?;
    let is_there = recheck_post(notify, posted, &post, &members).await?;
    let is_done = members.len() < max_members || !is_there;
    advance(notify, posted, members.last().copied().unwrap_or(last), is_done).await?;
    Ok(is_done)
}

/// Reads again what is known about a post, after a turn was told of it: what was forbidden while it was told, or
/// before, is withdrawn. Returns `false` if the post or its author is gone.
async fn recheck_post(
    notify: &Notify,
    posted: &Posted,
    before: &KnownPost,
    members: &[AccountId],
) -> Result<bool, Error> {
    let post = known::read_post(notify.context.db.read(), posted).await?;
    if post.may_be_forbidden(before, notify.context.clock.now()) {
        for batch in members.chunks(MAX_SHARED_MEMBERS) {
            withdraw_forbidden(notify, &proposals(posted, batch)).await?;
        }
    }
    Ok(!post.is_gone())
}

/// Returns the last member who was told; `None` if all were.
async fn find_cursor(notify: &Notify, posted: &Posted) -> Result<Option<AccountId>, Error> {
    let found = fan_outs::find(notify.context.db.read(), posted.id).await?;
    Ok(found.map_or(Some(AccountId(Uuid::nil())), FanOut::cursor))
}

/// Stores the last member who was told. The erasure of the author has removed the row, which does not come back.
async fn advance(notify: &Notify, posted: &Posted, last: AccountId, is_done: bool) -> Result<(), Error> {
    let (post, author, now) = (posted.id, posted.author, notify.context.clock.now());
    let written = notify.context.db.write(Lane::of(&author), async move |tx| {
        if people::list_erased(tx, &[author]).await?.is_empty() {
            fan_outs::advance(tx, (post, author), last, is_done, now).await?;
        }
        Ok::<_, db::Error>(())
    });
    Ok(written.await?)
}

/// Returns the next members of a post's audience, in the order of their ids.
async fn list_members(
    notify: &Notify,
    posted: &Posted,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>, Error> {
    let kind = if posted.audience == Audience::Close { RelationKind::Close } else { RelationKind::Follow };
    Ok(relations::list_members(notify.context.db.read(), posted.author, kind, after, limit).await?)
}

/// Tells members of a post.
async fn tell_batch(notify: &Notify, posted: &Posted, post: &KnownPost, members: &[AccountId]) -> Result<(), Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let proposals = proposals(posted, members);
    let known = if post.known.audiences.is_empty() {
        known::read_told(sql, post, members, now).await?
    } else {
        known::read(sql, &proposals, now).await?
    };
    let entries: Vec<_> = proposals.iter().filter_map(|proposal| decide(proposal.clone(), &known, now)).collect();
    let told = match entries.first() {
        Some(first) => {
            let notice = SharedNotice {
                kind: first.kind,
                group_key: first.group_key.clone(),
                actor: posted.author,
                subject: posted.id.to_string(),
            };
            let members = entries.iter().map(|entry| (entry.member, entry.is_filtered)).collect();
            notify.history.add_shared(notice, members, now).await?
        }
        None => Vec::new(),
    };
    // What is known about the post is read again once for all batches of the turn.
    let doubtful = relations::list_doubtful(sql, members, posted.author, now).await?;
    if !doubtful.is_empty() {
        let doubtful: Vec<Proposal> =
            proposals.into_iter().filter(|proposal| doubtful.contains(&proposal.member)).collect();
        withdraw_forbidden(notify, &doubtful).await?;
    }
    announce(notify, &told);
    Ok(())
}

fn proposals(posted: &Posted, members: &[AccountId]) -> Vec<Proposal> {
    members.iter().map(|member| proposal(posted, *member)).collect()
}

fn proposal(posted: &Posted, member: AccountId) -> Proposal {
    let access = Access::Post { author: posted.author, audience: Some(posted.audience), had_link: false };
    let subject: Option<Uuid> = Some(posted.id);
    let proposal = Proposal::by_entry(NoticeKind::Posted, member, Some(posted.author), subject, posted.id);
    Proposal { access, ..proposal }
}

#[cfg(test)]
mod tests;
