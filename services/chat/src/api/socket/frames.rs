//! The frames of the socket: one JSON object each, told apart by `type`.
//!
//! A later version adds types and fields; clients skip what they do not know. Invariant: what a frame asks for is what
//! an operation of the interface does, with the same fields; `docs/asyncapi.json` is made of these types.

use contract::MediaId;
use http_server::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::api::follower::{KnownPlace, PlacesView, PresencesView, ResetView, Told, TypingView};
use crate::api::messages::NewMessageBody;
use crate::api::views::{ChangesView, SentView, VerdictView};

/// What a client sends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ChatClientFrame)]
pub(in crate::api) enum ClientFrame {
    /// Begins to follow: the server says `places`, then what the client lacks, then what comes.
    Hello(Hello),
    /// Sends a message, as `send_message` does. The answer is `sent` or `problem`.
    Send(SendFrame),
    /// Marks a conversation as read, as `read_conversation` does.
    Read(ConversationMark),
    /// Marks a conversation as delivered, as `confirm_conversation_delivery` does.
    Delivered(ConversationMark),
    /// Tells the others that the client's member is typing, as `show_typing` does.
    Typing(TypingIn),
    /// Says whether the client is in use, so that its member is online. It is until the client says otherwise.
    Active(Activity),
    /// Asks for `pong`.
    Ping,
}

/// Begins to follow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatHello)]
pub(in crate::api) struct Hello {
    /// The places that the client has, of at most 500 conversations. What is above them comes next.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub(super) after: Vec<KnownPlace>,
}

/// A message to a conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatSend)]
pub(in crate::api) struct SendFrame {
    /// An id that the client draws: a message that is sent again under it is stored once.
    #[schema(min_length = 1, max_length = 64)]
    pub(super) client_id: String,
    /// The conversation.
    pub(super) conversation: Uuid,
    /// At most 4,000 characters. It may be empty where there are media.
    #[serde(default)]
    #[schema(max_length = 4000)]
    text: String,
    /// The ids of up to 10 items of the member's library.
    #[serde(default)]
    #[schema(max_items = 10)]
    media: Vec<MediaId>,
    /// A message of the conversation that this one replies to.
    reply_to: Option<Uuid>,
}

impl SendFrame {
    /// Returns what is sent, as the body of `send_message`.
    pub(super) fn into_body(self) -> NewMessageBody {
        let Self { client_id, conversation: _, text, media, reply_to } = self;
        NewMessageBody { client_id, text, media, reply_to }
    }
}

/// A place of a conversation that is marked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatMark)]
pub(in crate::api) struct ConversationMark {
    /// The conversation.
    pub(super) conversation: Uuid,
    /// What lies up to this place is marked; to the end if it is absent.
    #[schema(minimum = 0)]
    pub(super) seq: Option<i64>,
}

/// Where the client's member is typing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatTypingIn)]
pub(in crate::api) struct TypingIn {
    /// The conversation.
    pub(super) conversation: Uuid,
}

/// Whether the client is in use.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatActivity)]
pub(in crate::api) struct Activity {
    /// False while it is in the background, or its member does nothing.
    pub(super) active: bool,
}

impl ClientFrame {
    /// Returns the type, as a client writes it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Send(_) => "send",
            Self::Read(_) => "read",
            Self::Delivered(_) => "delivered",
            Self::Typing(_) => "typing",
            Self::Active(_) => "active",
            Self::Ping => "ping",
        }
    }

    /// Returns the client's id of a message.
    pub(super) fn client_id(&self) -> Option<&str> {
        match self {
            Self::Send(send) => Some(&send.client_id),
            _ => None,
        }
    }

    /// Whether it needs the scope for writing, of a token that has scopes.
    pub(super) fn is_write(&self) -> bool {
        !matches!(self, Self::Hello(_) | Self::Active(_) | Self::Ping)
    }

    /// Returns what it costs of a client's budget: a beginning reads up to two hundred rows, and one for each place.
    pub(super) fn cost(&self) -> u32 {
        match self {
            Self::Hello(hello) => 10 + u32::try_from(hello.after.len() / 10).unwrap_or(u32::MAX / 2),
            _ => 1,
        }
    }
}

