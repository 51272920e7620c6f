//! Rows of pushes: those that wait, and those that a device shows and that can be withdrawn.
//!
//! A push that is being sent is leased: it is due again later, and has the id of the lease. Invariant: a device has one
//! push of a group; what ends a lease names it, and changes nothing if the push was replaced or leased again.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::notify::NoticeKind;
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use super::values::{bound, from_micros, micros, names_after};
use crate::model::{DeviceKind, Priority, PushAction};
use crate::stored_kind::StoredKind;

/// A push to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewPush {
    /// Its id.
    pub id: Uuid,
    /// The device.
    pub device: Uuid,
    /// Whose it is.
    pub member: AccountId,
    /// How the device is reached.
    pub provider: DeviceKind,
    /// The notice's group.
    pub group: Uuid,
    /// The notice.
    pub notice: Uuid,
    /// What it is about.
    pub kind: NoticeKind,
    /// From when it may be sent.
    pub due_at: DateTime<Utc>,
    /// When it is no longer worth showing.
    pub expires_at: DateTime<Utc>,
}

/// Inserts pushes. One of the same group takes the place of an older one, whether that waits or is shown.
pub(crate) async fn insert_each(tx: &Tx, pushes: Vec<NewPush>) -> Result<(), Error> {
    // A statement may change a row once only.
    let mut newest: BTreeMap<(Uuid, Uuid), NewPush> = BTreeMap::new();
    for push in pushes {
        let key = (push.device, push.group);
        if newest.get(&key).is_none_or(|known| known.notice < push.notice) {
            newest.insert(key, push);
        }
    }
    let rows: Vec<NewPush> = newest.into_values().collect();
    let mut left = rows.as_slice();
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let text = format!(
            "insert into push (
                 id, device, member, provider, group_id, notice, kind, action, state, priority, attempts, due_us,
                 expires_us
             )
             values {}
             on conflict (device, group_id) do update
                set id = excluded.id,
                    notice = excluded.notice,
                    kind = excluded.kind,
                    action = excluded.action,
                    state = excluded.state,
                    priority = excluded.priority,
                    attempts = excluded.attempts,
                    due_us = excluded.due_us,
                    expires_us = excluded.expires_us,
                    lease = null
              where push.notice < excluded.notice",
            placeholders(chunk.len(), 13)
        );
        tx.execute(&text, chunk.iter().flat_map(values).collect()).await?;
    }
    Ok(())
}

fn values(push: &NewPush) -> [Value; 13] {
    [
        push.id.into(),
        push.device.into(),
        push.member.0.into(),
        push.provider.as_str().into(),
        push.group.into(),
        push.notice.into(),
        push.kind.as_str().into(),
        PushAction::Show.as_str().into(),
        "waiting".into(),
        Priority::of(push.kind).rank().into(),
        0_i64.into(),
        micros(push.due_at),
        micros(push.expires_at),
    ]
}

/// A push that this process sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeasedPush {
    /// Its id.
    pub id: Uuid,
    /// The device.
    pub device: Uuid,
    /// Whose it is.
    pub member: AccountId,
    /// The notice's group.
    pub group: Uuid,
    /// The notice.
    pub notice: Uuid,
    /// What it is about.
    pub kind: StoredKind,
    /// What it does.
    pub action: PushAction,
    /// How urgent it is.
    pub priority: Priority,
    /// Attempts that failed.
    pub attempts: i64,
    /// When it is no longer worth showing.
    pub expires_at: DateTime<Utc>,
    /// Whether the device shows an earlier one of the group.
    pub is_shown: bool,
}

#[derive(FromQueryResult)]
struct LeasedRow {
    id: Uuid,
    device: Uuid,
    member: Uuid,
    group_id: Uuid,
    notice: Uuid,
    kind: String,
    action: String,
    priority: i64,
    attempts: i64,
    expires_us: i64,
    is_shown: bool,
}

impl TryFrom<LeasedRow> for LeasedPush {
    type Error = Error;
    fn try_from(row: LeasedRow) -> Result<Self, Error> {
        const WHAT: &str = "a push";
        Ok(Self {
            id: row.id,
            device: row.device,
            member: AccountId(row.member),
            group: row.group_id,
            notice: row.notice,
            kind: row.kind.into(),
            action: row.action.parse().map_err(|_| Error::Corrupt(WHAT))?,
            priority: Priority::of_rank(row.priority),
            attempts: row.attempts,
            expires_at: from_micros(Some(row.expires_us), WHAT)?.ok_or(Error::Corrupt(WHAT))?,
            is_shown: row.is_shown,
        })
    }
}

const LEASE: &str = "
    update push
       set lease = $1,
           due_us = $2
     where id in (
           select id
             from push
            where provider = $3
              and priority = $4
              and state = 'waiting'
              and due_us <= $5
            order by due_us
            limit $6)
 returning id, device, member, group_id, notice, kind, action, priority, attempts, expires_us, is_shown";

/// Leases at most `limit` pushes that are due, until `until`, the urgent ones first.
pub(crate) async fn lease(
    tx: &Tx,
    provider: DeviceKind,
    lease: Uuid,
    (now, until): (DateTime<Utc>, DateTime<Utc>),
    limit: usize,
) -> Result<Vec<LeasedPush>, Error> {
    let mut leased = Vec::new();
    for priority in Priority::ALL {
        let left = limit.saturating_sub(leased.len());
        if left == 0 {
            break;
        }
        let (provider, rank) = (provider.as_str().into(), priority.rank().into());
        let values: Vec<Value> = vec![lease.into(), micros(until), provider, rank, micros(now), bound(left)];
        let rows: Vec<LeasedRow> = tx.rows(LEASE, values).await?;
        for row in rows {
            leased.push(LeasedPush::try_from(row)?);
        }
    }
    Ok(leased)
}

