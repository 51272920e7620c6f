//! Registering a device, and again.
//!
//! Invariant: a member has at most `push_max_devices`; the one that was registered longest ago makes room. A token is
//! registered for one member, in a session that has not ended.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Address, Language};
use crate::state::Notify;
use crate::store::devices::Device;
use crate::store::{devices, ended_sessions, people};

/// Devices that are read to find those for which there is no room: more only after the bound was lowered.
const MAX_READ: usize = 500;

/// Registers a device of a member in a session, or renews it. Does nothing for an account that was erased meanwhile.
pub(crate) async fn register_device(
    notify: &Notify,
    (member, session): (AccountId, Uuid),
    address: Address,
    language: Option<Language>,
) -> Result<Device, Error> {
    if !notify.push.has(address.kind()) {
        return Err(Error::NoPushKey(address.kind().as_str()));
    }
    let (context, now) = (&notify.context, notify.context.clock.now());
    let id = context.random.uuid_v7(now);
    let device = Device { id, member, address, language, registered_at: now, foreground_until: None };
    let (new, max) = (device.clone(), usize::try_from(notify.config.push_max_devices).unwrap_or(usize::MAX).max(1));
    let id = context
        .db
        .write(Lane::of(&member), async move |tx| {
            if !people::list_erased(tx, &[member]).await?.is_empty() {
                return Ok(new.id);
            }
            if ended_sessions::contains(tx, session).await? {
                return Err(Error::SessionEnded);
            }
            let id = devices::register(tx, &new, session).await?;
            let known = devices::list(tx, member, max.saturating_add(MAX_READ)).await?;
            for old in known.iter().filter(|device| device.id != id).skip(max - 1) {
                devices::remove(tx, member, old.id).await?;
            }
            Ok::<_, Error>(id)
        })
        .await?;
    Ok(Device { id, ..device })
}
