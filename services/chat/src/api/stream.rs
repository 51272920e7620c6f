//! `GET /v1/chat/stream`: the changes of the caller's conversations as they come, as server-sent events.
//!
//! Invariant: a stream hears of changes before it says where each conversation is, so nothing falls in between; it
//! reads what is stored and keeps no queue of its own; nothing of a request is in it. It ends when the access token
//! counts no more.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use contract::AccountId;
use futures::stream;
use http_server::auth::{Claims, Member};
use http_server::{sse, sse_event};
use serde::Serialize;
use uuid::Uuid;

use super::views::changes_view;
use crate::error::Error;
use crate::model::{InboxCursor, MemberState};
use crate::queries;
use crate::state::Chat;
use crate::store::members;
use crate::streams::{Changed, OpenStream};

/// The most conversations that a stream begins with: those with the newest messages.
const MAX_PLACES: usize = 100;
/// The most changes of one event.
const MAX_CHANGES: usize = 100;
/// How often a stream that waits checks its token.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
/// After so many checks it begins again, although it heard of no change: a process that is killed after its commit
/// tells none.
const CHECKS_PER_READ: u32 = 12;

/// Where a conversation is.
#[derive(Debug, Serialize)]
struct Place {
    conversation: Uuid,
    epoch: i64,
    last_seq: i64,
}

/// Follows the conversations of the caller.
///
/// The stream begins with `places`: the `conversation`, `epoch` and `last_seq` of each of the 100 with the newest
/// messages. A client that has less asks for the changes after its own place. Then `changes` come, each like the
/// response of `list_conversation_changes`, and `typing`, which names a `conversation` and a `member`. A second
/// `places` says that the client may have missed something: compare again. Of requests nothing is in the stream. It
/// ends with the access token: follow again with a fresh one.
#[utoipa::path(
    get,
    path = "/v1/chat/stream",
    operation_id = "follow_conversations",
    tag = "chat",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "Server-sent events (WHATWG HTML, section 9.2), each with `event` and `data`",
            content_type = "text/event-stream",
            example = "event: places\ndata: {\"places\":[]}\n\n",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.too_many_streams"])),
        ("x-stream" = json!(true)),
    ),
)]
pub(super) async fn follow(State(chat): State<Chat>, member: Member) -> Result<Response, Error> {
    let open = chat.streams.open(AccountId(member.id())).ok_or(Error::TooManyStreams)?;
    let tasks = chat.context.tasks.clone();
    let follower = Follower { chat, claims: member.0, open, places: None, ready: VecDeque::new() };
    let events =
        stream::unfold(follower, |mut follower| async move { follower.next().await.map(|event| (event, follower)) });
    Ok(sse(events, &tasks))
}

/// One client that follows.
struct Follower {
    chat: Chat,
    claims: Claims,
    open: OpenStream,
    /// Up to where the client was told of each conversation; `None` before it was told of any.
    places: Option<HashMap<Uuid, i64>>,
    ready: VecDeque<Event>,
}

impl Follower {
    /// Returns the next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.is_valid() {
                return None;
            }
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            // On the heap, so that a stream that waits has no room for it.
            let read = match self.places {
                None => Box::pin(self.begin()).await,
                Some(_) => {
                    let changed = self.changed().await?;
                    Box::pin(self.read(changed)).await
                }
            };
            read.inspect_err(|error| tracing::warn!(%error, "changes could not be read for a stream")).ok()?;
        }
    }

    /// Whether the token that opened the stream still counts.
    fn is_valid(&self) -> bool {
        self.chat.context.verifier.check_again(&self.claims).is_ok()
    }

    fn account(&self) -> AccountId {
        AccountId(self.claims.sub)
    }

    /// Waits until there may be something new, and returns what. Returns `None` if the token counts no more.
    async fn changed(&mut self) -> Option<Changed> {
        for _ in 0..CHECKS_PER_READ {
            tokio::select! {
                () = self.open.changed() => return Some(self.open.take()),
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
            }
            if !self.is_valid() {
                return None;
            }
        }
        Some(Changed { is_lagged: true, ..Changed::default() })
    }

    /// Says where each conversation is.
    async fn begin(&mut self) -> Result<(), Error> {
        let sql = self.chat.context.db.read();
        let (state, before) = (MemberState::Joined, InboxCursor::START);
        let mine = members::list_box(sql, self.account(), state, before, MAX_PLACES).await?;
        let mut places = Vec::with_capacity(mine.len());
        for member in mine {
            places.extend(queries::changes::place(&self.chat, &member).await?.map(|(epoch, last_seq)| Place {
                conversation: member.conversation,
                epoch,
                last_seq,
            }));
        }
        self.places = Some(places.iter().map(|place| (place.conversation, place.last_seq)).collect());
        self.push("places", &serde_json::json!({ "places": places }));
        Ok(())
    }

    /// Reads what has changed, and prepares its events.
    async fn read(&mut self, changed: Changed) -> Result<(), Error> {
        if changed.is_lagged {
            return self.begin().await;
        }
        for conversation in changed.conversations {
            self.read_one(conversation).await?;
        }
        for (conversation, member) in changed.typing {
            self.push("typing", &serde_json::json!({ "conversation": conversation, "member": member }));
        }
        Ok(())
    }

    async fn read_one(&mut self, conversation: Uuid) -> Result<(), Error> {
        let account = self.account();
        let member = members::find(self.chat.context.db.read(), conversation, account).await?;
        let Some(member) = member.filter(|member| !member.is_requested()) else { return Ok(()) };
        let Some((_, last_seq)) = queries::changes::place(&self.chat, &member).await? else { return Ok(()) };
        // A conversation that the client was told nothing of begins with its newest change.
        let known = self.places.as_ref().and_then(|places| places.get(&conversation).copied());
        let mut after = known.unwrap_or((last_seq - 1).max(0));
        while after < last_seq {
            let page = match queries::changes::list(&self.chat, account, conversation, after, None, MAX_CHANGES).await {
                Ok(page) => page,
                // It was deleted, or the member is out of it, meanwhile.
                Err(Error::NotFound | Error::ChangesReset) => return Ok(()),
                Err(error) => return Err(error),
            };
            after = page.changes.last().map_or(last_seq, |last| last.change.seq);
            let view = changes_view(&self.chat, page);
            self.push("changes", &view);
        }
        if let Some(places) = &mut self.places {
            places.insert(conversation, after);
        }
        Ok(())
    }

    fn push(&mut self, name: &str, data: &impl Serialize) {
        match serde_json::to_string(data) {
            Ok(text) => self.ready.push_back(sse_event(name, &text)),
            Err(error) => tracing::error!(%error, "an event could not be serialized"),
        }
    }
}
