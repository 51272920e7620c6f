//! Rows of relations: who follows, blocks and mutes whom, and who is a close friend of whom.
//!
//! A relation that has ended stays for a while, so that an older event that arrives late does not bring it back.
//! Invariant: a row is as the newest event about it says.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::{bound, micros, names_after};
use crate::model::{Relation, RelationKind};

const SET: &str = "
    insert into relation (member, other, kind, is_on, until_us, at_us)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (member, other, kind) do update
       set is_on = excluded.is_on,
           until_us = excluded.until_us,
           at_us = excluded.at_us
     where relation.at_us <= excluded.at_us";

/// Sets whether a relation holds since `at`, until a time or for good. Returns `false` if a newer event has said it.
pub(crate) async fn set(
    tx: &Tx,
    relation: Relation,
    is_on: bool,
    until: Option<DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let values = vec![
        relation.member.0.into(),
        relation.other.0.into(),
        relation.kind.as_str().into(),
        is_on.into(),
        until.map(|until| until.timestamp_micros()).into(),
        micros(at),
    ];
    Ok(tx.execute(SET, values).await? == 1)
}

#[derive(FromQueryResult)]
struct RelationRow {
    member: Uuid,
    other: Uuid,
    kind: String,
}

/// Returns the relations that hold now between accounts of two lists, in both directions. One between accounts that
/// both lists have comes twice.
pub(crate) async fn list(
    sql: &impl Sql,
    some: &[AccountId],
    others: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Vec<Relation>, Error> {
    list_of(sql, some, others, "is_on = true", now).await
}

/// Returns the blocks and mutes among them.
pub(crate) async fn list_silencing(
    sql: &impl Sql,
    some: &[AccountId],
    others: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Vec<Relation>, Error> {
    list_of(sql, some, others, "kind in ('block', 'mute') and is_on = true", now).await
}

/// Returns the follows, and the close friendships, among them that have ended.
pub(crate) async fn list_ended(
    sql: &impl Sql,
    some: &[AccountId],
    others: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Vec<Relation>, Error> {
    list_of(sql, some, others, "kind in ('follow', 'close') and is_on = false", now).await
}

/// Returns those of `some` for whom something may forbid what they were told of the acts of `other`: a block or a mute,
/// a follow or a close friendship that has ended, or their erasure. As a rule there are few.
pub(crate) async fn list_doubtful(
    sql: &impl Sql,
    some: &[AccountId],
    other: AccountId,
    now: DateTime<Utc>,
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    if some.is_empty() {
        return Ok(Vec::new());
    }
    let names = names_after(2, some.len());
    let condition = "(kind in ('block', 'mute') and is_on = true or kind in ('follow', 'close') and is_on = false)
            and (until_us is null or until_us > $1)";
    let text = format!(
        "select member as account
           from relation
          where member in {names}
            and other = $2
            and {condition}
          union all
         select other
           from relation
          where member = $2
            and other in {names}
            and {condition}
          union all
         select account
           from erased_account
          where account in {names}"
    );
    let accounts = some.iter().map(|account| account.0.into());
    let values: Vec<Value> = [micros(now), other.0.into()].into_iter().chain(accounts).collect();
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}

async fn list_of(
    sql: &impl Sql,
    some: &[AccountId],
    others: &[AccountId],
    condition: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Relation>, Error> {
    if some.is_empty() || others.is_empty() {
        return Ok(Vec::new());
    }
    let (some_names, other_names) = (names_after(1, some.len()), names_after(1 + some.len(), others.len()));
    let text = format!(
        "select member, other, kind
           from relation
          where member in {some_names}
            and other in {other_names}
            and {condition}
            and (until_us is null or until_us > $1)
          union all
         select member, other, kind
           from relation
          where member in {other_names}
            and other in {some_names}
            and {condition}
            and (until_us is null or until_us > $1)"
    );
    let accounts = some.iter().chain(others).map(|account| account.0.into());
    let values: Vec<Value> = std::iter::once(micros(now)).chain(accounts).collect();
    let rows: Vec<RelationRow> = sql.rows(&text, values).await?;
    // A kind of a later release means nothing to this one.
    let relation = |row: RelationRow| {
        let kind = row.kind.parse::<RelationKind>().ok()?;
        Some(Relation { member: AccountId(row.member), other: AccountId(row.other), kind })
    };
    Ok(rows.into_iter().filter_map(relation).collect())
}

const LIST_MEMBERS: &str = "
    select member
      from relation
     where other = $1
       and kind = $2
       and member > $3
       and is_on = true
     order by member
     limit $4";

/// Returns members who stand to `other` in this way, above `after`, in the order of their ids.
pub(crate) async fn list_members(
    sql: &impl Sql,
    other: AccountId,
    kind: RelationKind,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        member: Uuid,
    }
    let values = vec![other.0.into(), kind.as_str().into(), after.0.into(), bound(limit)];
    let rows: Vec<Row> = sql.rows(LIST_MEMBERS, values).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.member)).collect())
}

const REMOVE_OFF: &str = "
    delete from relation
     where (member, other, kind) in (
           select member, other, kind
             from relation
            where is_on = false
              and at_us < $1
            order by at_us
            limit $2)";

const REMOVE_OVER: &str = "
    delete from relation
     where (member, other, kind) in (
           select member, other, kind
             from relation
            where until_us < $1
            order by until_us
            limit $2)";

/// Forgets relations that have ended, or were over, before a time. Returns how many in the larger step.
pub(crate) async fn remove_ended(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    let ended = tx.execute(REMOVE_OFF, vec![micros(before), bound(limit)]).await?;
    Ok(ended.max(tx.execute(REMOVE_OVER, vec![micros(before), bound(limit)]).await?))
}
