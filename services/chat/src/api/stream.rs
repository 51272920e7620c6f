//! `GET /v1/chat/stream`: the changes of the caller's conversations as they come, as server-sent events.
//!
//! Does not own what is told (see [`super::follower`]). Invariant: it keeps no queue of its own, and ends when the
//! access token counts no more.

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event;
use futures::stream;
use http_server::auth::{Claims, Member};
use http_server::{Query, sse, sse_event};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::follower::{CHECK_INTERVAL, CHECKS_PER_READ, Follower, Told};
use crate::error::Error;
use crate::state::Chat;

/// The most changes of one event.
const MAX_CHANGES: usize = 100;

/// The parameters of the stream.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FollowParams {
    /// Whether the client is in use, so that its member is online; true by default. A client that is in the background
    /// follows again with false.
    #[param(example = true)]
    active: Option<bool>,
}

/// Follows the conversations of the caller.
///
/// The stream begins with `places`: the `conversation`, `epoch` and `last_seq` of each of the 100 with the newest
/// messages. A client that has less asks for the changes after its own place. Then `changes` come, each like the
/// response of `list_conversation_changes`, and `typing`, which names a `conversation` and a `member`, and `presence`,
/// whose `members` have an `account` each and its `presence`, as `show_conversation` has it; where `all` is true, as
/// after the first `places`, others are away. A second `places` says that the client may have missed something: compare
/// again. Of requests nothing is in the stream. It ends with the access token: follow again with a fresh one.
#[utoipa::path(
    get,
    path = "/v1/chat/stream",
    operation_id = "follow_conversations",
    tag = "chat",
    security(("token" = [])),
    params(
        FollowParams,
    ),
    responses(
        (
            status = 200,
            description = "Server-sent events (WHATWG HTML, section 9.2), each with `event` and `data`",
            content_type = "text/event-stream",
            example = "event: places\ndata: {\"places\":[]}\n\n",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.too_many_streams", "request.invalid"])),
        ("x-stream" = json!(true)),
    ),
)]
pub(super) async fn follow(
    State(chat): State<Chat>,
    member: Member,
    Query(params): Query<FollowParams>,
) -> Result<Response, Error> {
    let mut follower = Follower::open(&chat, &member, MAX_CHANGES)?;
    follower.set_active(params.active.unwrap_or(true));
    let tasks = chat.context.tasks.clone();
    // On the heap: the stream and its future would each have room for it.
    let reader = Box::new(Reader { chat, claims: member.0, follower });
    let events = stream::unfold(reader, |mut reader| async move {
        let event = Reader::next(&mut reader).await?;
        Some((event, reader))
    });
    Ok(sse(events, &tasks))
}

/// One client that reads the stream.
struct Reader {
    chat: Chat,
    claims: Claims,
    follower: Follower,
}

impl Reader {
    /// Returns the next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if !self.is_valid() {
                return None;
            }
            // On the heap, so that a stream that waits has no room for it.
            match Box::pin(self.follower.next()).await {
                Ok(Some(told)) => match event(&told) {
                    Some(event) => return Some(event),
                    None => continue,
                },
                Ok(None) => {}
                Err(error) => return ended(&error),
            }
            let is_new = self.follower.has_begun() && self.changed().await?;
            let read = if is_new {
                Box::pin(self.follower.take_changed()).await
            } else {
                Box::pin(self.follower.begin()).await
            };
            if let Err(error) = read {
                return ended(&error);
            }
        }
    }

    /// Whether the token that opened the stream still counts.
    fn is_valid(&self) -> bool {
        self.chat.context.verifier.check_again(&self.claims).is_ok()
    }

    /// Waits until there may be something new. Returns `false` after a while without, and `None` if the token counts no
    /// more.
    async fn changed(&mut self) -> Option<bool> {
        for _ in 0..CHECKS_PER_READ {
            tokio::select! {
                () = self.follower.changed() => return Some(true),
                () = tokio::time::sleep(CHECK_INTERVAL) => {}
            }
            if !self.is_valid() {
                return None;
            }
        }
        Some(false)
    }
}

/// Ends a stream whose changes can't be read. The client connects again.
fn ended(error: &Error) -> Option<Event> {
    tracing::warn!(%error, "changes could not be read for a stream");
    None
}

/// Returns what is told as an event.
fn event(told: &Told) -> Option<Event> {
    match told {
        Told::Places(places) => named("places", places),
        Told::Changes(changes) => named("changes", changes),
        Told::Typing(typing) => named("typing", typing),
        Told::Presence(presence) => named("presence", presence),
        Told::Reset(reset) => named("reset", reset),
    }
}

fn named(name: &str, data: &impl Serialize) -> Option<Event> {
    let text = serde_json::to_string(data);
    let text = text.inspect_err(|error| tracing::error!(%error, "an event could not be serialized")).ok()?;
    Some(sse_event(name, &text))
}
