//! `GET /v1/media/{id}/events`: the progress of an item, as server-sent events.
//!
//! Invariant: a follower that missed a message receives the whole state again, so what it shows is right a moment
//! later. A follower that receives messages very often reads the item once a second, so an item that changes all the
//! time costs no more than another. A follower receives nothing after its access token or its signature expires, and
//! within seconds nothing after its session has ended or its account was suspended.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::Event;
use axum::response::{IntoResponse as _, Response};
use bus::{BroadcastMessage, Subscriber};
use chrono::{DateTime, Utc};
use contract::MediaId;
use futures::stream;
use http::{HeaderMap, StatusCode};
use http_server::auth::{Claims, Member};
use http_server::{Path, Query, sse, sse_event};
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use utoipa::IntoParams;

use super::items::viewer;
use super::view;
use crate::error::Error;
use crate::item_topic::{STATE_CHANGED, topic};
use crate::model::view::Viewer;
use crate::model::{Item, State as ItemState};
use crate::{Media, queries, store};

/// Reads of the item that a follower may save up: more than an item has states.
const READ_BURST: u32 = 8;
/// The interval in which a follower gains one read.
const READ_INTERVAL: Duration = Duration::from_secs(1);
/// The id of the event after which a stream ends. A client that has it is told not to come back (WHATWG HTML, section
/// 9.2.4: a 204 stops an `EventSource`).
const END: &str = "end";
const LAST_EVENT_ID: &str = "last-event-id";
/// How often a stream that expires checks its token and the clock, so that a suspension and a clock that is set forward
/// end it too.
const EXPIRY_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// The query of an event stream.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct EventsQuery {
    /// The signature in the item's `urls.events`, for clients that cannot send headers.
    #[param(example = "szr8eo.Xb0pM2yqVd1RrJwqg0mF5A")]
    t: Option<String>,
}

/// Events of an item: `state` (the item, now and whenever it changes) and `progress` (`{percent, remaining_ms}`).
///
/// The stream ends after `ready` or `failed`, when the item is removed, and when the access token or the signature
/// (`t`) that opened it expires: follow again with a fresh one. The last event of an item that is done has the `id`
/// `end`; a client that connects again with it gets a 204. Under a signature, `state` is what everyone would see of a
/// public or unlisted item, and its other URLs are not signed: read the item with your token for those.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/events",
    operation_id = "follow_media",
    tag = "media",
    params(
        ("id" = MediaId, Path, description = "The item.", example = "5kT0vYq8Zb3mXw1RcHs9Ga"),
        (
            "Last-Event-ID" = Option<String>,
            Header,
            description = "The last `id` that arrived: an `EventSource` that connects again sends it.",
            example = "end"
        ),
        EventsQuery
    ),
    responses(
        (
            status = 200,
            description = "Server-sent events (WHATWG HTML, section 9.2), each with `event` and `data`.",
            content_type = "text/event-stream",
            example = "event: progress\ndata: {\"percent\":40,\"remaining_ms\":9000}\n\n"
        ),
        (status = 204, description = "`Last-Event-ID` is that of the last event there is: do not connect again.")
    ),
    security((), ("token" = [])),
    extensions(
        ("x-codes" = json!(["media.not_found", "media.too_many_followers"])),
        ("x-stream" = json!(true))
    )
)]
pub(super) async fn events(
    State(media): State<Media>,
    member: Option<Member>,
    Path(id): Path<MediaId>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    // The subscription comes before the read, so that no change falls in between.
    let subscription = media.context.bus.broadcast().subscribe_client(&topic(&id)).ok_or(Error::TooManyFollowers)?;
    let sql = media.context.db.read();
    let item = store::items::find(sql, &id).await?.filter(|item| item.trashed.is_none()).ok_or(Error::NotFound)?;
    let viewer = authorize(&media, &item, member.as_ref(), query.t.as_deref())?;
    queries::check_shown(sql, &item, media.context.clock.now()).await?;
    if is_final(&item) && headers.get(LAST_EVENT_ID).is_some_and(|id| id == END) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut follower = Follower {
        media: media.clone(),
        id,
        ends_at: ends_at(&viewer, member.as_ref()),
        claims: member.map(|Member(claims)| claims),
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

/// Returns when what opened the stream expires, the access token or the signature, whichever is first; `None` for a
/// client without either.
fn ends_at(viewer: &Viewer, member: Option<&Member>) -> Option<DateTime<Utc>> {
    let token_ends_at = member.and_then(|member| DateTime::from_timestamp(member.0.exp, 0));
    let signature_ends_at = match viewer {
        Viewer::SignedUrl(signature) => Some(signature.ends_at()),
        Viewer::Owner | Viewer::ShareLink(_) | Viewer::Everyone => None,
    };
    token_ends_at.into_iter().chain(signature_ends_at).min()
}

/// Returns whether the item stays as it is, so that there is nothing more to follow.
fn is_final(item: &Item) -> bool {
    matches!(item.state, ItemState::Ready | ItemState::Failed)
}

/// One client that follows an item.
struct Follower {
    media: Media,
    id: MediaId,
    viewer: Viewer,
    /// When what opened the stream expires.
    ends_at: Option<DateTime<Utc>>,
    /// The claims of the token that opened the stream.
    claims: Option<Claims>,
    subscription: Subscriber,
    limiter: ReadLimiter,
    ready: VecDeque<Event>,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            let remaining = self.remaining();
            if remaining.is_some_and(|remaining| remaining.is_zero()) || self.is_refused() {
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

    /// Whether the token that opened the stream counts no more.
    fn is_refused(&self) -> bool {
        self.claims.as_ref().is_some_and(|claims| self.media.context.verifier.check_again(claims).is_err())
    }

    /// Returns how long the stream may go on; `None` means without an end.
    fn remaining(&self) -> Option<Duration> {
        let now = self.media.context.clock.now();
        self.ends_at.map(|ends_at| (ends_at - now).to_std().unwrap_or_default())
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
        if item.trashed.is_some() {
            return None;
        }
        if self.viewer == Viewer::Everyone && !item.is_public_or_unlisted() {
            return None;
        }
        let (sql, now) = (self.media.context.db.read(), self.media.context.clock.now());
        if self.viewer != Viewer::Owner && queries::check_shown(sql, &item, now).await.is_err() {
            return None;
        }
        self.push_state(&item);
        Some(())
    }

    fn push_state(&mut self, item: &Item) {
        self.ended = is_final(item);
        match serde_json::to_string(&view(&self.media, item, &self.viewer)) {
            Ok(text) => {
                let event = sse_event("state", &text);
                self.ready.push_back(if self.ended { event.id(END) } else { event });
            }
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
