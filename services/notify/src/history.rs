//! The port of the history: what an engine that stores notices must do.
//!
//! A notice has two ids. `group` stays while it grows. `id` is its place: it is drawn anew, above every other id of its
//! member, whenever the notice grows, so that *until this id* never reaches what arrived later. Invariant: `unread` and
//! `unseen` are the numbers of unread and unseen notices that are not filtered, after every call; the same entry of the
//! same group key has one effect, however often it is added. `history_conformance` tests it on every engine.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::NoticeKind;
use db::{Error, FromQueryResult};
use futures::future::try_join_all;
use uuid::Uuid;

use crate::stored_kind::StoredKind;

/// The actors that a notice names; all are counted.
pub(crate) const MAX_NAMED_ACTORS: usize = 3;

/// Lists that an engine reads at once which can't read several as one.
const LISTS_AT_ONCE: usize = 16;

/// Something that a member is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewEntry {
    /// Who is told.
    pub member: AccountId,
    /// What it is about.
    pub kind: NoticeKind,
    /// What collapses into one notice while that is unread.
    pub group_key: String,
    /// What has one effect within the group key.
    pub entry: String,
    /// Who has acted.
    pub actor: Option<AccountId>,
    /// What it is about.
    pub subject: Option<String>,
    /// Whether it is in the filtered list, which is not counted.
    pub is_filtered: bool,
}

/// A notice for many members. It does not grow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SharedNotice {
    /// What it is about.
    pub kind: NoticeKind,
    /// The key under which a member has it once.
    pub group_key: String,
    /// Who has acted.
    pub actor: AccountId,
    /// What it is about.
    pub subject: String,
}

/// A notice that was added, or has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Who has it.
    pub member: AccountId,
    /// The id that it has now.
    pub id: Uuid,
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Its place: greater is newer.
    pub id: Uuid,
    /// The id that stays while it grows.
    pub group: Uuid,
    /// What it is about.
    pub kind: StoredKind,
    /// The post, thread, file or greeting.
    pub subject: Option<String>,
    /// Who acted last, at most [`MAX_NAMED_ACTORS`], the newest first.
    pub actors: Vec<AccountId>,
    /// How many have acted.
    pub actor_count: u64,
    /// Whether its member has seen it in the list.
    pub is_seen: bool,
    /// Whether its member has read it.
    pub is_read: bool,
    /// Whether it is in the filtered list.
    pub is_filtered: bool,
}

/// Selects notices of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Filter {
    /// Only this kind.
    pub kind: Option<NoticeKind>,
    /// Only unread ones.
    pub is_unread: bool,
    /// The filtered list instead of the main one.
    pub is_filtered: bool,
}

/// The counts of a member's main list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counts {
    /// Notices that were not seen.
    pub unseen: u64,
    /// Notices that were not read.
    pub unread: u64,
}

/// What a member marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// As seen in the list.
    Seen,
    /// As read, and so as seen.
    Read,
}

/// Which notices a member marks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Marked {
    /// All with this id or a smaller one, whether or not there is one with it.
    Until(Uuid),
    /// Those with these ids. Ids of notices that have grown meanwhile are those of nothing.
    Ids(Vec<Uuid>),
}

/// Which notices are removed for other reasons than their member's wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Withdrawn {
    /// What one member was told of another's acts.
    Between {
        /// Who was told.
        member: AccountId,
        /// Who has acted.
        actor: AccountId,
    },
    /// What anybody was told of a member's acts.
    OfActor(AccountId),
    /// Everything that a member was told.
    OfMember(AccountId),
    /// What is about a post, thread, file or greeting.
    OfSubject(String),
    /// What some members were told of a post because they were in its audience ([`crate::model::is_of_audience`]). The
    /// entries stay, so that none of them is told again.
    About {
        /// The post.
        subject: String,
        /// The members, not too many for one statement.
        members: Vec<AccountId>,
    },
    /// What was told with an entry, such as the id of a comment.
    OfEntry(String),
    /// What is older than a time.
    Before(DateTime<Utc>),
}

/// The counts of a member: those that are stored, and the notices.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub(crate) struct CountedMember {
    /// The member.
    pub member: Uuid,
    /// The stored count.
    pub unseen: i64,
    /// The stored count.
    pub unread: i64,
    /// The notices.
    pub unseen_rows: i64,
    /// The notices.
    pub unread_rows: i64,
}

/// Stores the notices of members.
#[async_trait]
pub(crate) trait HistoryStore: Send + Sync {
    /// Adds entries: each begins a notice, or lets the unread one of its group grow. Returns the notices that changed;
    /// an entry that was added before changes none.
    async fn add(&self, entries: Vec<NewEntry>, now: DateTime<Utc>) -> Result<Vec<Told>, Error>;

