//! Marking notices as seen or read.
//!
//! Invariant: marking again changes nothing.

use contract::AccountId;

use crate::error::Error;
use crate::history::{Counts, Mark, Marked};
use crate::live;
use crate::state::Notify;

/// Marks notices of a member as seen or as read: all until an id, or those with some ids. Returns the counts after
/// that. Ids that are not there are left out; an id above the member's last is that of the last.
pub(crate) async fn mark(notify: &Notify, member: AccountId, mark: Mark, marked: Marked) -> Result<Counts, Error> {
    let counts = notify.history.mark(member, mark, marked).await?;
    live::publish(&notify.context.bus, &[member]);
    Ok(counts)
}
