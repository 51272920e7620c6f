//! The people and the media that a request names, asked of the roles that own them.
//!
//! Invariant: a name that is no account, and one that is not shown to the member, are the same error.

use std::collections::HashMap;

use contract::media::{FindOwnedItems, OwnedItem};
use contract::social::{Contact, FindContacts, MAX_CONTACTS_PER_QUERY};
use contract::{AccountId, MediaId};

use crate::error::Error;
use crate::model::MessageMedia;
use crate::state::Chat;

/// The longest name of an account: a UUID. A handle has at most 30 characters.
const MAX_NAME_BYTES: usize = 36;

/// Whether a text can be the handle or the id of an account, so that it is safe in the path of a query.
fn is_account_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    // `.` and `..` would be other paths.
    text.len() <= MAX_NAME_BYTES
        && text.bytes().all(is_allowed)
        && text.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

/// Returns how the people with these names stand to a member, in the order of the names, and the member themselves in
/// front.
pub(crate) async fn find(chat: &Chat, member: AccountId, names: &[String]) -> Result<Vec<Contact>, Error> {
    if let Some(wrong) = names.iter().find(|name| !is_account_name(name)) {
        return Err(Error::NoSuchPerson(wrong.clone()));
    }
    let mut asked = vec![member.to_string()];
    asked.extend(names.iter().map(|name| name.to_ascii_lowercase()));
    let found = chat.context.peers.ask(&FindContacts { member, names: asked.clone() }).await?.unwrap_or_default();
    let mut contacts = Vec::with_capacity(asked.len());
    for name in asked {
        let is_named = |contact: &&Contact| contact.person.handle == name || contact.person.id.to_string() == name;
        let contact = found.iter().find(is_named).filter(|contact| !contact.is_hidden);
        contacts.push(contact.cloned().ok_or(Error::NoSuchPerson(name))?);
    }
    Ok(contacts)
}

/// Returns how one account stands to a member; `None` if there is no such account, or if nothing of it is shown.
pub(crate) async fn find_one(chat: &Chat, member: AccountId, other: AccountId) -> Result<Option<Contact>, Error> {
    let query = FindContacts { member, names: vec![other.to_string()] };
    let found = chat.context.peers.ask(&query).await?.unwrap_or_default();
    Ok(found.into_iter().find(|contact| contact.person.id == other && !contact.is_hidden))
}

/// Returns whether a member has blocked another one now; `None` if social does not know that one any more.
pub(crate) async fn find_block(chat: &Chat, blocker: AccountId, blocked: AccountId) -> Result<Option<bool>, Error> {
    let query = FindContacts { member: blocker, names: vec![blocked.to_string()] };
    let found = chat.context.peers.ask(&query).await?.unwrap_or_default();
    Ok(found.into_iter().find(|contact| contact.person.id == blocked).map(|contact| contact.is_blocked))
}

/// Returns how many friends a member has in common with each of these accounts.
pub(crate) async fn friends_in_common(
    chat: &Chat,
    member: AccountId,
    accounts: &[AccountId],
) -> Result<HashMap<AccountId, u64>, Error> {
    let mut counts = HashMap::with_capacity(accounts.len());
    for chunk in accounts.chunks(MAX_CONTACTS_PER_QUERY) {
        let query = FindContacts { member, names: chunk.iter().map(ToString::to_string).collect() };
        let found = chat.context.peers.ask(&query).await?.unwrap_or_default();
        counts.extend(found.into_iter().map(|contact| (contact.person.id, contact.friends_in_common)));
    }
    Ok(counts)
}

/// Who of two follows the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Follows {
    /// The member follows the other.
    pub follows: bool,
    /// The other follows the member.
    pub is_followed: bool,
}

/// Returns who of a member and each of these accounts follows the other. Accounts of which nothing is shown are left
/// out.
pub(crate) async fn find_follows(
    chat: &Chat,
    member: AccountId,
    accounts: &[AccountId],
) -> Result<HashMap<AccountId, Follows>, Error> {
    let mut all = HashMap::with_capacity(accounts.len());
    for chunk in accounts.chunks(MAX_CONTACTS_PER_QUERY) {
        let query = FindContacts { member, names: chunk.iter().map(ToString::to_string).collect() };
        let found = chat.context.peers.ask(&query).await?.unwrap_or_default();
        let shown = found.into_iter().filter(|contact| !contact.is_hidden);
        all.extend(shown.map(|contact| {
            let follows = Follows { follows: contact.is_followed, is_followed: contact.follows_member };
            (contact.person.id, follows)
        }));
    }
    Ok(all)
}

/// Returns items of a member's library. One that is staged would be removed after a day.
pub(crate) async fn find_media(chat: &Chat, owner: AccountId, ids: &[MediaId]) -> Result<Vec<MessageMedia>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = FindOwnedItems { owner, ids: ids.to_vec() };
    let owned: Vec<OwnedItem> = chat.context.peers.ask(&query).await?.unwrap_or_default();
    let find = |id: &MediaId| {
        let item = owned.iter().find(|item| item.id == *id && !item.staged);
        item.cloned().map(MessageMedia::from).ok_or_else(|| Error::NoSuchMedia(id.to_string()))
    };
    ids.iter().map(find).collect()
}
