//! Rows of the rules that every process reads: accounts whose tokens are refused, and those that need newer tokens.
//!
//! Invariant: a rule and what it follows from change in one transaction. A rule that refuses nothing stays for as long
//! as a process may have missed its change.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use http_server::auth::{AccountRule, Denial};
use uuid::Uuid;

use super::sanctions;
use crate::model::Standing;

const SET_DENIAL: &str = "
    insert into account_rule (account_id, is_denied, reason, ends_at, min_version, changed_at)
    values ($1, $2, $3, $4, 0, $5)
    on conflict (account_id) do update
       set is_denied = excluded.is_denied,
           reason = excluded.reason,
           ends_at = excluded.ends_at,
           changed_at = excluded.changed_at";

/// Refuses the tokens of an account, or accepts them again, as its standing says.
pub(crate) async fn set_denial(tx: &Tx, id: AccountId, standing: &Standing, now: DateTime<Utc>) -> Result<(), Error> {
    let values = vec![
        id.0.into(),
        standing.is_denied(now).into(),
        standing.reason.clone().unwrap_or_default().into(),
        standing.until.into(),
        now.into(),
    ];
    tx.execute(SET_DENIAL, values).await.map(drop)
}

const SET_MIN_VERSION: &str = "
    insert into account_rule (account_id, is_denied, reason, ends_at, min_version, changed_at)
    values ($1, false, '', null, $2, $3)
    on conflict (account_id) do update
       set min_version = excluded.min_version,
           changed_at = excluded.changed_at";

/// Refuses all tokens that the account has now; the next ones are accepted. In the transaction that revokes a role, so
/// that a token has either the new roles or an older version.
pub(crate) async fn refuse_older_tokens(tx: &Tx, id: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    let version = sanctions::raise_version(tx, id).await?;
    let version = i64::try_from(version).unwrap_or(i64::MAX);
    tx.execute(SET_MIN_VERSION, vec![id.0.into(), version.into(), now.into()]).await.map(drop)
}

const LIST: &str = "
    select account_id, is_denied, reason, ends_at, min_version, changed_at
      from account_rule
     where (changed_at, account_id) > ($1, $2)
     order by changed_at, account_id
     limit $3";

/// Returns at most `limit` rules that changed after another one, in the order of their changes.
pub(crate) async fn list(
    sql: &impl Sql,
    since: DateTime<Utc>,
    after: Uuid,
    limit: usize,
) -> Result<Vec<AccountRule>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account_id: Uuid,
        is_denied: bool,
        reason: String,
        ends_at: Option<DateTime<Utc>>,
        min_version: i64,
        changed_at: DateTime<Utc>,
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sql.rows(LIST, vec![since.into(), after.into(), limit.into()]).await?;
    let rules = rows.into_iter().map(|row| AccountRule {
        account: row.account_id,
        changed_us: row.changed_at.timestamp_micros(),
        denial: row.is_denied.then(|| Denial { until: row.ends_at.map(|until| until.timestamp()), reason: row.reason }),
        min_version: row.min_version.unsigned_abs(),
    });
    Ok(rules.collect())
}

const REMOVE: &str = "
    delete from account_rule
     where account_id in (
           select account_id
             from account_rule
            where changed_at < $1
              and not is_denied
            limit $2)";

/// Removes at most `limit` rules that refuse nothing any more and changed before a time. Returns how many.
pub(crate) async fn remove(tx: &Tx, before: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE, vec![before.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await
}
