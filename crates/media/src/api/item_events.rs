//! `GET /v1/media/{id}/events`: the progress of an item, as server-sent events.
//!
//! Invariant: a follower that missed a message receives the whole state again, so what it shows is right a moment
//! later. A follower that receives messages very often reads the item once a second, so an item that changes all the
//! time costs no more than another. A follower with a signed URL receives nothing after the signature expires.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use contract::MediaId;
use futures::stream;
use kit::auth::Member;
use kit::bus::{BroadcastMessage, Subscriber};
use kit::http::{Path, Query, sse, sse_event};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use super::items::viewer;
use crate::Media;
use crate::error::Error;
use crate::events::{STATE_CHANGED, topic};
use crate::model::view::Viewer;
use crate::model::{Item, State as ItemState};
use crate::store;

/// Reads of the item that a follower may save up: more than an item has states.
const READ_BURST: u32 = 8;
/// The interval in which a follower gains one read.
const READ_INTERVAL: Duration = Duration::from_secs(1);
/// How often a stream under a signed URL checks the clock, so that a clock that is set forward ends it too.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// The query of an event stream.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The signature in the item's `urls.events`, for clients that cannot send headers.
    t: Option<String>,
}

/// Events of an item: `state` (the item, now and whenever it changes) and `progress` (`{percent, remaining_ms}`).
///
/// The stream ends after `ready` or `failed`, when the item is removed, and when the signature (`t`) that opened it
/// expires. Under a signature, `state` is what everyone would see of a public or unlisted item, and its other URLs are
/// not signed: read the item with your token for those.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/events", operation_id = "follow_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item."), EventsQuery),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream"))
)]
pub(super) async fn events(
    State(media): State<Media>,
    member: Option<Member>,
    Path(id): Path<MediaId>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Error> {
    // The subscription comes before the read, so that no change falls in between.
    let subscription = media.context.bus.broadcast().subscribe_client(&topic(&id)).ok_or(Error::TooManyFollowers)?;
    let item = store::items::find(media.context.db.read(), &id).await?.ok_or(Error::NotFound)?;
    let viewer = authorize(&media, &item, member.as_ref(), query.t.as_deref())?;
    let mut follower = Follower {
        media: media.clone(),
        id,
        viewer,
        subscription,
        limiter: ReadLimiter::new(),
        ready: VecDeque::new(),
        ended: false,
    };
    follower.push_state(&item);
    let events =
        stream::unfold(follower, |mut follower| async move { follower.next().await.map(|event| (event, follower)) });
    Ok(sse(events, &media.context.tasks))
}

/// Returns how the caller sees the item. The token of the owner takes precedence over a signature, and a signature over
/// neither.
fn authorize(media: &Media, item: &Item, member: Option<&Member>, signature: Option<&str>) -> Result<Viewer, Error> {
    let by_token = viewer(item, member);
    if matches!(by_token, Ok(Viewer::Owner)) {
        return by_token;
    }
    let now = media.context.clock.now();
    let signature =
        signature.and_then(|signature| media.context.url_signer.verify(signature, "events", item.id.as_str(), now));
    signature.map_or(by_token, |signature| Ok(Viewer::SignedUrl(signature)))
}

/// One client that follows an item.
struct Follower {
    media: Media,
    id: MediaId,
    viewer: Viewer,
    subscription: Subscriber,
    limiter: ReadLimiter,
    ready: VecDeque<Event>,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let remaining = self.remaining();
            if remaining.is_some_and(|remaining| remaining.is_zero()) {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let check_in = remaining.unwrap_or(EXPIRY_CHECK_INTERVAL).min(EXPIRY_CHECK_INTERVAL);
            // A stream without an expiry has nothing to check, and wakes for messages alone.
            let message = tokio::select! {
                message = self.subscription.next() => message?,
                () = tokio::time::sleep(check_in), if remaining.is_some() => continue,
            };
            match message {
                BroadcastMessage::Update(_, text) if &*text != STATE_CHANGED => {
                    self.ready.push_back(sse_event("progress", &text));
                }
                BroadcastMessage::Update(..) | BroadcastMessage::Lagged => self.reload().await?,
            }
        }
    }

    /// Returns how long the stream may go on; `None` means without an end.
    fn remaining(&self) -> Option<Duration> {
        match &self.viewer {
            Viewer::SignedUrl(signature) => Some(signature.remaining(self.media.context.clock.now())),
            Viewer::Owner | Viewer::Everyone => None,
        }
    }

    /// Reads the item again, when it may. Returns `None` once the item is removed or may not be read any more.
    async fn reload(&mut self) -> Option<()> {
        if self.limiter.wait().await {
            // The read covers all messages until now.
            self.subscription.forget();
        }
        let found = store::items::find(self.media.context.db.read(), &self.id).await;
        let item =
            found.inspect_err(|error| tracing::warn!(%error, "an item could not be read for a follower")).ok()??;
        if self.viewer == Viewer::Everyone && !item.is_public_or_unlisted() {
            return None;
        }
        self.push_state(&item);
        Some(())
    }

    fn push_state(&mut self, item: &Item) {
        self.ended = matches!(item.state, ItemState::Ready | ItemState::Failed);
        match serde_json::to_string(&self.media.view(item, &self.viewer)) {
            Ok(text) => self.ready.push_back(sse_event("state", &text)),
            Err(error) => tracing::error!(%error, "the view of an item could not be serialized"),
        }
    }
}

/// Limits how often a follower reads, as a token bucket.
struct ReadLimiter {
    tokens: u32,
    refilled_at: Instant,
}

impl ReadLimiter {
    fn new() -> Self {
        Self { tokens: READ_BURST, refilled_at: Instant::now() }
    }

    /// Waits for the next read. Returns whether it had to wait.
    async fn wait(&mut self) -> bool {
        let more = u32::try_from(self.refilled_at.elapsed().as_secs() / READ_INTERVAL.as_secs()).unwrap_or(READ_BURST);
        if more > 0 {
            self.tokens = self.tokens.saturating_add(more).min(READ_BURST);
            self.refilled_at = Instant::now();
        }
        let must_wait = self.tokens == 0;
        if must_wait {
            sleep_until(self.refilled_at + READ_INTERVAL).await;
            self.refilled_at = Instant::now();
            self.tokens = 1;
        }
        self.tokens -= 1;
        must_wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_follower_reads_at_once_as_often_as_an_item_has_states_and_then_once_a_second() {
        let (mut limiter, began) = (ReadLimiter::new(), Instant::now());
        for _ in 0..READ_BURST {
            assert!(!limiter.wait().await);
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..5 {
            assert!(limiter.wait().await);
        }
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(!limiter.wait().await && limiter.tokens == READ_BURST - 1);
    }
}
