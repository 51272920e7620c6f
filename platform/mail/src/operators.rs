//! What the operators' listener shows of a role's mails, and what it does with them: in every role with an outbox.
//!
//! The admin role documents the operations and asks every role (decision 39). An id at the listener is the role's name,
//! a dot, and the id of the row. Invariant: each route checks its caller itself, whichever way the request came; a
//! content is returned only once the act of reading it is recorded.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base::Clock;
use chrono::{DateTime, Utc};
use db::{Db, Lane};
use http_server::operators::{Act, Developer, Operator, Superuser, require_reason};
use http_server::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::operations::{Filter, MailContent, OutboxMail, find, find_content, list, redeliver};
use super::store::{SENDING, State as MailState};

http_server::codes! {
    /// The codes of operators' operations on mails.
    NOT_FOUND = 404 "mails.not_found",
        "List the mails again; this one is older than 30 days, or its account was erased.";
    NOT_DEAD = 409 "mails.not_dead",
        "Only a mail whose `can_redeliver` is true can be sent again: it is dead, and its content is still kept.";
}

/// Mails that a role returns at once: a page of 100, and one that says whether there are more.
const MAX_MAILS: u32 = 101;
const NO_STORE: [(&str, &str); 1] = [("cache-control", "no-store")];

/// A mail as operators see it, without its content.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = AdminMail, example = json!({
    "id": "accounts.0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "template": "accounts.confirm",
    "locale": "en",
    "to": "ada@example.org",
    "subject": "Confirm your address",
    "state": "dead",
    "attempts": 14,
    "last_error": "450 the mailbox is full",
    "created_at": "2026-05-17T09:30:00Z",
    "next_attempt_at": null,
    "sent_at": null,
    "died_at": "2026-05-18T09:42:00Z",
    "can_redeliver": true,
    "account": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
}))]
pub struct MailView {
    /// Its id: the role that sends it, and a number that sorts by time.
    pub id: String,
    /// The template's name.
    pub template: String,
    /// The language that it is written in.
    pub locale: String,
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// Whether it waits, was sent, or was given up.
    pub state: MailState,
    /// How often it was tried since it was recorded or last sent again.
    pub attempts: u32,
    /// Why the last attempt failed, in the mail server's words; `null` if it did not.
    #[schema(required)]
    pub last_error: Option<String>,
    /// When it was recorded.
    pub created_at: DateTime<Utc>,
    /// When it is tried next; `null` unless it waits.
    #[schema(required)]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When it was sent; `null` if it was not.
    #[schema(required)]
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was given up; `null` if it was not.
    #[schema(required)]
    pub died_at: Option<DateTime<Utc>>,
    /// Whether it can be sent again: it is dead, and its content is still kept.
    pub can_redeliver: bool,
    /// The account that it is about; `null` if it is about none.
    #[schema(required)]
    pub account: Option<String>,
}

impl MailView {
    fn new(role: &str, mail: OutboxMail) -> Self {
        let settled_at = |state: MailState| mail.settled_at.filter(|_| mail.state == state);
        Self {
            id: format!("{role}.{}", mail.id),
            locale: mail.language,
            state: mail.state,
            attempts: u32::try_from(mail.attempts).unwrap_or(0),
            created_at: mail.created_at,
            next_attempt_at: mail.due_at,
            sent_at: settled_at(MailState::Sent),
            died_at: settled_at(MailState::Dead),
            can_redeliver: mail.can_redeliver,
            template: mail.template,
            to: mail.to,
            subject: mail.subject,
            last_error: mail.reason,
            account: mail.account,
        }
    }

    /// Returns the number in its id, by which mails of several roles sort.
    pub fn number(&self) -> &str {
        self.id.rsplit('.').next().unwrap_or_default()
    }
}

/// A mail with its content, which may hold links and codes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminMailContent, example = json!({
    "id": "accounts.0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "template": "accounts.confirm",
    "locale": "en",
    "to": "ada@example.org",
    "subject": "Confirm your address",
    "state": "waiting",
    "attempts": 1,
    "last_error": "450 the mailbox is full",
    "created_at": "2026-05-17T09:30:00Z",
    "next_attempt_at": "2026-05-17T09:31:04Z",
    "sent_at": null,
    "died_at": null,
    "can_redeliver": false,
    "account": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "text": "Hello ada,\n\nconfirm your address: https://tutti.example/confirm?code=…",
    "html": "<p>Hello ada,</p>…",
}))]
pub struct MailContentView {
    /// The mail.
    #[serde(flatten)]
    pub mail: MailView,
    /// The plain part; `null` once it is no longer kept: an hour after it was sent, a week after it was given up.
    #[schema(required)]
    pub text: Option<String>,
    /// The HTML part; `null` as `text`.
    #[schema(required)]
    pub html: Option<String>,
}

/// Why a mail is sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "Their mailbox was full; it is not any more." }))]
pub struct RedeliverMail {
    /// The reason, for the audit trail.
    #[schema(max_length = 500)]
    reason: String,
}

