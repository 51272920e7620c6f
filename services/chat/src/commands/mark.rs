//! Marking a conversation as read, or as delivered, up to a place.
//!
//! Invariant: a mark moves forward only, from one message of others to another; it is told to others if the member
//! takes part, sends receipts, and neither of two has blocked the other.

use contract::AccountId;
use contract::chat::ConversationRead;
use db::{Lane, Tx};
use uuid::Uuid;

use super::append::{About, append, joined, read_member};
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, Conversation, ConversationMember};
use crate::state::Chat;
use crate::store::{blocks, members, messages, settings};

/// What is marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The member has read it.
    Read,
    /// A device of the member has it.
    Delivered,
}

/// Marks a conversation up to a place, or to its end.
pub(crate) async fn mark(
    chat: &Chat,
    account: AccountId,
    conversation: Uuid,
    mark: Mark,
    seq: Option<i64>,
) -> Result<(), Error> {
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let (found, mut member) = read_member(tx, conversation, account).await?;
            let last = member.last_visible(found.last_seq);
            let until = seq.map_or(last, |seq| seq.min(last));
            // A mark is at a message of others: marks of marks would never end.
            let reached = messages::find_newest_of_others(tx, &member, until).await?.unwrap_or(0);
            let place = match mark {
                Mark::Read => &mut member.read_seq,
                Mark::Delivered => &mut member.delivered_seq,
            };
            if reached <= *place {
                return Ok::<_, Error>(Vec::new());
            }
            *place = reached;
            // Of a request, reading it is stored for the member alone.
            let is_told = member.is_joined() && is_told(tx, &found, &member).await?;
            if is_told {
                match mark {
                    Mark::Read => member.told_read_seq = reached,
                    Mark::Delivered => member.told_delivered_seq = reached,
                }
            }
            members::put(tx, &member).await?;
            if mark == Mark::Read && member.is_joined() {
                tx.publish(&ConversationRead { conversation, member: account, at: now }, now)?;
            }
            if !is_told {
                return Ok(Vec::new());
            }
            let kind = if mark == Mark::Read { ChangeKind::Read } else { ChangeKind::Delivered };
            let about = About { value: Some(reached), ..About::default() };
            append(tx, conversation, kind, Some(account), about, now).await?;
            Ok(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}

/// Whether others learn of the marks of a member.
async fn is_told(tx: &Tx, conversation: &Conversation, member: &ConversationMember) -> Result<bool, db::Error> {
    if !settings::find(tx, member.account).await?.sends_receipts {
        return Ok(false);
    }
    if conversation.is_group() {
        return Ok(true);
    }
    let all = members::list(tx, conversation.id).await?;
    let Some(other) = all.iter().find(|other| other.account != member.account) else { return Ok(false) };
    Ok(!blocks::between(tx, member.account, other.account).await?.any())
}
