//! Rows of people: the copies of accounts.
//!
//! Invariant: a row has the newest profile and the newest standing that have arrived, whatever the order of the events;
//! no row is made for an account that was erased.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::{AccountState, FoundAccount, Profile, StandingChanged};
use db::{Error, FromQueryResult, Sql, Tx, Value, placeholders};
use uuid::Uuid;

use super::{bound, from_optional_micros, micros};
use crate::model::{Person, PersonNumber, Standing};

pub(super) const COLUMNS: &str = "
    person.number, person.account, person.handle, person.display_name, person.avatar, person.is_private, person.state,
    person.state_until_us";

/// The columns of a [`Person`].
#[derive(FromQueryResult)]
pub(super) struct PersonRow {
    number: i64,
    account: Uuid,
    handle: String,
    display_name: String,
    avatar: Option<String>,
    is_private: bool,
    state: String,
    state_until_us: Option<i64>,
}

impl TryFrom<PersonRow> for Person {
    type Error = Error;
    fn try_from(row: PersonRow) -> Result<Self, Error> {
        Ok(Self {
            number: PersonNumber(row.number),
            account: AccountId(row.account),
            handle: row.handle,
            display_name: row.display_name,
            avatar: row.avatar.and_then(|id| id.parse().ok()),
            is_private: row.is_private,
            standing: Standing {
                // A state of a later release is the strictest one that this release knows.
                state: row.state.parse().unwrap_or(AccountState::Suspended),
                until: from_optional_micros(row.state_until_us, "the end of a standing")?,
            },
        })
    }
}

fn first(row: Option<PersonRow>) -> Result<Option<Person>, Error> {
    row.map(Person::try_from).transpose()
}

/// Returns the person of an account.
pub(crate) async fn find_by_account(sql: &impl Sql, account: AccountId) -> Result<Option<Person>, Error> {
    let text = format!("select {COLUMNS} from person where account = $1");
    first(sql.row(&text, vec![account.0.into()]).await?)
}

/// Returns the person with a number.
pub(crate) async fn find(sql: &impl Sql, number: PersonNumber) -> Result<Option<Person>, Error> {
    let text = format!("select {COLUMNS} from person where number = $1");
    first(sql.row(&text, vec![number.0.into()]).await?)
}

/// Returns the person with a handle, in lower case. Where an erased account's handle was taken by another before the
/// news of the erasure came, that is the newest one.
pub(crate) async fn find_by_handle(sql: &impl Sql, handle: &str) -> Result<Option<Person>, Error> {
    let text = format!(
        "select {COLUMNS}
           from person
          where handle = $1
          order by account desc
          limit 1"
    );
    first(sql.row(&text, vec![handle.into()]).await?)
}

/// Returns the people with these numbers, in any order.
pub(crate) async fn list(sql: &impl Sql, numbers: &[PersonNumber]) -> Result<Vec<Person>, Error> {
    let values = numbers.iter().map(|number| number.0.into()).collect();
    list_where(sql, "number", numbers.len(), values).await
}

/// Returns the people of these accounts, in any order.
pub(crate) async fn list_by_account(sql: &impl Sql, accounts: &[AccountId]) -> Result<Vec<Person>, Error> {
    let values = accounts.iter().map(|account| account.0.into()).collect();
    list_where(sql, "account", accounts.len(), values).await
}

/// Returns the people with these handles, in any order.
pub(crate) async fn list_by_handle(sql: &impl Sql, handles: &[String]) -> Result<Vec<Person>, Error> {
    let values = handles.iter().map(|handle| handle.as_str().into()).collect();
    list_where(sql, "handle", handles.len(), values).await
}

/// Returns those of these people who have a row and were not erased, in the same order.
pub(crate) async fn retain_known(tx: &Tx, people: Vec<Person>) -> Result<Vec<Person>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        number: i64,
    }
    if people.is_empty() {
        return Ok(people);
    }
    let text = format!(
        "select person.number
           from person
          where person.number in {}
            and not exists (
                select 1
                  from erased_account
                 where erased_account.account = person.account)",
        placeholders(1, people.len())
    );
    let rows: Vec<Row> = tx.rows(&text, people.iter().map(|person| person.number.0.into()).collect()).await?;
    Ok(people.into_iter().filter(|person| rows.iter().any(|row| row.number == person.number.0)).collect())
}