/// Returns values whose first is `first`, and then these ids.
fn with_ids(first: Vec<Value>, ids: &[Uuid]) -> Vec<Value> {
    first.into_iter().chain(ids.iter().map(|&id| id.into())).collect()
}

/// Removes pushes of a lease.
pub(crate) async fn remove(tx: &Tx, lease: Uuid, ids: &[Uuid]) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let text = format!("delete from push where lease = $1 and id in {}", names_after(1, ids.len()));
    tx.execute(&text, with_ids(vec![lease.into()], ids)).await.map(drop)
}

/// Keeps pushes of a lease as shown, so that they can be withdrawn until `until`.
pub(crate) async fn set_shown(tx: &Tx, lease: Uuid, ids: &[Uuid], until: DateTime<Utc>) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let text = format!(
        "update push
            set state = 'shown',
                is_shown = true,
                expires_us = $2,
                lease = null
          where lease = $1
            and id in {}",
        names_after(2, ids.len())
    );
    tx.execute(&text, with_ids(vec![lease.into(), micros(until)], ids)).await.map(drop)
}

/// Ends the lease of a push that is to be sent at `due_at`, after `attempts` that failed.
pub(crate) async fn set_due(
    tx: &Tx,
    (lease, id): (Uuid, Uuid),
    due_at: DateTime<Utc>,
    attempts: i64,
) -> Result<(), Error> {
    let values: Vec<Value> = vec![lease.into(), id.into(), micros(due_at), attempts.into()];
    tx.execute(SET_DUE, values).await.map(drop)
}

const SET_DUE: &str = "
    update push
       set due_us = $3,
           attempts = $4,
           lease = null
     where id = $2
       and lease = $1";

/// Which shown pushes are withdrawn from the devices of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReadNotices {
    /// All with this id or a smaller one.
    Until(Uuid),
    /// Those with these ids.
    Ids(Vec<Uuid>),
}

/// Makes at most `limit` shown pushes wait again, to be withdrawn. Returns how many.
pub(crate) async fn withdraw(
    tx: &Tx,
    member: AccountId,
    read: &ReadNotices,
    (now, expires_at): (DateTime<Utc>, DateTime<Utc>),
    limit: usize,
) -> Result<u64, Error> {
    let (condition, ids) = match read {
        ReadNotices::Ids(ids) if ids.is_empty() => return Ok(0),
        ReadNotices::Ids(ids) => (format!("in {}", names_after(4, ids.len())), ids.clone()),
        ReadNotices::Until(id) => ("<= $5".to_owned(), vec![*id]),
    };
    let text = format!(
        "update push
            set state = 'waiting',
                action = 'withdraw',
                attempts = 0,
                priority = 1,
                due_us = $2,
                expires_us = $3
          where id in (
                select id
                  from push
                 where member = $1
                   and state = 'shown'
                   and notice {condition}
                 limit $4)"
    );
    let first = vec![member.0.into(), micros(now), micros(expires_at), bound(limit)];
    tx.execute(&text, with_ids(first, &ids)).await
}

/// Returns the members and the notices of shown pushes of members, at most `limit`.
pub(crate) async fn list_shown(
    sql: &impl Sql,
    members: &[AccountId],
    limit: usize,
) -> Result<Vec<(AccountId, Uuid)>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select member, notice
           from push
          where member in {}
            and state = 'shown'
          limit $1",
        names_after(1, members.len())
    );
    let values = std::iter::once(bound(limit)).chain(members.iter().map(|member| member.0.into()));
    let rows: Vec<ShownRow> = sql.rows(&text, values.collect()).await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.member), row.notice)).collect())
}

const LIST_SHOWN_AFTER: &str = "
    select distinct member, notice
      from push
     where state = 'shown'
       and (member, notice) > ($1, $2)
     order by member, notice
     limit $3";

/// Returns the members and the notices of shown pushes after a place, in their order.
pub(crate) async fn list_shown_after(
    sql: &impl Sql,
    (member, notice): (AccountId, Uuid),
    limit: usize,
) -> Result<Vec<(AccountId, Uuid)>, Error> {
    let rows: Vec<ShownRow> = sql.rows(LIST_SHOWN_AFTER, vec![member.0.into(), notice.into(), bound(limit)]).await?;
    Ok(rows.into_iter().map(|row| (AccountId(row.member), row.notice)).collect())
}

#[derive(FromQueryResult)]
struct ShownRow {
    member: Uuid,
    notice: Uuid,
}

const COUNT_WAITING: &str = "
    select count(*) as waiting
      from (
           select id
             from push
            where provider = $1
              and state = 'waiting'
            limit $2) as bounded";

/// Returns how many pushes wait for a provider, at most `limit`.
pub(crate) async fn count_waiting(sql: &impl Sql, provider: DeviceKind, limit: usize) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        waiting: i64,
    }
    let row: Option<Row> = sql.row(COUNT_WAITING, vec![provider.as_str().into(), bound(limit)]).await?;
    Ok(row.map_or(0, |row| row.waiting.unsigned_abs()))
}
