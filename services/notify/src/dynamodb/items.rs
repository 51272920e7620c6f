//! What is in the items of the table.
//!
//! Invariant: what is written is read back as it was; an item that can't be read is an error that names what it is.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use contract::AccountId;
use db::Error;
use uuid::Uuid;

use super::keys::{self, EntryName, Key, expiry_of};
use crate::history::{Counts, MAX_NAMED_ACTORS, Notice};
use crate::stored_kind::StoredKind;

/// The attributes of an item.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The attribute that the server's own expiry reads.
pub(super) const EXPIRES_AT: &str = "expires_at";
/// The attribute that grows with every write about a member.
pub(super) const REVISION: &str = "revision_number";
/// The attributes that an expression names. Words with an underscore are none of the reserved ones.
pub(super) const UNSEEN: &str = "unseen_count";
pub(super) const UNREAD: &str = "unread_count";

/// The actors that a notice remembers, the newest first, of which it names some: those that are left when one is taken
/// away.
pub(super) const MAX_KEPT_ACTORS: usize = 12;

/// Returns a text attribute.
pub(super) fn text_value(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Returns a number attribute.
pub(super) fn number_value(number: impl Into<i128>) -> AttributeValue {
    let number: i128 = number.into();
    AttributeValue::N(number.to_string())
}

/// Returns an item with these attributes.
pub(super) fn item(key: Key, attributes: impl IntoIterator<Item = (&'static str, AttributeValue)>) -> Item {
    let key = [("pk", text_value(key.pk)), ("sk", text_value(key.sk))];
    key.into_iter().chain(attributes).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the key of an item.
pub(super) fn key_of(item: &Item) -> Result<Key, Error> {
    Ok(Key { pk: text(item, "pk")?.to_owned(), sk: text(item, "sk")?.to_owned() })
}

/// Returns a text.
pub(super) fn text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, Error> {
    optional_text(item, name).ok_or(Error::Corrupt(name))
}

fn optional_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Returns a value that is stored as a text.
pub(super) fn parsed<T: FromStr>(item: &Item, name: &'static str) -> Result<T, Error> {
    text(item, name)?.parse().map_err(|_| Error::Corrupt(name))
}

fn optional_number<T: FromStr>(item: &Item, name: &'static str) -> Result<Option<T>, Error> {
    let Some(value) = item.get(name) else { return Ok(None) };
    let number = value.as_n().map_err(|_| Error::Corrupt(name))?;
    number.parse().map(Some).map_err(|_| Error::Corrupt(name))
}

fn number<T: FromStr>(item: &Item, name: &'static str) -> Result<T, Error> {
    optional_number(item, name)?.ok_or(Error::Corrupt(name))
}

/// Whether a flag is set; one that is not there is not.
pub(super) fn flag(item: &Item, name: &str) -> bool {
    item.get(name).is_some_and(|value| value.as_bool().is_ok_and(|flag| *flag))
}

/// The counts and the cursors of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    pub(super) member: AccountId,
    /// Grows with every write about the member; 0 if there is no item yet.
    pub(super) revision: u64,
    pub(super) first_id: Uuid,
    pub(super) last_id: Uuid,
    pub(super) seen_until: Uuid,
    pub(super) read_until: Uuid,
    pub(super) unseen: i64,
    pub(super) unread: i64,
    /// When the first of the counted notices may expire, in seconds since 1970. After that the counts are made anew.
    pub(super) next_expiry: Option<i64>,
    /// For how many days notices are kept, by the configuration with which the counts were made.
    pub(super) days: u32,
}

impl Recipient {
    /// Returns the counts of a member who was never told anything.
    pub(super) fn new(member: AccountId, first_id: Uuid, days: u32) -> Self {
        let nil = Uuid::nil();
        Self {
            member,
            revision: 0,
            first_id,
            last_id: nil,
            seen_until: nil,
            read_until: nil,
            unseen: 0,
            unread: 0,
            next_expiry: None,
            days,
        }
    }

    /// Whether a counted notice may have expired.
    pub(super) fn is_due(&self, now: i64, days: u32) -> bool {
        self.days != days || self.next_expiry.is_some_and(|expiry| expiry <= now)
    }

    /// Returns the counts.
    pub(super) fn counts(&self) -> Counts {
        // A negative count would be a fault; `tutti check notify` reports it.
        let count = |count: i64| u64::try_from(count).unwrap_or_default();
        Counts { unseen: count(self.unseen), unread: count(self.unread) }
    }

    /// Changes the counts by those of a notice.
    pub(super) fn count(&mut self, delta: Delta) {
        self.unseen += delta.unseen;
        self.unread += delta.unread;
    }

    /// Remembers when a counted notice expires.
    pub(super) fn note_expiry(&mut self, expiry: i64) {
        self.next_expiry = Some(self.next_expiry.map_or(expiry, |known| known.min(expiry)));
    }

    /// Returns the item of the next revision.
    pub(super) fn next_item(&self) -> Item {
        let mut attributes = vec![
            (REVISION, number_value(self.revision + 1)),
            ("first_id", text_value(self.first_id.to_string())),
            ("last_id", text_value(self.last_id.to_string())),
            ("seen_until", text_value(self.seen_until.to_string())),
            ("read_until", text_value(self.read_until.to_string())),
            (UNSEEN, number_value(self.unseen)),
            (UNREAD, number_value(self.unread)),
            ("kept_days", number_value(self.days)),
        ];
        attributes.extend(self.next_expiry.map(|expiry| ("next_expiry", number_value(expiry))));
        item(keys::recipient(self.member), attributes)
    }

    /// Reads an item.
    pub(super) fn read(item: &Item) -> Result<Self, Error> {
        Ok(Self {
            member: AccountId(parsed(item, "sk")?),
            revision: number(item, REVISION)?,
            first_id: parsed(item, "first_id")?,
            last_id: parsed(item, "last_id")?,
            seen_until: parsed(item, "seen_until")?,
            read_until: parsed(item, "read_until")?,
            unseen: number(item, UNSEEN)?,
            unread: number(item, UNREAD)?,
            next_expiry: optional_number(item, "next_expiry")?,
            days: number(item, "kept_days")?,
        })
    }
}

/// A change of the counts of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Delta {
    /// Of unseen notices.
    pub(super) unseen: i64,
    /// Of unread notices.
    pub(super) unread: i64,
}

/// A notice as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredNotice {
    pub(super) id: Uuid,
    pub(super) group: Uuid,
    pub(super) kind: StoredKind,
    pub(super) subject: Option<String>,
    /// At most [`MAX_KEPT_ACTORS`].
    pub(super) actors: Vec<AccountId>,
    pub(super) actor_count: u64,
    /// How many entries it counts; 0 if it does not grow.
    pub(super) entry_count: u64,
    pub(super) is_filtered: bool,
    pub(super) is_seen: bool,
    pub(super) is_read: bool,
    pub(super) expires_at: i64,
}