    /// Adds a notice to the histories of members, with whether it is filtered there. At most
    /// [`MAX_SHARED_MEMBERS`]. A member who has it keeps it as it is.
    async fn add_shared(
        &self,
        notice: SharedNotice,
        members: Vec<(AccountId, bool)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Told>, Error>;

    /// Returns notices below `before`, the newest first.
    async fn list(&self, member: AccountId, filter: Filter, before: Uuid, limit: usize) -> Result<Vec<Notice>, Error>;

    /// Returns notices of the main list above `after`, the oldest first.
    async fn list_since(&self, member: AccountId, after: Uuid, limit: usize) -> Result<Vec<Notice>, Error>;

    /// Returns the same for several members, each above an id of its own, at most `limit` for each; one who has none
    /// may be left out. No member is named twice. An engine that reads several at once does it better.
    async fn list_since_each(
        &self,
        after: &[(AccountId, Uuid)],
        limit: usize,
    ) -> Result<HashMap<AccountId, Vec<Notice>>, Error> {
        let mut found = HashMap::with_capacity(after.len());
        for chunk in after.chunks(LISTS_AT_ONCE) {
            let lists = chunk.iter().map(|(member, after)| self.list_since(*member, *after, limit));
            let lists: Vec<Vec<Notice>> = try_join_all(lists).await?;
            found.extend(chunk.iter().map(|(member, _)| *member).zip(lists));
        }
        Ok(found)
    }

    /// Returns the counts, without reading notices.
    async fn counts(&self, member: AccountId) -> Result<Counts, Error>;

    /// Returns those of these notices that are in the main lists of their members. An engine that reads several at once
    /// does it better.
    async fn find_each(&self, ids: &[(AccountId, Uuid)]) -> Result<Vec<(AccountId, Notice)>, Error> {
        let mut found = Vec::with_capacity(ids.len());
        for &(member, id) in ids {
            let above = Uuid::from_u128(id.as_u128().saturating_add(1));
            let newest = self.list(member, Filter::default(), above, 1).await?.pop();
            found.extend(newest.filter(|notice| notice.id == id).map(|notice| (member, notice)));
        }
        Ok(found)
    }

    /// Returns the counts of members; one who was never told anything may be left out.
    async fn counts_of_each(&self, members: &[AccountId]) -> Result<Vec<(AccountId, Counts)>, Error> {
        let mut found = Vec::with_capacity(members.len());
        for &member in members {
            found.push((member, self.counts(member).await?));
        }
        Ok(found)
    }

    /// Returns the greatest id that a notice of the member has or had.
    async fn last_id(&self, member: AccountId) -> Result<Uuid, Error>;

    /// Marks notices, and returns the counts after that.
    async fn mark(&self, member: AccountId, mark: Mark, marked: Marked) -> Result<Counts, Error>;

    /// Removes a notice of a member. Returns `false` if there is none with this id.
    async fn remove(&self, member: AccountId, id: Uuid) -> Result<bool, Error>;

    /// Removes some of the notices, entries and actors that are withdrawn, in a transaction that is short. Returns the
    /// members whose lists have changed, and whether anything may be left.
    /// An engine that leaves out what has expired has nothing to withdraw before a time.
    async fn withdraw(&self, withdrawn: &Withdrawn) -> Result<WithdrawnStep, Error>;

    /// Returns members who have notices about a subject, after one in the engine's order of members, at most `limit`;
    /// none at the end.
    async fn list_about(&self, subject: &str, after: Option<AccountId>, limit: usize) -> Result<Vec<AccountId>, Error>;

    /// Compares the counts of members after one with their notices, at most `limit`, in the engine's order of members.
    /// Changes nothing.
    async fn list_counted(&self, after: AccountId, limit: usize) -> Result<Vec<CountedMember>, Error>;
}

/// Returns the id of a notice that is added or grows: the one that was drawn, or the next one above all that its member
/// has had.
pub(crate) fn next_id(drawn: Uuid, last: Uuid) -> Uuid {
    if drawn > last { drawn } else { Uuid::from_u128(last.as_u128().saturating_add(1)) }
}

/// The most members of one [`HistoryStore::add_shared`]: a power of two, so that their rows are one statement
/// ([`db::chunk_size`]), and two batches at once are a transaction of some 500 rows.
pub(crate) const MAX_SHARED_MEMBERS: usize = 256;

/// What one step of a withdrawal did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct WithdrawnStep {
    /// Members whose lists have changed.
    pub members: Vec<AccountId>,
    /// Whether another step may find more.
    pub has_more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_only_grow_also_when_a_clock_is_behind() {
        let (low, high) = (Uuid::from_u128(5), Uuid::from_u128(9));
        assert_eq!(
            (next_id(high, low), next_id(low, high), next_id(low, low)),
            (high, Uuid::from_u128(10), Uuid::from_u128(6))
        );
    }
}
