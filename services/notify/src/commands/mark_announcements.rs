//! Marking and removing the announcements that a member is shown.
//!
//! Invariant: all until an id moves the member's cursor, to an announcement that was shown, so it marks none that
//! begins later; an announcement counts a member who has seen it once.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::history::{Mark, Marked, Notice};
use crate::queries;
use crate::state::Notify;
use crate::store::announcements::{self, AnnouncementMark};
use crate::store::people;

/// Marks announcements of a member as seen or read.
pub(super) async fn mark_announcements(
    notify: &Notify,
    member: AccountId,
    mark: Mark,
    marked: &Marked,
) -> Result<(), Error> {
    let is_marked = |notice: &Notice| match marked {
        Marked::Until(until) => notice.id <= *until,
        Marked::Ids(ids) => ids.contains(&notice.id),
    };
    let is_changed = |notice: &Notice| !notice.is_seen || (mark == Mark::Read && !notice.is_read);
    let announced = queries::announced(notify, member).await?.into_iter();
    let changed: Vec<Uuid> =
        announced.filter(|notice| is_marked(notice) && is_changed(notice)).map(|notice| notice.id).collect();
    let is_cursor = matches!(marked, Marked::Until(_));
    if changed.is_empty() {
        return Ok(());
    }
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        if !people::list_erased(tx, &[member]).await?.is_empty() {
            return Ok(());
        }
        let mut reader = announcements::find_reader(tx, member).await?.unwrap_or_default();
        let marks = announcements::list_marks(tx, member).await?;
        for id in &changed {
            let found = marks.get(id).copied().unwrap_or_default();
            if !found.is_seen && *id > reader.seen_until {
                announcements::count_seen(tx, *id).await?;
            }
            if !is_cursor {
                let is_read = found.is_read || mark == Mark::Read;
                announcements::set_mark(tx, member, *id, AnnouncementMark { is_seen: true, is_read, ..found }).await?;
            }
        }
        let last = changed.last().copied().filter(|_| is_cursor).unwrap_or_default();
        if !last.is_nil() {
            reader.seen_until = reader.seen_until.max(last);
            if mark == Mark::Read {
                reader.read_until = reader.read_until.max(last);
            }
            announcements::set_reader(tx, member, &reader).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}

/// Removes an announcement from the list of a member. Returns `false` if it is not there.
pub(super) async fn remove_announcement(notify: &Notify, member: AccountId, id: Uuid) -> Result<bool, Error> {
    if queries::announced(notify, member).await?.iter().all(|notice| notice.id != id) {
        return Ok(false);
    }
    let written = notify.context.db.write(Lane::of(&member), async move |tx| {
        if people::list_erased(tx, &[member]).await?.is_empty() {
            let marks = announcements::list_marks(tx, member).await?;
            let found = marks.get(&id).copied().unwrap_or_default();
            announcements::set_mark(tx, member, id, AnnouncementMark { is_removed: true, ..found }).await?;
        }
        Ok::<_, Error>(())
    });
    written.await?;
    Ok(true)
}
