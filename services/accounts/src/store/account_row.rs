//! How an account's columns become an account.
//!
//! Invariant: a password's hash is not among them.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::FromQueryResult;
use uuid::Uuid;

use crate::model::{Account, Roles};

/// The columns of an [`Account`].
#[derive(FromQueryResult)]
pub(super) struct AccountRow {
    id: Uuid,
    handle: String,
    email: String,
    display_name: String,
    bio: String,
    avatar: Option<String>,
    roles: String,
    created_at: DateTime<Utc>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            id: AccountId(row.id),
            handle: row.handle,
            email: row.email,
            display_name: row.display_name,
            bio: row.bio,
            avatar: row.avatar.and_then(|id| id.parse().ok()),
            roles: Roles::parse(&row.roles),
            created_at: row.created_at,
        }
    }
}
