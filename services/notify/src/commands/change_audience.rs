//! Recording who may read a post, or the parts of a thread, after its author has changed that.
//!
//! Invariant: that is stored before the notices of members are withdrawn who may not read it any more, so that what is
//! told meanwhile is withdrawn by the command that tells it.

use contract::AccountId;
use contract::social::PostChanged;
use contract::social::threads::ThreadAudienceChanged;
use db::Lane;
use uuid::Uuid;

use super::withdraw::withdraw;
use crate::error::Error;
use crate::history::{MAX_SHARED_MEMBERS, Withdrawn};
use crate::model::PostAudience;
use crate::state::Notify;
use crate::store::{known, people, post_audiences};

/// Stores who may read a post, and withdraws what others were told because they could read it.
pub(crate) async fn change_audience(notify: &Notify, changed: PostChanged) -> Result<(), Error> {
    let new = PostAudience { author: changed.author, audience: changed.audience };
    let Some(audience) = store(notify, changed.id, new, changed.version).await? else { return Ok(()) };
    if !changed.is_audience_changed {
        return Ok(());
    }
    withdraw_outside(notify, audience, changed.id).await
}

/// Stores who may see a thread, and withdraws what others were told of its parts because they could see it.
pub(crate) async fn change_thread_audience(notify: &Notify, changed: ThreadAudienceChanged) -> Result<(), Error> {
    let new = PostAudience { author: changed.opener, audience: changed.audience };
    let Some(audience) = store(notify, changed.thread, new, changed.version).await? else { return Ok(()) };
    for part in changed.parts {
        withdraw_outside(notify, audience, part).await?;
    }
    Ok(())
}

/// Withdraws what members who are not in an audience were told of a post because they were in it.
async fn withdraw_outside(notify: &Notify, audience: PostAudience, post: Uuid) -> Result<(), Error> {
    let (subject, mut after) = (post.to_string(), None);
    loop {
        let members = notify.history.list_about(&subject, after, MAX_SHARED_MEMBERS).await?;
        let Some(&last) = members.last() else { return Ok(()) };
        let members = list_outside(notify, audience, members).await?;
        if !members.is_empty() {
            withdraw(notify, &Withdrawn::About { subject: subject.clone(), members }).await?;
        }
        after = Some(last);
    }
}

/// Returns who may read the post by the newest change; `None` if its author was erased.
async fn store(notify: &Notify, post: Uuid, new: PostAudience, version: u64) -> Result<Option<PostAudience>, Error> {
    let (author, now) = (new.author, notify.context.clock.now());
    let written = notify.context.db.write(Lane::of(&author), async move |tx| {
        if !people::list_erased(tx, &[author]).await?.is_empty() {
            return Ok(None);
        }
        post_audiences::set(tx, post, new, version, now).await?;
        let found = post_audiences::list(tx, &[post.to_string()]).await?.pop();
        Ok::<_, Error>(found.map(|(_, audience)| audience))
    });
    written.await
}

/// Returns those of some members who are not in an audience.
async fn list_outside(
    notify: &Notify,
    audience: PostAudience,
    mut members: Vec<AccountId>,
) -> Result<Vec<AccountId>, Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let known = known::read_relations(sql, &members, audience.author, now).await?;
    members.retain(|member| !known.may_see(*member, &audience.access()));
    Ok(members)
}
