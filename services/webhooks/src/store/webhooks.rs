//! Rows of webhooks.
//!
//! A row is `active`, `disabled` or, until its deliveries are deleted, `removed`. Invariant: no function but the final
//! deletion sees a removed one.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::{EventTypes, Webhook, WebhookState};

#[derive(FromQueryResult)]
struct WebhookRow {
    id: Uuid,
    url: String,
    events: String,
    description: String,
    state: String,
    made_by: Option<Uuid>,
    created_at: DateTime<Utc>,
    disabled_at: Option<DateTime<Utc>>,
    disabled_reason: Option<String>,
}

impl WebhookRow {
    fn webhook(self) -> Result<Webhook, Error> {
        Ok(Webhook {
            id: self.id,
            url: self.url,
            events: EventTypes::from_text(&self.events),
            description: self.description,
            state: WebhookState::from_name(&self.state).ok_or(Error::Corrupt("the state of a webhook"))?,
            made_by: self.made_by.map(AccountId),
            created_at: self.created_at,
            disabled_at: self.disabled_at,
            disabled_reason: self.disabled_reason,
        })
    }
}

#[derive(FromQueryResult)]
struct IdRow {
    id: Uuid,
}

const INSERT: &str = "
    insert into webhook (id, url, events, description, state, secret, made_by, created_at, request_key)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";

/// Inserts a webhook with its encrypted secret, and the hash of the `Idempotency-Key` of its request.
pub(crate) async fn insert(
    tx: &Tx,
    webhook: &Webhook,
    secret: Vec<u8>,
    request_key: Option<Vec<u8>>,
) -> Result<(), Error> {
    let values = vec![
        webhook.id.into(),
        webhook.url.as_str().into(),
        webhook.events.to_text().into(),
        webhook.description.as_str().into(),
        webhook.state.as_str().into(),
        secret.into(),
        webhook.made_by.map(|account| account.0).into(),
        webhook.created_at.into(),
        request_key.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const MADE: &str = "
    select secret, id, url, events, description, state, made_by, created_at, disabled_at, disabled_reason
      from webhook
     where request_key = $1
       and created_at > $2
       and state in ('active', 'disabled')";

/// Returns the webhook that a request with this `Idempotency-Key` made since a time, and its encrypted secret.
pub(crate) async fn find_made(
    sql: &impl Sql,
    request_key: &[u8],
    since: DateTime<Utc>,
) -> Result<Option<(Webhook, Vec<u8>)>, Error> {
    #[derive(FromQueryResult)]
    struct MadeRow {
        secret: Vec<u8>,
        #[sea_orm(nested)]
        webhook: WebhookRow,
    }
    let row: Option<MadeRow> = sql.row(MADE, vec![request_key.to_vec().into(), since.into()]).await?;
    row.map(|row| Ok((row.webhook.webhook()?, row.secret))).transpose()
}

const COUNT: &str = "
    select count(*) as webhooks
      from webhook
     where state in ('active', 'disabled')";

/// Returns the number of webhooks.
pub(crate) async fn count(sql: &impl Sql) -> Result<u64, Error> {
    #[derive(FromQueryResult)]
    struct CountRow {
        webhooks: i64,
    }
    let row: Option<CountRow> = sql.row(COUNT, vec![]).await?;
    Ok(row.map_or(0, |row| row.webhooks.unsigned_abs()))
}

const FIND: &str = "
    select id, url, events, description, state, made_by, created_at, disabled_at, disabled_reason
      from webhook
     where id = $1
       and state in ('active', 'disabled')";

/// Returns a webhook.
pub(crate) async fn find(sql: &impl Sql, id: Uuid) -> Result<Option<Webhook>, Error> {
    let row: Option<WebhookRow> = sql.row(FIND, vec![id.into()]).await?;
    row.map(WebhookRow::webhook).transpose()
}

const LIST: &str = "
    select id, url, events, description, state, made_by, created_at, disabled_at, disabled_reason
      from webhook
     where state in ('active', 'disabled')
       and id < $1
     order by id desc
     limit $2";

/// Returns webhooks below `before`, the newest first.
pub(crate) async fn list(sql: &impl Sql, before: Uuid, limit: usize) -> Result<Vec<Webhook>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<WebhookRow> = sql.rows(LIST, vec![before.into(), limit.into()]).await?;
    rows.into_iter().map(WebhookRow::webhook).collect()
}

const LIST_ACTIVE: &str = "
    select id, url, events, description, state, made_by, created_at, disabled_at, disabled_reason
      from webhook
     where state = 'active'
     order by id";

/// Returns the webhooks that get deliveries; there are at most as many as the configuration allows.
pub(crate) async fn list_active(sql: &impl Sql) -> Result<Vec<Webhook>, Error> {
    let rows: Vec<WebhookRow> = sql.rows(LIST_ACTIVE, vec![]).await?;
    rows.into_iter().map(WebhookRow::webhook).collect()
}

const UPDATE: &str = "
    update webhook
       set url = $2,
           events = $3,
           description = $4
     where id = $1";

/// Stores the URL, the events and the description.
pub(crate) async fn update(tx: &Tx, webhook: &Webhook) -> Result<(), Error> {
    let values = vec![
        webhook.id.into(),
        webhook.url.as_str().into(),
        webhook.events.to_text().into(),
        webhook.description.as_str().into(),
    ];
    tx.execute(UPDATE, values).await.map(drop)
}

const SET_ENABLED: &str = "
    update webhook
       set state = 'active',
           made_by = $2,
           disabled_at = null,
           disabled_reason = null,
           failing_since = null,
           paused_until = null
     where id = $1
       and state = 'disabled'";

/// Enables a webhook in an operator's name, as if it had never failed.
pub(crate) async fn set_enabled(tx: &Tx, id: Uuid, operator: Option<AccountId>) -> Result<(), Error> {
    tx.execute(SET_ENABLED, vec![id.into(), operator.map(|account| account.0).into()]).await.map(drop)
}

const SET_DISABLED: &str = "
    update webhook
       set state = 'disabled',
           disabled_at = $2,
           disabled_reason = $3
     where id = $1
       and state = 'active'";

/// Disables a webhook. Returns `false` if it is not active.
pub(crate) async fn set_disabled(tx: &Tx, id: Uuid, reason: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(SET_DISABLED, vec![id.into(), now.into(), reason.into()]).await? == 1)
}

