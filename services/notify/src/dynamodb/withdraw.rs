//! Removing the notices and entries that their members may not have any more.
//!
//! What is withdrawn is found by items that were written in the transaction of what they name, and are read
//! consistently, so a caller that withdraws after it has added sees what it has added. Invariant: a notice whose last
//! entry is withdrawn goes with it; one that keeps entries names and counts their actors only.

use std::collections::{BTreeMap, BTreeSet};

use contract::AccountId;
use db::Error;
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::add::CONCURRENT_MEMBERS;
use super::history::{DynamoHistory, GroupPlace};
use super::items::{Item, MAX_KEPT_ACTORS, Recipient, StoredEntry, StoredNotice, flag, key_of, parsed, text};
use super::keys::{self, EntryName, Key, SHARDS};
use super::table::{MAX_ATTEMPTS, Places, Query, Written, overloaded};
use crate::history::{Withdrawn, WithdrawnStep};

/// Items of one step.
const BATCH: usize = 100;
/// Entries or notices of one transaction, each of which takes at most five of its hundred actions.
const BATCH_OF_MEMBER: usize = 15;

/// What names a notice under its subject.
#[derive(Debug, Clone)]
pub(super) struct SubjectReference {
    key: Key,
    pub(super) group: Uuid,
    pub(super) is_filtered: bool,
    /// Where the place of one that grows is.
    pub(super) open: Option<Key>,
}

impl SubjectReference {
    /// Reads an item, with its member.
    pub(super) fn read(item: &Item) -> Result<(AccountId, Self), Error> {
        let member = AccountId(parsed(item, "member")?);
        let open = text(item, "open_place").ok().map(|sk| Key { pk: keys::opens(member), sk: sk.to_owned() });
        let (key, group) = (key_of(item)?, parsed(item, "group_id")?);
        Ok((member, Self { key, group, is_filtered: flag(item, "is_filtered"), open }))
    }
}

impl DynamoHistory {
    /// Removes some of what is withdrawn.
    pub(super) async fn withdraw_some(&self, withdrawn: &Withdrawn) -> Result<WithdrawnStep, Error> {
        match withdrawn {
            Withdrawn::Between { member, actor } => {
                let places = Places::BeginningWith(format!("{actor}#"));
                let query = Query { pk: keys::entries(*member), places, is_descending: false, limit: BATCH };
                let found = self.table.list(&query).await?;
                let name = |entry| text(entry, "sk").and_then(parse_name).map(|name| (*member, name));
                self.withdraw_entries(found.iter().map(name).collect::<Result<_, Error>>()?).await
            }
            Withdrawn::OfActor(actor) => {
                let found = self.list_in_shards(|shard| keys::by_actor(*actor, shard), |_| true).await?;
                self.withdraw_entries(found.iter().map(named_entry).collect::<Result<_, _>>()?).await
            }
            Withdrawn::OfEntry(entry) => {
                let query =
                    Query { pk: keys::by_entry(entry), places: Places::All, is_descending: false, limit: BATCH };
                let mut found = self.table.list(&query).await?;
                // Entries that are their actors are found by those.
                if let Ok(actor) = entry.parse::<Uuid>() {
                    let end = format!("#{entry}");
                    let is_it = |item: &Item| text(item, "entry_place").is_ok_and(|place| place.ends_with(&end));
                    found.extend(self.list_in_shards(|shard| keys::by_actor(AccountId(actor), shard), is_it).await?);
                }
                self.withdraw_entries(found.iter().map(named_entry).collect::<Result<_, _>>()?).await
            }
            Withdrawn::OfSubject(subject) => {
                let found = self.list_in_shards(|shard| keys::by_subject(subject, shard), |_| true).await?;
                self.withdraw_notices(&found).await
            }
            Withdrawn::About { subject, members } => self.withdraw_about(subject, members).await,
            Withdrawn::OfMember(member) => self.erase_some(*member).await,
            // Readers leave out what has expired, and the server removes it.
            Withdrawn::Before(_) => Ok(WithdrawnStep::default()),
        }
    }

    /// Returns some of the wanted items of the partitions that a key is divided into.
    async fn list_in_shards(
        &self,
        pk: impl Fn(u8) -> String + Send,
        is_wanted: impl Fn(&Item) -> bool + Send + Sync,
    ) -> Result<Vec<Item>, Error> {
        let is_wanted = &is_wanted;
        let reads: Vec<_> = (0..SHARDS)
            .map(|shard| Query { pk: pk(shard), places: Places::All, is_descending: false, limit: BATCH })
            .map(|query| async move { self.table.list_wanted(&query, is_wanted).await })
            .collect();
        let mut found: Vec<Item> = try_join_all(reads).await?.into_iter().flatten().collect();
        found.truncate(BATCH);
        Ok(found)
    }

