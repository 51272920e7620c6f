//! The live streams that are open in this process, and which conversations have changed for each.
//!
//! One subscription for the whole process hears of the changes of all processes ([`crate::live`]), so a stream that
//! waits costs a signal and no queue. Invariant: a stream that is woken reads what is stored, so updates that are
//! merged or missed lose nothing; the number of streams, and of conversations that one has to read, are bounded.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use base::tasks::Tasks;
use bus::{Broadcast, BroadcastMessage, Subscriber};
use contract::AccountId;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify as Signal;
use uuid::Uuid;

use crate::live::{TOPIC, Update, read};
use crate::presence::messages::PresenceChange;
use crate::recent::RecentChanges;

/// The most streams of a process. Each holds a few kilobytes while it waits.
const MAX_STREAMS: usize = 10_000;
/// The most streams of one member: more than one gateway lets them have.
const MAX_PER_MEMBER: usize = 64;
/// The most conversations that a stream has to read; beyond them it begins again.
const MAX_CHANGED: usize = 200;

/// The open streams of a process; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams {
    open: Arc<Mutex<Open>>,
    /// The changes that streams read together.
    recent: RecentChanges,
    /// How many there are.
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Open {
    by_member: HashMap<AccountId, Vec<Arc<Slot>>>,
    count: usize,
}

/// The most members who are typing that a stream is told of at once.
const MAX_TYPING: usize = 20;
/// The most members whose presence has changed that a stream is told of at once; beyond them it reads all of it again.
const MAX_PRESENCE: usize = 50;

/// What a stream is told between two reads.
#[derive(Debug, Default)]
struct Slot {
    signal: Signal,
    changed: Mutex<Changed>,
}

/// What has changed since a stream last read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    /// The conversations.
    pub conversations: BTreeSet<Uuid>,
    /// Who is typing where.
    pub typing: BTreeSet<(Uuid, AccountId)>,
    /// Whether there may be more than those: the stream begins again.
    pub is_lagged: bool,
    /// Whose presence has changed, and how.
    pub presence: BTreeMap<AccountId, PresenceChange>,
    /// Whether there may be more than those: the stream reads the presence of all again.
    pub is_presence_reset: bool,
}

impl Slot {
    fn wake(&self, update: Option<Update>) {
        let mut changed = self.changed.lock();
        match update {
            Some(Update::Typing { conversation, member }) => {
                if changed.typing.len() < MAX_TYPING {
                    changed.typing.insert((conversation, member));
                }
            }
            Some(Update::Changed { conversation }) if changed.conversations.len() < MAX_CHANGED => {
                changed.conversations.insert(conversation);
            }
            _ => changed.is_lagged = true,
        }
        drop(changed);
        self.signal.notify_one();
    }

    fn wake_presence(&self, member: AccountId, change: PresenceChange) {
        let mut changed = self.changed.lock();
        if changed.presence.len() < MAX_PRESENCE || changed.presence.contains_key(&member) {
            changed.presence.insert(member, change);
        } else {
            changed.is_presence_reset = true;
        }
        drop(changed);
        self.signal.notify_one();
    }
}

impl Streams {
    /// Begins to follow the changes, until the process stops.
    pub(crate) fn start(broadcast: &Broadcast, tasks: &Tasks, gauge: &Gauge) -> Self {
        let streams = Self { gauge: gauge.clone(), ..Self::default() };
        let (following, owner, subscriber) = (streams.clone(), tasks.clone(), broadcast.subscribe(TOPIC));
        tasks.spawn(async move {
            tokio::select! {
                () = following.follow(subscriber) => {}
                () = owner.stopping() => {}
            }
        });
        streams
    }

    async fn follow(&self, mut subscriber: Subscriber) {
        while let Some(message) = subscriber.next().await {
            match message {
                BroadcastMessage::Update(_, payload) => {
                    if let Some((update, members)) = read(&payload) {
                        self.wake(update, &members);
                    }
                }
                BroadcastMessage::Lagged => self.wake_all(),
            }
        }
    }

    /// Opens a stream of a member; `None` if there are too many, of the process or of the member.
    pub(crate) fn open(&self, member: AccountId) -> Option<OpenStream> {
        let mut open = self.open.lock();
        let of_member = open.by_member.get(&member).map_or(0, Vec::len);
        if open.count >= MAX_STREAMS || of_member >= MAX_PER_MEMBER {
            return None;
        }
        let slot = Arc::new(Slot::default());
        open.by_member.entry(member).or_default().push(slot.clone());
        open.count += 1;
        self.gauge.inc();
        Some(OpenStream { member, slot, streams: self.clone() })
    }