/// The query of a role's mails.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct MailsQuery {
    /// Only mails in this state.
    pub state: Option<MailState>,
    /// Only mails about this account.
    pub account: Option<Uuid>,
    /// Only mails before the one with this number.
    pub after: Option<Uuid>,
    /// How many at most.
    pub limit: u32,
}

impl MailsQuery {
    /// Returns the path at which a role returns its mails to the admin role.
    pub fn path(&self, role: &str) -> String {
        let state = self.state.map(|state| format!("&state={}", state.as_str()));
        let account = self.account.map(|account| format!("&account={account}"));
        let after = self.after.map(|after| format!("&after={after}"));
        let more: String = [state, account, after].into_iter().flatten().collect();
        format!("{}?limit={}{more}", path(role), self.limit)
    }
}

fn path(role: &str) -> String {
    format!("/internal/mails/{role}")
}

/// Returns the role and the path of a mail in it for an id of the operators' listener; `None` for a text that is none.
pub fn locate(id: &str) -> Option<(&str, String)> {
    let (role, number) = id.rsplit_once('.')?;
    let number = Uuid::parse_str(number).ok()?;
    Some((role, format!("{}/{number}", path(role))))
}

/// What the handlers need.
#[derive(Clone)]
struct Mails {
    role: String,
    db: Db,
    clock: Clock,
}

/// Returns the routes of a role's mails.
pub fn router(role: &str, db: Db, clock: Clock) -> Router {
    let (path, state) = (path(role), Mails { role: role.to_owned(), db, clock });
    Router::new()
        .route(&path, get(list_mails))
        .route(&format!("{path}/{{id}}"), get(show))
        .route(&format!("{path}/{{id}}/redeliver"), post(send_again))
        .with_state(state)
}

fn not_found() -> Problem {
    Problem::of(NOT_FOUND, "There is no such mail. It may be too old, or its account was erased.")
}

async fn list_mails(
    _: Operator<Developer>,
    State(mails): State<Mails>,
    Query(query): Query<MailsQuery>,
) -> Result<Json<Vec<MailView>>, Problem> {
    let filter = Filter { state: query.state, account: query.account.map(|account| account.to_string()) };
    let after = query.after.map(|after| after.to_string());
    let found = list(mails.db.read(), &filter, after.as_deref(), query.limit.min(MAX_MAILS)).await?;
    Ok(Json(found.into_iter().map(|mail| MailView::new(&mails.role, mail)).collect()))
}

async fn show(
    operator: Operator<Superuser>,
    State(mails): State<Mails>,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let (id, now) = (id.to_string(), mails.clock.now());
    let act = Act::new(operator.actor, "mails.read", now).on("mail", format!("{}.{id}", mails.role));
    let found: Result<Option<MailContent>, db::Error> = mails
        .db
        .write(Lane::NONE, async move |tx| {
            let found = find_content(tx, &id).await?;
            if found.is_some() {
                act.record(tx)?;
            }
            Ok(found)
        })
        .await;
    let MailContent { mail, text, html } = found?.ok_or_else(not_found)?;
    let view = MailContentView { mail: MailView::new(&mails.role, mail), text, html };
    Ok((NO_STORE, Json(view)).into_response())
}

async fn send_again(
    operator: Operator<Developer>,
    State(mails): State<Mails>,
    Path(id): Path<Uuid>,
    Json(body): Json<RedeliverMail>,
) -> Result<Response, Problem> {
    let (id, now) = (id.to_string(), mails.clock.now());
    let act = Act::new(operator.actor, "mails.redelivered", now).on("mail", format!("{}.{id}", mails.role));
    let act = act.because(require_reason(&body.reason)?);
    let redelivered: Result<(bool, Option<OutboxMail>), db::Error> = mails
        .db
        .write(Lane::of(SENDING), async move |tx| {
            let is_redelivered = redeliver(tx, &id, now).await?;
            if is_redelivered {
                act.record(tx)?;
            }
            Ok((is_redelivered, find(tx, &id).await?))
        })
        .await;
    let (is_redelivered, mail) = redelivered?;
    let mail = mail.ok_or_else(not_found)?;
    if !is_redelivered {
        return Err(Problem::of(NOT_DEAD, "This mail is not dead, or its content is not kept any more."));
    }
    Ok((NO_STORE, Json(MailView::new(&mails.role, mail))).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_leads_to_its_role_and_to_nothing_else() {
        let id = "accounts.0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10";
        let path = "/internal/mails/accounts/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10".to_owned();
        assert_eq!(locate(id), Some(("accounts", path)));
        for wrong in ["", "accounts", "accounts.7", "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10", "accounts.x/../y"] {
            assert_eq!(locate(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_query_is_written_as_it_is_read() {
        let number = Uuid::from_u128(7);
        let query = MailsQuery { state: Some(MailState::Dead), account: Some(number), after: None, limit: 51 };
        assert_eq!(query.path("accounts"), format!("/internal/mails/accounts?limit=51&state=dead&account={number}"));
    }
}
