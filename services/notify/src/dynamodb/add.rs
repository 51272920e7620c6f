//! Adding notices, letting them grow, and telling many members of one thing.
//!
//! An entry is one transaction: the entry with the items that name it, the notice, and the counts, under the condition
//! that nothing about the member was written meanwhile. Invariant: an entry whose item is there changes nothing; a
//! notice that its member has read does not grow, and neither does one whose group is as old as notices get.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use chrono::{DateTime, Utc};
use contract::AccountId;
use db::Error;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::history::{DynamoHistory, GroupPlace};
use super::items::{
    Delta, EXPIRES_AT, Item, MAX_KEPT_ACTORS, Recipient, StoredEntry, StoredNotice, item, number_value, text,
    text_value,
};
use super::keys::{self, EntryName, Key, SHARED, entry_expiry_of, expiry_of};
use super::table::{MAX_ATTEMPTS, Places, Query, Written, overloaded};
use crate::history::{NewEntry, SharedNotice, next_id};

/// Members whose notices are written at the same time.
pub(super) const CONCURRENT_MEMBERS: usize = 25;
/// Entries of one actor in one group that a request reads.
const PAGE: usize = 100;

/// An entry that is in the history.
#[derive(Debug, Clone)]
pub(super) struct Added {
    pub(super) member: AccountId,
    pub(super) entry: StoredEntry,
    /// Whether it was not there before.
    pub(super) is_new: bool,
}

impl DynamoHistory {
    /// Adds entries: those of a member one after the other, those of several at the same time.
    pub(super) async fn add_each(&self, entries: Vec<NewEntry>, now: DateTime<Utc>) -> Result<Vec<Added>, Error> {
        let mut of_members: Vec<Vec<NewEntry>> = Vec::new();
        for entry in entries {
            match of_members.iter_mut().find(|group| group.iter().all(|other| other.member == entry.member)) {
                Some(group) => group.push(entry),
                None => of_members.push(vec![entry]),
            }
        }
        let added: Vec<Vec<Added>> = stream::iter(of_members)
            .map(|group| async move { self.add_in_order(group, now).await })
            .buffer_unordered(CONCURRENT_MEMBERS)
            .try_collect()
            .await?;
        Ok(added.into_iter().flatten().collect())
    }

    async fn add_in_order(&self, entries: Vec<NewEntry>, now: DateTime<Utc>) -> Result<Vec<Added>, Error> {
        let mut added = Vec::with_capacity(entries.len());
        for entry in &entries {
            added.push(self.add_one(entry, now).await?);
        }
        Ok(added)
    }