    async fn withdraw_entries(&self, found: Vec<(AccountId, EntryName)>) -> Result<WithdrawnStep, Error> {
        let mut by_member: BTreeMap<AccountId, BTreeSet<EntryName>> = BTreeMap::new();
        for (member, name) in found {
            by_member.entry(member).or_default().insert(name);
        }
        let has_more = !by_member.is_empty();
        let changed: Vec<Option<AccountId>> = stream::iter(by_member)
            .map(|(member, names)| async move {
                let names: Vec<EntryName> = names.into_iter().collect();
                let mut has_changed = false;
                for chunk in names.chunks(BATCH_OF_MEMBER) {
                    has_changed |= self.remove_entries(member, chunk).await?;
                }
                Ok::<_, Error>(has_changed.then_some(member))
            })
            .buffer_unordered(CONCURRENT_MEMBERS)
            .try_collect()
            .await?;
        Ok(WithdrawnStep { members: changed.into_iter().flatten().collect(), has_more })
    }

    /// Removes entries of a member with the items that name them. Returns whether the list has changed.
    async fn remove_entries(&self, member: AccountId, names: &[EntryName]) -> Result<bool, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let mut recipient = self.recipient(member).await?;
            let keys: Vec<Key> = names.iter().map(|name| name.key(member)).collect();
            let mut by_group: BTreeMap<Uuid, Vec<StoredEntry>> = BTreeMap::new();
            for found in self.table.get_each(&keys).await?.values() {
                let entry = StoredEntry::read(found)?;
                by_group.entry(entry.group).or_default().push(entry);
            }
            let mut actions = Vec::new();
            for name in names {
                for key in name.references(member).into_iter().chain([name.key(member)]) {
                    actions.push(self.table.delete(key)?);
                }
            }
            let mut has_changed = false;
            for entries in by_group.values() {
                let (Some(recipient), Some(first)) = (&mut recipient, entries.first()) else { break };
                let Some(notice) = self.find_counting(member, first).await? else { continue };
                has_changed = true;
                match self.shrunk(member, &notice, &first.name.group_key, entries).await? {
                    Some(left) => actions.push(self.table.put(left.item(member))?),
                    None => actions.extend(self.removal(recipient, &notice)?),
                }
            }
            if let Some(recipient) = &recipient {
                actions.push(self.table.put_counts(recipient)?);
            }
            if self.table.write(&actions).await? == Written::Done {
                return Ok(has_changed);
            }
        }
        Err(overloaded())
    }

    /// Returns the notice that counts an entry; `None` if it is gone.
    async fn find_counting(&self, member: AccountId, entry: &StoredEntry) -> Result<Option<StoredNotice>, Error> {
        let open = keys::open(member, &entry.name.group_key, entry.is_filtered);
        self.find_of_group(member, entry.group, entry.is_filtered, (!entry.is_shared).then_some(open)).await
    }

    /// Returns the notice of a group: where the open notice is, if it is of this group; else where it was closed, or,
    /// as it has never grown, where it began.
    pub(super) async fn find_of_group(
        &self,
        member: AccountId,
        group: Uuid,
        is_filtered: bool,
        open: Option<Key>,
    ) -> Result<Option<StoredNotice>, Error> {
        let mut id = group;
        if let Some(open) = open {
            let closed = keys::closed_group(member, group);
            let found = self.table.get_each(&[open, closed]).await?;
            for place in found.values().map(GroupPlace::read) {
                let place = place?;
                if place.group == group {
                    id = place.notice;
                }
            }
        }
        let notice = self.notice(keys::notice(member, is_filtered, id)).await?;
        Ok(notice.filter(|notice| notice.group == group))
    }

    /// Returns a notice as it is without some of its entries; `None` if none is left.
    async fn shrunk(
        &self,
        member: AccountId,
        notice: &StoredNotice,
        group_key: &str,
        removed: &[StoredEntry],
    ) -> Result<Option<StoredNotice>, Error> {
        let mut left = notice.clone();
        left.entry_count = left.entry_count.saturating_sub(removed.len() as u64);
        if left.entry_count == 0 {
            return Ok(None);
        }
        let places: BTreeSet<String> = removed.iter().map(|entry| entry.name.sk()).collect();
        let actors: BTreeSet<AccountId> = removed.iter().filter_map(|entry| entry.name.actor).collect();
        for actor in actors {
            let acts = self.list_acts(member, actor, group_key, notice.group).await?;
            if acts.iter().all(|place| places.contains(place)) {
                left.actor_count = left.actor_count.saturating_sub(1);
                left.actors.retain(|named| *named != actor);
            }
        }
        if left.actors.is_empty() && left.actor_count > 0 {
            left.actors = self.list_last_actors(member, notice.group, &places).await?;
        }
        Ok(Some(left))
    }

    /// Returns the last actors of a group, the newest first. It reads all entries of a member, so it is for a notice
    /// of which all remembered actors were taken away.
    async fn list_last_actors(
        &self,
        member: AccountId,
        group: Uuid,
        removed: &BTreeSet<String>,
    ) -> Result<Vec<AccountId>, Error> {
        let query = Query { pk: keys::entries(member), places: Places::All, is_descending: false, limit: 1000 };
        let mut last: BTreeMap<AccountId, Uuid> = BTreeMap::new();
        let mut from = None;
        loop {
            let (page, next) = self.table.page(&query, from).await?;
            for found in &page {
                let entry = StoredEntry::read(found)?;
                if let Some(actor) = entry.name.actor
                    && entry.group == group
                    && !removed.contains(&entry.name.sk())
                {
                    let known = last.entry(actor).or_default();
                    *known = entry.notice.max(*known);
                }
            }
            if next.is_none() {
                break;
            }
            from = next;
        }
        let mut actors: Vec<(Uuid, AccountId)> = last.into_iter().map(|(actor, act)| (act, actor)).collect();
        actors.sort_unstable_by(|one, other| other.cmp(one));
        Ok(actors.into_iter().take(MAX_KEPT_ACTORS).map(|(_, actor)| actor).collect())
    }

    pub(super) async fn withdraw_notices(&self, found: &[Item]) -> Result<WithdrawnStep, Error> {
        let mut by_member: BTreeMap<AccountId, Vec<SubjectReference>> = BTreeMap::new();
        for item in found {
            let (member, reference) = SubjectReference::read(item)?;
            by_member.entry(member).or_default().push(reference);
        }
        let has_more = !by_member.is_empty();
        let changed: Vec<Option<AccountId>> = stream::iter(by_member)
            .map(|(member, references)| async move {
                let mut has_changed = false;
                for chunk in references.chunks(BATCH_OF_MEMBER) {
                    has_changed |= self.remove_notices(member, chunk).await?;
                }
                Ok::<_, Error>(has_changed.then_some(member))
            })
            .buffer_unordered(CONCURRENT_MEMBERS)
            .try_collect()
            .await?;
        Ok(WithdrawnStep { members: changed.into_iter().flatten().collect(), has_more })
    }

    /// Removes notices of a member. Their entries expire.
    async fn remove_notices(&self, member: AccountId, references: &[SubjectReference]) -> Result<bool, Error> {
        for attempt in 0..MAX_ATTEMPTS {
            self.table.pause(attempt).await;
            let mut recipient: Option<Recipient> = self.recipient(member).await?;
            let mut actions = Vec::new();
            let mut has_changed = false;
            for SubjectReference { key, group, is_filtered, open } in references {
                let notice = self.find_of_group(member, *group, *is_filtered, open.clone()).await?;
                match (&mut recipient, notice) {
                    // It has this subject, so its removal removes the reference too.
                    (Some(recipient), Some(notice)) => {
                        has_changed = true;
                        actions.extend(self.removal(recipient, &notice)?);
                    }
                    _ => actions.push(self.table.delete(key.clone())?),
                }
            }
            if let Some(recipient) = &recipient {
                actions.push(self.table.put_counts(recipient)?);
            }
            if self.table.write(&actions).await? == Written::Done {
                return Ok(has_changed);
            }
        }
        Err(overloaded())
    }
}

fn parse_name(sk: &str) -> Result<EntryName, Error> {
    EntryName::parse(sk).ok_or(Error::Corrupt("the place of an entry"))
}

/// Returns the entry that an item names.
fn named_entry(item: &Item) -> Result<(AccountId, EntryName), Error> {
    Ok((AccountId(parsed(item, "member")?), parse_name(text(item, "entry_place")?)?))
}
