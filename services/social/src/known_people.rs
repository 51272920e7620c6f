//! The people whom a request names: found in the copies here, or asked of the accounts role.
//!
//! An account gets its row here when it is first needed; events only update rows (decision 41). Invariant: a name that
//! is no account, that of an erased one, and that of one which is not shown to the reader are the same error.

use std::collections::HashMap;

use contract::AccountId;
use contract::accounts::{FindAccounts, FoundAccount, MAX_ACCOUNTS_PER_QUERY};
use http_server::auth::Member;
use uuid::Uuid;

use crate::commands::record_people::record_person;
use crate::error::Error;
use crate::model::{Person, PersonNumber, Relation, Sender, is_account_name};
use crate::state::Social;
use crate::store::{people, relations};

/// Returns the caller.
pub(crate) async fn caller(social: &Social, member: &Member) -> Result<Person, Error> {
    let account = AccountId(member.id());
    if let Some(person) = people::find_by_account(social.context.db.read(), account).await? {
        return Ok(person);
    }
    ask_one(social, account.to_string()).await
}

/// Returns the caller as one who sends something to others.
pub(crate) async fn sender(social: &Social, member: &Member) -> Result<Sender, Error> {
    Ok(Sender { person: caller(social, member).await?, is_confirmed: member.0.confirmed })
}

/// Returns the number of the reader. A member who is not known here yet becomes known; while the accounts role does not
/// respond, they read as a visitor does.
pub(crate) async fn reader(social: &Social, account: Option<AccountId>) -> Result<PersonNumber, Error> {
    let Some(account) = account else { return Ok(PersonNumber::NONE) };
    if let Some(person) = people::find_by_account(social.context.db.read(), account).await? {
        return Ok(person.number);
    }
    match ask_one(social, account.to_string()).await {
        Ok(person) => Ok(person.number),
        Err(Error::NoSuchPerson | Error::Peer(_)) => Ok(PersonNumber::NONE),
        Err(error) => Err(error),
    }
}

/// Returns the person with this handle or account id, whether or not they are shown to anybody.
pub(crate) async fn by_name(social: &Social, name: &str) -> Result<Person, Error> {
    let name = name.to_ascii_lowercase();
    if !is_account_name(&name) {
        return Err(Error::NoSuchPerson);
    }
    let sql = social.context.db.read();
    let found = match Uuid::parse_str(&name) {
        Ok(id) => people::find_by_account(sql, AccountId(id)).await?,
        Err(_) => people::find_by_handle(sql, &name).await?,
    };
    match found {
        Some(person) => Ok(person),
        None => ask_one(social, name).await,
    }
}

/// Returns the person with this handle or account id, and how the reader stands to them, if they are shown to the
/// reader: their account is not suspended, and they have not blocked the reader.
pub(crate) async fn shown_by_name(
    social: &Social,
    reader: PersonNumber,
    name: &str,
) -> Result<(Person, Relation), Error> {
    let (person, now) = (by_name(social, name).await?, social.context.clock.now());
    let mut relation = relations::find(social.context.db.read(), reader, person.number, now).await?;
    relation.is_self = reader == person.number;
    let is_shown = relation.is_self || !person.standing.is_hidden(now) && !relation.is_blocked_by;
    if is_shown { Ok((person, relation)) } else { Err(Error::NoSuchPerson) }
}

/// Returns the people with these handles that an account has, in the order of the handles.
pub(crate) async fn by_handles(social: &Social, handles: &[String]) -> Result<Vec<Person>, Error> {
    let sql = social.context.db.read();
    let known = people::list_by_handle(sql, handles).await?;
    let mut found: HashMap<String, Person> = known.into_iter().map(|person| (person.handle.clone(), person)).collect();
    let missing: Vec<String> = handles.iter().filter(|handle| !found.contains_key(*handle)).cloned().collect();
    for names in missing.chunks(MAX_ACCOUNTS_PER_QUERY) {
        let people = make_known(social, names.to_vec()).await?;
        found.extend(people.into_iter().map(|person| (person.handle.clone(), person)));
    }
    Ok(handles.iter().filter_map(|handle| found.remove(handle)).collect())
}

async fn ask_one(social: &Social, name: String) -> Result<Person, Error> {
    make_known(social, vec![name]).await?.pop().ok_or(Error::NoSuchPerson)
}

/// Records the accounts with these names. Each is asked for twice: a change whose event came before the row was there
/// is in the second answer.
async fn make_known(social: &Social, names: Vec<String>) -> Result<Vec<Person>, Error> {
    let found = ask(social, names.clone()).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    for account in found {
        record_person(social, account).await?;
    }
    let mut people = Vec::with_capacity(names.len());
    for account in ask(social, names).await? {
        people.extend(record_person(social, account).await?);
    }
    Ok(people)
}

async fn ask(social: &Social, names: Vec<String>) -> Result<Vec<FoundAccount>, Error> {
    Ok(social.context.peers.ask(&FindAccounts(names)).await?.unwrap_or_default())
}
