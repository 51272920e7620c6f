//! Removing notices: one that its member removes, and those that nobody may have any more.
//!
//! What is withdrawn is found first, and removed in the lanes of its members; what has changed in between is found by
//! the next step. Invariant: a notice whose last entry is withdrawn goes with it; one that keeps entries names and
//! counts their actors only.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::rows::{COLUMNS, NoticeRow, delete, find, join_actors};
use crate::history::{MAX_NAMED_ACTORS, Withdrawn, WithdrawnStep};
use crate::store::values::{bound, micros, names_after};

/// Notices, and as many entries, of one step.
const BATCH: usize = 50;
/// Entries that are removed with a notice whose subject is gone. More of them expire.
const BATCH_ENTRIES: usize = 500;

/// The key of a notice.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct NoticeKey {
    member: Uuid,
    id: Uuid,
}

/// The key of an entry, and the notice that counts it.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct EntryKey {
    member: Uuid,
    group_key: String,
    entry: String,
    group_id: Uuid,
}

/// What one step removes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    notices: Vec<NoticeKey>,
    entries: Vec<EntryKey>,
    /// The member of whom everything is removed.
    recipient: Option<AccountId>,
}

impl Found {
    /// Whether there is nothing to remove.
    pub(crate) fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.entries.is_empty() && self.recipient.is_none()
    }

    /// Returns the members whose rows are removed.
    pub(crate) fn members(&self) -> impl Iterator<Item = AccountId> {
        let (notices, entries) = (self.notices.iter().map(|key| key.member), self.entries.iter().map(|key| key.member));
        notices.chain(entries).map(AccountId).chain(self.recipient)
    }
}

/// Returns some of what is withdrawn.
pub(crate) async fn list_withdrawn(sql: &impl Sql, withdrawn: &Withdrawn) -> Result<Found, Error> {
    match withdrawn {
        Withdrawn::Between { member, actor } => {
            let values = || vec![actor.0.into(), bound(BATCH), member.0.into()];
            list(sql, Some(("actor = $1 and member = $3", values())), Some(("actor = $1 and member = $3", values())))
                .await
        }
        Withdrawn::OfActor(actor) => {
            let values = || vec![actor.0.into(), bound(BATCH)];
            list(sql, Some(("actor = $1", values())), Some(("actor = $1", values()))).await
        }
        Withdrawn::OfMember(member) => list_of_member(sql, *member).await,
        Withdrawn::OfSubject(subject) => {
            list(sql, Some(("subject = $1", vec![subject.as_str().into(), bound(BATCH)])), None).await
        }
        Withdrawn::About { members, .. } if members.is_empty() => Ok(Found::default()),
        Withdrawn::About { subject, members } => {
            let condition = format!("subject = $1 and member in {} and {OF_AUDIENCE}", names_after(2, members.len()));
            let first: [Value; 2] = [subject.as_str().into(), bound(BATCH)];
            let values: Vec<Value> = first.into_iter().chain(members.iter().map(|member| member.0.into())).collect();
            list(sql, Some((condition.as_str(), values)), None).await
        }
        Withdrawn::OfEntry(entry) => {
            list(sql, None, Some(("entry = $1", vec![entry.as_str().into(), bound(BATCH)]))).await
        }
        Withdrawn::Before(time) => {
            let notices = ("id < $1", vec![first_id(*time).into(), bound(BATCH)]);
            list(sql, Some(notices), Some((OLD_ENTRIES, vec![micros(*time), bound(BATCH)]))).await
        }
    }
}

/// The kinds of [`crate::model::is_of_audience`].
const OF_AUDIENCE: &str = "kind in ('answered', 'mentioned', 'posted', 'messaged')";

const LIST_MEMBERS_ABOUT: &str = "
    select distinct member
      from notice
     where subject = $1
       and member > $2
     order by member
     limit $3";

/// Returns members who have notices about a subject, after one, in the order of their ids.
pub(crate) async fn list_members_about(
    sql: &impl Sql,
    subject: &str,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
    }
    let after = after.map_or(Uuid::nil(), |member| member.0);
    let rows: Vec<Row> = sql.rows(LIST_MEMBERS_ABOUT, vec![subject.into(), after.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.member)).collect())
}

/// Old entries of notices that are gone. Those of a notice that is there still say whom it counts.
const OLD_ENTRIES: &str = "at_us < $1
       and not exists (
           select 1
             from notice
            where notice.group_id = notice_entry.group_id
              and notice.actor is null)";

/// Returns the notices and the entries of which a condition with its values holds; `$2` is their number.
async fn list(
    sql: &impl Sql,
    notices: Option<(&str, Vec<Value>)>,
    entries: Option<(&str, Vec<Value>)>,
) -> Result<Found, Error> {
    let mut found = Found::default();
    if let Some((condition, values)) = notices {
        let text = format!(
            "select member, id
               from notice
              where {condition}
              limit $2"
        );
        found.notices = sql.rows(&text, values).await?;
    }
    if let Some((condition, values)) = entries {
        let text = format!(
            "select member, group_key, entry, group_id
               from notice_entry
              where {condition}
              limit $2"
        );
        found.entries = sql.rows(&text, values).await?;
    }
    Ok(found)
}

const HAS_RECIPIENT: &str = "
    select member, last_id as id
      from recipient
     where member = $1";

