//! How an account's columns become an account.
//!
//! What an older table of languages or time zones does not know is read as the default. Invariant: a password's hash is
//! not among them.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::AccountState;
use db::FromQueryResult;
use uuid::Uuid;

use crate::model::{About, Account, Country, Locale, Place, Region, Roles, Standing, TimeZone};

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
    email_confirmed_at: Option<DateTime<Utc>>,
    locale: String,
    time_zone: String,
    country: Option<String>,
    kind: String,
    place: Option<String>,
    links: String,
    is_private: bool,
    state: String,
    state_reason: Option<String>,
    state_until: Option<DateTime<Utc>>,
    standing_version: i64,
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
            email_confirmed_at: row.email_confirmed_at,
            region: Region {
                locale: Locale::find(&row.locale).unwrap_or_default(),
                time_zone: TimeZone::find(&row.time_zone).unwrap_or_default(),
                country: row.country.as_deref().and_then(Country::find),
            },
            about: About {
                kind: row.kind.parse().unwrap_or_default(),
                place: row.place.map(Place),
                links: serde_json::from_str(&row.links).unwrap_or_default(),
                is_private: row.is_private,
            },
            standing: Standing {
                // A state of a later release is the strictest one that this release knows.
                state: row.state.parse().unwrap_or(AccountState::Suspended),
                reason: row.state_reason,
                until: row.state_until,
                version: row.standing_version.unsigned_abs(),
            },
        }
    }
}
