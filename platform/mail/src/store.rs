//! The table `mail_outbox`, in every service's database.
//!
//! A row is `waiting`, `sent` or `dead`; while it waits, `due_at` is when it is sent next, and `leased_until` says that
//! a process is sending it. Invariant: only the holder of the newest fencing token settles a row; a row that was sent
//! loses its bodies, and later goes itself.

use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, Error, Lane, Sql, Tx, retirement};
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::Address;
use super::message::Content;
use super::template::Rendered;

/// How many mails may wait for one address.
pub const MAX_WAITING_PER_ADDRESS: i64 = 20;
/// How long a row that was sent keeps its bodies, which hold links that are valid once.
pub const SENT_BODY_RETENTION: TimeDelta = TimeDelta::hours(1);
/// How long a dead letter can be sent again.
pub const DEAD_BODY_RETENTION: TimeDelta = TimeDelta::days(7);
/// How long an engine keeps a mail that it does not hand over: the folder's files, which hold links and codes. Less
/// than [`ROW_RETENTION`], so that a row names every file that is forgotten.
pub const ENGINE_RETENTION: TimeDelta = TimeDelta::days(7);
/// How long operators see what was sent and what is dead.
pub const ROW_RETENTION: TimeDelta = TimeDelta::days(30);
/// The lane in which rows are claimed and settled, so that two processes never claim the same.
pub(crate) const SENDING: &str = "mail_outbox";
/// Rows that are changed in one transaction.
const BATCH_ROWS: i64 = 500;

/// The state of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MailState)]
pub enum State {
    /// It is due now or later.
    Waiting,
    /// The engine has taken it.
    Sent,
    /// It was refused, or could not be sent for a day.
    Dead,
}

impl State {
    /// Returns the state's name, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Dead => "dead",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        [Self::Waiting, Self::Sent, Self::Dead]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(Error::Corrupt("the state of a mail"))
    }
}

#[derive(FromQueryResult)]
struct ClaimedRow {
    id: String,
    recipient: String,
    language: String,
    template: String,
    subject: String,
    body_text: Option<String>,
    body_html: Option<String>,
    unsubscribe: Option<String>,
    created_at: DateTime<Utc>,
    fence: i64,
    attempts: i64,
}

/// A row that this process sends.
pub(crate) struct Claimed {
    pub id: String,
    pub template: String,
    /// `None` if the row does not make a mail.
    pub content: Option<Content>,
    pub fence: i64,
    /// The number of this attempt, from 1.
    pub attempt: i64,
}

impl From<ClaimedRow> for Claimed {
    fn from(row: ClaimedRow) -> Self {
        let content = match (Address::parse(&row.recipient), row.body_text, row.body_html) {
            (Some(to), Some(text), Some(html)) => Some(Content {
                id: row.id.clone(),
                to,
                language: row.language,
                subject: row.subject,
                text,
                html,
                unsubscribe: row.unsubscribe,
                created_at: row.created_at,
            }),
            _ => None,
        };
        Self { id: row.id, template: row.template, content, fence: row.fence, attempt: row.attempts }
    }
}

/// How an attempt ended.
#[derive(Clone)]
pub(crate) enum Settlement {
    Sent,
    Retry { due_at: DateTime<Utc>, reason: String },
    Dead { reason: String },
}

#[derive(FromQueryResult)]
struct IdRow {
    #[allow(dead_code, reason = "whether there is a row is all that is asked")]
    id: String,
}

pub(crate) const INSERT: &str = "
    insert into mail_outbox (id, recipient, language, template, subject, body_text, body_html, unsubscribe, state,
                             created_at, due_at, account)
    select $1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $9, $11
     where (select count(*)
              from mail_outbox
             where recipient = $2
               and state = 'waiting') < $10";

/// A mail to be inserted.
pub(crate) struct NewRow {
    pub id: String,
    pub to: Address,
    pub template: &'static str,
    pub mail: Rendered,
    pub unsubscribe: Option<String>,
    pub account: Option<String>,
}

/// Inserts a mail that is due at once. Returns `false` if as many as may wait for the address do so.
///
/// Two transactions at the same time may each insert the last one that may wait.
pub(crate) async fn insert(tx: &Tx, new: NewRow, now: DateTime<Utc>) -> Result<bool, Error> {
    let values = vec![
        new.id.into(),
        new.to.as_str().into(),
        new.mail.language.into(),
        new.template.into(),
        new.mail.subject.into(),
        new.mail.text.into(),
        new.mail.html.into(),
        new.unsubscribe.into(),
        now.into(),
        MAX_WAITING_PER_ADDRESS.into(),
        new.account.into(),
    ];
    Ok(tx.execute(INSERT, values).await? == 1)
}

pub(crate) const DUE: &str = "
    select id
      from mail_outbox
     where due_at <= $1
       and (leased_until is null or leased_until < $1)
     order by due_at
     limit $2";

pub(crate) const CLAIM: &str = "
    update mail_outbox
       set fence = fence + 1,
           attempts = attempts + 1,
           leased_until = $3
     where id in (
           select id
             from mail_outbox
            where due_at <= $1
              and (leased_until is null or leased_until < $1)
            order by due_at
            limit $2)
 returning id, recipient, language, template, subject, body_text, body_html, unsubscribe, created_at, fence, attempts";

