//! Whose turn it is in a queue: the tables `member_turn` and `queue_turn`, and the tasks that are ready.
//!
//! Owns the statements; what they mean stands in `turns`. Invariant: `waits` is always computed from the tasks themselves, never counted up or
//! down, so it can't drift from them.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use kit::db::{Error, FromQueryResult, Sql, Tx};

use super::values::text;
use crate::model::{Estimate, Piece, Queue};

/// A member in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub queue: Queue,
    pub owner: AccountId,
}

/// A member whose tasks wait, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub owner: AccountId,
    pub turn: i64,
}

/// A task that is worked on under a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    pub media: MediaId,
    pub piece: Piece,
    /// `None` for a task that an earlier release has sent.
    pub owner: Option<AccountId>,
    pub cost_ms: i64,
    /// Its weight in the item's plan.
    pub weight: u64,
}

/// How many tasks of a queue wait (up to a bound), and since when the first.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub tasks: i64,
    pub since: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct TurnRow {
    owner: String,
    turn: i64,
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
struct LineRow {
    queue: String,
    owner: String,
}

#[derive(FromQueryResult)]
struct WaitsRow {
    waits: i64,
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

fn bound(row: &BoundRow) -> Result<Bound, Error> {
    Ok(Bound {
        media: row.media.parse().map_err(|_| Error::Corrupt("an item's id"))?,
        piece: row.name.parse().map_err(|_| Error::Corrupt("a piece's name"))?,
        owner: if row.owner.is_empty() { None } else { Some(account(&row.owner)?) },
        cost_ms: row.cost,
        weight: u64::try_from(row.weight).unwrap_or(0),
    })
}

impl Line {
    fn values(self) -> Vec<kit::db::Value> {
        vec![text(self.queue.as_str()), text(self.owner.to_string())]
    }

    fn with(self, more: impl IntoIterator<Item = kit::db::Value>) -> Vec<kit::db::Value> {
        self.values().into_iter().chain(more).collect()
    }
}

/// Makes a task ready for its turn; `false` if it is done already. `due` orders it among its member's own.
pub(crate) async fn set_ready(tx: &Tx, media: &MediaId, piece: Piece, owner: AccountId, estimate: Estimate, due: i64, now: DateTime<Utc>) -> Result<bool, Error> {
    let line = Line { queue: estimate.queue, owner };
    let ready = tx
        .execute(
            "update piece set stand = 'ready', ticket = null, sent = sent + 1, queue = $1, owner = $2, cost = $3, due = $4, touched_at = $5 \
             where media = $6 and name = $7 and stand <> 'done'",
            line.with([estimate.cost_ms().into(), due.into(), now.into(), text(media.as_str()), text(piece.to_string())]),
        )
        .await?;
    Ok(ready == 1)
}

/// Puts a task that is worked on under `ticket` back in its line. It isn't counted as sent once more.
pub(crate) async fn set_ready_again(tx: &Tx, ticket: &str, line: Line, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "update piece set stand = 'ready', ticket = null, queue = $1, owner = $2, touched_at = $3 where ticket = $4 and stand = 'queued'",
        line.with([now.into(), text(ticket)]),
    )
    .await?;
    Ok(())
}

/// The member has a task that waits. One that had none joins at the queue's own turn: what it did not ask for before is not owed to it.
pub(crate) async fn set_waiting(tx: &Tx, line: Line, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "insert into member_turn (queue, owner, turn, since, waits) values ($1, $2, coalesce((select turn from queue_turn where queue = $1), 0), $3, 1) \
         on conflict (queue, owner) do update set \
         turn = case when member_turn.waits = 0 and excluded.turn > member_turn.turn then excluded.turn else member_turn.turn end, \
         since = case when member_turn.waits = 0 then excluded.since else member_turn.since end, waits = 1",
        line.with([now.timestamp_millis().into()]),
    )
    .await?;
    Ok(())
}

const STILL_WAITS: &str = "case when exists (select 1 from piece where queue = $1 and owner = $2 and stand = 'ready') then 1 else 0 end";

/// Looks anew whether the member still has tasks that wait.
pub(crate) async fn refresh_waiting(tx: &Tx, line: Line) -> Result<(), Error> {
    tx.execute(&format!("update member_turn set waits = {STILL_WAITS} where queue = $1 and owner = $2"), line.values()).await?;
    Ok(())
}

/// The member has had a turn that costs `cost_ms`: it moves on by all of that, and the queue to half of it behind where the member stood. So a
/// member that comes now stands before this one, and yet no stream of members that come keeps the queue from catching up with one that waits.
/// Answers whether the member still has tasks that wait.
pub(crate) async fn set_turn(tx: &Tx, line: Line, turn: i64, cost_ms: i64, now: DateTime<Utc>) -> Result<bool, Error> {
    tx.execute(
        "insert into queue_turn (queue, turn) values ($1, $2) on conflict (queue) do update set turn = excluded.turn where excluded.turn > queue_turn.turn",
        vec![text(line.queue.as_str()), turn.saturating_add(cost_ms / 2).into()],
    )
    .await?;
    let row: Option<WaitsRow> = tx
        .row(
            &format!("update member_turn set turn = turn + $3, since = $4, waits = {STILL_WAITS} where queue = $1 and owner = $2 returning waits"),
            line.with([cost_ms.into(), now.timestamp_millis().into()]),
        )
        .await?;
    Ok(row.is_some_and(|row| row.waits > 0))
}

