//! Items: the table `job`.
//!
//! Invariant: a deleted item has a row for a while and is never found.

use chrono::{DateTime, Utc};
use contract::media::Received;
use contract::{AccountId, MediaId};
use db::{Error, FromQueryResult, Sql, Tx};

use super::values::{json, text};
use crate::model::{Plan, State};

/// An item, as far as this role knows it.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub media: MediaId,
    pub state: State,
    pub received: Received,
    pub plan: Option<Plan>,
    pub percent: u8,
    pub started_at: Option<DateTime<Utc>>,
    /// How often an operator had it converted again after it had failed.
    pub retries: u32,
}

#[derive(FromQueryResult)]
struct JobRow {
    state: String,
    received: String,
    plan: Option<String>,
    percent: i64,
    started_at: Option<DateTime<Utc>>,
    retries: i64,
}

const INSERT: &str = "
    insert into job (media, state, received, percent, created_at, updated_at, owner)
    values ($1, $2, $3, 0, $4, $4, $5)
        on conflict do nothing";

/// Inserts an item; returns `false` if it is there already, also as a deleted one.
pub(crate) async fn insert_job(tx: &Tx, received: &Received, state: State, now: DateTime<Utc>) -> Result<bool, Error> {
    let values = vec![
        text(received.id.as_str()),
        text(state.as_str()),
        json(received)?,
        now.into(),
        text(received.owner.to_string()),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

const MARK_DELETED: &str = "
    insert into job (media, state, received, percent, created_at, updated_at)
    values ($1, 'deleted', '', 0, $2, $2)
        on conflict (media) do update
       set state = 'deleted',
           received = '',
           owner = '',
           plan = null,
           updated_at = excluded.updated_at";

/// Marks an item as deleted, also an unknown one.
pub(crate) async fn mark_deleted(tx: &Tx, media: &MediaId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(MARK_DELETED, vec![text(media.as_str()), now.into()]).await?;
    Ok(())
}

const FIND: &str = "
    select state, received, plan, percent, started_at, retries
      from job
     where media = $1";

/// Returns an item that is not deleted.
pub(crate) async fn find_job(sql: &impl Sql, media: &MediaId) -> Result<Option<Job>, Error> {
    let row: Option<JobRow> = sql.row(FIND, vec![text(media.as_str())]).await?;
    let Some(row) = row else { return Ok(None) };
    let state = State::parse(&row.state).ok_or(Error::Corrupt("an item's state"))?;
    if state == State::Deleted {
        return Ok(None);
    }
    let received = serde_json::from_str(&row.received).map_err(|_| Error::Corrupt("an item's upload"))?;
    let plan =
        row.plan.map(|plan| serde_json::from_str(&plan)).transpose().map_err(|_| Error::Corrupt("an item's plan"))?;
    Ok(Some(Job {
        media: media.clone(),
        state,
        received,
        plan,
        percent: u8::try_from(row.percent).unwrap_or(0),
        started_at: row.started_at,
        retries: u32::try_from(row.retries).unwrap_or(u32::MAX),
    }))
}

/// What is known about an item besides its event, written by `set_plan`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct KnownProperties {
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub duration_ms: Option<u64>,
}

const SET_PLAN: &str = "
    update job
       set plan = $2,
           width = $3,
           height = $4,
           duration_ms = $5,
           started_at = $6,
           updated_at = $6
     where media = $1";

/// Stores an item's plan and what is known with it.
pub(crate) async fn set_plan(
    tx: &Tx,
    media: &MediaId,
    plan: &Plan,
    known: KnownProperties,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tx.execute(
        SET_PLAN,
        vec![
            text(media.as_str()),
            json(plan)?,
            known.width.map(i64::from).into(),
            known.height.map(i64::from).into(),
            known.duration_ms.and_then(|ms| i64::try_from(ms).ok()).into(),
            now.into(),
        ],
    )
    .await?;
    Ok(())
}

const REPLACE_PLAN: &str = "
    update job
       set plan = $2,
           updated_at = $3
     where media = $1";

/// Overwrites the plan, for a track that turned out to be empty.
pub(crate) async fn replace_plan(tx: &Tx, media: &MediaId, plan: &Plan, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(REPLACE_PLAN, vec![text(media.as_str()), json(plan)?, now.into()]).await?;
    Ok(())
}

const SET_STATE: &str = "
    update job
       set state = $2,
           code = $3,
           detail = $4,
           updated_at = $5
     where media = $1";

/// Sets an item's state, and with `Failed` the reason: a code and a sentence.
pub(crate) async fn set_state(
    tx: &Tx,
    media: &MediaId,
    state: State,
    reason: Option<(&str, &str)>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tx.execute(
        SET_STATE,
        vec![
            text(media.as_str()),
            text(state.as_str()),
            reason.map(|(code, _)| code.to_owned()).into(),
            reason.map(|(_, detail)| detail.to_owned()).into(),
            now.into(),
        ],
    )
    .await?;
    Ok(())
}

const SET_RETRIES: &str = "
    update job
       set retries = $2,
           updated_at = $3
     where media = $1";

/// Sets how often an item was retried.
pub(crate) async fn set_retries(tx: &Tx, media: &MediaId, retries: u32, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_RETRIES, vec![text(media.as_str()), i64::from(retries).into(), now.into()]).await?;
    Ok(())
}

const RAISE_PERCENT: &str = "
    update job
       set percent = $2,
           updated_at = $3
     where media = $1
       and percent < $2";

/// Raises the percentage; returns `false` if it was there already.
pub(crate) async fn raise_percent(tx: &Tx, media: &MediaId, percent: u8, now: DateTime<Utc>) -> Result<bool, Error> {
    let raised = tx.execute(RAISE_PERCENT, vec![text(media.as_str()), i64::from(percent).into(), now.into()]).await?;
    Ok(raised == 1)
}

const REMOVE_DELETED: &str = "
    delete from job
     where state = 'deleted'
       and updated_at < $1";

/// Removes items that were deleted before `before`.
pub(crate) async fn remove_deleted(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    tx.execute(REMOVE_DELETED, vec![before.into()]).await
}

/// A conversion, as an export of its member's data has it.
#[derive(Debug, FromQueryResult)]
pub(crate) struct ExportedJob {
    pub media: String,
    pub state: String,
    pub percent: i64,
    pub code: Option<String>,
    pub detail: Option<String>,
    pub started_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The condition on `owner` is that of the index.
const LIST_BY_OWNER: &str = "
    select media, state, percent, code, detail, started_at, created_at, updated_at
      from job
     where owner = $1
       and owner <> ''
       and media > $2
     order by media
     limit $3";

/// Returns the conversions of a member's items whose ids are above `after`, in the order of their ids.
pub(crate) async fn list_jobs_by_owner(
    sql: &impl Sql,
    owner: AccountId,
    after: &str,
    limit: usize,
) -> Result<Vec<ExportedJob>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    sql.rows(LIST_BY_OWNER, vec![text(owner.to_string()), text(after), limit.into()]).await
}
