//! The events of `chat`: a message was delivered, a member has read a conversation. What is reported, and what a check
//! stops, is told to `moderation` by its own events ([`crate::moderation`]).
//!
//! Invariant: an event is published in the transaction of its change, and carries ids, never a text of a member. What
//! waits in a box of requests publishes none, so nothing of it reaches a device before it is accepted.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{AccountId, Event};

/// `chat.message_sent`: a message was delivered to the inboxes of these members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageSent {
    /// The message.
    pub id: Uuid,
    /// Its conversation.
    pub conversation: Uuid,
    /// Who wrote it.
    pub author: AccountId,
    /// Who has it in the inbox: neither the author, nor those in whose box of requests it waits.
    pub recipients: Vec<AccountId>,
    /// When it was sent.
    pub at: DateTime<Utc>,
}

impl Event for MessageSent {
    const SUBJECT: &'static str = "chat.message_sent";
}

/// `chat.conversation_read`: a member has read the messages of a conversation that there were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationRead {
    /// The conversation.
    pub conversation: Uuid,
    /// Who has read.
    pub member: AccountId,
    /// When.
    pub at: DateTime<Utc>,
}

impl Event for ConversationRead {
    const SUBJECT: &'static str = "chat.conversation_read";
}
