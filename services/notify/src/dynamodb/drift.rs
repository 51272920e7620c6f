//! The comparison of counts with the notices that they count.
//!
//! Invariant: it reads only. Counts that change while their notices are read are read again; those that are due to be
//! made anew are not compared, as the next reader makes them.

use contract::AccountId;
use db::Error;

use super::history::DynamoHistory;
use super::items::Recipient;
use super::keys::{last_byte, recipients};
use super::table::{MAX_ATTEMPTS, Places, Query, overloaded};
use crate::history::CountedMember;

impl DynamoHistory {
    /// Returns the counts of members after one, in the order of the partitions of counts, at most `limit`.
    pub(super) async fn list_counts(&self, after: AccountId, limit: usize) -> Result<Vec<CountedMember>, Error> {
        let mut counted = Vec::new();
        let mut places = Places::After(after.to_string());
        for byte in last_byte(after)..=u8::MAX {
            let query = Query { pk: recipients(byte), places, is_descending: false, limit: limit - counted.len() };
            for item in self.table.list(&query).await? {
                counted.push(self.compare(Recipient::read(&item)?).await?);
            }
            if counted.len() >= limit {
                break;
            }
            places = Places::All;
        }
        Ok(counted)
    }

    /// Compares the counts of a member; without a difference if they go meanwhile.
    async fn compare(&self, mut stored: Recipient) -> Result<CountedMember, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let (member, unseen, unread) = (stored.member.0, stored.unseen, stored.unread);
            let equal = CountedMember { member, unseen, unread, unseen_rows: unseen, unread_rows: unread };
            if stored.is_due(self.now(), self.days) {
                return Ok(equal);
            }
            let rows = self.count_above(stored.clone(), stored.seen_until, stored.read_until).await?;
            let Some(again) = self.recipient(stored.member).await? else { return Ok(equal) };
            if again.revision == stored.revision {
                let (unseen_rows, unread_rows) = (rows.unseen, rows.unread);
                return Ok(CountedMember { unseen_rows, unread_rows, ..equal });
            }
            stored = again;
        }
        Err(overloaded())
    }
}
