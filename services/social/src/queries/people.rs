//! People as a reader sees them.
//!
//! Invariant: a person whose account is suspended is in no list; one on the other side of a block is in none but that
//! of those whom the reader blocks.

use contract::AccountId;
use contract::social::views::{PersonView, ProfileView};

use crate::error::Error;
use crate::known_people::shown_by_name;
use crate::model::{Mark, NumberedList, Person, PersonNumber};
use crate::state::Social;
use crate::store;
use crate::store::follows::{After, Listed};
use crate::store::marks::Marked;

/// A page of people, and the cursor of the next one.
pub(crate) struct Page {
    /// The people.
    pub people: Vec<PersonView>,
    /// The cursor.
    pub next: Option<String>,
}

/// Returns the person of a list that a reader may read: their own, that of a profile that is not private, or that of
/// one that the reader follows.
async fn listed_person(social: &Social, reader: PersonNumber, name: &str) -> Result<Person, Error> {
    let (person, relation) = shown_by_name(social, reader, name).await?;
    let may_read = relation.is_self || !relation.blocks && (!person.is_private || relation.follows);
    if may_read { Ok(person) } else { Err(Error::NoSuchPerson) }
}

/// Returns a page of those who follow a person, the newest first.
pub(crate) async fn followers(
    social: &Social,
    reader: PersonNumber,
    name: &str,
    after: Option<&str>,
    size: usize,
) -> Result<Page, Error> {
    let after = after.map_or(Ok(After::START), parse_after)?;
    let (person, now) = (listed_person(social, reader, name).await?, social.context.clock.now());
    let sql = social.context.db.read();
    let listed = store::follows::list_followers(sql, person.number, reader, now, after, size + 1).await?;
    Ok(page(listed, size, cursor))
}

/// Returns a page of those whom a person follows, the newest first.
pub(crate) async fn following(
    social: &Social,
    reader: PersonNumber,
    name: &str,
    after: Option<&str>,
    size: usize,
) -> Result<Page, Error> {
    let after = after.map_or(Ok(After::START), parse_after)?;
    let (person, now) = (listed_person(social, reader, name).await?, social.context.clock.now());
    let sql = social.context.db.read();
    let listed = store::follows::list_following(sql, person.number, reader, now, after, size + 1).await?;
    Ok(page(listed, size, cursor))
}

/// Returns a page of those who ask to follow a member.
pub(crate) async fn follow_requests(
    social: &Social,
    member: PersonNumber,
    before: PersonNumber,
    size: usize,
) -> Result<Page, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let listed = store::follows::list_requests(sql, member, now, before, size + 1).await?;
    Ok(page(listed, size, |last| last.person.number.0.to_string()))
}

/// Returns a page of those whom a member has marked so, by descending number, and the cursor of the next one.
pub(crate) async fn marked(
    social: &Social,
    member: PersonNumber,
    mark: Mark,
    after: Option<&str>,
    size: usize,
) -> Result<(Vec<Marked>, Option<String>), Error> {
    let list = NumberedList::Marked(mark);
    let before = after.map_or(Ok(i64::MAX), |text| list.parse(text).ok_or(Error::WrongCursor))?;
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let mut found = store::marks::list(sql, mark, member, now, PersonNumber(before), size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| list.cursor(last.person.number.0));
    Ok((found, next))
}

/// Returns these people, in this order, without those who are not shown to the reader.
pub(crate) async fn views(
    social: &Social,
    reader: PersonNumber,
    accounts: &[AccountId],
) -> Result<Vec<PersonView>, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let people = store::people::list_by_account(sql, accounts).await?;
    let numbers: Vec<PersonNumber> = people.iter().map(|person| person.number).collect();
    let relations = store::relations::list(sql, reader, &numbers, now).await?;
    let is_shown = |person: &&Person| {
        let relation = relations.get(&person.number).copied().unwrap_or_default();
        relation.is_self || !person.standing.is_hidden(now) && !relation.is_blocked()
    };
    let find = |account: &AccountId| people.iter().find(|person| person.account == *account);
    Ok(accounts.iter().filter_map(find).filter(is_shown).map(Person::view).collect())
}

/// Returns the social part of an account's page.
pub(crate) async fn profile(social: &Social, reader: PersonNumber, name: &str) -> Result<ProfileView, Error> {
    let (person, relation) = shown_by_name(social, reader, name).await?;
    let counts = store::counts::find_of_person(social.context.db.read(), person.number, reader).await?;
    let is_other = !relation.is_self && reader != PersonNumber::NONE;
    let relationship = is_other.then(|| relation.view());
    Ok(ProfileView { person: person.view(), counts, relationship })
}

/// Returns the cursor of an entry.
fn cursor(last: &Listed) -> String {
    format!("{}-{}", last.since_s, last.person.number.0)
}

fn parse_after(text: &str) -> Result<After, Error> {
    let (since_s, number) = text.split_once('-').ok_or(Error::BadCursor)?;
    let parse = |text: &str| crate::model::parse_cursor(text).ok_or(Error::BadCursor);
    Ok(After { since_s: parse(since_s)?, number: parse(number)? })
}

/// Makes a page of a list that was read with one entry more than the page has.
fn page(mut listed: Vec<Listed>, size: usize, cursor: impl Fn(&Listed) -> String) -> Page {
    let has_more = listed.len() > size;
    listed.truncate(size);
    let next = listed.last().filter(|_| has_more).map(cursor);
    Page { people: listed.iter().map(|one| one.person.view()).collect(), next }
}
