//! Recording what came of pushes.
//!
//! Invariant: a device is removed for a dead token only if it was not registered since the token was dead; a push that
//! was replaced meanwhile is not touched.

use chrono::{DateTime, TimeDelta, Utc};
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::DeviceKind;
use crate::state::Notify;
use crate::store::{devices, pushes};

/// For how long a shown push can be withdrawn.
pub(super) const SHOWN_FOR: TimeDelta = TimeDelta::days(7);

/// What follows from a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing is left to do.
    Done,
    /// A device shows it, until it is withdrawn.
    Shown,
    /// It is sent later.
    Waits {
        /// When.
        due_at: DateTime<Utc>,
        /// Attempts that have failed.
        attempts: i64,
    },
    /// The device's token was dead at this time.
    Dead {
        /// The device.
        device: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
}

/// Records what follows from pushes of a lease.
pub(crate) async fn settle_pushes(
    notify: &Notify,
    provider: DeviceKind,
    lease: Uuid,
    settled: Vec<(Uuid, Settled)>,
) -> Result<(), Error> {
    let until = notify.context.clock.now() + SHOWN_FOR;
    let removed = notify
        .context
        .db
        .write(Lane::of(&format!("push {}", provider.as_str())), async move |tx| {
            let ids = |is: fn(&Settled) -> bool| -> Vec<Uuid> {
                settled.iter().filter(|(_, settled)| is(settled)).map(|(id, _)| *id).collect()
            };
            let shown = ids(|settled| *settled == Settled::Shown);
            let over = ids(|settled| matches!(settled, Settled::Done | Settled::Dead { .. }));
            pushes::set_shown(tx, lease, &shown, until).await?;
            pushes::remove(tx, lease, &over).await?;
            let mut removed = 0;
            for (id, settled) in &settled {
                match *settled {
                    Settled::Waits { due_at, attempts } => pushes::set_due(tx, (lease, *id), due_at, attempts).await?,
                    Settled::Dead { device, at } => removed += u64::from(devices::remove_dead(tx, device, at).await?),
                    Settled::Done | Settled::Shown => {}
                }
            }
            Ok::<_, Error>(removed)
        })
        .await?;
    notify.metrics.devices_dead.inc_by(removed);
    Ok(())
}
