//! The response bodies of operators' operations.
//!
//! Invariant: no body has a password, a token, or a hash of one.

use chrono::{DateTime, Utc};
use contract::accounts::AccountState;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{Account, AuditEntry, Session};

/// An account as operators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminAccount, example = json!({
    "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "handle": "ada",
    "email": "ada@example.org",
    "email_confirmed": true,
    "display_name": "Ada Lovelace",
    "roles": ["member", "moderator"],
    "state": "active",
    "state_until": null,
    "created_at": "2026-05-17T09:30:00Z",
}))]
pub(super) struct AdminAccountView {
    id: Uuid,
    handle: String,
    email: String,
    /// Whether the e-mail address is confirmed.
    email_confirmed: bool,
    display_name: String,
    /// `member`, `curator`, `moderator`, `viewer`, `developer`, `operator`.
    roles: Vec<String>,
    /// What the account may do now.
    state: AccountState,
    /// When that ends by itself.
    #[schema(required)]
    state_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl AdminAccountView {
    /// Creates the view of an account at a time.
    pub(super) fn new(account: Account, now: DateTime<Utc>) -> Self {
        let state = account.standing.state_at(now);
        Self {
            id: account.id.0,
            handle: account.handle,
            email: account.email,
            email_confirmed: account.email_confirmed_at.is_some(),
            display_name: account.display_name,
            roles: account.roles.names(),
            state,
            state_until: account.standing.until.filter(|_| state != AccountState::Active),
            created_at: account.created_at,
        }
    }
}

/// An account with its newest sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminAccountDetail, example = json!({
    "account": {
        "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        "handle": "ada",
        "email": "ada@example.org",
        "email_confirmed": true,
        "display_name": "Ada Lovelace",
        "roles": ["member", "moderator"],
        "state": "active",
        "state_until": null,
        "created_at": "2026-05-17T09:30:00Z",
    },
    "sessions": [
        {
            "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c11",
            "device": "Firefox on Linux",
            "is_of_operators": false,
            "created_at": "2026-05-17T09:30:00Z",
            "last_seen_at": "2026-05-20T18:05:12Z",
        },
    ],
}))]
pub(super) struct AdminAccountDetailView {
    account: AdminAccountView,
    /// At most a hundred, newest first.
    sessions: Vec<AdminSessionView>,
}

impl AdminAccountDetailView {
    /// Creates the view of an account with these sessions, at a time.
    pub(super) fn new(account: Account, sessions: Vec<Session>, now: DateTime<Utc>) -> Self {
        let sessions = sessions.into_iter().map(AdminSessionView::from).collect();
        Self { account: AdminAccountView::new(account, now), sessions }
    }
}

/// A session as operators see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AdminSession)]
struct AdminSessionView {
    id: Uuid,
    /// The name of the device, as given at sign-in.
    device: String,
    /// Whether it was opened at the operators' listener.
    is_of_operators: bool,
    created_at: DateTime<Utc>,
    /// When it last requested a new access token.
    last_seen_at: DateTime<Utc>,
}

impl From<Session> for AdminSessionView {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            device: session.device,
            is_of_operators: session.operators,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
        }
    }
}

/// An act of an operator.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry, example = json!({
    "number": 17,
    "at": "2026-05-17T09:30:00Z",
    "actor": {
        "account": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
        "name": "grace",
        "roles": ["member", "operator"],
        "address": "10.8.0.7",
        "user_agent": "Firefox",
        "request_id": "0198c5a4e7d17f3ab1d2c3e4f5a6b7c8",
    },
    "action": "accounts.roles_changed",
    "target": { "kind": "account", "id": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c12" },
    "before": { "roles": ["member"] },
    "after": { "roles": ["member", "moderator"] },
    "reason": "Ada helps with reports from today.",
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}))]
pub(super) struct AuditEntryView {
    /// Its number, from 1, without gaps.
    number: i64,
    at: DateTime<Utc>,
    actor: AuditActorView,
    /// What was done.
    action: String,
    /// What it was done to.
    #[schema(required)]
    target: Option<AuditTargetView>,
    /// What was changed, before the act.
    #[schema(required, value_type = Option<Object>)]
    before: Option<Value>,
    /// The same, after the act.
    #[schema(required, value_type = Option<Object>)]
    after: Option<Value>,
    /// Why, in the operator's words; empty if no reason was given.
    reason: String,
    /// The SHA-256 of this entry and all before it.
    hash: String,
}

/// Who acted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditActor)]
struct AuditActorView {
    /// The account; `null` for a command on the machine.
    #[schema(required)]
    account: Option<Uuid>,
    /// Its handle then, or `machine:` and a local user.
    name: String,
    /// Its roles then.
    roles: Vec<String>,
    #[schema(required)]
    address: Option<String>,
    #[schema(required)]
    user_agent: Option<String>,
    #[schema(required)]
    request_id: Option<String>,
}

/// What an act was done to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditTarget)]
struct AuditTargetView {
    kind: String,
    id: String,
}

impl From<AuditEntry> for AuditEntryView {
    fn from(entry: AuditEntry) -> Self {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            number: entry.number,
            at: entry.at,
            actor: AuditActorView {
                account: entry.actor_id,
                name: entry.actor,
                roles: entry.roles.split_whitespace().map(str::to_owned).collect(),
                address: entry.address,
                user_agent: entry.user_agent,
                request_id: entry.request_id,
            },
            action: entry.action,
            target: entry.target_kind.zip(entry.target_id).map(|(kind, id)| AuditTargetView { kind, id }),
            before: json(entry.before),
            after: json(entry.after),
            reason: entry.reason,
            hash: entry.hash,
        }
    }
}
