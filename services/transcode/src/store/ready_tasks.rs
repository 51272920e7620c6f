//! Ready tasks, and the tickets under which tasks run: the fair queue's part of the table `task`.
//!
//! Owns the statements; their meaning is in `crate::fair_queue`. Invariant: a task that is ready has no ticket, and a
//! ticket has one task at most.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use db::{Error, FromQueryResult, Sql, Tx};

use super::member_queue::MemberQueue;
use super::values::{account, text};
use crate::model::{Estimate, Queue, Task};

/// A task that runs under a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BoundTask {
    pub media: MediaId,
    pub task: Task,
    /// `None` for a task that an earlier release has sent.
    pub owner: Option<AccountId>,
    pub cost_ms: i64,
    /// Its weight in the item's plan.
    pub weight: u64,
}

/// The number of a queue's ready tasks (up to a bound), and since when the oldest has been ready.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub tasks: i64,
    pub since: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct BoundRow {
    media: String,
    name: String,
    owner: String,
    cost: i64,
    weight: i64,
}

#[derive(FromQueryResult)]
struct MemberQueueRow {
    queue: String,
    owner: String,
}

#[derive(FromQueryResult)]
struct CountRow {
    tasks: i64,
}

#[derive(FromQueryResult)]
struct SinceRow {
    touched_at: DateTime<Utc>,
}

fn bound_task(row: &BoundRow) -> Result<BoundTask, Error> {
    Ok(BoundTask {
        media: row.media.parse().map_err(|_| Error::Corrupt("an item's id"))?,
        task: row.name.parse().map_err(|_| Error::Corrupt("a task's name"))?,
        owner: if row.owner.is_empty() { None } else { Some(account(&row.owner)?) },
        cost_ms: row.cost,
        weight: u64::try_from(row.weight).unwrap_or(0),
    })
}

const SET_READY: &str = "
    update task
       set state = 'ready',
           ticket = null,
           sent = sent + 1,
           queue = $1,
           owner = $2,
           cost = $3,
           due = $4,
           touched_at = $5
     where media = $6
       and name = $7
       and state <> 'done'";

/// Makes a task ready; returns `false` if it is complete already. `due` orders it among its member's tasks.
pub(crate) async fn set_ready(
    tx: &Tx,
    media: &MediaId,
    task: Task,
    owner: AccountId,
    estimate: Estimate,
    due: i64,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let member_queue = MemberQueue { queue: estimate.queue, owner };
    let ready = tx
        .execute(
            SET_READY,
            member_queue.with([
                estimate.cost_ms().into(),
                due.into(),
                now.into(),
                text(media.as_str()),
                text(task.to_string()),
            ]),
        )
        .await?;
    Ok(ready == 1)
}

const REQUEUE: &str = "
    update task
       set state = 'ready',
           ticket = null,
           queue = $1,
           owner = $2,
           touched_at = $3
     where ticket = $4
       and state = 'claimed'";

/// Makes a task that runs under `ticket` ready again, without counting it as sent once more.
pub(crate) async fn requeue(tx: &Tx, ticket: &str, member_queue: MemberQueue, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(REQUEUE, member_queue.with([now.into(), text(ticket)])).await?;
    Ok(())
}

pub(crate) const NEXT_TASK: &str = "
    select media, name
      from task
     where queue = $1
       and owner = $2
       and state = 'ready'
     order by due, ordinal
     limit 1";

/// Takes the member's next task, to run under `ticket`.
pub(crate) async fn claim_ready(
    tx: &Tx,
    member_queue: MemberQueue,
    ticket: &str,
    now: DateTime<Utc>,
) -> Result<Option<BoundTask>, Error> {
    let row: Option<BoundRow> = tx
        .row(
            &format!(
                "
                update task
                   set state = 'claimed',
                       ticket = $3,
                       touched_at = $4
                 where (media, name) in ({NEXT_TASK})
                   and state = 'ready'
                returning media, name, owner, cost, weight"
            ),
            member_queue.with([text(ticket), now.into()]),
        )
        .await?;
    row.as_ref().map(bound_task).transpose()
}