const SET_SECRET: &str = "
    update webhook
       set previous_secret = secret,
           previous_secret_until = $3,
           secret = $2
     where id = $1
       and state in ('active', 'disabled')";

/// Replaces the secret; the former one signs too until `until`. Returns `false` if there is no such webhook.
pub(crate) async fn set_secret(tx: &Tx, id: Uuid, secret: Vec<u8>, until: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(SET_SECRET, vec![id.into(), secret.into(), until.into()]).await? == 1)
}

const SET_REMOVED: &str = "
    update webhook
       set state = 'removed',
           url = '',
           description = '',
           secret = $2,
           previous_secret = null,
           made_by = null
     where id = $1
       and state in ('active', 'disabled')";

/// Marks a webhook as removed, and removes its secrets and its URL. Returns `false` if there is no such webhook.
pub(crate) async fn set_removed(tx: &Tx, id: Uuid) -> Result<bool, Error> {
    Ok(tx.execute(SET_REMOVED, vec![id.into(), Vec::<u8>::new().into()]).await? == 1)
}

const LIST_REMOVED: &str = "
    select id
      from webhook
     where state = 'removed'
     order by id
     limit $1";

/// Returns webhooks whose deliveries are to be deleted.
pub(crate) async fn list_removed(sql: &impl Sql, limit: i64) -> Result<Vec<Uuid>, Error> {
    let rows: Vec<IdRow> = sql.rows(LIST_REMOVED, vec![limit.into()]).await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

const DELETE: &str = "
    delete from webhook
     where id = $1
       and state = 'removed'";

/// Deletes a removed webhook.
pub(crate) async fn delete(tx: &Tx, id: Uuid) -> Result<(), Error> {
    tx.execute(DELETE, vec![id.into()]).await.map(drop)
}

const CLEAR_MAKER: &str = "
    update webhook
       set made_by = null
     where made_by = $1";

/// Removes an erased account from the webhooks that it made.
pub(crate) async fn clear_maker(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute(CLEAR_MAKER, vec![account.0.into()]).await.map(drop)
}
