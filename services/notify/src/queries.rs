//! Reads of a member's list: the history, merged with the announcements that the member is shown.
//!
//! Invariant: the counts are those of the list, because both are made of the same announcements and of a history that
//! counts exactly.

use std::collections::HashMap;

use contract::AccountId;
use contract::notify::NoticeKind;
use uuid::Uuid;

use crate::error::Error;
use crate::history::{Counts, Filter, Notice};
use crate::model::{AnnouncementReader, COUNTED_FOR, Preferences, shown};
use crate::state::Notify;
use crate::store::announcements::{self, Marks};
use crate::store::settings;

/// Returns the counts of a member's list.
pub(crate) async fn counts(notify: &Notify, member: AccountId) -> Result<Counts, Error> {
    let announced = announced(notify, member).await?;
    Ok(counts_with(notify, member, &announced).await?)
}

/// Returns the same, for a caller that has read the announcements that the member is shown.
pub(crate) async fn counts_with(notify: &Notify, member: AccountId, announced: &[Notice]) -> Result<Counts, db::Error> {
    Ok(with_announced(notify.history.counts(member).await?, announced))
}

/// Returns the counts of a list: those of the history, and of the announcements that the member is shown.
pub(crate) fn with_announced(counts: Counts, announced: &[Notice]) -> Counts {
    let count = |is_counted: fn(&Notice) -> bool| announced.iter().filter(|notice| is_counted(notice)).count() as u64;
    let (unseen, unread) = (count(|notice| !notice.is_seen), count(|notice| !notice.is_read));
    Counts { unseen: counts.unseen + unseen, unread: counts.unread + unread }
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
    Ok(announced_of_each(notify, &[member]).await?.remove(&member).unwrap_or_default())
}

/// Returns the same for members; one who is shown none may be left out.
pub(crate) async fn announced_of_each(
    notify: &Notify,
    members: &[AccountId],
) -> Result<HashMap<AccountId, Vec<Notice>>, Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    let current = announcements::list_current(sql, now - COUNTED_FOR).await?;
    // As a rule there are none, and a list costs one short read more.
    if current.is_empty() {
        return Ok(HashMap::new());
    }
    let preferences: HashMap<AccountId, Preferences> = settings::list(sql, members).await?.into_iter().collect();
    let mut readers: HashMap<AccountId, AnnouncementReader> =
        announcements::list_readers(sql, members).await?.into_iter().collect();
    let mut marks = announcements::list_marks_of_each(sql, members).await?;
    let of_member = |member: &AccountId| {
        let mut reader = readers.remove(member).unwrap_or_default();
        let (wanted, marks) = (preferences.get(member), marks.remove(member).unwrap_or_default());
        reader.language = wanted.and_then(|wanted| wanted.language).or(reader.language);
        let promotions = wanted.and_then(|wanted| wanted.promotions);
        let shown = shown(&current, &reader, promotions, now).into_iter();
        let notices: Vec<Notice> = shown.filter_map(|announcement| notice(announcement.id, &reader, &marks)).collect();
        (*member, notices)
    };
    Ok(members.iter().map(of_member).collect())
}

/// Returns an announcement as a notice; `None` if the member has removed it.
fn notice(id: Uuid, reader: &AnnouncementReader, marks: &Marks) -> Option<Notice> {
    let mark = marks.get(&id).copied().unwrap_or_default();
    (!mark.is_removed).then(|| Notice {
        id,
        group: id,
        kind: NoticeKind::Announcement.into(),
        subject: Some(id.to_string()),
        actors: Vec::new(),
        actor_count: 0,
        is_seen: mark.is_seen || id <= reader.seen_until,
        is_read: mark.is_read || id <= reader.read_until,
        is_filtered: false,
    })
}
