//! The rows of an erased account.
//!
//! Invariant: a step deletes or changes a bounded number of rows.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::{bound, micros};

const INSERT: &str = "
    insert into erased_account (account, erased_us)
    values ($1, $2)
    on conflict do nothing";

/// Records that an account was erased, so that nothing about it that is still on its way is stored.
pub(crate) async fn insert_erased(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT, vec![account.0.into(), micros(now)]).await.map(drop)
}

/// Whether one of two accounts was erased not long ago.
pub(crate) async fn is_one_erased(sql: &impl Sql, one: AccountId, other: AccountId) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    let text = "select account from erased_account where account in ($1, $2)";
    let rows: Vec<Row> = sql.rows(text, vec![one.0.into(), other.0.into()]).await?;
    Ok(rows.iter().any(|row| row.account == one.0 || row.account == other.0))
}

/// Each deletes or changes rows of the account `$1`, at most `$2`. Reports of the account's things go before the cases
/// by which they are found.
const STEPS: [&str; 6] = [
    "
    delete from case_report
     where id in (
           select case_report.id
             from case_report
             join moderation_case on moderation_case.id = case_report.case_id
            where moderation_case.owner = $1
            limit $2)",
    "
    delete from moderation_case
     where id in (
           select id
             from moderation_case
            where owner = $1
              and not exists (
                  select 1
                    from case_report
                   where case_report.case_id = moderation_case.id)
            limit $2)",
    "
    delete from case_decision
     where id in (
           select id
             from case_decision
            where owner = $1
            limit $2)",
    "
    delete from case_report
     where id in (
           select id
             from case_report
            where reporter = $1
            limit $2)",
    "
    update moderation_case
       set claimed_by = null,
           claimed_until_us = null
     where id in (
           select id
             from moderation_case
            where claimed_by = $1
            limit $2)",
    "
    update case_decision
       set decided_by = null
     where id in (
           select id
             from case_decision
            where decided_by = $1
            limit $2)",
];

/// Removes some rows of an account, and its name from others. Returns how many there were; 0 when none is left.
pub(crate) async fn remove(tx: &Tx, account: AccountId, limit: usize) -> Result<u64, Error> {
    let mut removed = 0;
    for step in STEPS {
        removed += tx.execute(step, vec![account.0.into(), bound(limit)]).await?;
    }
    Ok(removed)
}

const REMOVE_OLD: &str = "
    delete from erased_account
     where account in (
           select account
             from erased_account
            where erased_us < $1
            order by erased_us
            limit $2)";

/// Forgets accounts that were erased before a time. Returns how many there were.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}
