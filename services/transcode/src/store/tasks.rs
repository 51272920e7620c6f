//! Tasks: the table `task`, except what the fair queue reads and writes of it (`fair_queue`).
//!
//! Invariant: a task that is done stays done.

use chrono::{DateTime, Utc};
use contract::MediaId;
use db::{Error, FromQueryResult, Sql, Tx, placeholders};

use super::values::{number, text};
use crate::model::{Task, TaskRecord, TaskState};

#[derive(FromQueryResult)]
struct TaskRow {
    name: String,
    state: String,
    weight: i64,
    permille: i64,
    due: i64,
}

#[derive(FromQueryResult)]
struct FailuresRow {
    failures: i64,
}

#[derive(FromQueryResult)]
struct StaleRow {
    media: String,
    name: String,
    sent: i64,
}

/// Inserts tasks that wait, each with its weight; existing ones stay as they are.
pub(crate) async fn insert_tasks(
    tx: &Tx,
    media: &MediaId,
    tasks: &[(Task, u64)],
    now: DateTime<Utc>,
) -> Result<(), Error> {
    for chunk in tasks.chunks(500) {
        let mut values = Vec::with_capacity(chunk.len() * 8);
        for &(task, weight) in chunk {
            values.extend([
                text(media.as_str()),
                text(task.to_string()),
                text(TaskState::Waiting.as_str()),
                task.order().into(),
                number(weight),
                0_i64.into(),
                0_i64.into(),
                now.into(),
            ]);
        }
        tx.execute(
            &format!(
                "
                insert into task (media, name, state, ordinal, weight, permille, sent, touched_at)
                values {}
                    on conflict do nothing",
                placeholders(chunk.len(), 8)
            ),
            values,
        )
        .await?;
    }
    Ok(())
}

const LIST: &str = "
    select name, state, weight, permille, due
      from task
     where media = $1
     order by ordinal, name";

/// Returns an item's tasks, in the order in which background tasks run.
pub(crate) async fn list_tasks(sql: &impl Sql, media: &MediaId) -> Result<Vec<TaskRecord>, Error> {
    let rows: Vec<TaskRow> = sql.rows(LIST, vec![text(media.as_str())]).await?;
    rows.into_iter()
        .map(|row| {
            Ok(TaskRecord {
                task: row.name.parse().map_err(|_| Error::Corrupt("a task's name"))?,
                state: TaskState::parse(&row.state).ok_or(Error::Corrupt("a task's state"))?,
                weight: u64::try_from(row.weight).unwrap_or(0),
                permille: u32::try_from(row.permille).unwrap_or(0),
                due: row.due,
            })
        })
        .collect()
}

const MARK_DONE: &str = "
    update task
       set state = 'done',
           permille = 1000,
           touched_at = $3
     where media = $1
       and name = $2
       and state <> 'done'";

/// Marks a task as done; returns `false` if it was before.
pub(crate) async fn mark_done(tx: &Tx, media: &MediaId, task: Task, now: DateTime<Utc>) -> Result<bool, Error> {
    let done = tx.execute(MARK_DONE, vec![text(media.as_str()), text(task.to_string()), now.into()]).await?;
    Ok(done == 1)
}

const SET_PERMILLE: &str = "
    update task
       set permille = $3,
           touched_at = $4
     where media = $1
       and name = $2
       and state <> 'done'";

/// Sets the progress of a task, unless it is done.
pub(crate) async fn set_permille(
    tx: &Tx,
    media: &MediaId,
    task: Task,
    permille: u32,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    tx.execute(
        SET_PERMILLE,
        vec![text(media.as_str()), text(task.to_string()), i64::from(permille).into(), now.into()],
    )
    .await?;
    Ok(())
}

const ADD_FAILURE: &str = "
    update task
       set failures = failures + 1,
           touched_at = $3
     where media = $1
       and name = $2
    returning failures";

/// Records that a task has failed; returns the number of its failures.
pub(crate) async fn add_failure(tx: &Tx, media: &MediaId, task: Task, now: DateTime<Utc>) -> Result<u32, Error> {
    let row: Option<FailuresRow> =
        tx.row(ADD_FAILURE, vec![text(media.as_str()), text(task.to_string()), now.into()]).await?;
    Ok(row.map_or(0, |row| u32::try_from(row.failures).unwrap_or(u32::MAX)))
}

const RESET_FAILURES: &str = "
    update task
       set failures = 0,
           sent = 0
     where media = $1
       and state <> 'done'";

/// Gives the tasks of an item that are not done all their attempts again.
pub(crate) async fn reset_failures(tx: &Tx, media: &MediaId) -> Result<(), Error> {
    tx.execute(RESET_FAILURES, vec![text(media.as_str())]).await?;
    Ok(())
}

const UNRESPONSIVE: &str = "
    select task.media, task.name, task.sent
      from task
      join job on job.media = task.media
     where task.state = 'claimed'
       and task.touched_at < $1
       and job.state in ('processing', 'playable')
     order by task.touched_at
     limit $2";

/// Returns tasks of open items that were sent before `before` and have shown no sign of life, with how often they were
/// sent.
pub(crate) async fn list_unresponsive(
    sql: &impl Sql,
    before: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<(MediaId, Task, u32)>, Error> {
    let rows: Vec<StaleRow> = sql.rows(UNRESPONSIVE, vec![before.into(), i64::from(limit).into()]).await?;
    rows.into_iter()
        .map(|row| {
            let media = row.media.parse().map_err(|_| Error::Corrupt("an item's id"))?;
            let task = row.name.parse().map_err(|_| Error::Corrupt("a task's name"))?;
            Ok((media, task, u32::try_from(row.sent).unwrap_or(u32::MAX)))
        })
        .collect()
}
