//! Delivering a message: how it reaches the other member of two, into which boxes it comes, and who is told.
//!
//! Does not own the verdict, which comes before it. Invariant: the caller holds the lane of the conversation; what
//! waits in a box of requests publishes no event.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::chat::MessageSent;
use contract::social::Contact;
use db::Tx;
use screening::facts::Relation;

use super::screen::Reach;
use crate::contacts::find_one;
use crate::error::Error;
use crate::model::{Conversation, ConversationMember, MemberState, Message};
use crate::state::Chat;
use crate::store::blocks::Blocks;
use crate::store::{blocks, members, messages, settings};

/// The other member of a conversation of two.
pub(super) struct Recipient {
    /// The member.
    pub member: ConversationMember,
    /// How the message reaches them.
    pub reach: Reach,
    /// Whether they have blocked the author.
    pub is_blocking: bool,
}

/// Returns the other member of a conversation of two.
pub(super) fn other_of<'m>(
    conversation: &Conversation,
    all: &'m [ConversationMember],
    account: AccountId,
) -> Option<&'m ConversationMember> {
    all.iter().find(|member| !conversation.is_group() && member.account != account)
}

/// Returns which of a member and the other one of two has blocked the other; in a group, neither.
pub(super) async fn find_blocks(tx: &Tx, conversation: &Conversation, account: AccountId) -> Result<Blocks, db::Error> {
    if conversation.is_group() {
        return Ok(Blocks::default());
    }
    let all = members::list(tx, conversation.id).await?;
    match other_of(conversation, &all, account) {
        Some(other) => blocks::between(tx, account, other.account).await,
        None => Ok(Blocks::default()),
    }
}

/// Asks social how the other member of two stands to the author, unless they take part already.
pub(super) async fn find_contact(
    chat: &Chat,
    conversation: &Conversation,
    all: &[ConversationMember],
    author: AccountId,
) -> Result<Option<Contact>, Error> {
    find_contact_of(chat, other_of(conversation, all, author), author).await
}

/// Does what [`find_contact`] does, about the other member of two.
pub(super) async fn find_contact_of(
    chat: &Chat,
    other: Option<&ConversationMember>,
    author: AccountId,
) -> Result<Option<Contact>, Error> {
    match other {
        Some(other) if !other.is_joined() => find_one(chat, author, other.account).await,
        _ => Ok(None),
    }
}

/// Returns how a message reaches the other member of two. `between` says which of the author and them has blocked the
/// other.
pub(super) async fn recipient(
    tx: &Tx,
    author: AccountId,
    member: ConversationMember,
    between: Blocks,
    contact: Option<&Contact>,
) -> Result<Recipient, Error> {
    let (conversation, other) = (member.conversation, member.account);
    if between.blocks || contact.is_some_and(|contact| contact.is_blocked) {
        return Err(Error::Blocked);
    }
    let is_blocking = between.is_blocked || contact.is_some_and(|contact| contact.blocks_member);
    if member.is_joined() || contact.is_some_and(|contact| contact.follows_member) {
        return Ok(Recipient { member, reach: Reach::connected(), is_blocking });
    }
    let unanswered = messages::count_of_author(tx, conversation, author).await?;
    let is_acquainted = contact.is_some_and(|contact| contact.friends_in_common > 0);
    let reach = Reach {
        relation: if is_acquainted { Relation::Acquainted } else { Relation::Stranger },
        recipients: 1,
        new_recipients: u32::from(unanswered == 0),
        unanswered: u32::try_from(unanswered).unwrap_or(u32::MAX),
        refuses_strangers: !settings::find(tx, other).await?.allows_strangers,
    };
    Ok(Recipient { member, reach, is_blocking })
}

/// Puts a message into the boxes of the members, and publishes that it was delivered. The box of one who knows nothing
/// of the conversation yet is their inbox if they are connected to the author, and otherwise their box of requests.
/// Returns the members whose streams show it.
pub(super) async fn deliver(
    tx: &Tx,
    message: &Message,
    recipient: Option<Recipient>,
    now: DateTime<Utc>,
) -> Result<Vec<AccountId>, db::Error> {
    if let Some(Recipient { mut member, reach, .. }) = recipient {
        let state = match (reach.relation, member.state) {
            (Relation::Connected, _) => MemberState::Joined,
            (_, MemberState::Waiting) => MemberState::Requested,
            (_, state) => state,
        };
        if state != member.state {
            member.inviter = (state == MemberState::Requested).then_some(message.author).or(member.inviter);
            member.state = state;
            members::put(tx, &member).await?;
        }
    }
    let (id, conversation, author) = (message.id, message.conversation, message.author);
    let mut taking_part = members::touch(tx, conversation, now.timestamp_micros()).await?;
    taking_part.retain(|member| member.is_joined);
    let told = taking_part.iter().filter(|member| member.account != author && !member.is_erased);
    let recipients: Vec<AccountId> = told.map(|member| member.account).collect();
    if !recipients.is_empty() {
        tx.publish(&MessageSent { id, conversation, author, recipients, at: now }, now)?;
    }
    Ok(taking_part.into_iter().map(|member| member.account).collect())
}
