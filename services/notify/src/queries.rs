//! Reads of a member's list: the history, merged with the announcements that the member is shown.
//!
//! Invariant: the counts are those of the list, because both are made of the same announcements and of a history that
//! counts exactly.

use contract::AccountId;
use contract::notify::NoticeKind;
use uuid::Uuid;

use crate::error::Error;
use crate::history::{Counts, Filter, Notice};
use crate::model::{COUNTED_FOR, shown};
use crate::state::Notify;
use crate::store::{announcements, settings};

/// Returns the counts of a member's list.
pub(crate) async fn counts(notify: &Notify, member: AccountId) -> Result<Counts, Error> {
    let announced = announced(notify, member).await?;
    Ok(counts_with(notify, member, &announced).await?)
}

/// Returns the same, for a caller that has read the announcements that the member is shown.
pub(crate) async fn counts_with(notify: &Notify, member: AccountId, announced: &[Notice]) -> Result<Counts, db::Error> {
    let counts = notify.history.counts(member).await?;
    let count = |is_counted: fn(&Notice) -> bool| announced.iter().filter(|notice| is_counted(notice)).count() as u64;
    let (unseen, unread) = (count(|notice| !notice.is_seen), count(|notice| !notice.is_read));
    Ok(Counts { unseen: counts.unseen + unseen, unread: counts.unread + unread })
}

/// Returns notices and announcements of a member below `before`, the newest first, and the counts of the whole list.
pub(crate) async fn list(
    notify: &Notify,
    member: AccountId,
    filter: Filter,
    before: Uuid,
    limit: usize,
) -> Result<(Vec<Notice>, Counts), Error> {
    let mut notices = notify.history.list(member, filter, before, limit).await?;
    let announced = announced(notify, member).await?;
    let counts = counts_with(notify, member, &announced).await?;
    if filter.is_filtered || filter.kind.is_some_and(|kind| kind != NoticeKind::Announcement) {
        return Ok((notices, counts));
    }
    let is_wanted = |notice: &Notice| notice.id < before && !(filter.is_unread && notice.is_read);
    notices.extend(announced.into_iter().filter(is_wanted));
    notices.sort_unstable_by_key(|notice| std::cmp::Reverse(notice.id));
    notices.truncate(limit);
    Ok((notices, counts))
}

/// Returns the announcements that a member is shown now and has not removed, as notices, the oldest first.
pub(crate) async fn announced(notify: &Notify, member: AccountId) -> Result<Vec<Notice>, Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let current = announcements::list_current(sql, now - COUNTED_FOR).await?;
    // As a rule there are none, and a list costs one short read more.
    if current.is_empty() {
        return Ok(Vec::new());
    }
    let preferences = settings::find(sql, member).await?;
    let mut reader = announcements::find_reader(sql, member).await?.unwrap_or_default();
    reader.language = preferences.language.or(reader.language);
    let marks = announcements::list_marks(sql, member).await?;
    let mut announced = Vec::new();
    for announcement in shown(&current, &reader, preferences.promotions, now) {
        let id = announcement.id;
        let mark = marks.get(&id).copied().unwrap_or_default();
        if mark.is_removed {
            continue;
        }
        announced.push(Notice {
            id,
            group: id,
            kind: NoticeKind::Announcement,
            subject: Some(id.to_string()),
            actors: Vec::new(),
            actor_count: 0,
            is_seen: mark.is_seen || id <= reader.seen_until,
            is_read: mark.is_read || id <= reader.read_until,
            is_filtered: false,
        });
    }
    Ok(announced)
}
