//! Messages as a member sees them.
//!
//! Invariant: of a request, no media are shown before it is accepted; who sees a message sees the reactions to it.

use std::collections::HashMap;

use contract::AccountId;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{ConversationMember, Message, MessageMedia};
use crate::recent::Recent;
use crate::state::Chat;
use crate::store::{media, members, messages, reactions};

/// A message with what belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct SeenMessage {
    /// The message.
    pub message: Message,
    /// Its media; none before a request is accepted.
    pub media: Vec<MessageMedia>,
    /// How many media it has.
    pub media_count: usize,
    /// Who has reacted, and how.
    pub reactions: Vec<(AccountId, String)>,
    /// Whether the reader wrote it.
    pub is_own: bool,
}

/// Where a page of the history begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Below this place, the newest first.
    Before(i64),
    /// Above this place, the oldest first.
    After(i64),
}

/// Returns a member who may read a conversation.
pub(crate) async fn reader(chat: &Chat, account: AccountId, conversation: Uuid) -> Result<ConversationMember, Error> {
    let found = members::find(chat.context.db.read(), conversation, account).await?;
    found.filter(ConversationMember::may_read).ok_or(Error::NotFound)
}

/// Returns a page of the history of a conversation.
pub(crate) async fn history(
    chat: &Chat,
    reader: &ConversationMember,
    place: Place,
    limit: usize,
) -> Result<Vec<SeenMessage>, Error> {
    let sql = chat.context.db.read();
    let found = match place {
        Place::Before(before) => messages::list_before(sql, reader, before, limit).await?,
        Place::After(after) => messages::list_after(sql, reader, after, limit).await?,
    };
    complete(chat, reader, found).await
}

/// Returns those of these messages that a member sees, by id.
pub(crate) async fn list(
    chat: &Chat,
    reader: &ConversationMember,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, SeenMessage>, Error> {
    let found = messages::list_visible(chat.context.db.read(), reader, ids).await?;
    let seen = complete(chat, reader, found).await?;
    Ok(seen.into_iter().map(|seen| (seen.message.id, seen)).collect())
}

/// Returns a message of a copy that streams share, if a member sees it.
pub(crate) fn see_recent(recent: &Recent, reader: &ConversationMember, id: Uuid) -> Option<SeenMessage> {
    let found = recent.messages.get(&id).filter(|found| found.message.is_in_sight_of(reader))?;
    if recent.hidden.contains(&(reader.account, id)) {
        return None;
    }
    let is_shown = |(account, _, is_withheld): &&(AccountId, String, bool)| !is_withheld || *account == reader.account;
    let shown = found.reactions.iter().filter(is_shown);
    Some(SeenMessage {
        message: found.message.clone(),
        media: if reader.is_requested() { Vec::new() } else { found.media.clone() },
        media_count: found.media.len(),
        reactions: shown.map(|(account, reaction, _)| (*account, reaction.clone())).collect(),
        is_own: found.message.author == reader.account,
    })
}

/// Returns a message that a member sees.
pub(crate) async fn get(chat: &Chat, account: AccountId, id: Uuid) -> Result<SeenMessage, Error> {
    let found = messages::find(chat.context.db.read(), id).await?.ok_or(Error::NotFound)?;
    let reader = reader(chat, account, found.conversation).await?;
    list(chat, &reader, &[id]).await?.remove(&id).ok_or(Error::NotFound)
}

async fn complete(chat: &Chat, reader: &ConversationMember, found: Vec<Message>) -> Result<Vec<SeenMessage>, Error> {
    let sql = chat.context.db.read();
    let ids: Vec<Uuid> = found.iter().map(|message| message.id).collect();
    let mut all_media = media::list(sql, &ids).await?;
    let mut all_reactions = reactions::list(sql, reader.account, &ids).await?;
    let complete = |message: Message| {
        let media = all_media.remove(&message.id).unwrap_or_default();
        let (media_count, is_own) = (media.len(), message.author == reader.account);
        SeenMessage {
            media: if reader.is_requested() { Vec::new() } else { media },
            media_count,
            reactions: all_reactions.remove(&message.id).unwrap_or_default(),
            is_own,
            message,
        }
    };
    Ok(found.into_iter().map(complete).collect())
}