/// Moves a member on by what its task took longer than was expected, or back.
pub(crate) async fn add_cost(tx: &Tx, line: Line, more_ms: i64) -> Result<(), Error> {
    tx.execute("update member_turn set turn = turn + $3 where queue = $1 and owner = $2", line.with([more_ms.into()])).await?;
    Ok(())
}

pub(crate) const NEXT_MEMBERS: &str = "select owner, turn from member_turn where queue = $1 and waits = 1 order by turn, since limit $2";

/// The members whose turn comes next, first come first.
pub(crate) async fn list_turns(sql: &impl Sql, queue: Queue, limit: usize) -> Result<Vec<Turn>, Error> {
    let rows: Vec<TurnRow> = sql.rows(NEXT_MEMBERS, vec![text(queue.as_str()), i64::try_from(limit).unwrap_or(i64::MAX).into()]).await?;
    rows.into_iter().map(|row| Ok(Turn { owner: account(&row.owner)?, turn: row.turn })).collect()
}

pub(crate) const NEXT_TASK: &str = "select media, name from piece where queue = $1 and owner = $2 and stand = 'ready' order by due, place limit 1";

/// Takes the member's next task, to be worked on under `ticket`.
pub(crate) async fn take_ready(tx: &Tx, line: Line, ticket: &str, now: DateTime<Utc>) -> Result<Option<Bound>, Error> {
    let row: Option<BoundRow> = tx
        .row(
            &format!("update piece set stand = 'queued', ticket = $3, touched_at = $4 where (media, name) in ({NEXT_TASK}) and stand = 'ready' returning media, name, owner, cost, weight"),
            line.with([text(ticket), now.into()]),
        )
        .await?;
    row.as_ref().map(bound).transpose()
}

pub(crate) const BY_TICKET: &str = "select media, name, owner, cost, weight from piece where ticket = $1 and stand = 'queued'";

/// The task that is worked on under `ticket`.
pub(crate) async fn find_bound(tx: &Tx, ticket: &str) -> Result<Option<Bound>, Error> {
    tx.row::<BoundRow>(BY_TICKET, vec![text(ticket)]).await?.as_ref().map(bound).transpose()
}

/// Binds a task that an earlier release has sent to the ticket that names it.
pub(crate) async fn bind_sent(tx: &Tx, media: &MediaId, piece: Piece, ticket: &str, now: DateTime<Utc>) -> Result<Option<Bound>, Error> {
    let row: Option<BoundRow> = tx
        .row(
            "update piece set ticket = $3, touched_at = $4 where media = $1 and name = $2 and stand = 'queued' and ticket is null and queue = '' returning media, name, owner, cost, weight",
            vec![text(media.as_str()), text(piece.to_string()), text(ticket), now.into()],
        )
        .await?;
    row.as_ref().map(bound).transpose()
}

/// Takes an item's tasks out of all lines and off all tickets; answers the lines that they stood in.
pub(crate) async fn withdraw(tx: &Tx, media: &MediaId) -> Result<Vec<Line>, Error> {
    let rows: Vec<LineRow> =
        tx.rows("update piece set stand = 'waiting', ticket = null where media = $1 and stand in ('ready', 'queued') returning queue, owner", vec![text(media.as_str())]).await?;
    let mut lines: Vec<Line> = Vec::new();
    for row in rows.into_iter().filter(|row| !row.owner.is_empty()) {
        let queue = Queue::ALL.into_iter().find(|queue| queue.as_str() == row.queue).ok_or(Error::Corrupt("a queue's name"))?;
        let line = Line { queue, owner: account(&row.owner)? };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    Ok(lines)
}

pub(crate) const COUNT_READY: &str = "select count(*) as tasks from (select 1 as one from piece where queue = $1 and stand = 'ready' limit $2) as ready";
pub(crate) const FIRST_READY: &str = "select touched_at from piece where queue = $1 and stand = 'ready' order by touched_at limit 1";

/// How many tasks of a queue wait, counted up to `limit`, and since when the first one does.
pub(crate) async fn find_waiting(sql: &impl Sql, queue: Queue, limit: i64) -> Result<Waiting, Error> {
    let since: Option<SinceRow> = sql.row(FIRST_READY, vec![text(queue.as_str())]).await?;
    let Some(since) = since else { return Ok(Waiting::default()) };
    let count: Option<CountRow> = sql.row(COUNT_READY, vec![text(queue.as_str()), limit.into()]).await?;
    Ok(Waiting { tasks: count.map_or(0, |row| row.tasks), since: Some(since.touched_at) })
}

pub(crate) const ANY_READY: &str = "select media, name, owner, cost, weight from piece where queue = $1 and stand = 'ready' order by touched_at limit $2";

/// Some of the tasks that wait in a queue, those first that have waited for longest.
pub(crate) async fn list_ready(sql: &impl Sql, queue: Queue, limit: u32) -> Result<Vec<(MediaId, Piece)>, Error> {
    let rows: Vec<BoundRow> = sql.rows(ANY_READY, vec![text(queue.as_str()), i64::from(limit).into()]).await?;
    rows.iter().map(|row| bound(row).map(|bound| (bound.media, bound.piece))).collect()
}

pub(crate) const PAST_TURNS: &str = "select owner from member_turn where queue = $1 and waits = 0 and turn <= coalesce((select turn from queue_turn where queue = $1), 0) limit $2";

/// Forgets members without tasks whom the queue has caught up with: they would join where it stands anyway.
pub(crate) async fn remove_past_turns(tx: &Tx, queue: Queue, limit: u32) -> Result<u64, Error> {
    tx.execute(&format!("delete from member_turn where queue = $1 and owner in ({PAST_TURNS})"), vec![text(queue.as_str()), i64::from(limit).into()]).await
}