/// Claims rows that are due, until `until`; none if the site is retired.
pub(crate) async fn claim_due(
    db: &Db,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Claimed>, Error> {
    // Mostly there is none, and then no writer has to wait for that.
    let due: Option<IdRow> = db.read().row(DUE, vec![now.into(), 1_i64.into()]).await?;
    if due.is_none() {
        return Ok(Vec::new());
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<ClaimedRow> = db
        .write(Lane::of(SENDING), async move |tx| {
            if retirement::is_retired(tx).await? {
                return Ok(Vec::new());
            }
            tx.rows(CLAIM, vec![now.into(), limit.into(), until.into()]).await
        })
        .await?;
    Ok(rows.into_iter().map(Claimed::from).collect())
}

pub(crate) const SETTLE: &str = "
    update mail_outbox
       set state = $1,
           due_at = $2,
           settled_at = $3,
           reason = $4,
           leased_until = null
     where id = $5
       and fence = $6
       and state = 'waiting'";

/// Records how an attempt ended. Returns `false` if another process has claimed the row meanwhile.
pub(crate) async fn settle(
    db: &Db,
    id: String,
    fence: i64,
    settlement: Settlement,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let (state, due_at, settled_at, reason) = match settlement {
        Settlement::Sent => (State::Sent, None, Some(now), None),
        Settlement::Retry { due_at, reason } => (State::Waiting, Some(due_at), None, Some(reason)),
        Settlement::Dead { reason } => (State::Dead, None, Some(now), Some(reason)),
    };
    let settled = db
        .write(Lane::of(SENDING), async move |tx| {
            let values =
                vec![state.as_str().into(), due_at.into(), settled_at.into(), reason.into(), id.into(), fence.into()];
            tx.execute(SETTLE, values).await
        })
        .await?;
    Ok(settled == 1)
}

pub(crate) const END_LEASES: &str = "
    update mail_outbox
       set leased_until = null
     where leased_until >= $1";

pub(crate) const LEASED: &str = "
    select id
      from mail_outbox
     where leased_until >= $1
     limit 1";

/// Ends every lease: for the only process that uses the database, as the holders are dead.
pub(crate) async fn end_leases(db: &Db, now: DateTime<Utc>) -> Result<(), Error> {
    let leased: Option<IdRow> = db.read().row(LEASED, vec![now.into()]).await?;
    if leased.is_none() {
        return Ok(());
    }
    db.write(Lane::of(SENDING), async move |tx| tx.execute(END_LEASES, vec![now.into()]).await.map(drop)).await
}

pub(crate) const REMOVE_BODIES: &str = "
    update mail_outbox
       set body_text = null,
           body_html = null,
           unsubscribe = null
     where id in (
           select id
             from mail_outbox
            where state = $1
              and settled_at < $2
              and body_html is not null
            limit $3)";

pub(crate) const REMOVE_ROWS: &str = "
    delete from mail_outbox
     where id in (
           select id
             from mail_outbox
            where settled_at < $1
            limit $2)";

/// Removes bodies and rows whose time is over (see [`SENT_BODY_RETENTION`], [`DEAD_BODY_RETENTION`],
/// [`ROW_RETENTION`]), in small transactions.
pub async fn prune(db: &Db, now: DateTime<Utc>) -> Result<(), Error> {
    for (state, retention) in [(State::Sent, SENT_BODY_RETENTION), (State::Dead, DEAD_BODY_RETENTION)] {
        let before = now - retention;
        while db
            .write(Lane::of(SENDING), async move |tx| {
                tx.execute(REMOVE_BODIES, vec![state.as_str().into(), before.into(), BATCH_ROWS.into()]).await
            })
            .await?
            == BATCH_ROWS as u64
        {}
    }
    let before = now - ROW_RETENTION;
    while db
        .write(Lane::of(SENDING), async move |tx| tx.execute(REMOVE_ROWS, vec![before.into(), BATCH_ROWS.into()]).await)
        .await?
        == BATCH_ROWS as u64
    {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use db::Value;

    use super::*;

    #[tokio::test]
    async fn a_retired_site_claims_no_mail() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
        db.migrate("test", &[]).await.unwrap();
        let (now, due) = (DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(1), DateTime::<Utc>::UNIX_EPOCH);
        let inserted: Result<u64, Error> = db
            .write(Lane::NONE, async move |tx| {
                let new = ["m1", "ada@example.org", "en", "t", "s", "text", "html"].map(Value::from);
                let none = || Value::from(None::<String>);
                let more = [none(), due.into(), 10_i64.into(), none()];
                tx.execute(INSERT, new.into_iter().chain(more).collect()).await
            })
            .await;
        assert_eq!(inserted.unwrap(), 1);
        retirement::retire(&db, "moved", now).await.unwrap();
        assert!(claim_due(&db, now, now, 10).await.unwrap().is_empty());
        retirement::undo(&db).await.unwrap();
        assert_eq!(claim_due(&db, now, now, 10).await.unwrap().len(), 1);
    }
}
