//! Live updates between processes, over plain NATS: nothing is kept.
//!
//! Invariant: whenever an update may not have crossed, the listeners that it was for are told that they missed something.

use std::sync::Arc;

use async_nats::Client;
use async_nats::connection::State;
use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::time::timeout;

use super::names;
use super::options::PATIENCE;
use crate::bus::live::Wire;

/// Carries updates in both directions until it is dropped.
pub(super) async fn carry(client: Client, prefix: Arc<str>, wire: Wire, mut gaps: watch::Receiver<u64>) {
    let Wire { mut outgoing, dropped, here } = wire;
    let (below, missed) = (format!("{prefix}.live."), format!("{prefix}.missed"));
    // Whoever can't subscribe has a client that was closed for good.
    let Ok(mut updates) = client.subscribe(format!("{below}>")).await else { return };
    let Ok(mut cries) = client.subscribe(missed.clone()).await else { return };
    // Whether anything was told since the last gap: only then can others have missed something of ours.
    let mut told = false;
    loop {
        let lost = tokio::select! {
            update = outgoing.recv() => {
                let Some((topic, payload)) = update else { return };
                told = true;
                !send(&client, format!("{below}{}", names::subject(&topic)), payload.as_bytes()).await
            }
            Some(message) = updates.next() => {
                let topic = names::from_subject(message.subject.strip_prefix(below.as_str()).unwrap_or_default());
                here.tell(topic.into(), String::from_utf8_lossy(&message.payload).into());
                false
            }
            Some(_) = cries.next() => { here.lagged(); false }
            () = dropped.next() => true,
            // The connection is a new one: others were not heard meanwhile, and what was told here may not have arrived.
            Ok(()) = gaps.changed() => { here.lagged(); std::mem::take(&mut told) }
            else => return,
        };
        if lost && client.connection_state() == State::Connected {
            send(&client, missed.clone(), b"").await;
        }
    }
}

/// Whether it left for the server. While there is no connection nothing is put in line: the listeners will be told to read anew.
async fn send(client: &Client, subject: String, payload: &[u8]) -> bool {
    client.connection_state() == State::Connected && matches!(timeout(PATIENCE, client.publish(subject, payload.to_vec().into())).await, Ok(Ok(())))
}
