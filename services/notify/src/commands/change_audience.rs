//! Recording who may read a post after its author has changed it.
//!
//! Invariant: that is stored before the notices of members are withdrawn who may not read it any more, so that what is
//! told meanwhile is withdrawn by the command that tells it.

use contract::AccountId;
use contract::social::PostChanged;
use db::Lane;

use super::withdraw::withdraw;
use crate::error::Error;
use crate::history::{MAX_SHARED_MEMBERS, Withdrawn};
use crate::model::PostAudience;
use crate::state::Notify;
use crate::store::{known, people, post_audiences};

/// Stores who may read a post, and withdraws what others were told because they could read it.
pub(crate) async fn change_audience(notify: &Notify, changed: PostChanged) -> Result<(), Error> {
    let Some(audience) = store(notify, &changed).await? else { return Ok(()) };
    if !changed.is_audience_changed {
        return Ok(());
    }
    let (subject, mut after) = (changed.id.to_string(), None);
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
async fn store(notify: &Notify, changed: &PostChanged) -> Result<Option<PostAudience>, Error> {
    let (post, author, version) = (changed.id, changed.author, changed.version);
    let (new, now) = (PostAudience { author, audience: changed.audience }, notify.context.clock.now());
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
