//! Recording the roles and the language of a member who reads their list: whom announcements are for.
//!
//! Events of accounts don't say them; the member's token and request do. Invariant: a language that was recorded stays,
//! so that two devices in two languages don't write by turns; that of the preferences goes before it.

use contract::AccountId;
use db::Lane;

use crate::error::Error;
use crate::model::{AnnouncementReader, Language};
use crate::state::Notify;
use crate::store::{announcements, people};

/// Records what the request of a member says, if it is new.
pub(crate) async fn record_reader(
    notify: &Notify,
    member: AccountId,
    roles: &[String],
    language: Language,
) -> Result<(), Error> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    let is_known = |reader: &AnnouncementReader| reader.roles == roles && reader.language.is_some();
    if announcements::find_reader(notify.context.db.read(), member).await?.as_ref().is_some_and(is_known) {
        return Ok(());
    }
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        if people::list_erased(tx, &[member]).await?.is_empty() {
            let found = announcements::find_reader(tx, member).await?.unwrap_or_default();
            let language = found.language.or(Some(language));
            announcements::set_reader(tx, member, &AnnouncementReader { roles, language, ..found }).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}
