//! Publishing: a batch is sent before the first response is awaited.
//!
//! Several events go as one atomic batch where the server supports it (2.12 and later), which then waits for the disk
//! once for all of them. Invariant: `Ok` means that the stream has acknowledged every event of the batch, on a
//! connection on which every consumer was found.

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_STREAM,
    NATS_MESSAGE_ID,
};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{HeaderMap, Request};
use base::{Random, event_traces, trace};
use tokio::time::timeout;

use super::Nats;
use super::options::REQUEST_TIMEOUT;
use bus::Envelope;
use bus::Error;

/// The header with the event's own id. `Nats-Msg-Id` has more in it (see `stream::Log::id_prefix`).
pub(super) const EVENT_ID: &str = "Tutti-Event";
/// Events of one atomic batch; the server accepts 1,000 (ADR-50).
const MAX_ATOMIC_BATCH: usize = 500;
/// Below this, single messages are faster: the server stages a batch before it stores it (measured: half the events
/// were through after 2 ms instead of 12 at 1,000 a second). Large batches gain where the server waits for the disk:
/// 16,000 events/s instead of 1,000 to 4,500.
const MIN_ATOMIC_BATCH: usize = 8;
/// The bytes of the server's `max_payload` that are reserved for the headers of a message, or for the reason in a dead
/// letter.
const OVERHEAD_BYTES: usize = 16 * 1024;

impl Nats {
    pub(super) async fn publish_all(&self, events: &[Envelope]) -> Result<(), Error> {
        self.connected(REQUEST_TIMEOUT).await?;
        let log = self.ready().await?;
        let id_prefix = log.id_prefix();
        // Half of it: in a dead letter the payload is a JSON string, in which each quote takes two bytes, and every
        // letter must fit.
        let max_bytes = self.client.max_payload().saturating_sub(OVERHEAD_BYTES) / 2;
        if let Some(event) = events.iter().find(|event| event.payload.len() > max_bytes) {
            return Err(Error::Refused(format!(
                "event {} has {} bytes, and the server accepts {max_bytes} at most",
                event.id,
                event.payload.len()
            )));
        }
        let publish = async {
            for chunk in events.chunks(MAX_ATOMIC_BATCH) {
                if chunk.len() < MIN_ATOMIC_BATCH || !self.publish_atomically(chunk, &id_prefix).await? {
                    self.publish_one_by_one(chunk, &id_prefix).await?;
                }
            }
            Ok(())
        };
        self.on_one_connection(publish).await?;
        // What was in the client's buffer when the connection broke has reached the next server before anything was
        // known of it; its acknowledgement counts for nothing.
        if log.is_of(&self.connection()) {
            Ok(())
        } else {
            Err(Error::unavailable("the connection to NATS was replaced meanwhile"))
        }
    }

    fn headers(&self, event: &Envelope, id_prefix: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{id_prefix}/{}", event.id));
        headers.insert(NATS_EXPECTED_STREAM, self.subjects.stream.as_str());
        headers.insert(EVENT_ID, event.id.as_str());
        if let Some(trace) = event_traces::find(&event.id) {
            headers.insert(trace::HEADER, trace.header());
        }
        headers
    }

    /// Publishes all or none. Returns `false` if the server does not accept the batch: it knows one of the events
    /// already, or is too old, or too busy.
    async fn publish_atomically(&self, events: &[Envelope], id_prefix: &str) -> Result<bool, Error> {
        let batch = Random::system().uuid_v4().simple().to_string();
        let send = async {
            for (index, event) in events.iter().enumerate() {
                let mut headers = self.headers(event, id_prefix);
                headers.insert(NATS_BATCH_ID, batch.as_str());
                headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string());
                let (subject, payload) =
                    (self.subjects.event(&event.subject), event.payload.clone().into_bytes().into());
                if index + 1 < events.len() {
                    self.client.publish_with_headers(subject, headers, payload).await.map_err(Error::unavailable)?;
                    continue;
                }
                // Only the last one is acknowledged.
                headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
                let request = Request::new().headers(headers).payload(payload).timeout(Some(REQUEST_TIMEOUT));
                return self.client.send_request(subject, request).await.map_err(Error::unavailable);
            }
            Err(Error::unavailable("a batch has a last event"))
        };
        let response = timeout(2 * REQUEST_TIMEOUT, send).await.map_err(Error::unavailable)??;
        match serde_json::from_slice(&response.payload).map_err(Error::unavailable)? {
            Response::Ok(PublishAck { batch_size, .. }) => Ok(batch_size == Some(events.len() as u64)),
            Response::Err { error } => {
                tracing::debug!(%error, events = events.len(), "a batch is sent one by one");
                Ok(false)
            }
        }
    }

    async fn publish_one_by_one(&self, events: &[Envelope], id_prefix: &str) -> Result<(), Error> {
        let mut acks = Vec::with_capacity(events.len());
        for event in events {
            let message = PublishMessage::build()
                .payload(event.payload.clone().into_bytes().into())
                .headers(self.headers(event, id_prefix));
            let sent = self.jetstream.send_publish(self.subjects.event(&event.subject), message).await;
            acks.push(sent.map_err(|error| self.publish_error(error))?);
        }
        for ack in acks {
            ack.await.map_err(|error| self.publish_error(error))?;
        }
        Ok(())
    }

    pub(super) fn publish_error(&self, error: PublishError) -> Error {
        match error.kind() {
            PublishErrorKind::StreamNotFound => {
                self.mark_gone();
                Error::unavailable(error)
            }
            PublishErrorKind::MaxPayloadExceeded => {
                Error::Refused("it is larger than the server's `max_payload`".into())
            }
            _ => Error::unavailable(error),
        }
    }
}
