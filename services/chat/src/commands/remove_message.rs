//! Deleting a message, for oneself or for all, by its author or by a decision of moderation.
//!
//! Invariant: no other member deletes it for all; then its words, media and reactions are gone, and its place stays.

use contract::AccountId;
use contract::moderation::Decided;
use db::{Lane, Tx};
use uuid::Uuid;

use super::append::{About, append, joined, read_member};
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, Message, MessageState, own_message};
use crate::state::Chat;
use crate::store::{media, messages, reactions};

/// For whom a message is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// For the member alone.
    Me,
    /// For all members.
    All,
}

/// Deletes a message.
pub(crate) async fn remove_message(chat: &Chat, account: AccountId, id: Uuid, whom: For) -> Result<(), Error> {
    let conversation = messages::find(chat.context.db.read(), id).await?.ok_or(Error::NotFound)?.conversation;
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let (_, member) = read_member(tx, conversation, account).await?;
            let found = messages::list_visible(tx, &member, &[id]).await?.pop().ok_or(Error::NotFound)?;
            let removal = match whom {
                For::Me => hide(tx, account, id).await?,
                For::All if found.author != account => return Err(Error::NotAuthor),
                For::All => remove(tx, &found).await?,
            };
            let Some(Removal { kind, only_for }) = removal else { return Ok(Vec::new()) };
            // Of a request that was not accepted, nothing is told; its member sees it no more.
            if member.is_requested() {
                return Ok(Vec::new());
            }
            let about = About { only_for, ..About::message(id) };
            append(tx, conversation, kind, Some(account), about, now).await?;
            Ok::<_, Error>(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}

/// Follows a decision of moderation: deletes a message for all, if that was decided. Does nothing about other roles'
/// things, and to a message that is gone.
pub(crate) async fn follow_decision(chat: &Chat, decided: &Decided) -> Result<(), Error> {
    let Some(id) = own_message(&decided.thing).filter(|_| decided.removes) else { return Ok(()) };
    let Some(message) = messages::find(chat.context.db.read(), id).await? else { return Ok(()) };
    let (conversation, now) = (message.conversation, chat.context.clock.now());
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let Some(found) = messages::find(tx, id).await? else { return Ok(Vec::new()) };
            let Some(Removal { kind, only_for }) = remove(tx, &found).await? else { return Ok(Vec::new()) };
            // By the only member who sees it, if there is one: it goes with their account.
            append(tx, conversation, kind, only_for, About { only_for, ..About::message(id) }, now).await?;
            Ok::<_, Error>(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}

/// How a message is gone.
struct Removal {
    kind: ChangeKind,
    /// The only member who sees that; `None` for all.
    only_for: Option<AccountId>,
}

async fn hide(tx: &Tx, account: AccountId, id: Uuid) -> Result<Option<Removal>, db::Error> {
    let removal = Removal { kind: ChangeKind::Hidden, only_for: Some(account) };
    Ok(messages::hide(tx, account, id).await?.then_some(removal))
}

/// Deletes what a message has. Of one that only its author sees, others learn nothing; the author who takes it for sent
/// takes it for removed.
async fn remove(tx: &Tx, message: &Message) -> Result<Option<Removal>, db::Error> {
    let removal = match message.state {
        MessageState::Removed | MessageState::Retracted => return Ok(None),
        MessageState::Sent => {
            messages::set_removed(tx, message.id, MessageState::Removed).await?;
            Removal { kind: ChangeKind::Removed, only_for: None }
        }
        MessageState::Withheld => {
            messages::set_removed(tx, message.id, MessageState::Retracted).await?;
            Removal { kind: ChangeKind::Removed, only_for: Some(message.author) }
        }
        MessageState::Held => {
            messages::set_text(tx, message.id, "", message.created_at).await?;
            match hide(tx, message.author, message.id).await? {
                Some(removal) => removal,
                None => return Ok(None),
            }
        }
    };
    media::remove_of(tx, message.id).await?;
    reactions::remove_of(tx, message.id).await?;
    Ok(Some(removal))
}