/// Returns some rows of a member, and at last the row of their counts.
async fn list_of_member(sql: &impl Sql, member: AccountId) -> Result<Found, Error> {
    let values = || vec![member.0.into(), bound(BATCH)];
    let mut found = list(sql, Some(("member = $1", values())), Some(("member = $1", values()))).await?;
    if found.is_empty() {
        let row: Option<NoticeKey> = sql.row(HAS_RECIPIENT, vec![member.0.into()]).await?;
        found.recipient = row.map(|_| member);
    }
    Ok(found)
}

/// Returns an id that is below those of a time, and above those of earlier milliseconds (RFC 9562, section 5.7).
fn first_id(time: DateTime<Utc>) -> Uuid {
    Uuid::from_u128(u128::from(u64::try_from(time.timestamp_millis()).unwrap_or_default()) << 80)
}

const REMOVE_RECIPIENT: &str = "
    delete from recipient
     where member = $1";

/// Removes what was found, as far as it is still there.
pub(super) async fn withdraw(tx: &Tx, withdrawn: &Withdrawn, found: &Found) -> Result<WithdrawnStep, Error> {
    let mut rows = Vec::with_capacity(found.notices.len());
    for key in &found.notices {
        // One that has grown meanwhile has another id.
        rows.extend(find(tx, AccountId(key.member), key.id).await?);
    }
    delete(tx, &rows).await?;
    let mut members: BTreeSet<AccountId> = rows.iter().map(|row| AccountId(row.member)).collect();
    if matches!(withdrawn, Withdrawn::OfSubject(_)) {
        for row in &rows {
            tx.execute(REMOVE_GROUP, vec![row.group_id.into(), bound(BATCH_ENTRIES)]).await?;
        }
    }
    let mut groups = BTreeSet::new();
    for key in &found.entries {
        remove_entry(tx, key).await?;
        groups.insert((AccountId(key.member), key.group_id));
    }
    // The notices of old entries are gone, and those of a member go.
    if !matches!(withdrawn, Withdrawn::Before(_) | Withdrawn::OfMember(_)) {
        for (member, group) in groups {
            if shrink(tx, group).await? {
                members.insert(member);
            }
        }
    }
    if let Some(member) = found.recipient {
        tx.execute(REMOVE_RECIPIENT, vec![member.0.into()]).await?;
    }
    Ok(WithdrawnStep { members: members.into_iter().collect(), has_more: true })
}

const REMOVE_ENTRY: &str = "
    delete from notice_entry
     where member = $1
       and group_key = $2
       and entry = $3";

async fn remove_entry(tx: &Tx, key: &EntryKey) -> Result<(), Error> {
    let values = vec![key.member.into(), key.group_key.as_str().into(), key.entry.as_str().into()];
    tx.execute(REMOVE_ENTRY, values).await.map(drop)
}

const REMOVE_GROUP: &str = "
    delete from notice_entry
     where (member, group_key, entry) in (
           select member, group_key, entry
             from notice_entry
            where group_id = $1
            limit $2)";

const COUNT_ENTRIES: &str = "
    select count(*) as entries,
           count(distinct actor) as actors
      from notice_entry
     where group_id = $1";

const LAST_ACTORS: &str = "
    select actor
      from notice_entry
     where group_id = $1
       and actor is not null
     group by actor
     order by max(at_us) desc, actor
     limit $2";

const SET_ACTORS: &str = "
    update notice
       set actors = $4,
           actor_count = $5
     where member = $1
       and is_filtered = $2
       and id = $3";

/// Lets a notice name and count the actors of the entries that are left, or removes it with its last entry. Returns
/// whether there is such a notice.
async fn shrink(tx: &Tx, group: Uuid) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        entries: i64,
        actors: i64,
    }
    #[derive(FromQueryResult)]
    struct ActorRow {
        actor: Uuid,
    }
    let Some(row) = find_group(tx, group).await? else { return Ok(false) };
    let counted: Option<Row> = tx.row(COUNT_ENTRIES, vec![group.into()]).await?;
    let Row { entries, actors: count } = counted.ok_or(Error::Corrupt("the entries of a notice"))?;
    if entries == 0 {
        delete(tx, &[row]).await?;
        return Ok(true);
    }
    let last: Vec<ActorRow> = tx.rows(LAST_ACTORS, vec![group.into(), bound(MAX_NAMED_ACTORS)]).await?;
    let actors: Vec<AccountId> = last.into_iter().map(|row| AccountId(row.actor)).collect();
    let values =
        vec![row.member.into(), row.is_filtered.into(), row.id.into(), join_actors(&actors).into(), count.into()];
    tx.execute(SET_ACTORS, values).await?;
    Ok(true)
}

/// Returns the notice of a group; `None` if it is gone.
async fn find_group(tx: &Tx, group: Uuid) -> Result<Option<NoticeRow>, Error> {
    let text = format!(
        "select {COLUMNS}
           from notice
           join recipient
             on recipient.member = notice.member
          where notice.group_id = $1
            and notice.actor is null"
    );
    tx.row(&text, vec![group.into()]).await
}

/// Removes a notice of a member. Its entries stay, so that none of them is told again.
pub(super) async fn remove_one(tx: &Tx, member: AccountId, id: Uuid) -> Result<bool, Error> {
    let Some(row) = find(tx, member, id).await? else { return Ok(false) };
    delete(tx, &[row]).await?;
    Ok(true)
}
