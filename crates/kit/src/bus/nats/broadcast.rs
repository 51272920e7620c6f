//! Broadcast updates between processes, over plain NATS: nothing is kept.
//!
//! Invariant: whenever an update may not have crossed, the listeners that it was for are told that they missed something.

use std::sync::Arc;

use async_nats::Client;
use async_nats::connection::State;
use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::options::REQUEST_TIMEOUT;
use super::subjects;
use crate::bus::broadcast::Relay;

/// Carries updates in both directions until it is dropped.
pub(super) async fn relay(client: Client, prefix: Arc<str>, ends: Relay, mut gaps: watch::Receiver<u64>) {
    let Relay { mut outgoing, dropped, local } = ends;
    let (topic_prefix, missed) = (format!("{prefix}.live."), format!("{prefix}.missed"));
    // Whoever can't subscribe has a client that was closed for good.
    let Ok(mut updates) = client.subscribe(format!("{topic_prefix}>")).await else { return };
    let Ok(mut missed_messages) = client.subscribe(missed.clone()).await else { return };
    // Whether anything was told since the last gap: only then can others have missed something of ours.
    let mut has_published = false;
    loop {
        let is_lost = tokio::select! {
            update = outgoing.recv() => {
                let Some((topic, payload)) = update else { return };
                has_published = true;
                !send(&client, format!("{topic_prefix}{}", subjects::subject(&topic)), payload.as_bytes()).await
            }
            Some(message) = updates.next() => {
                let topic = subjects::from_subject(message.subject.strip_prefix(topic_prefix.as_str()).unwrap_or_default());
                local.publish(topic.into(), String::from_utf8_lossy(&message.payload).into());
                false
            }
            Some(_) = missed_messages.next() => { local.publish_lagged(); false }
            () = dropped.next() => true,
            // The connection is a new one: others were not heard meanwhile, and what was told here may not have arrived.
            Ok(()) = gaps.changed() => { local.publish_lagged(); std::mem::take(&mut has_published) }
            else => return,
        };
        if is_lost && client.connection_state() == State::Connected {
            send(&client, missed.clone(), b"").await;
        }
    }
}

/// Whether it left for the server. While there is no connection nothing is put in line: the listeners will be told to read anew.
async fn send(client: &Client, subject: String, payload: &[u8]) -> bool {
    client.connection_state() == State::Connected && matches!(timeout(REQUEST_TIMEOUT, client.publish(subject, payload.to_vec().into())).await, Ok(Ok(())))
}