/// What the server sends.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(as = ChatServerFrame)]
pub(in crate::api) enum ServerFrame {
    /// Where conversations are. A second one says the same again; what the client lacks comes after it.
    Places(PlacesView),
    /// Changes of a conversation, like the response of `list_conversation_changes`.
    Changes(ChangesView),
    /// Someone is typing.
    Typing(TypingView),
    /// Members are online, or away, or are not shown any more.
    Presence(PresencesView),
    /// A message was sent.
    Sent(SentFrame),
    /// A frame was not carried out.
    Problem(ProblemFrame),
    /// A conversation is to be read again.
    Reset(ResetView),
    /// Answers `ping`.
    Pong,
    /// The last frame: the server closes the socket.
    Bye(Bye),
}

impl From<Told> for ServerFrame {
    fn from(told: Told) -> Self {
        match told {
            Told::Places(places) => Self::Places(places),
            Told::Changes(changes) => Self::Changes(changes),
            Told::Typing(typing) => Self::Typing(typing),
            Told::Presence(presence) => Self::Presence(presence),
            Told::Reset(reset) => Self::Reset(reset),
        }
    }
}

/// What has become of a message that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatSent)]
pub(in crate::api) struct SentFrame {
    /// The client's id of the message.
    client_id: String,
    /// Its id.
    id: Uuid,
    /// Its place in the conversation.
    seq: i64,
    /// What was decided about it.
    verdict: VerdictView,
}

impl SentFrame {
    /// Returns the answer to a client's message.
    pub(super) fn new(client_id: String, sent: SentView) -> Self {
        let SentView { id, seq, verdict } = sent;
        Self { client_id, id, seq, verdict }
    }
}

/// Why a frame was not carried out, with the code that the operation has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatProblem)]
pub(in crate::api) struct ProblemFrame {
    /// The type of the frame; null if it was no frame.
    #[schema(required)]
    frame: Option<String>,
    /// The client's id of the message that was not sent.
    #[schema(required)]
    client_id: Option<String>,
    /// A stable code, such as `chat.slow_down`.
    code: String,
    /// A sentence that says what to do.
    detail: String,
    /// After how many seconds it may be sent again.
    #[schema(required)]
    retry_after: Option<u64>,
    /// The code of a verdict's reason.
    #[schema(required)]
    reason: Option<String>,
    /// The verdict that refused the message.
    #[schema(required)]
    verdict: Option<Uuid>,
    /// Whether the verdict can be appealed.
    can_appeal: bool,
}

impl ProblemFrame {
    /// Returns a problem as the answer to a frame.
    pub(super) fn new(frame: Option<&str>, client_id: Option<&str>, problem: &Problem) -> Self {
        let member = |name: &str| problem.members.as_ref().and_then(|members| members.get(name));
        let seconds = |wait: std::time::Duration| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
        Self {
            frame: frame.map(str::to_owned),
            client_id: client_id.map(str::to_owned),
            code: problem.code.clone().into_owned(),
            detail: problem.detail.clone().into_owned(),
            retry_after: problem.retry_after.map(seconds),
            reason: member("reason").and_then(Value::as_str).map(str::to_owned),
            verdict: member("verdict").and_then(Value::as_str).and_then(|id| id.parse().ok()),
            can_appeal: member("can_appeal").and_then(Value::as_bool).unwrap_or(false),
        }
    }
}

/// Why a socket ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatByeReason)]
pub(in crate::api) enum ByeReason {
    /// The process stops; another one goes on.
    Draining,
    /// The access token counts no more.
    TokenEnded,
    /// Nothing came from the client, not even a pong.
    Idle,
    /// The client reads too slowly.
    Slow,
    /// Too many frames were malformed, or came too fast.
    Misuse,
    /// A frame was larger than 64 KiB.
    TooLarge,
    /// What has changed can't be read right now.
    Unavailable,
}

