//! Removing a notice.
//!
//! Invariant: a notice of another member is not there.

use contract::AccountId;
use uuid::Uuid;

use crate::error::Error;
use crate::live;
use crate::state::Notify;

/// Removes a notice of a member.
pub(crate) async fn remove(notify: &Notify, member: AccountId, id: Uuid) -> Result<(), Error> {
    if !notify.history.remove(member, id).await? {
        return Err(Error::NotFound);
    }
    live::publish(&notify.context.bus, &[member]);
    Ok(())
}
