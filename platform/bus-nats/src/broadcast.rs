//! Broadcast updates between processes, over plain NATS: nothing is stored.
//!
//! Invariant: whenever an update may be lost between processes, its subscribers are told that they missed something.

use std::sync::Arc;

use async_nats::Client;
use async_nats::connection::State;
use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::options::REQUEST_TIMEOUT;
use super::subjects;
use bus::broadcast::Relay;

/// Passes updates on in both directions until it is dropped.
pub(super) async fn relay(client: Client, prefix: Arc<str>, ends: Relay, mut gaps: watch::Receiver<u64>) {
    let Relay { mut outgoing, dropped, local } = ends;
    let (topic_prefix, missed) = (format!("{prefix}.live."), format!("{prefix}.missed"));
    // Subscribing fails only if the client was closed for good.
    let Ok(mut updates) = client.subscribe(format!("{topic_prefix}>")).await else { return };
    let Ok(mut missed_messages) = client.subscribe(missed.clone()).await else { return };
    // Whether anything was published since the last gap: only then can other processes have missed updates of ours.
    let mut has_published = false;
    loop {
        let is_lost = tokio::select! {
            update = outgoing.recv() => {
                let Some((topic, payload)) = update else { return };
                has_published = true;
                !send(&client, format!("{topic_prefix}{}", subjects::subject(&topic)), payload.as_bytes()).await
            }
            Some(message) = updates.next() => {
                let subject = message.subject.strip_prefix(topic_prefix.as_str()).unwrap_or_default();
                let topic = subjects::from_subject(subject);
                local.publish(topic.into(), String::from_utf8_lossy(&message.payload).into());
                false
            }
            Some(_) = missed_messages.next() => { local.publish_lagged(); false }
            () = dropped.next() => true,
            // The connection is a new one: updates of others may have been missed, and ours may not have arrived.
            Ok(()) = gaps.changed() => { local.publish_lagged(); std::mem::take(&mut has_published) }
            else => return,
        };
        if is_lost && client.connection_state() == State::Connected {
            send(&client, missed.clone(), b"").await;
        }
    }
}

/// Returns whether the message was passed to the server. Without a connection nothing is queued: the subscribers will
/// be told to read the state again.
async fn send(client: &Client, subject: String, payload: &[u8]) -> bool {
    client.connection_state() == State::Connected
        && matches!(timeout(REQUEST_TIMEOUT, client.publish(subject, payload.to_vec().into())).await, Ok(Ok(())))
}
