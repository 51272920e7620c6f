//! `GET /v1/media/{id}/events`: how an item comes along, as it happens.
//!
//! Invariant: a listener that missed something gets the whole state anew, so what it shows is right a moment later.

use std::collections::VecDeque;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use contract::MediaId;
use futures::stream;
use kit::auth::Member;
use kit::bus::{Heard, Listener};
use kit::http::{Path, Query, frame, sse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::items::reader;
use crate::Media;
use crate::error::Error;
use crate::events::{NEWS_STATE, topic};
use crate::model::view::Reader;
use crate::model::{Item, State as Stage};
use crate::store;

/// Who listens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Grant {
    /// The grant in the item's `urls.events`, for those who can't send headers.
    t: Option<String>,
}

/// News of an item: `state` (the item, now and whenever it changes) and `progress` (`{percent, remaining_ms}`).
///
/// Ends after `ready` or `failed`, and when the item is removed.
#[utoipa::path(
    get,
    path = "/v1/media/{id}/events", operation_id = "follow_media",
    tag = "media",
    params(("id" = MediaId, Path, description = "The item."), Grant),
    responses((status = 200, description = "Server-sent events.", content_type = "text/event-stream"))
)]
pub(super) async fn events(State(media): State<Media>, member: Option<Member>, Path(id): Path<MediaId>, Query(grant): Query<Grant>) -> Result<Response, Error> {
    // First the ear, then the look: nothing falls in between.
    let listener = media.context.bus.live().listen(&topic(&id));
    let item = store::items::find(media.context.db.read(), &id).await?.ok_or(Error::NotFound)?;
    let now = media.context.clock.now();
    let granted = grant.t.as_deref().is_some_and(|grant| media.context.grants.holds(grant, "events", id.as_str(), now));
    let reader = if granted { Reader::Owner } else { reader(&item, member.as_ref())? };
    let mut follower = Follower { media: media.clone(), id, reader, listener, ready: VecDeque::new(), ended: false };
    follower.state(&item);
    let events = stream::unfold(follower, |mut follower| async move { follower.next().await.map(|event| (event, follower)) });
    Ok(sse(events, &media.context.tasks))
}

/// One listener.
struct Follower {
    media: Media,
    id: MediaId,
    reader: Reader,
    listener: Listener,
    ready: VecDeque<Event>,
    ended: bool,
}

impl Follower {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            match self.listener.next().await? {
                Heard::Update(_, text) if &*text != NEWS_STATE => return Some(frame("progress", &text)),
                Heard::Update(..) | Heard::Lagged => self.look().await?,
            }
        }
    }

    /// Reads the item anew; nothing once it is gone or not to be read any more.
    async fn look(&mut self) -> Option<()> {
        let found = store::items::find(self.media.context.db.read(), &self.id).await;
        let item = found.inspect_err(|error| tracing::warn!(%error, "a listener's item could not be read")).ok()??;
        if self.reader == Reader::Other && !item.is_open() {
            return None;
        }
        self.state(&item);
        Some(())
    }

    fn state(&mut self, item: &Item) {
        self.ended = matches!(item.state, Stage::Ready | Stage::Failed);
        match serde_json::to_string(&self.media.view(item, self.reader)) {
            Ok(text) => self.ready.push_back(frame("state", &text)),
            Err(error) => tracing::error!(%error, "an item's view could not be written"),
        }
    }
}
