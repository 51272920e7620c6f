//! Letting go what a verdict has held: a moderator has read it, or an appeal was won, which exempts the sender from the
//! check too.
//!
//! Invariant: what was held is shown once, only if its author may still publish and is not beyond a block, and only
//! after the approval of the post's author where that is asked for.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::moderation::{Overturned, Released, Thing};
use contract::social::talk::ReportKind;
use db::{Lane, Tx};
use screening::reason::Reason;
use screening_store::senders;
use uuid::Uuid;

use super::approve_comment::{find_answered, find_shown_post};
use super::create_comment::{Shown, announce_pending, is_reviewed};
use super::moderate_part::release_part;
use crate::error::Error;
use crate::known_people::by_handles;
use crate::model::{Person, own_thing, words_of};
use crate::state::Social;
use crate::store::verdicts::HOME;
use crate::store::{comments, people, relations};

/// Exempts the sender of what a verdict of this role has stopped from its check, and shows it if it was held. Does
/// nothing about other roles' verdicts, and about decisions of moderators: what they have removed stays gone.
pub(crate) async fn follow_appeal(social: &Social, overturned: &Overturned) -> Result<(), Error> {
    let check: Option<Reason> = overturned.check.as_deref().and_then(|code| code.parse().ok());
    let Some(check) = check.filter(|_| overturned.thing.role == HOME.role) else { return Ok(()) };
    let owner = overturned.owner;
    let db = &social.context.db;
    db.write(Lane::of(&owner), async move |tx| senders::add_exempt(tx, &HOME, owner.0, check).await).await?;
    release(social, &overturned.thing, overturned.id, owner).await
}

/// Shows what a moderator has let go. Does nothing about other roles' things.
pub(crate) async fn follow_release(social: &Social, released: &Released) -> Result<(), Error> {
    release(social, &released.thing, released.id, released.owner).await
}

/// Shows what a verdict holds. What was refused has the id of its verdict, under which nothing is found.
async fn release(social: &Social, thing: &Thing, verdict: Uuid, owner: AccountId) -> Result<(), Error> {
    match own_thing(thing) {
        Some((ReportKind::Comment, id)) => release_comment(social, id, verdict).await,
        Some((ReportKind::Post, id)) => release_part(social, id, verdict, owner).await,
        Some((ReportKind::Account, _)) | None => Ok(()),
    }
}

async fn release_comment(social: &Social, id: Uuid, verdict: Uuid) -> Result<(), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let Some(found) = comments::find(sql, id).await? else { return Ok(()) };
    let Some(owner) = people::find(sql, found.post_author).await? else { return Ok(()) };
    let Some(author) = people::find(sql, found.author).await? else { return Ok(()) };
    let mentioned = by_handles(social, &words_of(&found.text).1).await?;
    let lane = Lane::of(&owner.account).and(&author.account);
    social
        .context
        .db
        .write(lane, async move |tx| {
            let (owner, author) = (people::find(tx, owner.number).await?, people::find(tx, author.number).await?);
            let (Some(owner), Some(author)) = (owner, author) else { return Ok(()) };
            show_comment(tx, (id, verdict), &owner, &author, mentioned, now).await
        })
        .await
}

async fn show_comment(
    tx: &Tx,
    (id, verdict): (Uuid, Uuid),
    owner: &Person,
    author: &Person,
    mentioned: Vec<Person>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(comment) = comments::find(tx, id).await? else { return Ok(()) };
    let Some(post) = find_shown_post(tx, &comment, now).await? else { return Ok(()) };
    let relation = relations::find(tx, author.number, owner.number, now).await?;
    let is_gone = people::is_erased(tx, author.account).await? || people::is_erased(tx, owner.account).await?;
    if is_gone || relation.is_blocked() || !author.standing.may_publish(now) {
        return Ok(());
    }
    if !comments::release(tx, id, verdict).await? {
        return Ok(());
    }
    if is_reviewed(tx, &post, &comment.text).await? {
        return announce_pending(tx, &comment, owner, author, now);
    }
    if !comments::approve(tx, id, owner.number).await? {
        return Ok(());
    }
    let answered = find_answered(tx, &comment, owner.number, now).await?;
    let mentioned = people::retain_known(tx, mentioned).await?;
    Shown { comment: &comment, post: &post, owner, author }.announce(tx, answered, mentioned, now).await
}
