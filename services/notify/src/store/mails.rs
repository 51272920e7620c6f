//! Rows of notices that are mailed: when they are due, and when a member was mailed last.
//!
//! A row without a due time was mailed; it stays for a while, so that a notice is mailed once, however it grows.
//! Invariant: a group of a member has one row.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::NoticeKind;
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::values::{bound, from_micros, micros};
use crate::model::{DueMail, MailPlan};

/// Adds notices of members, due now, but for those that were added before.
pub(crate) async fn insert_each(
    tx: &Tx,
    notices: &[(AccountId, Uuid)],
    kind: NoticeKind,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let mut left = notices;
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let row = |(member, group): &(AccountId, Uuid)| {
            [member.0.into(), (*group).into(), kind.as_str().into(), micros(at), micros(at)]
        };
        let values: Vec<Value> = chunk.iter().flat_map(row).collect();
        let text = format!(
            "insert into notice_mail (member, group_id, kind, added_us, due_us)
             values {}
             on conflict do nothing",
            placeholders(chunk.len(), 5)
        );
        tx.execute(&text, values).await?;
    }
    Ok(())
}

const LIST_DUE_MEMBERS: &str = "
    select member
      from notice_mail
     where due_us <= $1
     order by due_us, member
     limit $2";

/// Returns the members of the notices that have been due for longest, at most `limit` notices.
pub(crate) async fn list_due_members(
    sql: &impl Sql,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
    }
    let rows: Vec<Row> = sql.rows(LIST_DUE_MEMBERS, vec![micros(now), bound(limit)]).await?;
    let mut members: Vec<AccountId> = rows.into_iter().map(|row| AccountId(row.member)).collect();
    members.sort_unstable();
    members.dedup();
    Ok(members)
}

const LIST_DUE: &str = "
    select group_id, kind, added_us
      from notice_mail
     where member = $1
       and due_us <= $2
     order by group_id
     limit $3";

/// Returns the notices of a member that are due.
pub(crate) async fn list_due(
    sql: &impl Sql,
    member: AccountId,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<DueMail>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        group_id: Uuid,
        kind: String,
        added_us: i64,
    }
    let rows: Vec<Row> = sql.rows(LIST_DUE, vec![member.0.into(), micros(now), bound(limit)]).await?;
    let read = |row: Row| {
        let kind = row.kind.into();
        let added_at = from_micros(Some(row.added_us), "the time of a notice")?.unwrap_or_default();
        Ok(DueMail { group: row.group_id, kind, added_at })
    };
    rows.into_iter().map(read).collect()
}

const SET_DUE: &str = "
    update notice_mail
       set due_us = $3
     where member = $1
       and group_id = $2";

const REMOVE: &str = "
    delete from notice_mail
     where member = $1
       and group_id = $2";

/// Carries out what a plan says of a member's notices.
pub(crate) async fn settle(tx: &Tx, member: AccountId, plan: &MailPlan) -> Result<(), Error> {
    let mailed: Option<i64> = None;
    for group in &plan.ready {
        tx.execute(SET_DUE, vec![member.0.into(), (*group).into(), mailed.into()]).await?;
    }
    for (group, at) in &plan.postponed {
        tx.execute(SET_DUE, vec![member.0.into(), (*group).into(), micros(*at)]).await?;
    }
    for group in &plan.dropped {
        tx.execute(REMOVE, vec![member.0.into(), (*group).into()]).await?;
    }
    Ok(())
}

const FIND_MAILED: &str = "
    select mailed_us
      from mailed_member
     where member = $1";

/// Returns when a member was mailed last.
pub(crate) async fn find_mailed(sql: &impl Sql, member: AccountId) -> Result<Option<DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        mailed_us: i64,
    }
    let row: Option<Row> = sql.row(FIND_MAILED, vec![member.0.into()]).await?;
    from_micros(row.map(|row| row.mailed_us), "the time of a mail")
}

const SET_MAILED: &str = "
    insert into mailed_member (member, mailed_us)
    values ($1, $2)
    on conflict (member) do update
       set mailed_us = excluded.mailed_us";

/// Records that a member is mailed.
pub(crate) async fn set_mailed(tx: &Tx, member: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_MAILED, vec![member.0.into(), micros(now)]).await.map(drop)
}

const REMOVE_OLD: &str = "
    delete from notice_mail
     where (member, group_id) in (
           select member, group_id
             from notice_mail
            where added_us < $1
            order by added_us
            limit $2)";

const REMOVE_OLD_MEMBERS: &str = "
    delete from mailed_member
     where member in (
           select member
             from mailed_member
            where mailed_us < $1
            order by mailed_us
            limit $2)";

/// Forgets what was added, and who was mailed, before a time. Returns how many rows of the larger table.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    let notices = tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await?;
    Ok(notices.max(tx.execute(REMOVE_OLD_MEMBERS, vec![micros(before), bound(limit)]).await?))
}
