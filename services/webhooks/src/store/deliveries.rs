//! Rows of deliveries.
//!
//! While a delivery waits, `due_at` is when it is tried next; `tries` counts its attempts since it was recorded or
//! redelivered, `attempts` all of them. Invariant: a delivery has a `due_at` if and only if it is `waiting`.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value, chunk_size, placeholders};
use uuid::Uuid;

use crate::model::{Delivery, DeliveryState};

/// A delivery to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct NewDelivery {
    /// Its id.
    pub id: Uuid,
    /// The webhook.
    pub webhook: Uuid,
    /// The id of the event.
    pub event_id: String,
    /// The type of the event.
    pub event_type: &'static str,
    /// The payload, as it is sent.
    pub payload: String,
    /// The account that the event is about.
    pub account: Option<AccountId>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it is tried first.
    pub due_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct DeliveryRow {
    id: Uuid,
    event_id: String,
    event_type: String,
    state: String,
    created_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    attempts: i64,
}

impl DeliveryRow {
    fn delivery(self) -> Result<Delivery, Error> {
        Ok(Delivery {
            id: self.id,
            event_id: self.event_id,
            event_type: self.event_type,
            state: DeliveryState::from_name(&self.state).ok_or(Error::Corrupt("the state of a delivery"))?,
            created_at: self.created_at,
            due_at: self.due_at,
            attempts: self.attempts,
        })
    }
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

/// Inserts deliveries that are due at their times.
pub(crate) async fn insert_each(tx: &Tx, deliveries: &[NewDelivery]) -> Result<(), Error> {
    let mut left = deliveries;
    while let Some((chunk, rest)) = left.split_at_checked(chunk_size(left.len())) {
        left = rest;
        let values: Vec<Value> = chunk
            .iter()
            .flat_map(|delivery| {
                [
                    delivery.id.into(),
                    delivery.webhook.into(),
                    delivery.event_id.as_str().into(),
                    delivery.event_type.into(),
                    delivery.payload.as_str().into(),
                    delivery.account.map(|account| account.0).into(),
                    DeliveryState::Waiting.as_str().into(),
                    delivery.created_at.into(),
                    delivery.due_at.into(),
                ]
            })
            .collect();
        let text = format!(
            "insert into webhook_delivery (id, webhook, event_id, event_type, payload, account, state, created_at,
                                           due_at)
             values {}",
            placeholders(chunk.len(), 9)
        );
        tx.execute(&text, values).await?;
    }
    Ok(())
}

const FIND: &str = "
    select id, event_id, event_type, state, created_at, due_at, attempts
      from webhook_delivery
     where id = $1
       and webhook = $2";

/// Returns a delivery of a webhook.
pub(crate) async fn find(sql: &impl Sql, webhook: Uuid, id: Uuid) -> Result<Option<Delivery>, Error> {
    let row: Option<DeliveryRow> = sql.row(FIND, vec![id.into(), webhook.into()]).await?;
    row.map(DeliveryRow::delivery).transpose()
}

const LIST: &str = "
    select id, event_id, event_type, state, created_at, due_at, attempts
      from webhook_delivery
     where webhook = $1
       and id < $2
     order by id desc
     limit $3";

const LIST_IN_STATE: &str = "
    select id, event_id, event_type, state, created_at, due_at, attempts
      from webhook_delivery
     where webhook = $1
       and id < $2
       and state = $4
     order by id desc
     limit $3";

/// Returns deliveries of a webhook below `before`, the newest first; all, or those in a state.
pub(crate) async fn list(
    sql: &impl Sql,
    webhook: Uuid,
    state: Option<DeliveryState>,
    before: Uuid,
    limit: usize,
) -> Result<Vec<Delivery>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut values: Vec<Value> = vec![webhook.into(), before.into(), limit.into()];
    let text = match state {
        Some(state) => {
            values.push(state.as_str().into());
            LIST_IN_STATE
        }
        None => LIST,
    };
    let rows: Vec<DeliveryRow> = sql.rows(text, values).await?;
    rows.into_iter().map(DeliveryRow::delivery).collect()
}

/// A delivery that is due.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct DueDelivery {
    /// Its id.
    pub id: Uuid,
    /// The id of the event.
    pub event_id: String,
    /// The payload.
    pub payload: String,
    /// How often it was tried, in all.
    pub attempts: i64,
    /// How often it was tried since it was recorded or redelivered.
    pub tries: i64,
    /// When the first of these attempts failed.
    pub tried_since: Option<DateTime<Utc>>,
}