async fn list_where(sql: &impl Sql, column: &str, count: usize, values: Vec<Value>) -> Result<Vec<Person>, Error> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let text = format!("select {COLUMNS} from person where person.{column} in {}", placeholders(1, count));
    let rows: Vec<PersonRow> = sql.rows(&text, values).await?;
    rows.into_iter().map(Person::try_from).collect()
}

const INSERT: &str = "
    insert into person (
        number, account, handle, display_name, avatar, is_private, profile_us, state, state_until_us, standing_version
    )
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    on conflict do nothing";

const INSERT_COUNTS: &str = "
    insert into person_counts (person, follower_count, following_count, post_count, public_post_count)
    values ($1, 0, 0, 0, 0)";

/// Inserts a person with a number, unless the account has a row, or another one has the number. Returns whether it did.
pub(crate) async fn insert(tx: &Tx, found: &FoundAccount, number: PersonNumber) -> Result<bool, Error> {
    let (profile, standing) = (&found.profile, &found.standing);
    let values = vec![
        number.0.into(),
        profile.account.0.into(),
        profile.handle.as_str().into(),
        profile.display_name.as_str().into(),
        profile.avatar.as_ref().map(|avatar| avatar.as_str().to_owned()).into(),
        profile.is_private.into(),
        micros(profile.at),
        standing.state.as_str().into(),
        standing.until.map(|until| until.timestamp_micros()).into(),
        standing.version.cast_signed().into(),
    ];
    let inserted = tx.execute(INSERT, values).await? == 1;
    if inserted {
        tx.execute(INSERT_COUNTS, vec![number.0.into()]).await?;
    }
    Ok(inserted)
}

const UPDATE_PROFILE: &str = "
    update person
       set handle = $2,
           display_name = $3,
           avatar = $4,
           is_private = $5,
           profile_us = $6
     where account = $1
       and profile_us <= $6";

/// Updates the profile of a person who is known here, unless a newer one is.
pub(crate) async fn update_profile(tx: &Tx, profile: &Profile) -> Result<(), Error> {
    let values = vec![
        profile.account.0.into(),
        profile.handle.as_str().into(),
        profile.display_name.as_str().into(),
        profile.avatar.as_ref().map(|avatar| avatar.as_str().to_owned()).into(),
        profile.is_private.into(),
        micros(profile.at),
    ];
    tx.execute(UPDATE_PROFILE, values).await.map(drop)
}

const UPDATE_STANDING: &str = "
    update person
       set state = $2,
           state_until_us = $3,
           standing_version = $4
     where account = $1
       and standing_version < $4";

/// Updates the standing of a person who is known here, unless a newer one is.
pub(crate) async fn update_standing(tx: &Tx, changed: &StandingChanged) -> Result<(), Error> {
    let values = vec![
        changed.account.0.into(),
        changed.state.as_str().into(),
        changed.until.map(|until| until.timestamp_micros()).into(),
        changed.version.cast_signed().into(),
    ];
    tx.execute(UPDATE_STANDING, values).await.map(drop)
}

/// Removes a person and their counts.
pub(crate) async fn remove(tx: &Tx, number: PersonNumber) -> Result<(), Error> {
    tx.execute("delete from person_counts where person = $1", vec![number.0.into()]).await?;
    tx.execute("delete from person where number = $1", vec![number.0.into()]).await.map(drop)
}

const INSERT_ERASED: &str = "
    insert into erased_account (account, erased_us)
    values ($1, $2)
    on conflict do nothing";

/// Records that an account was erased, so that nothing about it that is still on its way is stored.
pub(crate) async fn insert_erased(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(INSERT_ERASED, vec![account.0.into(), micros(now)]).await.map(drop)
}

/// Whether an account was erased not long ago.
pub(crate) async fn is_erased(sql: &impl Sql, account: AccountId) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        is_erased: bool,
    }
    let text = "select exists (select 1 from erased_account where account = $1) as is_erased";
    let row: Option<Row> = sql.row(text, vec![account.0.into()]).await?;
    Ok(row.is_some_and(|row| row.is_erased))
}

const REMOVE_ERASED: &str = "
    delete from erased_account
     where account in (
           select account
             from erased_account
            where erased_us < $1
            order by erased_us
            limit $2)";

/// Forgets accounts that were erased before a time, at most `limit`. Returns how many there were.
pub(crate) async fn remove_erased(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_ERASED, vec![micros(before), bound(limit)]).await
}
