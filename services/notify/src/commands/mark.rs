//! Marking notices as seen or read.
//!
//! Invariant: marking again changes no notice, and withdraws what devices still show of those that are read.

use contract::AccountId;

use super::mark_announcements::mark_announcements;
use super::withdraw_pushes::withdraw_pushes;
use crate::error::Error;
use crate::history::{Counts, Mark, Marked};
use crate::live;
use crate::queries;
use crate::state::Notify;
use crate::store::pushes::ReadNotices;

/// Marks notices of a member as seen or as read: all until an id, or those with some ids. Returns the counts after
/// that. Ids that are not there are left out; an id above the member's last is that of the last.
pub(crate) async fn mark(notify: &Notify, member: AccountId, mark: Mark, marked: Marked) -> Result<Counts, Error> {
    let read = (mark == Mark::Read).then(|| read_notices(&marked));
    mark_announcements(notify, member, mark, &marked).await?;
    notify.history.mark(member, mark, marked).await?;
    live::publish(&notify.context.bus, &[member]);
    if let Some(read) = read {
        withdraw_pushes(notify, member, read).await?;
    }
    queries::counts(notify, member).await
}

fn read_notices(marked: &Marked) -> ReadNotices {
    match marked {
        Marked::Until(id) => ReadNotices::Until(*id),
        Marked::Ids(ids) => ReadNotices::Ids(ids.clone()),
    }
}
