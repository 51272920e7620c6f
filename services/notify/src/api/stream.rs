//! `GET /v1/notifications/stream`: the notices of the caller as they come, as server-sent events.
//!
//! Invariant: a stream hears of changes before it reads for the first time, so nothing falls in between; it sends what
//! is in the history and keeps no queue of its own, so a reader that is slow or was away gets what it missed, or
//! `reset` if that is much. It ends when the access token counts no more.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use contract::AccountId;
use contract::notify::NoticeCounts;
use futures::stream;
use http::HeaderMap;
use http_server::auth::{Claims, Member};
use http_server::{sse, sse_event};
use serde::Serialize;
use uuid::Uuid;

use super::language_of;
use super::view::{views, views_naming};
use crate::commands;
use crate::error::Error;
use crate::history::{Counts, Notice};
use crate::model::{KnownPerson, Language};
use crate::queries;
use crate::state::Notify;
use crate::stream_queue::{MAX_BACKFILL, News};
use crate::streams::OpenStream;

const LAST_EVENT_ID: &str = "last-event-id";
/// How often a stream that waits checks its token and the clock.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After so many checks it reads, although it heard of no change: a process that is killed after its commit tells none.
const CHECKS_PER_READ: u32 = 6;

/// Follows the notices of the caller: `notice` for each that comes or grows, `counts` when the counts change.
///
/// The stream begins with `counts`. Each event has an `id`; a client that connects again with it as `Last-Event-ID`
/// gets what has come meanwhile. `reset` stands for more than 100 notices, or an id that the list never had: read the
/// list again. A notice that has grown replaces the one with the same `group`. What is filtered is not in the stream.
/// It ends with the access token: follow again with a fresh one.
#[utoipa::path(
    get,
    path = "/v1/notifications/stream",
    operation_id = "follow_notifications",
    tag = "notifications",
    security(("token" = [])),
    params(
        (
            "Last-Event-ID" = Option<Uuid>,
            Header,
            description = "The last `id` that arrived",
            example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
        ),
    ),
    responses(
        (
            status = 200,
            description = "Server-sent events (WHATWG HTML, section 9.2), each with `id`, `event` and `data`",
            content_type = "text/event-stream",
            example = "id: 0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63\nevent: counts\ndata: {\"unseen\":1,\"unread\":4}\n\n",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.too_many_streams", "request.invalid"])),
        ("x-stream" = json!(true)),
    ),
)]
pub(super) async fn follow(
    State(notify): State<Notify>,
    member: Member,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let last_event = last_event_id(&headers)?;
    let account = AccountId(member.id());
    let open = notify.streams.open(account).ok_or(Error::TooManyStreams)?;
    let language = language_of(&notify, account, &headers).await?;
    commands::record_reader(&notify, account, &member.0.roles, language).await?;
    let last = notify.history.last_id(account).await?;
    let announced = queries::announced(&notify, account).await?;
    let mut follower = Follower::new(&notify, member.0, language, open, last);
    match last_event {
        Some(known) if known <= last => follower.cursor = known,
        Some(_) => follower.push_reset(),
        None => {}
    }
    let had = announced.iter().map(|notice| notice.id).filter(|id| last_event.is_none_or(|known| *id <= known));
    follower.announced.extend(had);
    let tasks = notify.context.tasks.clone();
    let events =
        stream::unfold(follower, |mut follower| async move { follower.next().await.map(|event| (event, follower)) });
    Ok(sse(events, &tasks))
}

/// Returns the id of the last event that the client has.
fn last_event_id(headers: &HeaderMap) -> Result<Option<Uuid>, Error> {
    let Some(value) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    // Only the form that was sent: other spellings of an id are not from here.
    let parsed = value.to_str().ok().filter(|text| text.len() == 36).and_then(|text| text.parse().ok());
    parsed.map(Some).ok_or(Error::BadLastEventId)
}