    async fn add_one(&self, entry: &NewEntry, now: DateTime<Utc>) -> Result<Added, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            if let Some(added) = self.try_add(entry, now).await? {
                return Ok(added);
            }
        }
        Err(overloaded())
    }

    /// Adds an entry; `None` if something else about the member was written at the same time.
    async fn try_add(&self, entry: &NewEntry, now: DateTime<Utc>) -> Result<Option<Added>, Error> {
        let (member, drawn) = (entry.member, self.table.random.uuid_v7(now));
        let (name, open_key) = (EntryName::of(entry), keys::open(member, &entry.group_key, entry.is_filtered));
        let found = self.recipient(member).await?;
        let mut recipient = found.unwrap_or_else(|| Recipient::new(member, drawn, self.days));
        let wanted = [name.key(member), open_key.clone()];
        let found = self.table.get_each(&wanted).await?;
        if let Some(known) = found.get(&wanted[0]) {
            return Ok(Some(Added { member, entry: StoredEntry::read(known)?, is_new: false }));
        }
        let open = match found.get(&open_key).map(GroupPlace::read).transpose()? {
            Some(place) => self.notice(keys::notice(member, entry.is_filtered, place.notice)).await?,
            None => None,
        };
        // The notice may be newer than the counts, which were read first; then the condition on the counts fails. Until
        // then no two actions may name one item.
        let last = open.as_ref().map_or(recipient.last_id, |open| recipient.last_id.max(open.id));
        let id = next_id(drawn, last);
        let mut actions = Vec::new();
        let notice = match &open {
            Some(open) if self.may_grow(open, &recipient) => {
                actions.push(self.table.delete(keys::notice(member, open.is_filtered, open.id))?);
                recipient.unseen += i64::from(open.is_seen(&recipient) && !open.is_filtered);
                self.grown(open, entry, id).await?
            }
            other => {
                if let Some(closed) = other {
                    actions.push(self.table.put(self.closed_item(member, closed))?);
                }
                let one = i64::from(!entry.is_filtered);
                recipient.count(Delta { unseen: one, unread: one });
                let new = self.new_notice(entry, id);
                actions.extend(self.name_subject(member, &new, Some(&open_key))?);
                new
            }
        };
        let stored = StoredEntry {
            name,
            kind: entry.kind.into(),
            group: notice.group,
            notice: id,
            is_filtered: entry.is_filtered,
            is_shared: false,
            expires_at: entry_expiry_of(id, self.days),
        };
        actions.push(self.table.put_new(stored.item(member))?);
        for reference in stored.references(member) {
            actions.push(self.table.put(reference)?);
        }
        actions.push(self.table.put(notice.item(member))?);
        actions.push(self.table.put(self.place_item(open_key, notice.group, id))?);
        recipient.last_id = id;
        if !entry.is_filtered {
            recipient.note_expiry(notice.expires_at);
        }
        actions.push(self.table.put_counts(&recipient)?);
        let is_written = self.table.write(&actions).await? == Written::Done;
        Ok(is_written.then_some(Added { member, entry: stored, is_new: true }))
    }

    /// Whether a notice is there, unread, and of a group that is young enough for its first entries to be known until
    /// the notice expires.
    fn may_grow(&self, open: &StoredNotice, recipient: &Recipient) -> bool {
        self.is_kept(open) && !open.is_read(recipient) && expiry_of(open.group, self.days) > self.now()
    }

    /// Returns a notice as it is with one more entry.
    async fn grown(&self, open: &StoredNotice, entry: &NewEntry, id: Uuid) -> Result<StoredNotice, Error> {
        let mut grown = StoredNotice {
            id,
            is_seen: false,
            entry_count: open.entry_count + 1,
            expires_at: expiry_of(id, self.days),
            ..open.clone()
        };
        if let Some(actor) = entry.actor {
            let others = self.list_acts(entry.member, actor, &entry.group_key, open.group).await?;
            grown.actor_count += u64::from(others.is_empty());
            grown.actors.retain(|named| *named != actor);
            grown.actors.insert(0, actor);
            grown.actors.truncate(MAX_KEPT_ACTORS);
        }
        Ok(grown)
    }

    fn new_notice(&self, entry: &NewEntry, id: Uuid) -> StoredNotice {
        StoredNotice {
            id,
            group: id,
            kind: entry.kind.into(),
            subject: entry.subject.clone(),
            actors: entry.actor.into_iter().collect(),
            actor_count: u64::from(entry.actor.is_some()),
            entry_count: 1,
            is_filtered: entry.is_filtered,
            is_seen: false,
            is_read: false,
            expires_at: expiry_of(id, self.days),
        }
    }

    /// Returns the places of an actor's entries in a group.
    pub(super) async fn list_acts(
        &self,
        member: AccountId,
        actor: AccountId,
        group_key: &str,
        group: Uuid,
    ) -> Result<Vec<String>, Error> {
        let places = Places::BeginningWith(keys::prefix_of(Some(actor), group_key));
        let query = Query { pk: keys::entries(member), places, is_descending: false, limit: PAGE };
        let (mut acts, mut from) = (Vec::new(), None);
        loop {
            let (page, next) = self.table.page(&query, from).await?;
            for found in &page {
                if StoredEntry::read(found)?.group == group {
                    acts.push(text(found, "sk")?.to_owned());
                }
            }
            if next.is_none() {
                return Ok(acts);
            }
            from = next;
        }
    }

    /// Returns the item that says where the notice of a group is.
    fn place_item(&self, key: Key, group: Uuid, notice: Uuid) -> Item {
        let attributes = [
            ("group_id", text_value(group.to_string())),
            ("notice_id", text_value(notice.to_string())),
            (EXPIRES_AT, number_value(entry_expiry_of(notice, self.days))),
        ];
        item(key, attributes)
    }

    fn closed_item(&self, member: AccountId, closed: &StoredNotice) -> Item {
        self.place_item(keys::closed_group(member, closed.group), closed.group, closed.id)
    }

    /// Returns the action that names a notice under its subject, if it has one. One that grows is found by its open
    /// key.
    fn name_subject(
        &self,
        member: AccountId,
        notice: &StoredNotice,
        open_key: Option<&Key>,
    ) -> Result<Option<TransactWriteItem>, Error> {
        let Some(subject) = &notice.subject else { return Ok(None) };
        let mut attributes = vec![
            ("member", text_value(member.to_string())),
            ("group_id", text_value(notice.group.to_string())),
            ("is_filtered", AttributeValue::Bool(notice.is_filtered)),
            (EXPIRES_AT, number_value(entry_expiry_of(notice.id, self.days))),
        ];
        attributes.extend(open_key.map(|key| ("open_place", text_value(key.sk.as_str()))));
        let named = item(keys::subject_reference(subject, member, notice.group), attributes);
        self.table.put(named).map(Some)
    }

    /// Adds a notice to the histories of members.
    pub(super) async fn share(
        &self,
        notice: &SharedNotice,
        members: Vec<(AccountId, bool)>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Added>, Error> {
        stream::iter(members)
            .map(|(member, is_filtered)| async move { self.share_with(notice, member, is_filtered, now).await })
            .buffer_unordered(CONCURRENT_MEMBERS)
            .try_collect()
            .await
    }

    /// Adds a notice to a history without reading that first, as almost no member has it already.
    async fn share_with(
        &self,
        notice: &SharedNotice,
        member: AccountId,
        is_filtered: bool,
        now: DateTime<Utc>,
    ) -> Result<Added, Error> {
        let name =
            EntryName { actor: Some(notice.actor), group_key: notice.group_key.clone(), entry: SHARED.to_owned() };
        let mut last = Uuid::nil();
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let id = next_id(self.table.random.uuid_v7(now), last);
            let entry = StoredEntry {
                name: name.clone(),
                kind: notice.kind.into(),
                group: id,
                notice: id,
                is_filtered,
                is_shared: true,
                expires_at: entry_expiry_of(id, self.days),
            };
            let stored = shared_notice(notice, id, is_filtered, self.days);
            let counted = (!is_filtered).then_some(stored.expires_at);
            let mut actions = vec![
                self.table.put_new(entry.item(member))?,
                self.table.count_new(member, id, counted, self.days)?,
                self.table.put(stored.item(member))?,
            ];
            actions.extend(self.name_subject(member, &stored, None)?);
            for reference in entry.references(member) {
                actions.push(self.table.put(reference)?);
            }
            if self.table.write(&actions).await? == Written::Done {
                return Ok(Added { member, entry, is_new: true });
            }
            if let Some(known) = self.table.get(name.key(member)).await? {
                return Ok(Added { member, entry: StoredEntry::read(&known)?, is_new: false });
            }
            // The clock is behind the one that drew the member's last id.
            last = self.recipient(member).await?.map(|recipient| recipient.last_id).unwrap_or_default();
        }
        Err(overloaded())
    }
}

fn shared_notice(notice: &SharedNotice, id: Uuid, is_filtered: bool, days: u32) -> StoredNotice {
    StoredNotice {
        id,
        group: id,
        kind: notice.kind.into(),
        subject: Some(notice.subject.clone()),
        actors: vec![notice.actor],
        actor_count: 1,
        entry_count: 0,
        is_filtered,
        is_seen: false,
        is_read: false,
        expires_at: expiry_of(id, days),
    }
}
