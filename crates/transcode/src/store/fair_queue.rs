//! Fair queueing: the tables `member_queue` and `queue_clock`, and the ready tasks.
//!
//! Owns the statements; their meaning is in `crate::fair_queue`. Invariant: `has_ready` is always computed from the
//! tasks themselves, never counted up or down, so it cannot drift from them.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use kit::db::{Error, FromQueryResult, Sql, Tx};

use super::values::text;
use crate::model::{Estimate, Queue, Task};

/// A member in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberQueue {
    pub queue: Queue,
    pub owner: AccountId,
}

/// A member with ready tasks, and its virtual time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemberPosition {
    pub owner: AccountId,
    pub virtual_time: i64,
}

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
struct PositionRow {
    owner: String,
    virtual_time: i64,
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
struct HasReadyRow {
    has_ready: i64,
}

#[derive(FromQueryResult)]
struct CountRow {
    tasks: i64,
}

#[derive(FromQueryResult)]
struct SinceRow {
    touched_at: DateTime<Utc>,
}

fn account(text: &str) -> Result<AccountId, Error> {
    text.parse().map(AccountId).map_err(|_| Error::Corrupt("a member's id"))
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

impl MemberQueue {
    fn values(self) -> Vec<kit::db::Value> {
        vec![text(self.queue.as_str()), text(self.owner.to_string())]
    }

    fn with(self, more: impl IntoIterator<Item = kit::db::Value>) -> Vec<kit::db::Value> {
        self.values().into_iter().chain(more).collect()
    }
}

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
            "update task set state = 'ready', ticket = null, sent = sent + 1, queue = $1, owner = $2, cost = $3, due = $4, touched_at = $5 \
             where media = $6 and name = $7 and state <> 'done'",
            member_queue.with([estimate.cost_ms().into(), due.into(), now.into(), text(media.as_str()), text(task.to_string())]),
        )
        .await?;
    Ok(ready == 1)
}

/// Makes a task that runs under `ticket` ready again, without counting it as sent once more.
pub(crate) async fn requeue(tx: &Tx, ticket: &str, member_queue: MemberQueue, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "update task set state = 'ready', ticket = null, queue = $1, owner = $2, touched_at = $3 where ticket = $4 and state = 'claimed'",
        member_queue.with([now.into(), text(ticket)]),
    )
    .await?;
    Ok(())
}

/// Records that the member has a ready task. A member that had none joins at the queue's own virtual time: it is owed
/// nothing for the time without tasks.
pub(crate) async fn set_has_ready(tx: &Tx, member_queue: MemberQueue, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "insert into member_queue (queue, owner, virtual_time, since, has_ready) values ($1, $2, coalesce((select virtual_time from queue_clock where queue = $1), 0), $3, 1) \
         on conflict (queue, owner) do update set \
         virtual_time = case when member_queue.has_ready = 0 and excluded.virtual_time > member_queue.virtual_time then excluded.virtual_time else member_queue.virtual_time end, \
         since = case when member_queue.has_ready = 0 then excluded.since else member_queue.since end, has_ready = 1",
        member_queue.with([now.timestamp_millis().into()]),
    )
    .await?;
    Ok(())
}

const HAS_READY: &str =
    "case when exists (select 1 from task where queue = $1 and owner = $2 and state = 'ready') then 1 else 0 end";

/// Recomputes whether the member still has ready tasks.
pub(crate) async fn refresh_has_ready(tx: &Tx, member_queue: MemberQueue) -> Result<(), Error> {
    tx.execute(
        &format!("update member_queue set has_ready = {HAS_READY} where queue = $1 and owner = $2"),
        member_queue.values(),
    )
    .await?;
    Ok(())
}

/// Advances the member by `cost_ms`, and the queue to the member's previous virtual time plus half of the cost. So a
/// member that joins now precedes this one, and yet a stream of new members does not keep the queue from reaching one
/// that waits. Returns whether the member still has ready tasks.
pub(crate) async fn advance_virtual_time(
    tx: &Tx,
    member_queue: MemberQueue,
    virtual_time: i64,
    cost_ms: i64,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    tx.execute(
        "insert into queue_clock (queue, virtual_time) values ($1, $2) on conflict (queue) do update set virtual_time = excluded.virtual_time where excluded.virtual_time > queue_clock.virtual_time",
        vec![text(member_queue.queue.as_str()), virtual_time.saturating_add(cost_ms / 2).into()],
    )
    .await?;
    let row: Option<HasReadyRow> = tx
        .row(
            &format!("update member_queue set virtual_time = virtual_time + $3, since = $4, has_ready = {HAS_READY} where queue = $1 and owner = $2 returning has_ready"),
            member_queue.with([cost_ms.into(), now.timestamp_millis().into()]),
        )
        .await?;
    Ok(row.is_some_and(|row| row.has_ready > 0))
}

/// Moves a member by the difference between the actual and the estimated cost of its task.
pub(crate) async fn add_cost(tx: &Tx, member_queue: MemberQueue, more_ms: i64) -> Result<(), Error> {
    tx.execute(
        "update member_queue set virtual_time = virtual_time + $3 where queue = $1 and owner = $2",
        member_queue.with([more_ms.into()]),
    )
    .await?;
    Ok(())
}

