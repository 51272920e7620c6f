//! The live streams that are open in this process, and waking those whose member's notices have changed.
//!
//! One subscription for the whole process hears of the changes of all processes ([`crate::live`]), so a stream that
//! waits costs a signal and no queue. Invariant: a stream that is woken reads the history, and one signal stands for
//! any number of changes, so updates that are merged or missed lose nothing; the number of streams is bounded.

use std::collections::HashMap;
use std::sync::Arc;

use base::tasks::Tasks;
use bus::{Broadcast, BroadcastMessage, Subscriber};
use contract::AccountId;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::Notify as Signal;

use crate::live::{EVERYBODY, TOPIC, members_of};

/// The most streams of a process. Each holds a few kilobytes while it waits.
const MAX_STREAMS: usize = 10_000;

/// The open streams of a process; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Streams {
    open: Arc<Mutex<Open>>,
    /// How many there are.
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Open {
    by_member: HashMap<AccountId, Vec<Arc<Signal>>>,
    count: usize,
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
                BroadcastMessage::Update(_, payload) if &*payload == EVERYBODY => self.wake_all(),
                BroadcastMessage::Update(_, payload) => self.wake(members_of(&payload)),
                BroadcastMessage::Lagged => self.wake_all(),
            }
        }
    }

    /// Opens a stream of a member; `None` if there are too many.
    pub(crate) fn open(&self, member: AccountId) -> Option<OpenStream> {
        let mut open = self.open.lock();
        if open.count >= MAX_STREAMS {
            return None;
        }
        let signal = Arc::new(Signal::new());
        open.by_member.entry(member).or_default().push(signal.clone());
        open.count += 1;
        self.gauge.inc();
        Some(OpenStream { member, signal, streams: self.clone() })
    }

    fn wake(&self, members: impl Iterator<Item = AccountId>) {
        let open = self.open.lock();
        for signal in members.filter_map(|member| open.by_member.get(&member)).flatten() {
            signal.notify_one();
        }
    }

    fn wake_all(&self) {
        for signal in self.open.lock().by_member.values().flatten() {
            signal.notify_one();
        }
    }

    fn close(&self, stream: &OpenStream) {
        let mut open = self.open.lock();
        if let Some(signals) = open.by_member.get_mut(&stream.member) {
            signals.retain(|signal| !Arc::ptr_eq(signal, &stream.signal));
            if signals.is_empty() {
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
    signal: Arc<Signal>,
    streams: Streams,
}

impl OpenStream {
    /// Waits until the member's notices may have changed since the last call.
    pub(crate) async fn changed(&self) {
        self.signal.notified().await;
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.streams.close(self);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt as _;
    use uuid::Uuid;

    use super::*;

    const ADA: AccountId = AccountId(Uuid::from_u128(1));
    const BOB: AccountId = AccountId(Uuid::from_u128(2));

    fn is_woken(stream: &OpenStream) -> bool {
        stream.changed().now_or_never().is_some()
    }

    #[test]
    fn changes_wake_their_members_once_and_a_missed_update_wakes_all() {
        let streams = Streams::default();
        let [ada, also_ada, bob] = [ADA, ADA, BOB].map(|member| streams.open(member).unwrap());
        streams.wake([ADA, ADA, AccountId(Uuid::from_u128(3))].into_iter());
        assert_eq!([&ada, &also_ada, &bob].map(is_woken), [true, true, false]);
        assert!(!is_woken(&ada));
        streams.wake_all();
        assert_eq!([&ada, &bob].map(is_woken), [true, true]);
        drop((ada, bob));
        assert_eq!((streams.gauge.get(), streams.open.lock().by_member.len()), (1, 1));
        drop(also_ada);
        assert!(streams.open.lock().by_member.is_empty());
    }

    #[tokio::test]
    async fn a_process_hears_of_changes_of_others_and_of_those_that_it_missed() {
        let ((broadcast, relay), tasks) = (Broadcast::with_relay(), Tasks::default());
        let streams = Streams::start(&broadcast, &tasks, &Gauge::default());
        let ada = streams.open(ADA).unwrap();
        // As a bus across processes passes an update on, and says that a connection was lost.
        relay.local.publish(TOPIC.into(), format!("{},{}", BOB.0.simple(), ADA.0.simple()).into());
        ada.changed().await;
        relay.local.publish_lagged();
        ada.changed().await;
        relay.local.publish(TOPIC.into(), EVERYBODY.into());
        ada.changed().await;
        assert!(tasks.stop(Duration::from_secs(10)).await);
    }

    #[test]
    fn the_streams_of_a_process_are_bounded() {
        let streams = Streams::default();
        let member = |number: usize| AccountId(Uuid::from_u128(number as u128));
        let mut open: Vec<OpenStream> = (0..MAX_STREAMS).map(|at| streams.open(member(at)).unwrap()).collect();
        assert!(streams.open(BOB).is_none());
        drop(open.pop());
        assert!(streams.open(BOB).is_some());
    }
}
