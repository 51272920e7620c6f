//! Pages of accounts, as operators search them, and of those that were given a role.
//!
//! Invariant: bytes decide the order, whatever the database's language is, and a standing counts until it ends.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::AccountState;
use db::{Error, Sql, Value};
use sea_orm::DbBackend;

use super::account_row::AccountRow;
use crate::model::Account;

const PAGE: &str = "
    select id, handle, coalesce(mail_address, email) as email, email_confirmed_at,
           display_name, bio, avatar, roles, created_at,
           locale, time_zone, country, kind, place, links, is_private,
           state, state_reason, state_until, standing_version
      from account
     where {handle} >= $1
       and {handle} < $2
       and {handle} > $3{state}
     order by {handle}
     limit $4";

const IS_ACTIVE: &str = "
       and (state = 'active' or state_until <= $5)";

/// With the condition of the index `account_state`.
const IS_IN_STATE: &str = "
       and state <> 'active'
       and (state_until is null or state_until > $5)
       and state = $6";

/// With the condition of the index `account_with_roles`.
const WITH_ROLES: &str = "
    select id, handle, coalesce(mail_address, email) as email, email_confirmed_at,
           display_name, bio, avatar, roles, created_at,
           locale, time_zone, country, kind, place, links, is_private,
           state, state_reason, state_until, standing_version
      from account
     where roles <> 'member'
       and id > $1
     order by id
     limit $2";

/// What a page of accounts is searched for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountsFilter<'a> {
    /// How the handles begin.
    pub prefix: &'a str,
    /// The state that counts at a time; `None` for any.
    pub state: Option<(AccountState, DateTime<Utc>)>,
}

/// Returns a page of the accounts that fit a filter, by handle, after a handle.
pub(crate) async fn list(
    sql: &impl Sql,
    filter: AccountsFilter<'_>,
    after: &str,
    limit: usize,
) -> Result<Vec<Account>, Error> {
    let handle = if sql.backend() == DbBackend::Postgres { "handle collate \"C\"" } else { "handle" };
    let AccountsFilter { prefix, state } = filter;
    // No character of a handle comes after `~`.
    let mut values: Vec<Value> =
        vec![prefix.into(), format!("{prefix}~").into(), after.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()];
    let condition = match state {
        None => "",
        Some((AccountState::Active, now)) => {
            values.push(now.into());
            IS_ACTIVE
        }
        Some((state, now)) => {
            values.push(now.into());
            values.push(state.as_str().into());
            IS_IN_STATE
        }
    };
    let text = PAGE.replace("{state}", condition).replace("{handle}", handle);
    let rows: Vec<AccountRow> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(Account::from).collect())
}

/// Returns a page of the accounts that were given a role, by id, after an id.
pub(crate) async fn list_with_roles(sql: &impl Sql, after: AccountId, limit: usize) -> Result<Vec<Account>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<AccountRow> = sql.rows(WITH_ROLES, vec![after.0.into(), limit.into()]).await?;
    Ok(rows.into_iter().map(Account::from).collect())
}
