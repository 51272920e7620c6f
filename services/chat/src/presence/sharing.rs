//! The tasks that keep the tables of all processes alike, and tell members of each other.
//!
//! A beat is one message for each thousand members who are connected here. Invariant: a slow database or a peer that
//! does not respond delays what is told, never a beat; changes are told one after the other, so a crowd that connects
//! at once costs a bounded rate of reads.

use std::time::Duration;

use bus::{BroadcastMessage, Subscriber};
use chrono::TimeDelta;
use contract::AccountId;
use tokio::time::{MissedTickBehavior, interval};

use super::messages::{Message, PresenceChange, TOPIC, publish, publish_change, publish_here};
use crate::commands;
use crate::error::Error;
use crate::queries;
use crate::state::Chat;

/// How often a process says who is connected to it: three times within the time for which that counts.
const BEAT: TimeDelta = TimeDelta::seconds(20);
/// How long a process collects who has come before it says so.
const COLLECTION_TIME: Duration = Duration::from_millis(100);
/// How many rows of one transaction.
const BATCH: usize = 100;

/// Begins to share presence, until the process stops.
pub(crate) fn start(chat: &Chat) {
    let process = chat.context.random.id();
    let subscriber = chat.context.bus.broadcast().subscribe(TOPIC);
    spawn(chat, follow(chat.clone(), subscriber, process.clone()));
    spawn(chat, announce(chat.clone(), process));
    spawn(chat, work(chat.clone()));
    publish(&chat.context.bus, &Message::Ask);
}

fn spawn(chat: &Chat, task: impl Future<Output = ()> + Send + 'static) {
    let owner = chat.context.tasks.clone();
    chat.context.tasks.spawn(async move {
        tokio::select! {
            () = task => {}
            () = owner.stopping() => {}
        }
    });
}

/// Takes what the processes say.
async fn follow(chat: Chat, mut subscriber: Subscriber, own_name: String) {
    let (table, clock) = (&chat.presence, &chat.context.clock);
    while let Some(message) = subscriber.next().await {
        let BroadcastMessage::Update(_, payload) = message else {
            table.set_missed();
            continue;
        };
        match Message::read(&payload) {
            Some(Message::Ask) => table.announce_all(),
            Some(Message::Here { process, members }) if process != own_name => {
                table.hear(process, &members, clock.now());
            }
            Some(Message::Changed { member, change, viewers }) => {
                match change {
                    PresenceChange::Online => table.add(member, clock.now()),
                    PresenceChange::Away => table.remove(member),
                    PresenceChange::Unknown => {}
                }
                chat.streams.wake_presence(member, change, &viewers);
            }
            Some(Message::Here { .. }) | None => {}
        }
    }
}

/// Says who is here: all at each beat, and at once who has come.
async fn announce(chat: Chat, process: String) {
    let (table, bus, clock) = (&chat.presence, &chat.context.bus, &chat.context.clock);
    let mut ticks = interval(BEAT.to_std().unwrap_or_default());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one is at once.
    ticks.tick().await;
    let mut next_beat = clock.now() + BEAT;
    loop {
        tokio::select! {
            () = table.arrived() => {
                tokio::time::sleep(COLLECTION_TIME).await;
                let arrived = table.take_arrived();
                if !arrived.is_empty() {
                    publish_here(bus, &process, &arrived);
                }
                continue;
            }
            _ = ticks.tick() => {}
            // A clock of tests, which is moved.
            () = clock.reached(next_beat) => {}
        }
        next_beat = clock.now() + BEAT;
        let beat = table.beat(clock.now());
        publish_here(bus, &process, &beat.here);
        if beat.has_missed {
            chat.streams.reset_presence();
        }
    }
}

/// Tells those who see a member of a change. A block may be stored, and told, while they are read: what is published
/// then would come after it, and stay. So they are read again, and those who see the member no more are told so.
async fn tell(chat: &Chat, member: AccountId, change: PresenceChange) -> Result<(), Error> {
    let viewers = queries::presence::list_viewers(chat, member).await?;
    publish_change(&chat.context.bus, member, change, &viewers);
    let lost = queries::presence::list_lost(chat, member, viewers).await?;
    publish_change(&chat.context.bus, member, PresenceChange::Unknown, &lost);
    Ok(())
}

/// Tells members of each other's changes, and writes when they were online last.
async fn work(chat: Chat) {
    loop {
        chat.presence.work().await;
        while let Some((member, change)) = chat.presence.take_change() {
            if let Err(error) = tell(&chat, member, change).await {
                tracing::warn!(%error, "a change of presence could not be told");
            }
        }
        loop {
            let seen = chat.presence.take_seen(BATCH);
            if seen.is_empty() {
                break;
            }
            if let Err(error) = commands::record_seen(&chat, seen).await {
                tracing::warn!(%error, "when members were online last could not be stored");
            }
        }
    }
}