impl StoredNotice {
    /// Whether it counts as read.
    pub(super) fn is_read(&self, recipient: &Recipient) -> bool {
        self.is_read || self.id <= recipient.read_until
    }

    /// Whether it counts as seen.
    pub(super) fn is_seen(&self, recipient: &Recipient) -> bool {
        self.is_seen || self.id <= recipient.seen_until
    }

    /// Returns when it expires: as it was stored, or earlier if the configuration says so now.
    pub(super) fn expiry(&self, days: u32) -> i64 {
        self.expires_at.min(expiry_of(self.id, days))
    }

    /// Returns what the counts lose when it is removed, or is read.
    pub(super) fn counted(&self, recipient: &Recipient) -> Delta {
        let count = |flag: bool| -i64::from(!flag && !self.is_filtered);
        Delta { unseen: count(self.is_seen(recipient)), unread: count(self.is_read(recipient)) }
    }

    /// Returns its item.
    pub(super) fn item(&self, member: AccountId) -> Item {
        let actors = self.actors.iter().map(|actor| text_value(actor.to_string())).collect();
        let mut attributes = vec![
            ("group_id", text_value(self.group.to_string())),
            ("kind", text_value(self.kind.as_str())),
            ("actors", AttributeValue::L(actors)),
            ("actor_count", number_value(self.actor_count)),
            ("entry_count", number_value(self.entry_count)),
            ("is_filtered", AttributeValue::Bool(self.is_filtered)),
            ("is_seen", AttributeValue::Bool(self.is_seen)),
            ("is_read", AttributeValue::Bool(self.is_read)),
            (EXPIRES_AT, number_value(self.expires_at)),
        ];
        attributes.extend(self.subject.clone().map(|subject| ("subject", text_value(subject))));
        item(keys::notice(member, self.is_filtered, self.id), attributes)
    }

