//! Reacting to a message.
//!
//! Invariant: a member has one reaction to a message at most; setting it again changes nothing. One to a message of two
//! of whom the other has blocked the member is there for the member alone.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use super::append::{About, append, check_active, joined, read_joined};
use super::deliver::find_blocks;
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, Reaction};
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
            let (found_conversation, member) = read_joined(tx, conversation, account).await?;
            let found = messages::list_visible(tx, &member, &[id]).await?.pop();
            if found.is_none_or(|message| message.state.is_removed()) {
                return Err(Error::NotFound);
            }
            if reaction.is_some() {
                check_active(tx, account, now).await?;
            }
            let blocks = find_blocks(tx, &found_conversation, account).await?;
            let is_changed = match reaction {
                Some(_) if blocks.blocks => return Err(Error::Blocked),
                Some(reaction) => reactions::set(tx, id, account, &reaction.into_string(), blocks.is_blocked).await?,
                None => reactions::remove(tx, id, account).await?,
            };
            if !is_changed {
                return Ok(Vec::new());
            }
            let only_for = blocks.is_blocked.then_some(account);
            let about = About { only_for, ..About::message(id) };
            append(tx, conversation, ChangeKind::Reacted, Some(account), about, now).await?;
            if blocks.is_blocked { Ok(vec![account]) } else { Ok::<_, Error>(joined(tx, conversation).await?) }
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}
