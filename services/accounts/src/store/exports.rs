//! Rows of exports.
//!
//! `due_at` is when the sweep looks at a row next: when its building has taken too long, when its archive expires, or
//! when the row itself is removed. Invariant: a row names an object only while it is ready, and the object becomes an
//! orphan in the transaction that stops naming it.

use chrono::{DateTime, Utc};
use contract::{AccountId, ObjectKey};
use db::{Error, FromQueryResult, Sql, Tx};
use objects::{ObjectColumn, orphans};
use uuid::Uuid;

use crate::model::{Archive, EXPORT_LIFETIME, EXPORT_ROW_LIFETIME, Export, ExportState, MAX_BUILD_TIME};

/// The columns of this role that name objects.
pub(crate) const OBJECT_COLUMNS: &[ObjectColumn] = &[ObjectColumn::whole("export", "object")];

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    account_id: Uuid,
    state: String,
    object: Option<String>,
    bytes: Option<i64>,
    missing_count: Option<i64>,
    created_at: DateTime<Utc>,
    ready_at: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Export {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            account: AccountId(row.account_id),
            state: row.state.parse().map_err(|_| Error::Corrupt("an export's state"))?,
            object: row.object.map(key).transpose()?,
            bytes: row.bytes.map(i64::unsigned_abs),
            missing_count: row.missing_count.map(i64::unsigned_abs),
            created_at: row.created_at,
            ready_at: row.ready_at,
            expires_at: row.expires_at,
        })
    }
}

fn key(text: String) -> Result<ObjectKey, Error> {
    text.try_into().map_err(|_| Error::Corrupt("an export's object"))
}

const INSERT: &str = "
    insert into export (id, account_id, state, created_at, due_at)
    select $1, id, 'building', $3, $4
      from account
     where id = $2";

/// Inserts an export that is being built. Returns `false` if the account does not exist.
pub(crate) async fn insert(tx: &Tx, id: Uuid, account: AccountId, now: DateTime<Utc>) -> Result<bool, Error> {
    let values = vec![id.into(), account.0.into(), now.into(), (now + MAX_BUILD_TIME).into()];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const FIND: &str = "
    select id, account_id, state, object, bytes, missing_count, created_at, ready_at, expires_at
      from export
     where id = $1";

/// Returns an export, of whatever account.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Export>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![id.into()]).await?;
    row.map(Export::try_from).transpose()
}

const PAGE: &str = "
    select id, account_id, state, object, bytes, missing_count, created_at, ready_at, expires_at
      from export
     where account_id = $1
       and id < $2
     order by id desc
     limit $3";

/// Returns the exports of an account before `before`, newest first.
pub(crate) async fn list(sql: &impl Sql, account: AccountId, before: Uuid, limit: usize) -> Result<Vec<Export>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sql.rows(PAGE, vec![account.0.into(), before.into(), limit.into()]).await?;
    rows.into_iter().map(Export::try_from).collect()
}

const SET_READY: &str = "
    update export
       set state = 'ready',
           object = $2,
           bytes = $3,
           missing_count = $4,
           ready_at = $5,
           expires_at = $6,
           due_at = $6
     where id = $1
       and state = 'building'";

/// Records the archive of an export that is being built. Returns `false` if it is not: another attempt was faster, or
/// the account was erased.
pub(crate) async fn set_ready(tx: &Tx, id: Uuid, archive: &Archive, now: DateTime<Utc>) -> Result<bool, Error> {
    let values = vec![
        id.into(),
        archive.object.as_str().into(),
        i64::try_from(archive.bytes).unwrap_or(i64::MAX).into(),
        i64::try_from(archive.missing_count).unwrap_or(i64::MAX).into(),
        now.into(),
        (now + EXPORT_LIFETIME).into(),
    ];
    if tx.execute(SET_READY, values).await? == 0 {
        return Ok(false);
    }
    orphans::mark_all_referenced(tx, std::slice::from_ref(&archive.object)).await?;
    Ok(true)
}

const SET_ENDED: &str = "
    update export
       set state = $2,
           object = null,
           due_at = $3
     where id = $1";

/// Records that an export has failed or expired. Its archive becomes an orphan.
pub(crate) async fn set_ended(tx: &Tx, export: &Export, state: ExportState, now: DateTime<Utc>) -> Result<(), Error> {
    if let Some(object) = &export.object {
        orphans::mark_orphaned(tx, std::slice::from_ref(object), now).await?;
    }
    let due_at = export.created_at + EXPORT_ROW_LIFETIME;
    tx.execute(SET_ENDED, vec![export.id.into(), state.as_str().into(), due_at.into()]).await.map(drop)
}

/// Removes the row of an export that has no archive.
pub(crate) async fn remove(tx: &Tx, id: Uuid) -> Result<(), Error> {
    tx.execute("delete from export where id = $1 and object is null", vec![id.into()]).await.map(drop)
}

const REMOVE_ALL: &str = "
    delete from export
     where account_id = $1
    returning object";

/// Removes all exports of an account. Their archives become orphans.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct ObjectRow {
        object: Option<String>,
    }
    let rows: Vec<ObjectRow> = tx.rows(REMOVE_ALL, vec![account.0.into()]).await?;
    let keys = rows.into_iter().filter_map(|row| row.object).map(key).collect::<Result<Vec<_>, _>>()?;
    orphans::mark_orphaned(tx, &keys, now).await
}

const LIST_OTHER_READY: &str = "
    select id, account_id, state, object, bytes, missing_count, created_at, ready_at, expires_at
      from export
     where account_id = $1
       and id <> $2
       and state = 'ready'";

/// Returns the exports of an account but one that have an archive: at most as many as are made in a week.
pub(crate) async fn list_other_ready(sql: &impl Sql, account: AccountId, id: Uuid) -> Result<Vec<Export>, Error> {
    let rows: Vec<Row> = sql.rows(LIST_OTHER_READY, vec![account.0.into(), id.into()]).await?;
    rows.into_iter().map(Export::try_from).collect()
}

const LIST_DUE: &str = "
    select id, account_id, state, object, bytes, missing_count, created_at, ready_at, expires_at
      from export
     where due_at <= $1
     order by due_at
     limit $2";

/// Returns some exports that the sweep has to look at.
pub(crate) async fn list_due(sql: &impl Sql, now: DateTime<Utc>, limit: usize) -> Result<Vec<Export>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sql.rows(LIST_DUE, vec![now.into(), limit.into()]).await?;
    rows.into_iter().map(Export::try_from).collect()
}
