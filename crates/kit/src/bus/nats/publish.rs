//! Publishing: a whole batch is on its way before the first answer is awaited.
//!
//! Invariant: `Ok` means that the stream has acknowledged every event of the batch.

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;

use super::Nats;
use crate::bus::Error;
use crate::bus::engine::Envelope;

/// The header with the event's own id. `Nats-Msg-Id` has more in it (see `declare::Log::mark`).
pub(super) const ID: &str = "Tutti-Event";

impl Nats {
    pub(super) async fn publish_all(&self, events: &[Envelope]) -> Result<(), Error> {
        let log = self.ready().await?;
        self.connected(super::options::PATIENCE).await?;
        let mark = log.mark();
        let mut answers = Vec::with_capacity(events.len());
        for event in events {
            let message = PublishMessage::build()
                .payload(event.payload.clone().into_bytes().into())
                .message_id(format!("{mark}/{}", event.id))
                .header(ID, event.id.as_str())
                .expected_stream(&self.names.stream);
            let sent = self.jetstream.send_publish(self.names.event(&event.subject), message).await;
            answers.push(sent.map_err(|error| self.not_published(error))?);
        }
        for answer in answers {
            answer.await.map_err(|error| self.not_published(error))?;
        }
        Ok(())
    }

    pub(super) fn not_published(&self, error: PublishError) -> Error {
        match error.kind() {
            PublishErrorKind::StreamNotFound => {
                self.is_gone();
                Error::away(error)
            }
            PublishErrorKind::MaxPayloadExceeded => Error::Refused("it is larger than the server's `max_payload` allows".into()),
            _ => Error::away(error),
        }
    }
}
