//! What operators see and do: lists of mails, a mail's content, dead letters that are sent again.
//!
//! Invariant: only [`find_content`] reads a body, which may hold links and codes.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use db::{Error, Sql, Tx};
use sea_orm::{FromQueryResult, Value};

use super::store::State;

const MAX_PAGE_ROWS: i64 = 500;

/// What operators see of a mail: no body and no link.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboxMail {
    /// Its id; ids sort by time.
    pub id: String,
    /// The recipient's address.
    pub to: String,
    /// The language that it is written in.
    pub language: String,
    /// The template's name.
    pub template: String,
    /// The subject.
    pub subject: String,
    /// The state.
    pub state: State,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it is sent next, while it waits.
    pub due_at: Option<DateTime<Utc>>,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was sent or became a dead letter.
    pub settled_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub reason: Option<String>,
    /// Whether a dead letter can be sent again; after a week its bodies are gone.
    pub can_redeliver: bool,
    /// The id of the account that it is about, if it is about one.
    pub account: Option<String>,
}

impl std::fmt::Debug for OutboxMail {
    /// Without the address, the subject and the server's words.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxMail").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(FromQueryResult)]
struct MailRow {
    id: String,
    recipient: String,
    language: String,
    template: String,
    subject: String,
    state: String,
    created_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    attempts: i64,
    settled_at: Option<DateTime<Utc>>,
    reason: Option<String>,
    account: Option<String>,
    bodies: i64,
}

impl MailRow {
    fn mail(self) -> Result<OutboxMail, Error> {
        let state = State::parse(&self.state)?;
        Ok(OutboxMail {
            id: self.id,
            to: self.recipient,
            language: self.language,
            template: self.template,
            subject: self.subject,
            state,
            created_at: self.created_at,
            due_at: self.due_at,
            attempts: self.attempts,
            settled_at: self.settled_at,
            reason: self.reason,
            can_redeliver: state == State::Dead && self.bodies > 0,
            account: self.account,
        })
    }
}

/// Which mails are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only mails in this state.
    pub state: Option<State>,
    /// Only mails about the account with this id.
    pub account: Option<String>,
}

impl From<State> for Filter {
    fn from(state: State) -> Self {
        Self { state: Some(state), account: None }
    }
}

const LIST: &str = "
    select id, recipient, language, template, subject, state, created_at, due_at, attempts, settled_at, reason, account,
           cast(case when body_html is null then 0 else 1 end as bigint) as bodies
      from mail_outbox
     where id < $1";

/// Returns mails, the newest first, at most 500; `after` is the id of the last one of the page before.
pub async fn list(sql: &impl Sql, filter: &Filter, after: Option<&str>, limit: u32) -> Result<Vec<OutboxMail>, Error> {
    // No id begins with a letter after `f`.
    let (mut text, mut values): (String, Vec<Value>) = (LIST.to_owned(), vec![after.unwrap_or("g").into()]);
    let mut add = |condition: &str, value: Value| {
        values.push(value);
        let _ = write!(text, "\n       and {condition} ${}", values.len());
    };
    if let Some(state) = filter.state {
        add("state =", state.as_str().into());
    }
    if let Some(account) = &filter.account {
        add("account =", account.as_str().into());
    }
    values.push(i64::from(limit).min(MAX_PAGE_ROWS).into());
    let text = format!("{text}\n     order by id desc\n     limit ${}", values.len());
    let rows: Vec<MailRow> = sql.rows(&text, values).await?;
    rows.into_iter().map(MailRow::mail).collect()
}

const FIND: &str = "
    select id, recipient, language, template, subject, state, created_at, due_at, attempts, settled_at, reason, account,
           cast(case when body_html is null then 0 else 1 end as bigint) as bodies
      from mail_outbox
     where id = $1";

/// Returns a mail.
pub async fn find(sql: &impl Sql, id: &str) -> Result<Option<OutboxMail>, Error> {
    let row: Option<MailRow> = sql.row(FIND, vec![id.into()]).await?;
    row.map(MailRow::mail).transpose()
}

/// A mail with its bodies, which may hold links and codes.
#[derive(Clone, PartialEq, Eq)]
pub struct MailContent {
    /// The mail.
    pub mail: OutboxMail,
    /// The plain part, while it is kept.
    pub text: Option<String>,
    /// The HTML part, while it is kept.
    pub html: Option<String>,
}

impl std::fmt::Debug for MailContent {
    /// Without the bodies.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailContent").field("mail", &self.mail).finish_non_exhaustive()
    }
}

const FIND_BODIES: &str = "
    select body_text, body_html
      from mail_outbox
     where id = $1";

/// Returns a mail with its bodies.
pub async fn find_content(sql: &impl Sql, id: &str) -> Result<Option<MailContent>, Error> {
    #[derive(FromQueryResult)]
    struct BodiesRow {
        body_text: Option<String>,
        body_html: Option<String>,
    }
    let Some(mail) = find(sql, id).await? else { return Ok(None) };
    let bodies: Option<BodiesRow> = sql.row(FIND_BODIES, vec![id.into()]).await?;
    Ok(bodies.map(|bodies| MailContent { mail, text: bodies.body_text, html: bodies.body_html }))
}

pub(crate) const REDELIVER: &str = "
    update mail_outbox
       set state = 'waiting',
           due_at = $1,
           attempts = 0,
           settled_at = null,
           reason = null
     where id = $2
       and state = 'dead'
       and body_html is not null";

/// Makes a dead letter due again, with all its attempts. Returns `false` if there is no such dead letter, or its bodies
/// are gone.
pub async fn redeliver(tx: &Tx, id: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    Ok(tx.execute(REDELIVER, vec![now.into(), id.into()]).await? == 1)
}

pub(crate) const COUNT_DUE: &str = "
    select count(*) as mails
      from mail_outbox
     where due_at <= $1";

#[derive(FromQueryResult)]
struct CountRow {
    mails: i64,
}

/// Returns how many mails are due; one that is being sent still is.
pub async fn count_due(sql: &impl Sql, now: DateTime<Utc>) -> Result<u64, Error> {
    let row: Option<CountRow> = sql.row(COUNT_DUE, vec![now.into()]).await?;
    Ok(row.map_or(0, |row| row.mails.unsigned_abs()))
}
