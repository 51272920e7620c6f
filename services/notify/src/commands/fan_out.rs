//! Telling the followers of an author of a post.
//!
//! The followers are walked by their ids, with a cursor that is stored after some batches, so a process that is killed
//! anywhere leaves a place from which the next one goes on. Invariant: a batch that is told again adds nothing.

use contract::AccountId;
use contract::notify::NoticeKind;
use contract::social::{Audience, Posted};
use db::Lane;
use uuid::Uuid;

use super::tell::announce;
use super::withdraw::withdraw_forbidden;
use crate::error::Error;
use crate::history::{MAX_SHARED_MEMBERS, SharedNotice};
use crate::model::{Access, Proposal, RelationKind, decide};
use crate::state::Notify;
use crate::store::{fan_outs, known, people, relations};

/// Batches after which the cursor is stored, and the fan-outs of other posts go first.
const BATCHES_PER_TURN: usize = 4;

/// Tells some followers of a post. Returns whether nothing is left to do.
pub(crate) async fn fan_out(notify: &Notify, posted: &Posted) -> Result<bool, Error> {
    // Who sees a thread is not in the event.
    if posted.audience == Audience::Link || posted.thread.is_some() {
        return Ok(true);
    }
    let Some(mut last) = begin(notify, posted).await? else { return Ok(true) };
    let mut is_done = false;
    for _ in 0..BATCHES_PER_TURN {
        let members = list_members(notify, posted, last).await?;
        if let Some(greatest) = members.last() {
            last = *greatest;
        }
        let is_there = tell_batch(notify, posted, &members).await?;
        is_done = members.len() < MAX_SHARED_MEMBERS || !is_there;
        if is_done {
            break;
        }
    }
    advance(notify, posted, last, is_done).await?;
    Ok(is_done)
}

/// Returns the last member who was told; `None` if all were, or if the author was erased.
async fn begin(notify: &Notify, posted: &Posted) -> Result<Option<AccountId>, Error> {
    let (post, author, now) = (posted.id, posted.author, notify.context.clock.now());
    let found = notify
        .context
        .db
        .write(Lane::of(&author), async move |tx| {
            if !people::list_erased(tx, &[author]).await?.is_empty() {
                return Ok(None);
            }
            fan_outs::insert(tx, post, author, now).await?;
            fan_outs::find(tx, post).await
        })
        .await?;
    Ok(found.filter(|found| !found.is_done).map(|found| AccountId(found.last_member)))
}

async fn advance(notify: &Notify, posted: &Posted, last: AccountId, is_done: bool) -> Result<(), Error> {
    let (post, lane) = (posted.id, Lane::of(&posted.author));
    Ok(notify.context.db.write(lane, async move |tx| fan_outs::advance(tx, post, last.0, is_done).await).await?)
}

/// Returns the next members of a post's audience, in the order of their ids.
async fn list_members(notify: &Notify, posted: &Posted, after: AccountId) -> Result<Vec<AccountId>, Error> {
    let kind = if posted.audience == Audience::Close { RelationKind::Close } else { RelationKind::Follow };
    let sql = notify.context.db.read();
    Ok(relations::list_members(sql, posted.author, kind, after, MAX_SHARED_MEMBERS).await?)
}

/// Tells members of a post. Returns `false` if it is gone.
async fn tell_batch(notify: &Notify, posted: &Posted, members: &[AccountId]) -> Result<bool, Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let proposals: Vec<Proposal> = members.iter().map(|member| proposal(posted, *member)).collect();
    let known = known::read(sql, &proposals, now).await?;
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
    withdraw_forbidden(notify, &proposals).await?;
    announce(notify, &told);
    Ok(!known.removed.contains(&posted.id.to_string()))
}

fn proposal(posted: &Posted, member: AccountId) -> Proposal {
    let access = Access::Post { author: posted.author, audience: Some(posted.audience), had_link: false };
    let subject: Option<Uuid> = Some(posted.id);
    let proposal = Proposal::by_entry(NoticeKind::Posted, member, Some(posted.author), subject, posted.id);
    Proposal { access, ..proposal }
}

#[cfg(test)]
mod tests;