/// One client that follows.
struct Follower {
    notify: Notify,
    claims: Claims,
    language: Language,
    open: OpenStream,
    /// The greatest id that was sent, or was there at the beginning.
    cursor: Uuid,
    /// The announcements that were sent, or that the client had: they begin at any time, and have the ids of that time.
    announced: HashSet<Uuid>,
    /// The counts that were sent.
    counts: Option<Counts>,
    ready: VecDeque<Event>,
}

impl Follower {
    fn new(notify: &Notify, claims: Claims, language: Language, open: OpenStream, cursor: Uuid) -> Self {
        let (announced, ready) = (HashSet::new(), VecDeque::new());
        Self { notify: notify.clone(), claims, language, open, cursor, announced, counts: None, ready }
    }

    /// Returns the next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.is_valid() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            // The first read waits for nothing.
            if self.counts.is_some() && !self.changed().await {
                return None;
            }
            // On the heap, so that a stream that waits has no room for it.
            let read = Box::pin(self.read()).await;
            let read = read.inspect_err(|error| tracing::warn!(%error, "notices could not be read for a stream"));
            if !read.ok()? {
                return None;
            }
        }
    }

    /// Whether the token that opened the stream still counts.
    fn is_valid(&self) -> bool {
        self.notify.context.verifier.check_again(&self.claims).is_ok()
    }

    /// Waits until there may be something new. Returns `false` if the token counts no more.
    async fn changed(&mut self) -> bool {
        for _ in 0..CHECKS_PER_READ {
            tokio::select! {
                () = self.open.changed() => return true,
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
            }
            if !self.is_valid() {
                return false;
            }
        }
        true
    }

    /// Reads what is new, and prepares its events. Returns `false` if it could not be read.
    async fn read(&mut self) -> Result<bool, Error> {
        let member = AccountId(self.claims.sub);
        let Some(news) = self.notify.stream_queue.read(member, self.cursor).await else { return Ok(false) };
        let News { notices, announced, counts, people } = news;
        if notices.len() > MAX_BACKFILL {
            self.cursor = self.notify.history.last_id(member).await?;
            self.push_reset();
        } else {
            self.push_notices(notices, &people).await?;
        }
        self.push_announcements(announced).await?;
        if self.counts != Some(counts) {
            let Counts { unseen, unread } = counts;
            self.push("counts", &NoticeCounts { unseen, unread });
            self.counts = Some(counts);
        }
        Ok(true)
    }

    async fn push_notices(
        &mut self,
        notices: Vec<Notice>,
        people: &HashMap<AccountId, KnownPerson>,
    ) -> Result<(), Error> {
        let ids: Vec<Uuid> = notices.iter().map(|notice| notice.id).collect();
        let views = views_naming(&self.notify, self.language, notices, people).await?;
        for (id, view) in ids.into_iter().zip(views) {
            self.cursor = id;
            self.push("notice", &view);
        }
        Ok(())
    }

    /// Prepares the announcements that have begun. Their events have the id of the place that the client has reached.
    async fn push_announcements(&mut self, mut announced: Vec<Notice>) -> Result<(), Error> {
        announced.retain(|notice| self.announced.insert(notice.id));
        for view in views(&self.notify, self.language, announced).await? {
            self.push("notice", &view);
        }
        Ok(())
    }

    fn push_reset(&mut self) {
        self.push("reset", &serde_json::json!({}));
    }

    /// Prepares an event. Its id is the place up to which the client then has everything.
    fn push(&mut self, name: &str, data: &impl Serialize) {
        match serde_json::to_string(data) {
            Ok(text) => self.ready.push_back(sse_event(name, &text).id(self.cursor.to_string())),
            Err(error) => tracing::error!(%error, "an event could not be serialized"),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_an_id_as_it_was_sent_is_a_last_event_id() {
        let parse = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LAST_EVENT_ID, HeaderValue::from_static(value));
            last_event_id(&headers).ok()
        };
        let id = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63";
        assert_eq!(parse(id), Some(id.parse().ok()));
        assert_eq!(last_event_id(&HeaderMap::new()).ok(), Some(None));
        for wrong in ["", "end", "0198f3a26c1e7b409d523f8e1c7a4b63", "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b6g", "-1"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