pub(crate) const BY_TICKET: &str = "
    select media, name, owner, cost, weight
      from task
     where ticket = $1
       and state = 'claimed'";

/// Returns the task that runs under `ticket`.
pub(crate) async fn find_bound(tx: &Tx, ticket: &str) -> Result<Option<BoundTask>, Error> {
    tx.row::<BoundRow>(BY_TICKET, vec![text(ticket)]).await?.as_ref().map(bound_task).transpose()
}

const BIND_LEGACY: &str = "
    update task
       set ticket = $3,
           touched_at = $4
     where media = $1
       and name = $2
       and state = 'claimed'
       and ticket is null
       and queue = ''
    returning media, name, owner, cost, weight";

/// Binds a task that an earlier release has sent to the ticket that names it.
pub(crate) async fn bind_legacy(
    tx: &Tx,
    media: &MediaId,
    task: Task,
    ticket: &str,
    now: DateTime<Utc>,
) -> Result<Option<BoundTask>, Error> {
    let row: Option<BoundRow> =
        tx.row(BIND_LEGACY, vec![text(media.as_str()), text(task.to_string()), text(ticket), now.into()]).await?;
    row.as_ref().map(bound_task).transpose()
}

const RELEASE: &str = "
    update task
       set state = 'waiting',
           ticket = null
     where media = $1
       and state in ('ready', 'claimed')
    returning queue, owner";

/// Releases an item's tasks from all queues and tickets; returns the member queues that held them.
pub(crate) async fn release_tasks(tx: &Tx, media: &MediaId) -> Result<Vec<MemberQueue>, Error> {
    let rows: Vec<MemberQueueRow> = tx.rows(RELEASE, vec![text(media.as_str())]).await?;
    let mut member_queues: Vec<MemberQueue> = Vec::new();
    for row in rows.into_iter().filter(|row| !row.owner.is_empty()) {
        let queue =
            Queue::ALL.into_iter().find(|queue| queue.as_str() == row.queue).ok_or(Error::Corrupt("a queue's name"))?;
        let member_queue = MemberQueue { queue, owner: account(&row.owner)? };
        if !member_queues.contains(&member_queue) {
            member_queues.push(member_queue);
        }
    }
    Ok(member_queues)
}

pub(crate) const COUNT_READY: &str = "
    select count(*) as tasks
      from (
          select 1 as one
            from task
           where queue = $1
             and state = 'ready'
           limit $2
      ) as ready";

pub(crate) const FIRST_READY: &str = "
    select touched_at
      from task
     where queue = $1
       and state = 'ready'
     order by touched_at
     limit 1";

/// Returns how many tasks of a queue are ready, counted up to `limit`, and since when the oldest has been.
pub(crate) async fn find_backlog(sql: &impl Sql, queue: Queue, limit: i64) -> Result<Backlog, Error> {
    let since: Option<SinceRow> = sql.row(FIRST_READY, vec![text(queue.as_str())]).await?;
    let Some(since) = since else { return Ok(Backlog::default()) };
    let count: Option<CountRow> = sql.row(COUNT_READY, vec![text(queue.as_str()), limit.into()]).await?;
    Ok(Backlog { tasks: count.map_or(0, |row| row.tasks), since: Some(since.touched_at) })
}

pub(crate) const ANY_READY: &str = "
    select media, name, owner, cost, weight
      from task
     where queue = $1
       and state = 'ready'
     order by touched_at
     limit $2";

/// Returns some of the ready tasks of a queue, the oldest first.
pub(crate) async fn list_ready(sql: &impl Sql, queue: Queue, limit: u32) -> Result<Vec<(MediaId, Task)>, Error> {
    let rows: Vec<BoundRow> = sql.rows(ANY_READY, vec![text(queue.as_str()), i64::from(limit).into()]).await?;
    rows.iter().map(|row| bound_task(row).map(|bound| (bound.media, bound.task))).collect()
}
