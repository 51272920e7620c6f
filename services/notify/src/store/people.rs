//! Rows of people: the copies of accounts.
//!
//! Invariant: a row has the newest profile and the newest standing that have arrived, whatever the order of the events.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::{AccountState, Profile, StandingChanged};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::{bound, from_micros, micros, names_after};
use crate::model::KnownPerson;

#[derive(FromQueryResult)]
struct PersonRow {
    account: Uuid,
    handle: String,
    display_name: String,
    avatar: Option<String>,
    is_private: bool,
    state: String,
    state_until_us: Option<i64>,
}

impl TryFrom<PersonRow> for KnownPerson {
    type Error = Error;
    fn try_from(row: PersonRow) -> Result<Self, Error> {
        Ok(Self {
            account: AccountId(row.account),
            handle: row.handle,
            display_name: row.display_name,
            avatar: row.avatar,
            is_private: row.is_private,
            // A state of a later release is the strictest one that this release knows.
            state: row.state.parse().unwrap_or(AccountState::Suspended),
            state_until: from_micros(row.state_until_us, "the end of a standing")?,
        })
    }
}

/// Returns what is known of accounts.
pub(crate) async fn list(sql: &impl Sql, accounts: &[AccountId]) -> Result<Vec<KnownPerson>, Error> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select account, handle, display_name, avatar, is_private, state, state_until_us
           from person
          where account in {}",
        names_after(0, accounts.len())
    );
    let rows: Vec<PersonRow> = sql.rows(&text, accounts.iter().map(|account| account.0.into()).collect()).await?;
    rows.into_iter().map(KnownPerson::try_from).collect()
}

const SET_PROFILE: &str = "
    insert into person (
        account, handle, display_name, avatar, is_private, profile_us, state, state_until_us, standing_version
    )
    values ($1, $2, $3, $4, $5, $6, 'active', null, 0)
    on conflict (account) do update
       set handle = excluded.handle,
           display_name = excluded.display_name,
           avatar = excluded.avatar,
           is_private = excluded.is_private,
           profile_us = excluded.profile_us
     where person.profile_us <= excluded.profile_us";

/// Stores a profile, unless a newer one is there.
pub(crate) async fn set_profile(tx: &Tx, profile: &Profile) -> Result<(), Error> {
    let values = vec![
        profile.account.0.into(),
        profile.handle.as_str().into(),
        profile.display_name.as_str().into(),
        profile.avatar.as_ref().map(|avatar| avatar.as_str().to_owned()).into(),
        profile.is_private.into(),
        micros(profile.at),
    ];
    tx.execute(SET_PROFILE, values).await.map(drop)
}

const SET_STANDING: &str = "
    insert into person (
        account, handle, display_name, avatar, is_private, profile_us, state, state_until_us, standing_version
    )
    values ($1, '', '', null, false, 0, $2, $3, $4)
    on conflict (account) do update
       set state = excluded.state,
           state_until_us = excluded.state_until_us,
           standing_version = excluded.standing_version
     where person.standing_version < excluded.standing_version";

/// Stores a standing, unless a newer one is there.
pub(crate) async fn set_standing(tx: &Tx, standing: &StandingChanged) -> Result<(), Error> {
    let values = vec![
        standing.account.0.into(),
        standing.state.as_str().into(),
        standing.until.map(|until| until.timestamp_micros()).into(),
        i64::try_from(standing.version).unwrap_or(i64::MAX).into(),
    ];
    tx.execute(SET_STANDING, values).await.map(drop)
}

/// Returns those of these accounts that were erased.
pub(crate) async fn list_erased(sql: &impl Sql, accounts: &[AccountId]) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select account from erased_account where account in {}", names_after(0, accounts.len()));
    let rows: Vec<Row> = sql.rows(&text, accounts.iter().map(|account| account.0.into()).collect()).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}

const INSERT_ERASED: &str = "
    insert into erased_account (account, erased_us)
    values ($1, $2)
    on conflict do nothing";

/// Remembers that an account was erased.
pub(crate) async fn insert_erased(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT_ERASED, vec![account.0.into(), micros(now)]).await.map(drop)
}

const REMOVE_ERASED: &str = "
    delete from erased_account
     where account in (
           select account
             from erased_account
            where erased_us < $1
            order by erased_us
            limit $2)";

/// Forgets accounts that were erased before a time. Returns how many.
pub(crate) async fn remove_erased(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_ERASED, vec![micros(before), bound(limit)]).await
}