    /// Reads an item.
    pub(super) fn read(item: &Item) -> Result<Self, Error> {
        let corrupt = || Error::Corrupt("the actors of a notice");
        let stored = item.get("actors").and_then(|value| value.as_l().ok()).ok_or_else(corrupt)?;
        let actor = |value: &AttributeValue| value.as_s().ok().and_then(|id| id.parse().ok()).map(AccountId);
        let actors = stored.iter().map(|value| actor(value).ok_or_else(corrupt)).collect::<Result<_, _>>()?;
        Ok(Self {
            id: parsed(item, "sk")?,
            group: parsed(item, "group_id")?,
            kind: parsed(item, "kind")?,
            subject: optional_text(item, "subject").map(str::to_owned),
            actors,
            actor_count: number(item, "actor_count")?,
            entry_count: number(item, "entry_count")?,
            is_filtered: flag(item, "is_filtered"),
            is_seen: flag(item, "is_seen"),
            is_read: flag(item, "is_read"),
            expires_at: number(item, EXPIRES_AT)?,
        })
    }

    /// Returns it as its member sees it.
    pub(super) fn shown(self, recipient: &Recipient) -> Notice {
        let (is_seen, is_read) = (self.is_seen(recipient), self.is_read(recipient));
        let actors = self.actors.into_iter().take(MAX_NAMED_ACTORS).collect();
        Notice {
            id: self.id,
            group: self.group,
            kind: self.kind,
            subject: self.subject,
            actors,
            actor_count: self.actor_count,
            is_seen,
            is_read,
            is_filtered: self.is_filtered,
        }
    }
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StoredEntry {
    pub(super) name: EntryName,
    pub(super) kind: StoredKind,
    /// The group that counts it.
    pub(super) group: Uuid,
    /// The id that the notice had when it was added.
    pub(super) notice: Uuid,
    pub(super) is_filtered: bool,
    /// Whether it is a shared notice, which has no other entry.
    pub(super) is_shared: bool,
    pub(super) expires_at: i64,
}

impl StoredEntry {
    /// Returns its item.
    pub(super) fn item(&self, member: AccountId) -> Item {
        let attributes = [
            ("kind", text_value(self.kind.as_str())),
            ("group_id", text_value(self.group.to_string())),
            ("notice_id", text_value(self.notice.to_string())),
            ("is_filtered", AttributeValue::Bool(self.is_filtered)),
            ("is_shared", AttributeValue::Bool(self.is_shared)),
            (EXPIRES_AT, number_value(self.expires_at)),
        ];
        item(self.name.key(member), attributes)
    }

    /// Returns the items that name it.
    pub(super) fn references(&self, member: AccountId) -> impl Iterator<Item = Item> {
        let (sk, expires_at) = (self.name.sk(), self.expires_at);
        self.name.references(member).into_iter().map(move |key| {
            let attributes = [
                ("member", text_value(member.to_string())),
                ("entry_place", text_value(sk.clone())),
                (EXPIRES_AT, number_value(expires_at)),
            ];
            item(key, attributes)
        })
    }

    /// Reads an item.
    pub(super) fn read(item: &Item) -> Result<Self, Error> {
        Ok(Self {
            name: EntryName::parse(text(item, "sk")?).ok_or(Error::Corrupt("the place of an entry"))?,
            kind: parsed(item, "kind")?,
            group: parsed(item, "group_id")?,
            notice: parsed(item, "notice_id")?,
            is_filtered: flag(item, "is_filtered"),
            is_shared: flag(item, "is_shared"),
            expires_at: number(item, EXPIRES_AT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use contract::notify::NoticeKind;

    use super::*;

    #[test]
    fn what_is_written_comes_back() {
        let [member, actor] = [1, 2].map(|number| AccountId(Uuid::from_u128(number)));
        let recipient = Recipient { revision: 4, unread: 2, ..Recipient::new(member, Uuid::from_u128(9), 90) };
        for next_expiry in [None, Some(7)] {
            let written = Recipient { next_expiry, ..recipient.clone() };
            assert_eq!(Recipient::read(&written.next_item()).unwrap(), Recipient { revision: 5, ..written });
        }
        let notice = StoredNotice {
            id: Uuid::from_u128(9),
            group: Uuid::from_u128(8),
            kind: StoredKind::Later("waved".to_owned()),
            subject: Some("post".to_owned()),
            actors: vec![actor],
            actor_count: 1,
            entry_count: 1,
            is_filtered: true,
            is_seen: true,
            is_read: false,
            expires_at: 3,
        };
        assert_eq!(StoredNotice::read(&notice.item(member)).unwrap(), notice);
        assert!(StoredNotice::read(&Item::new()).is_err());
        let name = EntryName { actor: Some(actor), group_key: "reacted:post".to_owned(), entry: "c1".to_owned() };
        let entry = StoredEntry {
            name,
            kind: NoticeKind::Reacted.into(),
            group: notice.group,
            notice: notice.id,
            is_filtered: false,
            is_shared: true,
            expires_at: 5,
        };
        assert_eq!(StoredEntry::read(&entry.item(member)).unwrap(), entry);
        assert_eq!(entry.references(member).count(), 2);
    }
}