pub(crate) const NEXT_MEMBERS: &str = "select owner, virtual_time from member_queue where queue = $1 and has_ready = 1 order by virtual_time, since limit $2";

/// Returns the members that are next, in order.
pub(crate) async fn list_positions(sql: &impl Sql, queue: Queue, limit: usize) -> Result<Vec<MemberPosition>, Error> {
    let rows: Vec<PositionRow> =
        sql.rows(NEXT_MEMBERS, vec![text(queue.as_str()), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await?;
    rows.into_iter()
        .map(|row| Ok(MemberPosition { owner: account(&row.owner)?, virtual_time: row.virtual_time }))
        .collect()
}

pub(crate) const NEXT_TASK: &str =
    "select media, name from task where queue = $1 and owner = $2 and state = 'ready' order by due, ordinal limit 1";

/// Takes the member's next task, to run under `ticket`.
pub(crate) async fn claim_ready(
    tx: &Tx,
    member_queue: MemberQueue,
    ticket: &str,
    now: DateTime<Utc>,
) -> Result<Option<BoundTask>, Error> {
    let row: Option<BoundRow> = tx
        .row(
            &format!("update task set state = 'claimed', ticket = $3, touched_at = $4 where (media, name) in ({NEXT_TASK}) and state = 'ready' returning media, name, owner, cost, weight"),
            member_queue.with([text(ticket), now.into()]),
        )
        .await?;
    row.as_ref().map(bound_task).transpose()
}

pub(crate) const BY_TICKET: &str =
    "select media, name, owner, cost, weight from task where ticket = $1 and state = 'claimed'";

/// Returns the task that runs under `ticket`.
pub(crate) async fn find_bound(tx: &Tx, ticket: &str) -> Result<Option<BoundTask>, Error> {
    tx.row::<BoundRow>(BY_TICKET, vec![text(ticket)]).await?.as_ref().map(bound_task).transpose()
}

/// Binds a task that an earlier release has sent to the ticket that names it.
pub(crate) async fn bind_legacy(
    tx: &Tx,
    media: &MediaId,
    task: Task,
    ticket: &str,
    now: DateTime<Utc>,
) -> Result<Option<BoundTask>, Error> {
    let row: Option<BoundRow> = tx
        .row(
            "update task set ticket = $3, touched_at = $4 where media = $1 and name = $2 and state = 'claimed' and ticket is null and queue = '' returning media, name, owner, cost, weight",
            vec![text(media.as_str()), text(task.to_string()), text(ticket), now.into()],
        )
        .await?;
    row.as_ref().map(bound_task).transpose()
}

/// Releases an item's tasks from all queues and tickets; returns the member queues that held them.
pub(crate) async fn release_tasks(tx: &Tx, media: &MediaId) -> Result<Vec<MemberQueue>, Error> {
    let rows: Vec<MemberQueueRow> =
        tx.rows("update task set state = 'waiting', ticket = null where media = $1 and state in ('ready', 'claimed') returning queue, owner", vec![text(media.as_str())]).await?;
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

pub(crate) const COUNT_READY: &str =
    "select count(*) as tasks from (select 1 as one from task where queue = $1 and state = 'ready' limit $2) as ready";
pub(crate) const FIRST_READY: &str =
    "select touched_at from task where queue = $1 and state = 'ready' order by touched_at limit 1";

/// Returns how many tasks of a queue are ready, counted up to `limit`, and since when the oldest has been.
pub(crate) async fn find_backlog(sql: &impl Sql, queue: Queue, limit: i64) -> Result<Backlog, Error> {
    let since: Option<SinceRow> = sql.row(FIRST_READY, vec![text(queue.as_str())]).await?;
    let Some(since) = since else { return Ok(Backlog::default()) };
    let count: Option<CountRow> = sql.row(COUNT_READY, vec![text(queue.as_str()), limit.into()]).await?;
    Ok(Backlog { tasks: count.map_or(0, |row| row.tasks), since: Some(since.touched_at) })
}

pub(crate) const ANY_READY: &str = "select media, name, owner, cost, weight from task where queue = $1 and state = 'ready' order by touched_at limit $2";

/// Returns some of the ready tasks of a queue, the oldest first.
pub(crate) async fn list_ready(sql: &impl Sql, queue: Queue, limit: u32) -> Result<Vec<(MediaId, Task)>, Error> {
    let rows: Vec<BoundRow> = sql.rows(ANY_READY, vec![text(queue.as_str()), i64::from(limit).into()]).await?;
    rows.iter().map(|row| bound_task(row).map(|bound| (bound.media, bound.task))).collect()
}

pub(crate) const IDLE_MEMBERS: &str = "select owner from member_queue where queue = $1 and has_ready = 0 and virtual_time <= coalesce((select virtual_time from queue_clock where queue = $1), 0) limit $2";

/// Removes members without tasks that the queue has caught up with: they would join at its virtual time anyway.
pub(crate) async fn remove_idle_members(tx: &Tx, queue: Queue, limit: u32) -> Result<u64, Error> {
    tx.execute(
        &format!("delete from member_queue where queue = $1 and owner in ({IDLE_MEMBERS})"),
        vec![text(queue.as_str()), i64::from(limit).into()],
    )
    .await
}
