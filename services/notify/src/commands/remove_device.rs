//! Removing a device.
//!
//! Invariant: a device of another member is not there. What waits for a device that is gone is dropped when it is due.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::state::Notify;
use crate::store::devices;

/// Removes a device of a member.
pub(crate) async fn remove_device(notify: &Notify, member: AccountId, id: Uuid) -> Result<(), Error> {
    let removed =
        notify.context.db.write(Lane::of(&member), async move |tx| devices::remove(tx, member, id).await).await?;
    if removed { Ok(()) } else { Err(Error::NoSuchDevice) }
}
