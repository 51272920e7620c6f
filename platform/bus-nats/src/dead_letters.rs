//! Dead letters: a stream of their own, one message per consumer and event.
//!
//! Invariant: a letter is durable before its delivery is ended, and is removed only after its event is in the stream
//! again.

use async_nats::jetstream::AckKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use chrono::{DateTime, Utc};

use super::publish::EVENT_ID;
use super::{Nats, subjects};
use bus::Error;
use bus::{DeadLetter, Delivery, Envelope};

/// How many characters of a reason are kept; each takes at most six bytes in JSON.
const MAX_REASON_CHARS: usize = 2000;

/// A dead letter as it is stored.
#[derive(serde::Serialize, serde::Deserialize)]
struct StoredLetter {
    consumer: String,
    id: String,
    subject: String,
    payload: String,
    attempts: u32,
    reason: String,
    died_at: DateTime<Utc>,
}

impl Nats {
    pub(super) async fn store_dead_letter(
        &self,
        consumer: &str,
        delivery: &Delivery,
        reason: &str,
    ) -> Result<bool, Error> {
        if !self.may_answer(&delivery.lease).await? {
            return Ok(false);
        }
        let log = self.ready().await?;
        let Envelope { id, subject: event_subject, payload } = delivery.event.clone();
        let reason = reason.chars().take(MAX_REASON_CHARS).collect();
        let letter = StoredLetter {
            consumer: consumer.to_owned(),
            id,
            subject: event_subject,
            payload,
            attempts: delivery.attempt,
            reason,
            died_at: self.clock.now(),
        };
        let text = serde_json::to_vec(&letter).map_err(Error::unavailable)?;
        let subject = self.subjects.dead_letter_subject(consumer, &letter.id);
        // With an id of its own, so that a retry writes it only once.
        let message = PublishMessage::build().payload(text.into()).message_id(format!(
            "{}/{}/{consumer}/{}",
            log.id_prefix(),
            delivery.position,
            delivery.attempt
        ));
        let written = async { self.jetstream.send_publish(subject, message).await?.await };
        written.await.map_err(|error| {
            // Only the stream of the dead letters may be missing.
            self.reset_state();
            self.publish_error(error)
        })?;
        self.acknowledge(delivery, AckKind::Term).await
    }

    pub(super) async fn list_dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let stream = self.dead_stream().await?;
        let (mut letters, mut from) = (Vec::new(), 0);
        while letters.len() < limit
            && let Some((sequence, letter)) = next(&stream, from, &self.subjects.dead_letter_filter(None, None)).await?
        {
            from = sequence + 1;
            letters.extend(letter.map(|letter| DeadLetter {
                consumer: letter.consumer,
                event: Envelope { id: letter.id, subject: letter.subject, payload: letter.payload },
                attempts: letter.attempts,
                reason: letter.reason,
                died_at: letter.died_at,
            }));
        }
        Ok(letters)
    }

    pub(super) async fn redeliver_dead_letters(&self, consumer: Option<&str>, id: Option<&str>) -> Result<u64, Error> {
        let stream = self.dead_stream().await?;
        let (mut redelivered, mut from) = (0, 0);
        while let Some((sequence, letter)) =
            next(&stream, from, &self.subjects.dead_letter_filter(consumer, id)).await?
        {
            from = sequence + 1;
            let Some(letter) = letter else { continue };
            // Without its consumer the stream would delete the event at once, so the letter is kept.
            if let Err(error) = self
                .jetstream
                .get_consumer_from_stream::<async_nats::jetstream::consumer::pull::Config, _, _>(
                    subjects::token(&letter.consumer),
                    &self.subjects.stream,
                )
                .await
            {
                tracing::warn!(consumer = letter.consumer, event.id = letter.id, %error, "a dead letter was not \
                    redelivered: its consumer was not found");
                continue;
            }
            let created_at = super::server_time::time(stream.cached_info().created)?.timestamp_micros();
            let message = PublishMessage::build()
                .payload(letter.payload.into_bytes().into())
                .message_id(format!("redelivered/{created_at}/{sequence}"))
                .header(EVENT_ID, letter.id.as_str())
                .expected_stream(&self.subjects.stream);
            let subject =
                format!("{}.{}", self.subjects.direct_to(&letter.consumer), subjects::subject(&letter.subject));
            let ack = self.jetstream.send_publish(subject, message).await.map_err(|error| self.publish_error(error))?;
            ack.await.map_err(|error| self.publish_error(error))?;
            stream.delete_message(sequence).await.map_err(Error::unavailable)?;
            redelivered += 1;
        }
        Ok(redelivered)
    }

    async fn dead_stream(&self) -> Result<Stream, Error> {
        self.ready().await?;
        self.connected(super::options::REQUEST_TIMEOUT).await?;
        self.jetstream.get_stream(&self.subjects.dead).await.map_err(|error| {
            self.reset_state();
            Error::unavailable(error)
        })
    }
}

/// Returns the first letter at sequence `from` or later whose subject matches; the inner `None` means that it can't be
/// read.
async fn next(stream: &Stream, from: u64, subject_filter: &str) -> Result<Option<(u64, Option<StoredLetter>)>, Error> {
    match stream.raw_message_builder().sequence(from.max(1)).next_by_subject(subject_filter).send().await {
        Ok(message) => Ok(Some((message.sequence, serde_json::from_slice(&message.payload).ok()))),
        Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(Error::unavailable(error)),
    }
}