impl ByeReason {
    /// Returns the code of the close frame (RFC 6455, section 7.4.1, and the IANA registry of close codes).
    pub(super) fn close_code(self) -> CloseCode {
        match self {
            Self::Draining => CloseCode::Away,
            // "Unauthorized"
            Self::TokenEnded => CloseCode::from(3000),
            // "Timeout"
            Self::Idle => CloseCode::from(3008),
            Self::Slow => CloseCode::Again,
            Self::Misuse => CloseCode::Policy,
            Self::TooLarge => CloseCode::Size,
            Self::Unavailable => CloseCode::Error,
        }
    }

    /// Returns what the client does about it. It fits into a close frame (123 bytes).
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::Draining => "This server stops. Connect again after `reconnect_ms`.",
            Self::TokenEnded => "Connect again with a fresh access token.",
            Self::Idle => "Nothing was heard for too long. Connect again.",
            Self::Slow => "Frames were read too slowly. Connect again.",
            Self::Misuse => "Too many frames were malformed, or came too fast. Mend the client.",
            Self::TooLarge => "A frame has at most 64 KiB. Mend the client.",
            Self::Unavailable => "A part of the server does not respond. Connect again after `reconnect_ms`.",
        }
    }

    /// Returns the longest time that the client is asked to wait, in milliseconds. It is told a random part of it, so
    /// that the clients of a process do not come back all at once.
    pub(super) fn max_wait_ms(self) -> u64 {
        match self {
            Self::Draining => 5_000,
            Self::TokenEnded | Self::Idle => 0,
            Self::Slow | Self::Unavailable => 10_000,
            Self::Misuse | Self::TooLarge => 60_000,
        }
    }
}

/// The last frame.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatBye)]
pub(in crate::api) struct Bye {
    /// Why the socket ends.
    reason: ByeReason,
    /// What to do, as a sentence.
    detail: &'static str,
    /// After how many milliseconds the client connects again.
    reconnect_ms: u64,
}

impl Bye {
    /// Returns the last frame of a socket that ends for this reason.
    pub(super) fn new(reason: ByeReason, reconnect_ms: u64) -> Self {
        Self { reason, detail: reason.sentence(), reconnect_ms }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &Value) -> Result<ClientFrame, serde_json::Error> {
        serde_json::from_str(&text.to_string())
    }

    #[test]
    fn frames_are_read_strictly() {
        let place = json!({"conversation": Uuid::nil(), "epoch": 7, "seq": 3});
        let Ok(ClientFrame::Hello(hello)) = read(&json!({"type": "hello", "after": [place]})) else { panic!() };
        assert_eq!((hello.after.len(), read(&json!({"type": "hello"})).unwrap().cost()), (1, 10));
        let send = json!({"type": "send", "client_id": "1", "conversation": Uuid::nil(), "text": "hi"});
        let send = read(&send).unwrap();
        assert_eq!((send.name(), send.client_id(), send.is_write()), ("send", Some("1"), true));
        assert!(matches!(read(&json!({"type": "ping"})), Ok(ClientFrame::Ping)));
        assert!(!read(&json!({"type": "active", "active": false})).unwrap().is_write());
        for wrong in [
            json!({}),
            json!([]),
            json!({"type": "shout"}),
            json!({"type": "read"}),
            json!({"type": "typing", "conversation": Uuid::nil(), "loudly": true}),
        ] {
            assert!(read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_last_frame_says_what_to_do_and_fits_into_a_close_frame() {
        use ByeReason::{Draining, Idle, Misuse, Slow, TokenEnded, TooLarge, Unavailable};
        for reason in [Draining, TokenEnded, Idle, Slow, Misuse, TooLarge, Unavailable] {
            assert!(reason.close_code().is_allowed() && reason.sentence().len() <= 123, "{reason:?}");
        }
        let bye = serde_json::to_value(ServerFrame::Bye(Bye::new(ByeReason::Draining, 250))).unwrap();
        assert_eq!((&bye["type"], &bye["reason"]), (&json!("bye"), &json!("draining")));
    }
}
