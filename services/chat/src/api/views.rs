//! Messages and changes as clients see them.
//!
//! Invariant: a view is made for one reader; a message that is kept from the other member because of a block looks to
//! its author like one that was sent.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::social::views::PostMediaView;
use screening::reason::Reason;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model::{ChangeKind, Message, MessageMedia, MessageState};
use crate::queries::changes::{ChangePage, SeenChange};
use crate::queries::messages::SeenMessage;
use crate::state::Chat;

/// What was decided about a message, for its author.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatVerdict, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b71",
    "outcome": "request_box",
    "reason": "screening.stranger",
    "sentence": "You are not connected yet, so this waits among the requests until it is accepted.",
    "can_appeal": false,
}))]
pub(super) struct VerdictView {
    /// Its id; null where the message is simply delivered.
    #[schema(required)]
    id: Option<Uuid>,
    /// `deliver`, `blur`, `request_box`, `hold` or `refuse`.
    outcome: String,
    /// The code of the reason.
    #[schema(required)]
    reason: Option<String>,
    /// The reason as a sentence.
    #[schema(required)]
    sentence: Option<String>,
    /// Whether the author can appeal.
    can_appeal: bool,
}

/// Returns a verdict as its sender sees it.
pub(super) fn verdict_view(id: Option<Uuid>, outcome: &str, reason: Option<&str>) -> VerdictView {
    let known: Option<Reason> = reason.and_then(|code| code.parse().ok());
    let is_stopped = matches!(outcome, "hold" | "refuse");
    VerdictView {
        id,
        outcome: outcome.to_owned(),
        reason: reason.map(str::to_owned),
        sentence: known.map(|reason| reason.sentence().to_owned()),
        can_appeal: is_stopped && known.is_some_and(Reason::can_appeal),
    }
}

fn verdict_of(message: &Message) -> VerdictView {
    verdict_view(message.verdict, &message.outcome, message.reason.as_deref())
}

/// A reaction to a message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageReaction, example = json!({
    "account": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "reaction": "❤️",
}))]
pub(super) struct ReactionView {
    /// Who.
    account: Uuid,
    /// An emoji, or a short word.
    reaction: String,
}

/// The state of a message, as its reader sees it.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChatMessageState, example = "sent")]
pub(super) enum StateView {
    /// It was sent.
    Sent,
    /// A moderator reads it first. Only its author sees it.
    Held,
    /// It was deleted for all.
    Removed,
}

impl From<MessageState> for StateView {
    fn from(state: MessageState) -> Self {
        match state.shown() {
            MessageState::Sent | MessageState::Withheld => Self::Sent,
            MessageState::Held => Self::Held,
            MessageState::Removed | MessageState::Retracted => Self::Removed,
        }
    }
}

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatMessage, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72",
    "conversation": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70",
    "seq": 18,
    "author": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "client_id": null,
    "state": "sent",
    "text": "Shall we sing it a tone lower?",
    "media": [],
    "media_count": 0,
    "blurred": false,
    "reply_to": null,
    "reactions": [],
    "verdict": null,
    "edited_at": null,
    "created_at": "2026-05-04T18:30:00Z",
}))]
pub(super) struct MessageView {
    /// Its id.
    id: Uuid,
    /// Its conversation.
    conversation: Uuid,
    /// Its place in the conversation.
    seq: i64,
    /// Who wrote it.
    author: Uuid,
    /// The id that the author's client gave it; for the author alone.
    #[schema(required)]
    client_id: Option<String>,
    /// Its state.
    state: StateView,
    /// The text; empty if there are media only, or if it was deleted.
    text: String,
    /// The media, in order; none before a request is accepted.
    media: Vec<PostMediaView>,
    /// How many media it has.
    media_count: usize,
    /// Whether its media stay blurred until they are opened: they come from a stranger, or one of them is sensitive.
    blurred: bool,
    /// The message that it replies to.
    #[schema(required)]
    reply_to: Option<Uuid>,
    /// The reactions to it.
    reactions: Vec<ReactionView>,
    /// What was decided about it; for the author alone.
    #[schema(required)]
    verdict: Option<VerdictView>,
    /// When its text was changed.
    #[schema(required)]
    edited_at: Option<DateTime<Utc>>,
    /// When it was sent.
    created_at: DateTime<Utc>,
}

