//! Saying that a device shows the app, so that nothing is pushed to it.
//!
//! Invariant: it ends by itself, also if the app never says so.

use chrono::TimeDelta;
use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::state::Notify;
use crate::store::devices;

/// How long it holds; an app that stays in the foreground says it again.
const DURATION: TimeDelta = TimeDelta::seconds(90);

/// Sets whether a device of a member shows the app.
pub(crate) async fn set_foreground(notify: &Notify, member: AccountId, id: Uuid, is_shown: bool) -> Result<(), Error> {
    let until = is_shown.then(|| notify.context.clock.now() + DURATION);
    let work = notify
        .context
        .db
        .write(Lane::of(&member), async move |tx| devices::set_foreground(tx, (member, id), until).await);
    if work.await? { Ok(()) } else { Err(Error::NoSuchDevice) }
}
