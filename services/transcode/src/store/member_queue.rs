//! Members in the queues: the tables `member_queue` and `queue_clock`.
//!
//! Owns the statements; their meaning is in `crate::fair_queue`. Invariant: a member with a ready task has `has_ready`
//! set. It is computed from the tasks themselves, never counted up or down, and written in the fair queue's lane only,
//! so that no task becomes ready in another transaction meanwhile. A value that is too high is corrected by a claim.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};

use super::values::{account, text};
use crate::model::Queue;

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

#[derive(FromQueryResult)]
struct PositionRow {
    owner: String,
    virtual_time: i64,
}

#[derive(FromQueryResult)]
struct HasReadyRow {
    has_ready: i64,
}

impl MemberQueue {
    /// Returns `$1` and `$2`: the queue and the owner.
    pub(super) fn values(self) -> Vec<db::Value> {
        vec![text(self.queue.as_str()), text(self.owner.to_string())]
    }

    /// Returns [`values`](Self::values) and more.
    pub(super) fn with(self, more: impl IntoIterator<Item = db::Value>) -> Vec<db::Value> {
        self.values().into_iter().chain(more).collect()
    }
}

const SET_HAS_READY: &str = "
    insert into member_queue (queue, owner, virtual_time, since, has_ready)
    values ($1, $2, coalesce((select virtual_time from queue_clock where queue = $1), 0), $3, 1)
        on conflict (queue, owner) do update
       set virtual_time = case
               when member_queue.has_ready = 0 and excluded.virtual_time > member_queue.virtual_time
               then excluded.virtual_time
               else member_queue.virtual_time
           end,
           since = case when member_queue.has_ready = 0 then excluded.since else member_queue.since end,
           has_ready = 1";

/// Records that the member has a ready task. A member that had none joins at the queue's own virtual time: it is owed
/// nothing for the time without tasks.
pub(crate) async fn set_has_ready(tx: &Tx, member_queue: MemberQueue, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_HAS_READY, member_queue.with([now.timestamp_millis().into()])).await?;
    Ok(())
}

const REFRESH_HAS_READY: &str = "
    update member_queue
       set has_ready = case
               when exists (select 1 from task where queue = $1 and owner = $2 and state = 'ready')
               then 1
               else 0
           end
     where queue = $1
       and owner = $2";

/// Recomputes whether the member still has ready tasks.
pub(crate) async fn refresh_has_ready(tx: &Tx, member_queue: MemberQueue) -> Result<(), Error> {
    tx.execute(REFRESH_HAS_READY, member_queue.values()).await?;
    Ok(())
}

const ADVANCE_CLOCK: &str = "
    insert into queue_clock (queue, virtual_time)
    values ($1, $2)
        on conflict (queue) do update
       set virtual_time = excluded.virtual_time
     where excluded.virtual_time > queue_clock.virtual_time";

const ADVANCE_MEMBER: &str = "
    update member_queue
       set virtual_time = virtual_time + $3,
           since = $4,
           has_ready = case
               when exists (select 1 from task where queue = $1 and owner = $2 and state = 'ready')
               then 1
               else 0
           end
     where queue = $1
       and owner = $2
    returning has_ready";

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
    tx.execute(ADVANCE_CLOCK, vec![text(member_queue.queue.as_str()), virtual_time.saturating_add(cost_ms / 2).into()])
        .await?;
    let row: Option<HasReadyRow> =
        tx.row(ADVANCE_MEMBER, member_queue.with([cost_ms.into(), now.timestamp_millis().into()])).await?;
    Ok(row.is_some_and(|row| row.has_ready > 0))
}

const ADD_COST: &str = "
    update member_queue
       set virtual_time = virtual_time + $3
     where queue = $1
       and owner = $2";

/// Moves a member by the difference between the actual and the estimated cost of its task.
pub(crate) async fn add_cost(tx: &Tx, member_queue: MemberQueue, more_ms: i64) -> Result<(), Error> {
    tx.execute(ADD_COST, member_queue.with([more_ms.into()])).await?;
    Ok(())
}

pub(crate) const NEXT_MEMBERS: &str = "
    select owner, virtual_time
      from member_queue
     where queue = $1
       and has_ready = 1
     order by virtual_time, since
     limit $2";

/// Returns the members that are next, in order.
pub(crate) async fn list_positions(sql: &impl Sql, queue: Queue, limit: usize) -> Result<Vec<MemberPosition>, Error> {
    let rows: Vec<PositionRow> =
        sql.rows(NEXT_MEMBERS, vec![text(queue.as_str()), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await?;
    rows.into_iter()
        .map(|row| Ok(MemberPosition { owner: account(&row.owner)?, virtual_time: row.virtual_time }))
        .collect()
}

pub(crate) const IDLE_MEMBERS: &str = "
    select owner
      from member_queue
     where queue = $1
       and has_ready = 0
       and virtual_time <= coalesce((select virtual_time from queue_clock where queue = $1), 0)
     limit $2";

/// Removes members without tasks that the queue has caught up with: they would join at its virtual time anyway.
pub(crate) async fn remove_idle_members(tx: &Tx, queue: Queue, limit: u32) -> Result<u64, Error> {
    tx.execute(
        &format!(
            "
            delete from member_queue
             where queue = $1
               and owner in ({IDLE_MEMBERS})"
        ),
        vec![text(queue.as_str()), i64::from(limit).into()],
    )
    .await
}

const REMOVE: &str = "
    delete from member_queue
     where queue = $1
       and owner = $2";

/// Removes a member from a queue.
pub(crate) async fn remove_member(tx: &Tx, queue: Queue, member: AccountId) -> Result<(), Error> {
    tx.execute(REMOVE, vec![text(queue.as_str()), text(member.to_string())]).await.map(drop)
}
