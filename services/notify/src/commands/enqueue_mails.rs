//! Noting that notices are to be mailed.
//!
//! Invariant: a notice that was noted, or mailed, is not noted again, so handling an event twice changes nothing.

use std::collections::{BTreeSet, HashMap};

use contract::AccountId;
use contract::notify::Notified;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{MailFrequency, Preferences};
use crate::state::Notify;
use crate::store::{mails, people, settings};

/// Notes the notices of an event whose members want them mailed.
pub(crate) async fn enqueue_mails(notify: &Notify, event: &Notified) -> Result<(), Error> {
    let members: BTreeSet<AccountId> = event.notices.iter().map(|notice| notice.member).collect();
    let members: Vec<AccountId> = members.into_iter().collect();
    let found = settings::list(notify.context.db.read(), &members).await?;
    let preferences: HashMap<AccountId, Preferences> = found.into_iter().collect();
    let default = Preferences::default();
    let is_mailed =
        |member: &AccountId| preferences.get(member).unwrap_or(&default).of(event.kind).mail != MailFrequency::Off;
    let notices = event.notices.iter().filter(|notice| is_mailed(&notice.member));
    let notices: Vec<(AccountId, Uuid)> = notices.map(|notice| (notice.member, notice.group)).collect();
    if notices.is_empty() {
        return Ok(());
    }
    let (lane, kind, at) = (Lane::of_each(notices.iter().map(|(member, _)| member)), event.kind, event.at);
    let written = notify.context.db.write(lane, async move |tx| {
        let mut notices = notices;
        let members: Vec<AccountId> = notices.iter().map(|(member, _)| *member).collect();
        let erased = people::list_erased(tx, &members).await?;
        notices.retain(|(member, _)| !erased.contains(member));
        Ok::<_, Error>(mails::insert_each(tx, &notices, kind, at).await?)
    });
    written.await
}
