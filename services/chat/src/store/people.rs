//! Rows of people and their standings: copies of what accounts says.
//!
//! Invariant: what is older than what is known changes nothing; an erased account gets no row again.

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::{AccountState, Profile, StandingChanged};
use contract::social::views::PersonView;
use contract::{AccountId, MediaId};
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::names_after;

const PUT: &str = "
    insert into chat_person (account, handle, display_name, avatar, profile_at)
    values ($1, $2, $3, $4, $5)
    on conflict (account) do update
       set handle = excluded.handle,
           display_name = excluded.display_name,
           avatar = excluded.avatar,
           profile_at = excluded.profile_at
     where chat_person.profile_at < excluded.profile_at";

/// How much older than now the copy of social may be: an event of this time has not been handled there yet.
const COPY_AGE: TimeDelta = TimeDelta::seconds(30);

/// Records a person as social shows them now.
pub(crate) async fn put(tx: &Tx, person: &PersonView, now: DateTime<Utc>) -> Result<(), Error> {
    let values = vec![
        person.id.0.into(),
        person.handle.as_str().into(),
        person.display_name.as_str().into(),
        person.avatar.as_ref().map(|avatar| avatar.as_str().to_owned()).into(),
        (now - COPY_AGE).into(),
    ];
    tx.execute(PUT, values).await.map(drop)
}

const UPDATE: &str = "
    update chat_person
       set handle = $2,
           display_name = $3,
           avatar = $4,
           profile_at = $5
     where account = $1
       and profile_at <= $5";

/// Records a changed profile of a person who is known here.
pub(crate) async fn set_profile(tx: &Tx, profile: &Profile) -> Result<(), Error> {
    let values = vec![
        profile.account.0.into(),
        profile.handle.as_str().into(),
        profile.display_name.as_str().into(),
        profile.avatar.as_ref().map(|avatar| avatar.as_str().to_owned()).into(),
        profile.at.into(),
    ];
    tx.execute(UPDATE, values).await.map(drop)
}

/// A person, as members of their conversations see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownPerson {
    /// The account.
    pub account: AccountId,
    /// The unique name.
    pub handle: String,
    /// The name to show.
    pub display_name: String,
    /// The photo of the profile.
    pub avatar: Option<MediaId>,
}

/// Returns those of these people who are known, in any order.
pub(crate) async fn list(sql: &impl Sql, accounts: &[AccountId]) -> Result<Vec<KnownPerson>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
        handle: String,
        display_name: String,
        avatar: Option<String>,
    }
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select account, handle, display_name, avatar from chat_person where account in {}",
        names_after(0, accounts.len())
    );
    let rows: Vec<Row> = sql.rows(&text, accounts.iter().map(|account| Value::from(account.0)).collect()).await?;
    let read = |row: Row| {
        let avatar = row.avatar.map(MediaId::try_from).transpose().map_err(|_| Error::Corrupt("an avatar"))?;
        Ok(KnownPerson { account: AccountId(row.account), handle: row.handle, display_name: row.display_name, avatar })
    };
    rows.into_iter().map(read).collect()
}

const PUT_STANDING: &str = "
    insert into chat_standing (account, state, until, version)
    values ($1, $2, $3, $4)
    on conflict (account) do update
       set state = excluded.state,
           until = excluded.until,
           version = excluded.version
     where chat_standing.version < excluded.version";

/// Records the standing of an account, unless a newer one is known.
pub(crate) async fn put_standing(tx: &Tx, standing: &StandingChanged) -> Result<(), Error> {
    let values = vec![
        standing.account.0.into(),
        standing.state.as_str().into(),
        standing.until.into(),
        standing.version.cast_signed().into(),
    ];
    tx.execute(PUT_STANDING, values).await.map(drop)
}

const FIND_STANDING: &str = "
    select state, until
      from chat_standing
     where account = $1";

/// Returns what an account may do now.
pub(crate) async fn find_state(sql: &impl Sql, account: AccountId, now: DateTime<Utc>) -> Result<AccountState, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        until: Option<DateTime<Utc>>,
    }
    let row: Option<Row> = sql.row(FIND_STANDING, vec![account.0.into()]).await?;
    match row {
        Some(row) if row.until.is_none_or(|until| until > now) => {
            row.state.parse().map_err(|_| Error::Corrupt("the standing of an account"))
        }
        _ => Ok(AccountState::Active),
    }
}

/// Returns those of these accounts of which nothing is shown: they are suspended or banned.
pub(crate) async fn list_hidden(
    sql: &impl Sql,
    accounts: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select account
           from chat_standing
          where state in ('suspended', 'banned')
            and (until is null or until > $1)
            and account in {}",
        names_after(1, accounts.len())
    );
    let values = std::iter::once(now.into()).chain(accounts.iter().map(|account| Value::from(account.0)));
    let rows: Vec<Row> = sql.rows(&text, values.collect()).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}

const INSERT_ERASED: &str = "
    insert into erased_account (account, erased_at)
    values ($1, $2)
    on conflict do nothing";

/// Records that an account was erased.
pub(crate) async fn insert_erased(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT_ERASED, vec![account.0.into(), now.into()]).await.map(drop)
}

/// Returns which of these accounts were erased.
pub(crate) async fn list_erased(sql: &impl Sql, accounts: &[AccountId]) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!("select account from erased_account where account in {}", names_after(0, accounts.len()));
    let rows: Vec<Row> = sql.rows(&text, accounts.iter().map(|account| Value::from(account.0)).collect()).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}
