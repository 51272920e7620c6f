//! The newest changes of conversations, read once for all streams of a process that an update wakes.
//!
//! Owns the copies, and when they are discarded. What of a copy a reader sees is decided in `queries::changes`.
//! Invariant: an update discards the copy of its conversation before it wakes a stream, so a stream that is woken reads
//! no copy from before; number, length and age of copies are bounded; who needs what a copy does not have reads it
//! alone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base::tasks::Tasks;
use contract::AccountId;
use db::{Db, Sql};
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

use crate::model::{Change, Conversation, ConversationMember, Message, MessageMedia};
use crate::store::{changes, conversations, media, members, messages, reactions};

/// The most changes of a copy: a stream is a few behind while its client is served.
const MAX_CHANGES: i64 = 16;
/// The most conversations with a copy. Beyond them, each stream reads alone.
const MAX_CONVERSATIONS: usize = 256;
/// After this time a copy is read by no more streams: what changes without an update, such as a converted file, is in
/// the next one.
const MAX_AGE: Duration = Duration::from_secs(1);

/// A message with what belongs to it, for all who may see it.
#[derive(Debug)]
pub(crate) struct RecentMessage {
    /// The message.
    pub message: Message,
    /// Its media.
    pub media: Vec<MessageMedia>,
    /// Who has reacted, how, and whether the reaction is withheld from others.
    pub reactions: Vec<(AccountId, String, bool)>,
}

/// The newest changes of a conversation.
#[derive(Debug)]
pub(crate) struct Recent {
    /// The conversation, with the epoch that clients know.
    pub conversation: Conversation,
    /// The copy has the changes after this place.
    pub after: i64,
    /// The changes, by place.
    pub changes: Vec<Change>,
    /// The messages that they are about, as they are now.
    pub messages: HashMap<Uuid, RecentMessage>,
    /// Who has deleted which of the messages for themselves.
    pub hidden: HashSet<(AccountId, Uuid)>,
    /// All members.
    pub members: Vec<ConversationMember>,
}

impl Recent {
    /// Returns one of the members.
    pub(crate) fn find_member(&self, account: AccountId) -> Option<&ConversationMember> {
        self.members.iter().find(|member| member.account == account)
    }
}

/// A copy that is being read, or was; `None` if there is no such conversation, or if it could not be read.
type Reading = Shared<BoxFuture<'static, Option<Arc<Recent>>>>;

struct Entry {
    since: Instant,
    reading: Reading,
}

/// The copies of a process; clones share them.
#[derive(Clone, Default)]
pub(crate) struct RecentChanges(Arc<Mutex<HashMap<Uuid, Entry>>>);

impl std::fmt::Debug for RecentChanges {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RecentChanges")
    }
}

impl RecentChanges {
    /// Returns the newest changes of a conversation, read now or shortly before, and after its newest update; `None` if
    /// the caller has to read alone.
    pub(crate) async fn read(&self, db: &Db, tasks: &Tasks, conversation: Uuid) -> Option<Arc<Recent>> {
        self.reading(db, tasks, conversation).await
    }

    fn reading(&self, db: &Db, tasks: &Tasks, conversation: Uuid) -> Reading {
        let now = Instant::now();
        let mut entries = self.0.lock();
        let is_young = |entry: &Entry| now.duration_since(entry.since) < MAX_AGE;
        if let Some(entry) = entries.get(&conversation).filter(|entry| is_young(entry)) {
            return entry.reading.clone();
        }
        if entries.len() >= MAX_CONVERSATIONS {
            entries.retain(|_, entry| is_young(entry));
        }
        let db = db.clone();
        let reading: Reading = async move { load_or_none(&db, conversation).await }.boxed().shared();
        if entries.len() < MAX_CONVERSATIONS {
            entries.insert(conversation, Entry { since: now, reading: reading.clone() });
        }
        drop(entries);
        // A stream whose client does not read is polled no more: the others would wait for it.
        tasks.spawn(reading.clone().map(drop));
        reading
    }

    /// Discards the copy of a conversation.
    pub(crate) fn forget(&self, conversation: Uuid) {
        self.0.lock().remove(&conversation);
    }

    /// Discards all copies.
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}

async fn load_or_none(db: &Db, conversation: Uuid) -> Option<Arc<Recent>> {
    match load(db.read(), conversation).await {
        Ok(found) => found.map(Arc::new),
        Err(error) => {
            tracing::warn!(%error, "changes could not be read for the streams of a conversation; each reads alone");
            None
        }
    }
}

/// Reads the newest changes. The members come last: one who has left meanwhile sees nothing from afterwards.
async fn load(sql: &impl Sql, conversation: Uuid) -> Result<Option<Recent>, db::Error> {
    let Some(mut found) = conversations::find(sql, conversation).await? else { return Ok(None) };
    found.epoch ^= db::restored::epoch(sql).await?;
    let after = (found.last_seq - MAX_CHANGES).max(0);
    let changes = changes::list(sql, conversation, after, found.last_seq).await?;
    let mut ids: Vec<Uuid> = changes.iter().filter_map(|change| change.message).collect();
    ids.sort_unstable();
    ids.dedup();
    let stored = messages::list(sql, conversation, &ids).await?;
    let mut all_media = media::list(sql, &ids).await?;
    let mut all_reactions = reactions::list_all(sql, &ids).await?;
    let hidden = messages::list_hidden(sql, &ids).await?;
    let complete = |message: Message| {
        let media = all_media.remove(&message.id).unwrap_or_default();
        let reactions = all_reactions.remove(&message.id).unwrap_or_default();
        (message.id, RecentMessage { message, media, reactions })
    };
    let messages = stored.into_iter().map(complete).collect();
    let members = members::list(sql, conversation).await?;
    Ok(Some(Recent { conversation: found, after, changes, messages, hidden, members }))
}

#[cfg(test)]
mod tests {
    use db::Lane;
    use testkit::World;

    use super::*;
    use crate::model::ConversationKind;

    #[tokio::test]
    async fn a_copy_is_not_older_than_the_update_that_discards_it() {
        let world = World::of(&[crate::service()]).await;
        let context = world.context("chat");
        let (recent, id) = (RecentChanges::default(), Uuid::from_u128(9));
        assert!(recent.read(&context.db, &context.tasks, Uuid::nil()).await.is_none());
        let found = Conversation {
            id,
            kind: ConversationKind::Group,
            pair: None,
            name: None,
            picture: None,
            has_invite: false,
            epoch: 1,
            last_seq: 0,
            created_at: context.clock.now(),
        };
        context.db.write(Lane::of(&id), async move |tx| conversations::insert(tx, &found).await).await.unwrap();
        for last_seq in 1..=3 {
            context.db.write(Lane::of(&id), async move |tx| conversations::next_seq(tx, id).await).await.unwrap();
            recent.forget(id);
            let (one, other) = tokio::join!(
                recent.read(&context.db, &context.tasks, id),
                recent.read(&context.db, &context.tasks, id)
            );
            let (one, other) = (one.unwrap(), other.unwrap());
            assert_eq!((one.conversation.last_seq, other.conversation.last_seq), (last_seq, last_seq));
        }
        for number in 0..=MAX_CONVERSATIONS as u128 {
            drop(recent.reading(&context.db, &context.tasks, Uuid::from_u128(100 + number)));
        }
        assert!(recent.0.lock().len() <= MAX_CONVERSATIONS);
        recent.clear();
        assert!(recent.0.lock().is_empty());
        world.end().await;
    }
}
