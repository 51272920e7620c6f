//! Reading lists and counts.
//!
//! Invariant: what has expired is neither listed nor counted, whether or not the server has removed it. The counts are
//! read, and made anew only once the first counted notice may have expired: at most once a day.

use std::collections::BTreeSet;

use contract::AccountId;
use db::Error;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::add::CONCURRENT_MEMBERS;
use super::history::{DynamoHistory, Walk, next_of};
use super::items::{Delta, Recipient, StoredNotice};
use super::keys::{self, Key};
use super::table::{MAX_ATTEMPTS, Written, overloaded};
use crate::history::{Counts, Filter, Notice};

impl DynamoHistory {
    /// Returns notices of a list below `before`, the newest first.
    pub(super) async fn list_below(
        &self,
        member: AccountId,
        filter: Filter,
        before: Uuid,
        limit: usize,
    ) -> Result<Vec<Notice>, Error> {
        let Some(recipient) = self.recipient(member).await? else { return Ok(Vec::new()) };
        let Some(high) = before.as_u128().checked_sub(1) else { return Ok(Vec::new()) };
        let high = Uuid::from_u128(high).min(recipient.last_id);
        let kept = self.first_kept(&recipient);
        let low = if filter.is_unread { kept.max(next_of(recipient.read_until)) } else { kept };
        let walk = Walk::down(&self.table, member, filter.is_filtered, low, high).in_pages_of(limit);
        let is_wanted = |notice: &StoredNotice| {
            filter.kind.is_none_or(|kind| notice.kind == kind) && !(filter.is_unread && notice.is_read(&recipient))
        };
        self.gather(walk, &recipient, limit, is_wanted).await
    }

    /// Returns notices of the main list above `after`, the oldest first.
    pub(super) async fn list_above(&self, member: AccountId, after: Uuid, limit: usize) -> Result<Vec<Notice>, Error> {
        let Some(recipient) = self.recipient(member).await? else { return Ok(Vec::new()) };
        let low = next_of(after).max(self.first_kept(&recipient));
        let walk = Walk::up(&self.table, member, false, low, recipient.last_id).in_pages_of(limit);
        self.gather(walk, &recipient, limit, |_| true).await
    }

    async fn gather(
        &self,
        mut walk: Walk<'_>,
        recipient: &Recipient,
        limit: usize,
        is_wanted: impl Fn(&StoredNotice) -> bool + Send,
    ) -> Result<Vec<Notice>, Error> {
        let mut notices = Vec::new();
        while let Some(page) = walk.next_page().await? {
            let wanted = page.into_iter().filter(|notice| self.is_kept(notice) && is_wanted(notice));
            notices.extend(wanted.take(limit - notices.len()).map(|notice| notice.shown(recipient)));
            if notices.len() >= limit {
                break;
            }
        }
        Ok(notices)
    }

    /// Returns those of these notices that are in the main lists of their members.
    pub(super) async fn find_some(&self, ids: &[(AccountId, Uuid)]) -> Result<Vec<(AccountId, Notice)>, Error> {
        // A request must not name a key twice.
        let ids: BTreeSet<(AccountId, Uuid)> = ids.iter().copied().collect();
        let wanted = ids.iter().flat_map(|&(member, id)| [keys::recipient(member), keys::notice(member, false, id)]);
        let wanted: Vec<Key> = wanted.collect::<BTreeSet<Key>>().into_iter().collect();
        let found = self.table.get_each(&wanted).await?;
        let mut notices = Vec::with_capacity(ids.len());
        for (member, id) in ids {
            let recipient = found.get(&keys::recipient(member));
            let Some((recipient, notice)) = recipient.zip(found.get(&keys::notice(member, false, id))) else {
                continue;
            };
            let notice = StoredNotice::read(notice)?;
            if self.is_kept(&notice) {
                notices.push((member, notice.shown(&Recipient::read(recipient)?)));
            }
        }
        Ok(notices)
    }

    /// Returns the counts of members, read at the same time.
    pub(super) async fn counts_of_members(&self, members: Vec<AccountId>) -> Result<Vec<(AccountId, Counts)>, Error> {
        stream::iter(members)
            .map(|member| async move { self.counts_of(member).await.map(|counts| (member, counts)) })
            .buffer_unordered(CONCURRENT_MEMBERS)
            .try_collect()
            .await
    }

    /// Returns the counts of a member.
    pub(super) async fn counts_of(&self, member: AccountId) -> Result<Counts, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let Some(recipient) = self.recipient(member).await? else { return Ok(Counts::default()) };
            if !recipient.is_due(self.now(), self.days) {
                return Ok(recipient.counts());
            }
            let (seen, read) = (recipient.seen_until, recipient.read_until);
            let counted = self.count_above(recipient, seen, read).await?;
            if self.table.write(&[self.table.put_counts(&counted)?]).await? == Written::Done {
                return Ok(counted.counts());
            }
        }
        Err(overloaded())
    }

    /// Returns a member's counts as they are with these cursors. The cursor of what is read is never above that of what
    /// is seen, so all that counts is above the former.
    pub(super) async fn count_above(&self, recipient: Recipient, seen: Uuid, read: Uuid) -> Result<Recipient, Error> {
        let low = next_of(read).max(self.first_kept(&recipient));
        let mut counted = Recipient {
            seen_until: seen,
            read_until: read,
            unseen: 0,
            unread: 0,
            next_expiry: None,
            days: self.days,
            ..recipient
        };
        let mut walk = Walk::down(&self.table, counted.member, false, low, counted.last_id);
        while let Some(page) = walk.next_page().await? {
            for notice in page.iter().filter(|notice| self.is_kept(notice)) {
                let lost = notice.counted(&counted);
                if lost != Delta::default() {
                    counted.unseen -= lost.unseen;
                    counted.unread -= lost.unread;
                    counted.note_expiry(notice.expiry(self.days));
                }
            }
        }
        Ok(counted)
    }
}
