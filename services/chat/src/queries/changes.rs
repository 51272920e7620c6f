//! The changes of a conversation as a member sees them.
//!
//! Invariant: each place has one change, also that of which the reader sees nothing, so a reader who has all places up
//! to one has missed nothing.

use std::collections::HashMap;

use contract::AccountId;
use uuid::Uuid;

use super::messages::{self, SeenMessage};
use crate::error::Error;
use crate::model::{Change, ChangeKind, Conversation, ConversationMember};
use crate::recent::Recent;
use crate::state::Chat;
use crate::store::{changes, conversations};

/// A change with the message that it is about.
#[derive(Debug, Clone)]
pub(crate) struct SeenChange {
    /// The change.
    pub change: Change,
    /// The message as it is now.
    pub message: Option<SeenMessage>,
}

/// Changes of a conversation.
pub(crate) struct ChangePage {
    /// The conversation.
    pub conversation: Conversation,
    /// The changes, without a gap.
    pub changes: Vec<SeenChange>,
    /// The place of the newest change that the reader sees.
    pub last_seq: i64,
}

/// Returns the changes after a place, at most `limit`. `epoch` is that of the client's place.
pub(crate) async fn list(
    chat: &Chat,
    account: AccountId,
    conversation: Uuid,
    after: i64,
    epoch: Option<i64>,
    limit: usize,
) -> Result<ChangePage, Error> {
    let reader = messages::reader(chat, account, conversation).await?;
    let sql = chat.context.db.read();
    let mut found = conversations::find(sql, conversation).await?.ok_or(Error::NotFound)?;
    found.epoch = epoch_of(chat, &found).await?;
    let last_seq = reader.last_visible(found.last_seq);
    if epoch.is_some_and(|epoch| epoch != found.epoch) || after > last_seq {
        return Err(Error::ChangesReset);
    }
    let until = last_seq.min(after.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)));
    let stored = changes::list(sql, conversation, after, until).await?;
    let ids: Vec<Uuid> = stored.iter().filter_map(|change| change.message).collect();
    let seen = messages::list(chat, &reader, &ids).await?;
    let changes = see_each(chat, &reader, (after, until), stored, &seen);
    Ok(ChangePage { conversation: found, changes, last_seq })
}

/// Returns what [`list`] returns, out of a copy that streams share; `None` if the copy begins after that place.
pub(crate) fn list_recent(
    chat: &Chat,
    recent: &Recent,
    reader: &ConversationMember,
    after: i64,
    limit: usize,
) -> Option<ChangePage> {
    if after < recent.after {
        return None;
    }
    let last_seq = reader.last_visible(recent.conversation.last_seq);
    let until = last_seq.min(after.saturating_add(i64::try_from(limit).unwrap_or(i64::MAX)));
    let is_told = |change: &&Change| change.seq > after && change.seq <= until;
    let stored: Vec<Change> = recent.changes.iter().filter(is_told).cloned().collect();
    let ids = stored.iter().filter_map(|change| change.message);
    let seen: HashMap<Uuid, SeenMessage> =
        ids.filter_map(|id| Some((id, messages::see_recent(recent, reader, id)?))).collect();
    let changes = see_each(chat, reader, (after, until), stored, &seen);
    Some(ChangePage { conversation: recent.conversation.clone(), changes, last_seq })
}

/// Returns the change at each place as a reader sees it.
fn see_each(
    chat: &Chat,
    reader: &ConversationMember,
    (after, until): (i64, i64),
    stored: Vec<Change>,
    seen: &HashMap<Uuid, SeenMessage>,
) -> Vec<SeenChange> {
    let mut by_seq: HashMap<i64, Change> = stored.into_iter().map(|change| (change.seq, change)).collect();
    let at = chat.context.clock.now();
    let read = |seq| {
        let change = by_seq.remove(&seq).filter(|change| is_seen(change, reader, seen));
        let gone = Change { seq, kind: ChangeKind::None, actor: None, message: None, value: None, only_for: None, at };
        let change = change.unwrap_or(gone);
        let message = change.message.and_then(|id| seen.get(&id).cloned());
        SeenChange { change, message }
    };
    (after + 1..=until).map(read).collect()
}

/// Returns the epoch and the place of the newest change that a member sees; `None` if the conversation is gone.
pub(crate) async fn place(chat: &Chat, member: &ConversationMember) -> Result<Option<(i64, i64)>, Error> {
    let found = conversations::find(chat.context.db.read(), member.conversation).await?;
    let Some(found) = found else { return Ok(None) };
    let epoch = epoch_of(chat, &found).await?;
    Ok(Some((epoch, member.last_visible(found.last_seq))))
}

/// Returns what [`place`] returns for each of a member's conversations, after its id. What is gone is left
/// out.
pub(crate) async fn places(chat: &Chat, mine: &[ConversationMember]) -> Result<Vec<(Uuid, i64, i64)>, Error> {
    let sql = chat.context.db.read();
    let ids: Vec<Uuid> = mine.iter().map(|member| member.conversation).collect();
    let (found, restored) = (conversations::list(sql, &ids).await?, db::restored::epoch(sql).await?);
    let found: HashMap<Uuid, Conversation> = found.into_iter().map(|found| (found.id, found)).collect();
    let place = |member: &ConversationMember| {
        let of_member = found.get(&member.conversation)?;
        Some((member.conversation, of_member.epoch ^ restored, member.last_visible(of_member.last_seq)))
    };
    Ok(mine.iter().filter_map(place).collect())
}

/// Returns the epoch of a conversation: another after each restore of a backup, whose sequences may go back.
pub(crate) async fn epoch_of(chat: &Chat, conversation: &Conversation) -> Result<i64, Error> {
    // Both are below 2⁵³, and so is what differs.
    Ok(conversation.epoch ^ db::restored::epoch(chat.context.db.read()).await?)
}

/// Whether a reader sees a change.
fn is_seen(change: &Change, reader: &ConversationMember, messages: &HashMap<Uuid, SeenMessage>) -> bool {
    let is_in_window = change.seq > reader.from_seq;
    let is_for_reader = change.only_for.is_none_or(|account| account == reader.account);
    let is_hidden = change.kind == ChangeKind::Hidden;
    let is_message_seen = is_hidden || change.message.is_none_or(|id| messages.contains_key(&id));
    is_in_window && is_for_reader && is_message_seen
}
