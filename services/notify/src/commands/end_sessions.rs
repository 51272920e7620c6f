//! Removing the devices that were registered in sessions that have ended.
//!
//! A session that has ended is remembered, because another process may take its tokens for some seconds more.
//! Invariant: whichever comes first in the member's lane, the end or a registration, no device of the session is left.

use contract::accounts::SessionsEnded;
use db::Lane;

use crate::error::Error;
use crate::state::Notify;
use crate::store::{devices, ended_sessions};

/// Removes the devices of sessions that have ended. What waits for them is dropped when it is due.
pub(crate) async fn end_sessions(notify: &Notify, ended: SessionsEnded) -> Result<(), Error> {
    let (account, now) = (ended.account, notify.context.clock.now());
    let written = notify.context.db.write(Lane::of(&account), async move |tx| {
        for &session in &ended.sessions {
            ended_sessions::insert(tx, session, now).await?;
            devices::remove_of_session(tx, account, session).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}