    /// Returns the changes that streams read together.
    pub(crate) fn recent(&self) -> &RecentChanges {
        &self.recent
    }

    fn wake(&self, update: Update, members: &[AccountId]) {
        if let Update::Changed { conversation } = update {
            self.recent.forget(conversation);
        }
        let open = self.open.lock();
        for slot in members.iter().filter_map(|member| open.by_member.get(member)).flatten() {
            slot.wake(Some(update));
        }
    }

    /// Tells the streams of these members that the presence of another one has changed.
    pub(crate) fn wake_presence(&self, member: AccountId, change: PresenceChange, viewers: &[AccountId]) {
        let open = self.open.lock();
        for slot in viewers.iter().filter_map(|viewer| open.by_member.get(viewer)).flatten() {
            slot.wake_presence(member, change);
        }
    }

    /// Has every stream read the presence of all again.
    pub(crate) fn reset_presence(&self) {
        for slot in self.open.lock().by_member.values().flatten() {
            slot.changed.lock().is_presence_reset = true;
            slot.signal.notify_one();
        }
    }

    fn wake_all(&self) {
        self.recent.clear();
        for slot in self.open.lock().by_member.values().flatten() {
            slot.wake(None);
        }
    }

    fn close(&self, stream: &OpenStream) {
        let mut open = self.open.lock();
        if let Some(slots) = open.by_member.get_mut(&stream.member) {
            slots.retain(|slot| !Arc::ptr_eq(slot, &stream.slot));
            if slots.is_empty() {
                open.by_member.remove(&stream.member);
            }
            open.count -= 1;
            self.gauge.dec();
        }
    }
}

/// A stream that is open until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream {
    member: AccountId,
    slot: Arc<Slot>,
    streams: Streams,
}

impl OpenStream {
    /// Waits until something may have changed since the last call.
    pub(crate) async fn changed(&self) {
        self.slot.signal.notified().await;
    }

    /// Takes what has changed since the last call.
    pub(crate) fn take(&self) -> Changed {
        std::mem::take(&mut *self.slot.changed.lock())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.close(self);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const ADA: AccountId = AccountId(Uuid::from_u128(1));
    const BOB: AccountId = AccountId(Uuid::from_u128(2));

    #[test]
    fn a_stream_is_told_of_conversations_of_its_member_and_begins_again_beyond_its_bound() {
        let streams = Streams::default();
        let [ada, bob] = [ADA, BOB].map(|member| streams.open(member).unwrap());
        let conversation = Uuid::from_u128(9);
        let update = Update::Changed { conversation };
        streams.wake(update, &[ADA]);
        streams.wake(update, &[ADA]);
        assert!(ada.changed().now_or_never().is_some() && bob.changed().now_or_never().is_none());
        assert_eq!(ada.take(), Changed { conversations: BTreeSet::from([conversation]), ..Changed::default() });
        assert_eq!(ada.take(), Changed::default());
        for number in 0..=MAX_CHANGED as u128 {
            streams.wake(Update::Changed { conversation: Uuid::from_u128(number) }, &[BOB]);
            streams.wake(Update::Typing { conversation: Uuid::from_u128(number), member: ADA }, &[ADA]);
        }
        assert_eq!(ada.take().typing.len(), MAX_TYPING);
        assert!(bob.take().is_lagged);
        streams.wake_all();
        assert!(ada.take().is_lagged);
        for number in 0..=MAX_PRESENCE as u128 {
            for change in [PresenceChange::Online, PresenceChange::Away] {
                streams.wake_presence(AccountId(Uuid::from_u128(number)), change, &[ADA]);
            }
        }
        let Changed { presence, is_presence_reset, .. } = ada.take();
        assert!(is_presence_reset && presence.values().all(|change| *change == PresenceChange::Away));
        assert_eq!((presence.len(), bob.take().presence.len()), (MAX_PRESENCE, 0));
        let more: Vec<OpenStream> = (0..MAX_PER_MEMBER).filter_map(|_| streams.open(ADA)).collect();
        assert_eq!(more.len(), MAX_PER_MEMBER - 1);
        drop((ada, bob, more));
        assert!(streams.open.lock().by_member.is_empty() && streams.gauge.get() == 0);
    }
}
