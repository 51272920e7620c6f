//! The history on SQLite and PostgreSQL.
//!
//! A `recipient` row has the counts and the two cursors of a member; the flags of a notice are the exceptions above
//! them. Every write about a member has their lane. Invariant: the counts change in the transaction of the notices.

mod add;
mod add_each;
mod drift;
mod mark;
mod read;
mod rows;
mod withdraw;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Db, Error, Lane};
use uuid::Uuid;

pub(super) use drift::list_drifts;
pub(super) use read::{count_of, counts_of_each, find_each, last_id_of, list_above, list_above_each, list_below};
pub(super) use withdraw::{list_members_about, list_withdrawn};

use crate::history::{
    CountedMember, Counts, Filter, HistoryStore, Mark, Marked, NewEntry, Notice, SharedNotice, Told, Withdrawn,
    WithdrawnStep,
};
use base::Random;

/// Entries of one transaction: each costs half a dozen statements where all are of one member.
const BATCH_ENTRIES: usize = 25;

/// Stores notices in this role's own database.
#[derive(Debug, Clone)]
pub(crate) struct SqlHistory {
    db: Db,
    random: Random,
}

impl SqlHistory {
    /// Returns the engine on a database.
    pub(crate) fn new(db: Db, random: Random) -> Self {
        Self { db, random }
    }
}

#[async_trait]
impl HistoryStore for SqlHistory {
    async fn add(&self, mut entries: Vec<NewEntry>, now: DateTime<Utc>) -> Result<Vec<Told>, Error> {
        let mut told = Vec::new();
        while !entries.is_empty() {
            let rest = entries.split_off(entries.len().min(BATCH_ENTRIES));
            let (batch, random) = (std::mem::replace(&mut entries, rest), self.random.clone());
            let lane = Lane::of_each(batch.iter().map(|entry| entry.member));
            told.extend(self.db.write(lane, async move |tx| add_each::add(tx, &batch, &random, now).await).await?);
        }
        Ok(told)
    }

    async fn add_shared(
        &self,
        notice: SharedNotice,
        members: Vec<(AccountId, bool)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Told>, Error> {
        let (lane, random) = (Lane::of_each(members.iter().map(|(member, _)| member)), self.random.clone());
        self.db.write(lane, async move |tx| add::add_shared(tx, &notice, &members, &random, now).await).await
    }

    async fn list(&self, member: AccountId, filter: Filter, before: Uuid, limit: usize) -> Result<Vec<Notice>, Error> {
        list_below(self.db.read(), member, filter, before, limit).await
    }

    async fn list_since(&self, member: AccountId, after: Uuid, limit: usize) -> Result<Vec<Notice>, Error> {
        list_above(self.db.read(), member, after, limit).await
    }

    async fn list_since_each(
        &self,
        after: &[(AccountId, Uuid)],
        limit: usize,
    ) -> Result<HashMap<AccountId, Vec<Notice>>, Error> {
        list_above_each(self.db.read(), after, limit).await
    }

    async fn counts(&self, member: AccountId) -> Result<Counts, Error> {
        count_of(self.db.read(), member).await
    }

    async fn find_each(&self, ids: &[(AccountId, Uuid)]) -> Result<Vec<(AccountId, Notice)>, Error> {
        find_each(self.db.read(), ids).await
    }

    async fn counts_of_each(&self, members: &[AccountId]) -> Result<Vec<(AccountId, Counts)>, Error> {
        counts_of_each(self.db.read(), members).await
    }

    async fn last_id(&self, member: AccountId) -> Result<Uuid, Error> {
        last_id_of(self.db.read(), member).await
    }

    async fn mark(&self, member: AccountId, mark: Mark, marked: Marked) -> Result<Counts, Error> {
        self.db.write(Lane::of(&member), async move |tx| mark::mark(tx, member, mark, &marked).await).await
    }

    async fn remove(&self, member: AccountId, id: Uuid) -> Result<bool, Error> {
        self.db.write(Lane::of(&member), async move |tx| withdraw::remove_one(tx, member, id).await).await
    }

    async fn withdraw(&self, withdrawn: &Withdrawn) -> Result<WithdrawnStep, Error> {
        let found = list_withdrawn(self.db.read(), withdrawn).await?;
        if found.is_empty() {
            return Ok(WithdrawnStep::default());
        }
        let (lane, withdrawn) = (Lane::of_each(found.members()), withdrawn.clone());
        self.db.write(lane, async move |tx| withdraw::withdraw(tx, &withdrawn, &found).await).await
    }

    async fn list_about(&self, subject: &str, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>, Error> {
        list_members_about(self.db.read(), subject, after, limit).await
    }

    async fn list_counted(&self, after: AccountId, limit: usize) -> Result<Vec<CountedMember>, Error> {
        list_drifts(self.db.read(), after, limit).await
    }
}
