//! Stopping mails about some kinds of notices, for one who has a link from a mail.
//!
//! Invariant: nothing else of the preferences changes, also while the member sets them.

use contract::AccountId;
use contract::notify::NoticeKind;
use db::Lane;

use crate::error::Error;
use crate::state::Notify;
use crate::store::{people, settings};

/// Stops mails about these kinds for a member. Does nothing for an account that was erased.
pub(crate) async fn unsubscribe(notify: &Notify, member: AccountId, kinds: Vec<NoticeKind>) -> Result<(), Error> {
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        if !people::list_erased(tx, &[member]).await?.is_empty() {
            return Ok(());
        }
        let mut preferences = settings::find(tx, member).await?;
        for kind in kinds {
            preferences.stop_mails(kind);
        }
        Ok::<_, Error>(settings::set(tx, member, &preferences).await?)
    });
    written.await
}
