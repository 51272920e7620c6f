//! Rows of the audit trail.
//!
//! Invariant: rows are inserted only; the schema refuses to change or remove one.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use crate::model::{AuditEntry, AuditFilter};

#[derive(FromQueryResult)]
struct Row {
    number: i64,
    at: DateTime<Utc>,
    actor_id: Option<Uuid>,
    actor: String,
    roles: String,
    address: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    action: String,
    target_kind: Option<String>,
    target_id: Option<String>,
    before_json: Option<String>,
    after_json: Option<String>,
    reason: String,
    previous_hash: String,
    hash: String,
}

impl From<Row> for AuditEntry {
    fn from(row: Row) -> Self {
        Self {
            number: row.number,
            at: row.at,
            actor_id: row.actor_id,
            actor: row.actor,
            roles: row.roles,
            address: row.address,
            user_agent: row.user_agent,
            request_id: row.request_id,
            action: row.action,
            target_kind: row.target_kind,
            target_id: row.target_id,
            before: row.before_json,
            after: row.after_json,
            reason: row.reason,
            previous_hash: row.previous_hash,
            hash: row.hash,
        }
    }
}

const LAST: &str = "
    select number, hash
      from audit_entry
     where number > 0
     order by number desc
     limit 1";

/// Returns the number and the hash of the last entry.
pub(crate) async fn find_last(sql: &impl Sql) -> Result<Option<(i64, String)>, Error> {
    #[derive(FromQueryResult)]
    struct LastRow {
        number: i64,
        hash: String,
    }
    let row: Option<LastRow> = sql.row(LAST, vec![]).await?;
    Ok(row.map(|row| (row.number, row.hash)))
}

const INSERT: &str = "
    insert into audit_entry
           (number, at, actor_id, actor, roles, address, user_agent, request_id, action, target_kind, target_id,
            before_json, after_json, reason, previous_hash, hash)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Inserts an entry.
pub(crate) async fn insert(tx: &Tx, entry: AuditEntry) -> Result<(), Error> {
    let values = vec![
        entry.number.into(),
        entry.at.into(),
        entry.actor_id.into(),
        entry.actor.into(),
        entry.roles.into(),
        entry.address.into(),
        entry.user_agent.into(),
        entry.request_id.into(),
        entry.action.into(),
        entry.target_kind.into(),
        entry.target_id.into(),
        entry.before.into(),
        entry.after.into(),
        entry.reason.into(),
        entry.previous_hash.into(),
        entry.hash.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const FROM: &str = "
    select number, at, actor_id, actor, roles, address, user_agent, request_id, action, target_kind, target_id,
           before_json, after_json, reason, previous_hash, hash
      from audit_entry
     where number < $1";

/// Returns at most `limit` entries before a number that fit a filter, newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    filter: &AuditFilter,
    before: i64,
    limit: usize,
) -> Result<Vec<AuditEntry>, Error> {
    let (mut text, mut values): (String, Vec<Value>) = (FROM.to_owned(), vec![before.into()]);
    let mut add = |condition: &str, value: Value| {
        values.push(value);
        let _ = write!(text, "\n       and {condition} ${}", values.len());
    };
    if let Some(who) = &filter.who {
        match Uuid::parse_str(who) {
            Ok(id) => add("actor_id =", id.into()),
            Err(_) => add("actor =", who.as_str().into()),
        }
    }
    if let Some(action) = &filter.action {
        add("action =", action.as_str().into());
    }
    if let Some(on) = &filter.on {
        add("target_id =", on.as_str().into());
    }
    if let Some(since) = filter.since {
        add("at >=", since.into());
    }
    if let Some(until) = filter.until {
        add("at <", until.into());
    }
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let text = format!("{text}\n     order by number desc\n     limit ${}", values.len());
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(AuditEntry::from).collect())
}

const FROM_NUMBER: &str = "
    select number, at, actor_id, actor, roles, address, user_agent, request_id, action, target_kind, target_id,
           before_json, after_json, reason, previous_hash, hash
      from audit_entry
     where number >= $1
     order by number
     limit $2";

/// Returns the entries from a number on, oldest first, at most `limit`.
pub(crate) async fn list_from(sql: &impl Sql, first: i64, limit: i64) -> Result<Vec<AuditEntry>, Error> {
    let rows: Vec<Row> = sql.rows(FROM_NUMBER, vec![first.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(AuditEntry::from).collect())
}

/// Whether there is an entry with this hash.
pub(crate) async fn has_hash(sql: &impl Sql, hash: &str) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct NumberRow {
        number: i64,
    }
    let row: Option<NumberRow> =
        sql.row("select number from audit_entry where hash = $1 limit 1", vec![hash.into()]).await?;
    Ok(row.is_some_and(|row| row.number > 0))
}
