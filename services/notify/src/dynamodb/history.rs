//! The engine's state, and the reads that every other part of it begins with.
//!
//! Invariant: the counts of a member are read before anything that a write about the member depends on, so the
//! condition on their revision covers all of it.

use base::clock::Clock;
use contract::AccountId;
use db::{Db, Error};
use uuid::Uuid;

use super::items::{Item, Recipient, StoredNotice, parsed};
use super::keys::{self, Key, Month, first_kept_id};
use super::table::{NextPage, Places, Query, Table};

/// Stores notices in a table of DynamoDB.
#[derive(Debug, Clone)]
pub(crate) struct DynamoHistory {
    pub(super) table: Table,
    /// The role's own database, whose outbox has the events.
    pub(super) db: Db,
    pub(super) clock: Clock,
    /// For how many days notices are kept.
    pub(super) days: u32,
}

impl DynamoHistory {
    /// Returns the time in seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// Returns the counts and cursors of a member; `None` for one who was never told anything.
    pub(super) async fn recipient(&self, member: AccountId) -> Result<Option<Recipient>, Error> {
        self.table.get(keys::recipient(member)).await?.as_ref().map(Recipient::read).transpose()
    }

    /// Whether a notice has not expired.
    pub(super) fn is_kept(&self, notice: &StoredNotice) -> bool {
        notice.expiry(self.days) > self.now()
    }

    /// Returns an id that no notice of a member is below, unless it has expired.
    pub(super) fn first_kept(&self, recipient: &Recipient) -> Uuid {
        recipient.first_id.max(first_kept_id(self.now(), self.days))
    }

    /// Returns a notice; `None` if it is gone.
    pub(super) async fn notice(&self, key: Key) -> Result<Option<StoredNotice>, Error> {
        self.table.get(key).await?.as_ref().map(StoredNotice::read).transpose()
    }
}

/// The place of the notice of a group that may grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GroupPlace {
    pub(super) group: Uuid,
    pub(super) notice: Uuid,
}

impl GroupPlace {
    /// Reads an item.
    pub(super) fn read(item: &Item) -> Result<Self, Error> {
        Ok(Self { group: parsed(item, "group_id")?, notice: parsed(item, "notice_id")? })
    }
}

/// Returns the id that follows one.
pub(super) fn next_of(id: Uuid) -> Uuid {
    Uuid::from_u128(id.as_u128().saturating_add(1))
}

/// Reads the notices of a list between two ids, month by month. What has expired is among them.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    table: &'a Table,
    member: AccountId,
    is_filtered: bool,
    low: Uuid,
    high: Uuid,
    is_descending: bool,
    limit: usize,
    /// The months that are left, the next one last.
    months: Vec<Month>,
    /// The rest of a month.
    rest: Option<(Month, NextPage)>,
}

impl<'a> Walk<'a> {
    /// From the greatest id to the smallest.
    pub(super) fn down(table: &'a Table, member: AccountId, is_filtered: bool, low: Uuid, high: Uuid) -> Self {
        let months = if low > high { Vec::new() } else { Month::between(low, high).rev().collect() };
        Self { table, member, is_filtered, low, high, is_descending: true, limit: 100, months, rest: None }
    }

    /// From the smallest id to the greatest.
    pub(super) fn up(table: &'a Table, member: AccountId, is_filtered: bool, low: Uuid, high: Uuid) -> Self {
        let months = if low > high { Vec::new() } else { Month::between(low, high).collect() };
        Self { is_descending: false, months, ..Self::down(table, member, is_filtered, low, high) }
    }

    /// In pages of at most so many.
    pub(super) fn in_pages_of(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Returns the next page, which is not empty; `None` at the end.
    pub(super) async fn next_page(&mut self) -> Result<Option<Vec<StoredNotice>>, Error> {
        loop {
            let (month, from) = match self.rest.take() {
                Some(rest) => rest,
                None => match self.months.pop() {
                    Some(month) => (month, None),
                    None => return Ok(None),
                },
            };
            let query = Query {
                pk: keys::notices(self.member, self.is_filtered, month),
                places: Places::Between(self.low.to_string(), self.high.to_string()),
                is_descending: self.is_descending,
                limit: self.limit,
            };
            let (items, next) = self.table.page(&query, from).await?;
            self.rest = next.map(|next| (month, Some(next)));
            if !items.is_empty() {
                return items.iter().map(StoredNotice::read).collect::<Result<_, _>>().map(Some);
            }
        }
    }
}