const LIST_DUE: &str = "
    select id, event_id, payload, attempts, tries, tried_since
      from webhook_delivery
     where webhook = $1
       and due_at <= $2
     order by due_at, id
     limit $3";

/// Returns deliveries of a webhook that are due, those first that are due for longest.
pub(crate) async fn list_due(
    sql: &impl Sql,
    webhook: Uuid,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<DueDelivery>, Error> {
    sql.rows(LIST_DUE, vec![webhook.into(), now.into(), limit.into()]).await
}

const SETTLE: &str = "
    update webhook_delivery
       set state = $2,
           due_at = $3,
           tried_since = $4,
           attempts = attempts + 1,
           tries = tries + 1
     where id = $1
       and tries = $5
       and state = 'waiting'";

/// Records what follows from the attempt of a delivery that had `tries` before. Returns `false`, and changes nothing,
/// if it does not wait any more, or if an operator has made it due anew since.
pub(crate) async fn settle(
    tx: &Tx,
    (id, tries): (Uuid, i64),
    state: DeliveryState,
    due_at: Option<DateTime<Utc>>,
    tried_since: Option<DateTime<Utc>>,
) -> Result<bool, Error> {
    let values = vec![id.into(), state.as_str().into(), due_at.into(), tried_since.into(), tries.into()];
    Ok(tx.execute(SETTLE, values).await? == 1)
}

const REDELIVER: &str = "
    update webhook_delivery
       set state = 'waiting',
           due_at = $3,
           tries = 0,
           tried_since = null
     where id = $1
       and webhook = $2";

/// Makes a delivery due now, with all its attempts. Returns `false` if the webhook has no such delivery.
pub(crate) async fn redeliver(tx: &Tx, webhook: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(REDELIVER, vec![id.into(), webhook.into(), now.into()]).await? == 1)
}

const COUNT_WAITING: &str = "
    select count(*) as deliveries
      from (
           select 1 as one
             from webhook_delivery
            where webhook = $1
              and due_at is not null
            limit $2) waiting";

/// Returns how many deliveries of a webhook wait; counts no further than `limit`.
pub(crate) async fn count_waiting(sql: &impl Sql, webhook: Uuid, limit: u64) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct CountRow {
        deliveries: i64,
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let row: Option<CountRow> = sql.row(COUNT_WAITING, vec![webhook.into(), limit.into()]).await?;
    Ok(row.map_or(0, |row| row.deliveries.unsigned_abs()))
}

const LIST_OF_WEBHOOK: &str = "
    select id
      from webhook_delivery
     where webhook = $1
     order by id
     limit $2";

const LIST_OF_ACCOUNT: &str = "
    select id
      from webhook_delivery
     where account = $1
     limit $2";

const LIST_OLD: &str = "
    select id
      from webhook_delivery
     where created_at < $1
     order by created_at
     limit $2";

/// Deliveries that are to be deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Doomed {
    /// All of a webhook.
    OfWebhook(Uuid),
    /// All that are about an account.
    OfAccount(AccountId),
    /// All that were recorded before a time.
    Before(DateTime<Utc>),
}

/// Returns deliveries that are to be deleted.
pub(crate) async fn list_doomed(sql: &impl Sql, doomed: Doomed, limit: i64) -> Result<Vec<Uuid>, Error> {
    let (text, value): (&str, Value) = match doomed {
        Doomed::OfWebhook(webhook) => (LIST_OF_WEBHOOK, webhook.into()),
        Doomed::OfAccount(account) => (LIST_OF_ACCOUNT, account.0.into()),
        Doomed::Before(time) => (LIST_OLD, time.into()),
    };
    let rows: Vec<IdRow> = sql.rows(text, vec![value, limit.into()]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Deletes at most `limit` deliveries with their attempts, and returns how many.
pub(crate) async fn delete(tx: &Tx, doomed: Doomed, limit: i64) -> Result<usize, Error> {
    let ids = list_doomed(tx, doomed, limit).await?;
    if ids.is_empty() {
        return Ok(0);
    }
    for (table, column) in [("webhook_attempt", "delivery"), ("webhook_delivery", "id")] {
        let text = format!("delete from {table} where {column} in {}", placeholders(1, ids.len()));
        tx.execute(&text, ids.iter().map(|&id| id.into()).collect()).await?;
    }
    Ok(ids.len())
}
