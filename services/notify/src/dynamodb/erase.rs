//! Removing everything that a member was told.
//!
//! Invariant: the counts go last, and only if nothing about the member was written since it was seen that nothing else
//! is left, so a write at the same time leaves no item behind.

use contract::AccountId;
use db::Error;
use futures::future::try_join_all;

use super::history::{DynamoHistory, Walk};
use super::items::{key_of, text};
use super::keys::{self, EntryName, Key};
use super::table::{Places, Query, Written};
use crate::history::WithdrawnStep;

/// Items of each kind of one step.
const BATCH: usize = 50;

impl DynamoHistory {
    /// Removes some items of a member.
    pub(super) async fn erase_some(&self, member: AccountId) -> Result<WithdrawnStep, Error> {
        let Some(recipient) = self.recipient(member).await? else { return Ok(WithdrawnStep::default()) };
        let members = vec![member];
        let mut left: Vec<Key> = Vec::new();
        let partitions = [keys::entries(member), keys::opens(member), keys::closed_groups(member)];
        let queries = partitions.map(|pk| Query { pk, places: Places::All, is_descending: false, limit: BATCH });
        let entries = keys::entries(member);
        let reads = queries.map(|query| async move { self.table.list(&query).await });
        for item in try_join_all(reads).await?.iter().flatten() {
            let key = key_of(item)?;
            if key.pk == entries {
                let name = EntryName::parse(text(item, "sk")?).ok_or(Error::Corrupt("the place of an entry"))?;
                left.extend(name.references(member));
            }
            left.push(key);
        }
        for is_filtered in [false, true] {
            let walk = Walk::down(&self.table, member, is_filtered, recipient.first_id, recipient.last_id);
            for notice in walk.in_pages_of(BATCH).next_page().await?.into_iter().flatten() {
                let subject = notice.subject.as_deref();
                left.extend(subject.map(|subject| keys::subject_reference(subject, member, notice.group)));
                left.push(keys::notice(member, is_filtered, notice.id));
            }
        }
        if left.is_empty() {
            let written = self.table.write(&[self.table.delete_counts(&recipient)?]).await?;
            return Ok(WithdrawnStep { members, has_more: written != Written::Done });
        }
        // A request may not name an item twice.
        left.sort_unstable();
        left.dedup();
        self.table.delete_each(left).await?;
        Ok(WithdrawnStep { members, has_more: true })
    }
}
