//! Removing a notice.
//!
//! Invariant: a notice of another member is not there.

use contract::AccountId;
use uuid::Uuid;

use super::mark_announcements::remove_announcement;
use super::withdraw_pushes::withdraw_pushes;
use crate::error::Error;
use crate::live;
use crate::state::Notify;
use crate::store::pushes::ReadNotices;

/// Removes a notice of a member, or an announcement from their list.
pub(crate) async fn remove(notify: &Notify, member: AccountId, id: Uuid) -> Result<(), Error> {
    if !notify.history.remove(member, id).await? && !remove_announcement(notify, member, id).await? {
        return Err(Error::NotFound);
    }
    live::publish(&notify.context.bus, &[member]);
    withdraw_pushes(notify, member, ReadNotices::Ids(vec![id])).await
}