/// Returns a message as a reader sees it.
pub(super) fn message_view(chat: &Chat, seen: SeenMessage) -> MessageView {
    let SeenMessage { message, media, media_count, reactions, is_own } = seen;
    let (signer, now) = (&chat.context.url_signer, chat.context.clock.now());
    let is_sensitive = |item: &MessageMedia| !is_own && item.is_sensitive(message.is_blurred);
    let reaction = |(account, reaction): (AccountId, String)| ReactionView { account: account.0, reaction };
    MessageView {
        id: message.id,
        conversation: message.conversation,
        seq: message.seq,
        author: message.author.0,
        client_id: is_own.then(|| message.client_id.clone()),
        state: message.state.into(),
        media: media.iter().map(|item| item.view(is_sensitive(item), signer, now)).collect(),
        media_count,
        blurred: !is_own && message.is_blurred || media.iter().any(is_sensitive),
        reply_to: message.reply_to,
        reactions: reactions.into_iter().map(reaction).collect(),
        verdict: is_own.then(|| verdict_of(&message)),
        edited_at: message.edited_at,
        created_at: message.created_at,
        text: message.text,
    }
}

/// What has become of a message that was sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SentMessage, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b72",
    "seq": 18,
    "verdict": {"id": null, "outcome": "deliver", "reason": null, "sentence": null, "can_appeal": false},
}))]
pub(super) struct SentView {
    /// The id of the message.
    pub(super) id: Uuid,
    /// Its place in the conversation.
    pub(super) seq: i64,
    /// What was decided about it.
    pub(super) verdict: VerdictView,
}

impl From<Message> for SentView {
    fn from(message: Message) -> Self {
        Self { id: message.id, seq: message.seq, verdict: verdict_of(&message) }
    }
}

/// A change of a conversation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatChange, example = json!({
    "seq": 19,
    "kind": "read",
    "member": "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10",
    "value": 18,
    "message_id": null,
    "message": null,
    "at": "2026-05-04T18:30:00Z",
}))]
pub(super) struct ChangeView {
    /// Its place: one more than that of the change before.
    seq: i64,
    /// What it is.
    kind: ChangeKind,
    /// Who has made it.
    #[schema(required)]
    member: Option<Uuid>,
    /// The place that a mark reaches.
    #[schema(required)]
    value: Option<i64>,
    /// The id of the message that it is about.
    #[schema(required)]
    message_id: Option<Uuid>,
    /// That message as it is now; null if the reader sees it no more.
    #[schema(required)]
    message: Option<MessageView>,
    /// When.
    at: DateTime<Utc>,
}

fn change_view(chat: &Chat, seen: SeenChange) -> ChangeView {
    let SeenChange { change, message } = seen;
    ChangeView {
        seq: change.seq,
        kind: change.kind,
        member: change.actor.map(|actor| actor.0),
        value: change.value,
        message_id: change.message,
        message: message.map(|message| message_view(chat, message)),
        at: change.at,
    }
}

/// Changes of a conversation, without a gap.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChatChanges, example = json!({
    "conversation": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b70",
    "epoch": 81_236_712,
    "last_seq": 18,
    "changes": [],
}))]
pub(super) struct ChangesView {
    /// The conversation.
    conversation: Uuid,
    /// The number of the sequence. Places of another one mean nothing here.
    epoch: i64,
    /// The place of the newest change. There are more as long as it is above that of the last one here.
    last_seq: i64,
    /// The changes, by place.
    changes: Vec<ChangeView>,
}

/// Returns changes as a reader sees them.
pub(super) fn changes_view(chat: &Chat, page: ChangePage) -> ChangesView {
    ChangesView {
        conversation: page.conversation.id,
        epoch: page.conversation.epoch,
        last_seq: page.last_seq,
        changes: page.changes.into_iter().map(|seen| change_view(chat, seen)).collect(),
    }
}
