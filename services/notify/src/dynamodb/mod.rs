//! The history on DynamoDB: one table for all members, without secondary indexes.
//!
//! | item | partition | place |
//! |---|---|---|
//! | counts and cursors of a member | `recipient#` and the last byte of the member's id | member |
//! | notice | `MEMBER#YYYYMM`, `MEMBER#filtered#YYYYMM` | id |
//! | entry | `MEMBER#entry` | actor, group key, entry |
//! | where the notice of a group key is | `MEMBER#open` | list, group key |
//! | where the notice of a closed group is | `MEMBER#closed` | group |
//! | what names an entry | `actor#ACTOR#SHARD`, `entry#ENTRY` | member, place of the entry |
//! | what names a notice | `subject#SUBJECT#SHARD` | member, group |
//!
//! Every write about a member is a transaction that also writes the member's counts, under the condition that their
//! revision is the one that was read (decision 55). Invariant: so writes about a member have an order, and the counts
//! are those of the notices after each.

mod about;
mod actions;
mod add;
mod announce;
mod connect;
mod drift;
mod erase;
mod history;
mod items;
mod keys;
mod mark;
mod options;
mod read;
mod schema;
mod table;
#[cfg(test)]
mod tests;
mod withdraw;

use async_trait::async_trait;
use base::Random;
use base::clock::Clock;
use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Db, Error};
use uuid::Uuid;

pub(crate) use history::DynamoHistory;
pub(crate) use options::{DynamoDbOptions, check_section};
pub(crate) use schema::TableFault;

use add::Added;

use crate::history::{
    CountedMember, Counts, Filter, HistoryStore, Mark, Marked, NewEntry, Notice, SharedNotice, Told, Withdrawn,
    WithdrawnStep,
};

impl DynamoHistory {
    /// Opens the engine, which sends no request. Notices are kept for `days`; events are published by `db`.
    pub(crate) fn open(
        options: &DynamoDbOptions,
        days: u32,
        db: Db,
        clock: Clock,
        random: Random,
    ) -> Result<Self, base::config::Error> {
        Ok(Self { table: connect::open(options, random)?, db, clock, days })
    }
}

/// Creates the table of an installation, unless it is there. Returns whether it was created.
pub(crate) async fn create_table(options: &DynamoDbOptions, random: Random) -> Result<bool, CreateError> {
    let table = connect::open(options, random)?;
    let is_created = table.create().await?;
    table.enable_expiry().await?;
    Ok(is_created)
}

/// Returns what is wrong with the table of an installation.
pub(crate) async fn find_fault(options: &DynamoDbOptions, random: Random) -> Result<Option<TableFault>, CreateError> {
    Ok(connect::open(options, random)?.fault().await?)
}

/// Why a table could not be created or checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CreateError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] base::config::Error),
    /// The server failed, or refused.
    #[error(transparent)]
    Server(#[from] Error),
}

fn told_of(added: &[Added]) -> Vec<Told> {
    let new = added.iter().filter(|added| added.is_new);
    new.map(|added| Told { member: added.member, id: added.entry.notice }).collect()
}

#[async_trait]
impl HistoryStore for DynamoHistory {
    async fn add(&self, entries: Vec<NewEntry>, now: DateTime<Utc>) -> Result<Vec<Told>, Error> {
        let added = self.add_each(entries, now).await?;
        self.publish(&added, now).await?;
        Ok(told_of(&added))
    }

    async fn add_shared(
        &self,
        notice: SharedNotice,
        members: Vec<(AccountId, bool)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Told>, Error> {
        let added = self.share(&notice, members, now).await?;
        self.publish(&added, now).await?;
        Ok(told_of(&added))
    }

    async fn list(&self, member: AccountId, filter: Filter, before: Uuid, limit: usize) -> Result<Vec<Notice>, Error> {
        self.list_below(member, filter, before, limit).await
    }

    async fn list_since(&self, member: AccountId, after: Uuid, limit: usize) -> Result<Vec<Notice>, Error> {
        self.list_above(member, after, limit).await
    }

    async fn counts(&self, member: AccountId) -> Result<Counts, Error> {
        self.counts_of(member).await
    }

    async fn find_each(&self, ids: &[(AccountId, Uuid)]) -> Result<Vec<(AccountId, Notice)>, Error> {
        self.find_some(ids).await
    }

    async fn counts_of_each(&self, members: &[AccountId]) -> Result<Vec<(AccountId, Counts)>, Error> {
        self.counts_of_members(members.to_vec()).await
    }

    async fn last_id(&self, member: AccountId) -> Result<Uuid, Error> {
        Ok(self.recipient(member).await?.map(|recipient| recipient.last_id).unwrap_or_default())
    }

    async fn mark(&self, member: AccountId, mark: Mark, marked: Marked) -> Result<Counts, Error> {
        self.mark_as(member, mark, marked).await
    }

    async fn remove(&self, member: AccountId, id: Uuid) -> Result<bool, Error> {
        self.remove_one(member, id).await
    }

    async fn withdraw(&self, withdrawn: &Withdrawn) -> Result<WithdrawnStep, Error> {
        self.withdraw_some(withdrawn).await
    }

    async fn list_about(&self, subject: &str, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>, Error> {
        self.list_members_about(subject, after, limit).await
    }

    async fn list_counted(&self, after: AccountId, limit: usize) -> Result<Vec<CountedMember>, Error> {
        self.list_counts(after, limit).await
    }
}
