//! Reacting to a message.
//!
//! Invariant: a member has one reaction to a message at most; setting it again changes nothing.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use super::append::{About, append, joined, read_joined};
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, MessageState, Reaction};
use crate::state::Chat;
use crate::store::{messages, reactions};

/// Sets a member's reaction to a message, or removes it.
pub(crate) async fn react(chat: &Chat, account: AccountId, id: Uuid, reaction: Option<Reaction>) -> Result<(), Error> {
    let conversation = messages::find(chat.context.db.read(), id).await?.ok_or(Error::NotFound)?.conversation;
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let (_, member) = read_joined(tx, conversation, account).await?;
            let found = messages::list_visible(tx, &member, &[id]).await?.pop();
            if found.is_none_or(|message| message.state == MessageState::Removed) {
                return Err(Error::NotFound);
            }
            let is_changed = match reaction {
                Some(reaction) => reactions::set(tx, id, account, &reaction.into_string()).await?,
                None => reactions::remove(tx, id, account).await?,
            };
            if !is_changed {
                return Ok(Vec::new());
            }
            append(tx, conversation, ChangeKind::Reacted, Some(account), About::message(id), now).await?;
            Ok::<_, Error>(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}
