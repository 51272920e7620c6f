//! Marking notices as seen and as read, and removing one.
//!
//! Invariant: what is read is seen; a cursor never passes the greatest id that its member has had, so it marks nothing
//! that arrives later. Flags and counts change in one transaction.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TransactWriteItem;
use contract::AccountId;
use db::Error;
use uuid::Uuid;

use super::history::DynamoHistory;
use super::items::{Delta, Recipient, StoredNotice};
use super::keys;
use super::table::{MAX_ATTEMPTS, Written, overloaded};
use crate::history::{Counts, Mark, Marked};

/// Notices of one transaction; two items are read for each.
const BATCH: usize = 40;

impl DynamoHistory {
    /// Marks notices of a member, and returns the counts after that.
    pub(super) async fn mark_as(&self, member: AccountId, mark: Mark, marked: Marked) -> Result<Counts, Error> {
        match marked {
            Marked::Until(until) => self.mark_until(member, mark, until).await?,
            Marked::Ids(ids) => {
                let ids: Vec<Uuid> = ids.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
                for chunk in ids.chunks(BATCH) {
                    self.mark_each(member, mark, chunk).await?;
                }
            }
        }
        self.counts_of(member).await
    }

    /// Moves a cursor forward, and counts what is above it.
    async fn mark_until(&self, member: AccountId, mark: Mark, until: Uuid) -> Result<(), Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let Some(recipient) = self.recipient(member).await? else { return Ok(()) };
            let until = until.min(recipient.last_id);
            let seen = recipient.seen_until.max(until);
            let read = match mark {
                Mark::Seen => recipient.read_until,
                Mark::Read => recipient.read_until.max(until),
            };
            if (seen, read) == (recipient.seen_until, recipient.read_until) {
                return Ok(());
            }
            let counted = self.count_above(recipient, seen, read).await?;
            if self.table.write(&[self.table.put_counts(&counted)?]).await? == Written::Done {
                return Ok(());
            }
        }
        Err(overloaded())
    }

    async fn mark_each(&self, member: AccountId, mark: Mark, ids: &[Uuid]) -> Result<(), Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let Some(mut recipient) = self.recipient(member).await? else { return Ok(()) };
            let mut actions = Vec::new();
            for mut notice in self.notices(member, ids).await? {
                let is_marked = match mark {
                    Mark::Seen => notice.is_seen(&recipient),
                    Mark::Read => notice.is_read(&recipient),
                };
                if is_marked {
                    continue;
                }
                let lost = notice.counted(&recipient);
                notice.is_seen = true;
                match mark {
                    Mark::Seen => recipient.count(Delta { unread: 0, ..lost }),
                    Mark::Read => {
                        notice.is_read = true;
                        recipient.count(lost);
                    }
                }
                actions.push(self.table.put(notice.item(member))?);
            }
            if actions.is_empty() {
                return Ok(());
            }
            actions.push(self.table.put_counts(&recipient)?);
            if self.table.write(&actions).await? == Written::Done {
                return Ok(());
            }
        }
        Err(overloaded())
    }

    /// Removes a notice of a member. Its entries stay, so that none of them is told again.
    pub(super) async fn remove_one(&self, member: AccountId, id: Uuid) -> Result<bool, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let Some(mut recipient) = self.recipient(member).await? else { return Ok(false) };
            let Some(notice) = self.notices(member, &[id]).await?.pop() else { return Ok(false) };
            let mut actions = self.removal(&mut recipient, &notice)?;
            actions.push(self.table.put_counts(&recipient)?);
            if self.table.write(&actions).await? == Written::Done {
                return Ok(true);
            }
        }
        Err(overloaded())
    }

    /// Returns those of some notices of a member that are there, in whichever list.
    async fn notices(&self, member: AccountId, ids: &[Uuid]) -> Result<Vec<StoredNotice>, Error> {
        let lists = [false, true];
        let keys: Vec<_> = ids.iter().flat_map(|id| lists.map(|list| keys::notice(member, list, *id))).collect();
        let found = self.table.get_each(&keys).await?;
        let notices = found.values().map(StoredNotice::read).collect::<Result<Vec<_>, _>>()?;
        Ok(notices.into_iter().filter(|notice| self.is_kept(notice)).collect())
    }

    /// Takes a notice out of the counts, and returns the actions that remove it.
    pub(super) fn removal(
        &self,
        recipient: &mut Recipient,
        notice: &StoredNotice,
    ) -> Result<Vec<TransactWriteItem>, Error> {
        // One that has expired is taken out when the counts are made anew.
        if self.is_kept(notice) {
            recipient.count(notice.counted(recipient));
        }
        let member = recipient.member;
        let mut actions = vec![self.table.delete(keys::notice(member, notice.is_filtered, notice.id))?];
        if let Some(subject) = &notice.subject {
            actions.push(self.table.delete(keys::subject_reference(subject, member, notice.group))?);
        }
        Ok(actions)
    }
}
