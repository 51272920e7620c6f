//! How people stand to a member who wants to write to them.
//!
//! Invariant: a name that no account has is left out; blocks are told on both sides, to roles only.

use contract::AccountId;
use contract::social::Contact;

use crate::error::Error;
use crate::known_people::by_name;
use crate::model::{Person, PersonNumber};
use crate::state::Social;
use crate::store;

/// Where counting friends in common ends.
const MAX_COMMON_FRIENDS: usize = 100;

/// Returns how the people with these names stand to a member, in the order of the names.
pub(crate) async fn list(social: &Social, member: AccountId, names: &[&str]) -> Result<Vec<Contact>, Error> {
    let member = by_name(social, &member.to_string()).await?;
    let mut people: Vec<Person> = Vec::with_capacity(names.len());
    for name in names {
        match by_name(social, name).await {
            Ok(person) => people.push(person),
            Err(Error::NoSuchPerson) => {}
            Err(error) => return Err(error),
        }
    }
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let numbers: Vec<PersonNumber> = people.iter().map(|person| person.number).collect();
    let relations = store::relations::list(sql, member.number, &numbers, now).await?;
    let mut contacts = Vec::with_capacity(people.len());
    for person in people {
        let relation = relations.get(&person.number).copied().unwrap_or_default();
        let friends_in_common = if relation.is_self {
            0
        } else {
            store::follows::count_common_friends(sql, member.number, person.number, MAX_COMMON_FRIENDS).await?
        };
        contacts.push(Contact {
            person: person.view(),
            is_hidden: person.standing.is_hidden(now),
            follows_member: relation.is_followed_by,
            is_followed: relation.follows,
            blocks_member: relation.is_blocked_by,
            is_blocked: relation.blocks,
            friends_in_common,
        });
    }
    Ok(contacts)
}
