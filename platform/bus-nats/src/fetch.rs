//! Fetching: one pull request, with an inbox for the response of its own.
//!
//! The server responds with what it has, or with the first event that comes. Invariant: a fetch ends soon after its
//! timeout whatever the server does, and at once when the connection was replaced: the server of the new connection
//! does not know the request.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::BatchConfig;
use async_nats::{Message, StatusCode};
use futures::StreamExt as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::options::REQUEST_TIMEOUT;
use super::publish::EVENT_ID;
use super::stream::Log;
use super::{Nats, subjects};
use base::{event_traces, trace};
use bus::Error;
use bus::{Delivery, Envelope, Subscription};

/// How much later than asked the server's last message may come.
const RESPONSE_GRACE: Duration = Duration::from_secs(2);
/// After the first event, the others follow within this time.
const REST_TIMEOUT: Duration = Duration::from_millis(200);
/// How often a server that waits with us sends a heartbeat.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);

enum Reply {
    Delivery(Delivery),
    Heartbeat,
    End,
    ConsumerGone,
}

impl Nats {
    pub(super) async fn pull(
        &self,
        consumer: &Subscription,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Delivery>, Error> {
        let end = Instant::now() + wait;
        loop {
            let (deliveries, is_replaced) =
                self.pull_once(consumer, max, end.saturating_duration_since(Instant::now())).await?;
            if !deliveries.is_empty() || !is_replaced {
                return Ok(deliveries);
            }
        }
    }

    /// Sends one request. Returns the deliveries, and whether the connection was replaced before the response.
    async fn pull_once(
        &self,
        consumer: &Subscription,
        max: usize,
        wait: Duration,
    ) -> Result<(Vec<Delivery>, bool), Error> {
        self.connected(wait.max(REQUEST_TIMEOUT)).await?;
        let log = self.ready().await?;
        let mut gaps = self.gaps.clone();
        gaps.mark_unchanged();
        let heartbeat = if wait >= 2 * HEARTBEAT_INTERVAL { HEARTBEAT_INTERVAL } else { Duration::ZERO };
        // `no_wait` with `expires`: what is there at once, or else the first that comes.
        let request = BatchConfig {
            batch: max,
            expires: (!wait.is_zero()).then_some(wait),
            no_wait: true,
            idle_heartbeat: heartbeat,
            ..BatchConfig::default()
        };
        let request = serde_json::to_vec(&request).map_err(Error::unavailable)?;
        let inbox = self.client.new_inbox();
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", self.subjects.stream, subjects::token(&consumer.name));
        let ask = async {
            let messages = self.client.subscribe(inbox.clone()).await.map_err(Error::unavailable)?;
            self.client.publish_with_reply(subject, inbox, request.into()).await.map_err(Error::unavailable)?;
            Ok::<_, Error>(messages)
        };
        let mut messages = timeout(REQUEST_TIMEOUT, ask).await.map_err(Error::unavailable)??;
        let end = Instant::now() + wait + RESPONSE_GRACE;
        let mut until = if heartbeat.is_zero() { end } else { Instant::now() + 2 * heartbeat + RESPONSE_GRACE };
        let mut deliveries = Vec::new();
        while deliveries.len() < max {
            let next = tokio::select! {
                next = timeout_at(until.min(end), messages.next()) => next,
                _ = gaps.changed() => return Ok((deliveries, true)),
            };
            let Ok(Some(message)) = next else {
                if deliveries.is_empty() {
                    return Err(Error::unavailable("the server became unresponsive"));
                }
                break;
            };
            match self.read(message, consumer.lease, &log) {
                Reply::Delivery(delivery) => {
                    deliveries.push(delivery);
                    until = Instant::now() + REST_TIMEOUT;
                }
                Reply::Heartbeat => until = Instant::now() + 2 * heartbeat + RESPONSE_GRACE,
                Reply::End => break,
                Reply::ConsumerGone => {
                    self.mark_gone();
                    if deliveries.is_empty() {
                        return Err(Error::unavailable("the consumer is gone; it will be created again"));
                    }
                    break;
                }
            }
        }
        Ok((deliveries, false))
    }

    fn read(&self, message: Message, lease: Duration, log: &Log) -> Reply {
        match message.status {
            None | Some(StatusCode::OK) => {}
            Some(StatusCode::IDLE_HEARTBEAT) => return Reply::Heartbeat,
            Some(StatusCode::NO_RESPONDERS) => return Reply::ConsumerGone,
            Some(StatusCode::REQUEST_TERMINATED)
                if message.description.as_deref().is_some_and(|words| words.contains("Deleted")) =>
            {
                return Reply::ConsumerGone;
            }
            Some(_) => return Reply::End,
        }
        let message = async_nats::jetstream::Message { message, context: self.jetstream.clone() };
        let (Ok(info), Some(token)) = (message.info(), message.reply.as_ref()) else { return Reply::End };
        let id =
            message.headers.as_ref().and_then(|headers| headers.get_last(EVENT_ID)).map(|id| id.as_str().to_owned());
        let id = id.unwrap_or_default();
        if let Some(parent) = message.headers.as_ref().and_then(|headers| headers.get_last(trace::HEADER)) {
            event_traces::remember_header(&id, parent.as_str());
        }
        let delivery = Delivery {
            event: Envelope {
                id,
                subject: self.subjects.subject_of(&message.subject),
                payload: String::from_utf8_lossy(&message.payload).into_owned(),
            },
            position: i64::try_from(info.stream_sequence).unwrap_or(i64::MAX),
            attempt: u32::try_from(info.delivered).unwrap_or(u32::MAX),
            lease: token.to_string(),
        };
        self.leases.start(&delivery.lease, lease, log);
        Reply::Delivery(delivery)
    }
}
