//! Conversations as a member sees them.
//!
//! Invariant: what a member is told of the others does not depend on whether they have ignored, declined or blocked the
//! member.

use std::collections::HashMap;

use contract::AccountId;
use uuid::Uuid;

use super::messages::{self, Place, SeenMessage};
use super::presence;
use crate::contacts::{find_one, friends_in_common};
use crate::error::Error;
use crate::model::{Conversation, ConversationMember, InboxCursor, MemberState, Permissions, Presence, WriteTarget};
use crate::state::Chat;
use crate::store::people::KnownPerson;
use crate::store::{self, blocks, conversations, members, people, settings};

/// What a member learns of who asks them, before they accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SharedContext {
    /// How many friends they have in common.
    pub friends_in_common: u64,
    /// How many whole days old the account of who asks is.
    pub account_age_days: u32,
}

/// A member in a conversation.
#[derive(Debug, Clone)]
pub(crate) struct SeenMember {
    /// The member.
    pub member: ConversationMember,
    /// Who it is, if they are known.
    pub person: Option<KnownPerson>,
    /// Whether they are online, if the reader sees it.
    pub presence: Option<Presence>,
}

/// A conversation as a member sees it.
#[derive(Debug, Clone)]
pub(crate) struct SeenConversation {
    /// The conversation, with the epoch of now.
    pub conversation: Conversation,
    /// The reader.
    pub reader: ConversationMember,
    /// Those who take part, none for who has left, and in a conversation of two both.
    pub members: Vec<SeenMember>,
    /// How many messages of others the reader has not read.
    pub unread: u64,
    /// The newest message that the reader sees.
    pub newest: Option<SeenMessage>,
}

/// Returns a page of a box, and the cursor of the next one.
pub(crate) async fn list_box(
    chat: &Chat,
    account: AccountId,
    state: MemberState,
    before: InboxCursor,
    size: usize,
) -> Result<(Vec<SeenConversation>, Option<String>), Error> {
    let sql = chat.context.db.read();
    let mut mine = members::list_box(sql, account, state, before, size + 1).await?;
    let has_more = mine.len() > size;
    mine.truncate(size);
    let cursor = |last: &ConversationMember| InboxCursor { position: last.position, conversation: last.conversation };
    let next = mine.last().filter(|_| has_more).map(|last| cursor(last).to_text());
    let mut seen = complete(chat, mine).await?;
    let pairs = seen.iter_mut().filter(|seen| !seen.conversation.is_group()).collect();
    add_presence(chat, account, pairs).await?;
    Ok((seen, next))
}

/// Returns a conversation that a member may read, or that they have just begun.
pub(crate) async fn get(chat: &Chat, account: AccountId, id: Uuid) -> Result<SeenConversation, Error> {
    let reader = messages::reader(chat, account, id).await?;
    let mut seen = complete(chat, vec![reader]).await?.pop().ok_or(Error::NotFound)?;
    add_presence(chat, account, vec![&mut seen]).await?;
    Ok(seen)
}

/// Adds the presence of the members of conversations that a reader takes part in, as far as the reader sees it.
async fn add_presence(chat: &Chat, reader: AccountId, conversations: Vec<&mut SeenConversation>) -> Result<(), Error> {
    let mut others: Vec<&mut SeenMember> = Vec::new();
    for seen in conversations {
        // Who has not accepted a request is not shown to who asks, nor is who asks.
        if seen.reader.is_joined() {
            others.extend(seen.members.iter_mut().filter(|other| other.member.is_joined()));
        }
    }
    let accounts = others.iter().map(|other| other.member.account).collect();
    let presence = presence::list(chat, reader, accounts).await?;
    for other in others {
        other.presence = presence.get(&other.member.account).copied();
    }
    Ok(())
}

async fn complete(chat: &Chat, mine: Vec<ConversationMember>) -> Result<Vec<SeenConversation>, Error> {
    let sql = chat.context.db.read();
    let ids: Vec<Uuid> = mine.iter().map(|member| member.conversation).collect();
    let found = conversations::list(sql, &ids).await?;
    let mut found: HashMap<Uuid, Conversation> = found.into_iter().map(|found| (found.id, found)).collect();
    let all = members::list_each(sql, &ids).await?;
    let accounts: Vec<AccountId> = all.iter().map(|member| member.account).collect();
    let mut seen = Vec::with_capacity(mine.len());
    let known = list_people(chat, accounts).await?;
    let restored = db::restored::epoch(sql).await?;
    for reader in mine {
        let Some(mut conversation) = found.remove(&reader.conversation) else { continue };
        conversation.epoch ^= restored;
        let shown = all
            .iter()
            .filter(|member| member.conversation == conversation.id && is_shown(&conversation, &reader, member));
        let members = shown
            .map(|member| {
                let person = known.get(&member.account).cloned();
                SeenMember { member: member.clone(), person, presence: None }
            })
            .collect();
        let unread = store::messages::count_unread(sql, &reader).await?;
        let newest = messages::history(chat, &reader, Place::Before(i64::MAX), 1).await?.pop();
        seen.push(SeenConversation { conversation, reader, members, unread, newest });
    }
    Ok(seen)
}

async fn list_people(chat: &Chat, mut accounts: Vec<AccountId>) -> Result<HashMap<AccountId, KnownPerson>, Error> {
    accounts.sort_unstable();
    accounts.dedup();
    let mut known = HashMap::with_capacity(accounts.len());
    for chunk in accounts.chunks(500) {
        let found = people::list(chat.context.db.read(), chunk).await?;
        known.extend(found.into_iter().map(|person| (person.account, person)));
    }
    Ok(known)
}

/// Whether a member is shown to a reader: of two, always; in a group, who takes part, unless the reader has left.
fn is_shown(conversation: &Conversation, reader: &ConversationMember, member: &ConversationMember) -> bool {
    !conversation.is_group() || member.is_joined() && reader.state != MemberState::Left
}

/// Returns what a reader may do, before they try.
pub(crate) async fn permissions(chat: &Chat, seen: &SeenConversation) -> Result<Permissions, Error> {
    let SeenConversation { conversation, reader, members, .. } = seen;
    let manage = conversation.is_group() && reader.is_admin && reader.is_joined();
    if !reader.is_joined() {
        return Ok(Permissions::of(WriteTarget::Nowhere, false));
    }
    if conversation.is_group() {
        return Ok(Permissions::of(WriteTarget::Inbox, manage));
    }
    let Some(other) = members.iter().find(|other| other.member.account != reader.account) else {
        return Ok(Permissions::of(WriteTarget::Nowhere, false));
    };
    let (sql, account) = (chat.context.db.read(), other.member.account);
    if blocks::between(sql, reader.account, account).await?.blocks {
        return Ok(Permissions::of(WriteTarget::Nowhere, false));
    }
    if other.member.is_joined() {
        return Ok(Permissions::of(WriteTarget::Inbox, false));
    }
    let follows = find_one(chat, reader.account, account).await?.is_some_and(|contact| contact.follows_member);
    let target = match (follows, settings::find(sql, account).await?.allows_strangers) {
        (true, _) => WriteTarget::Inbox,
        (false, true) => WriteTarget::Requests,
        (false, false) => WriteTarget::Refused,
    };
    Ok(Permissions::of(target, false))
}

/// Returns who is told that a member is typing: the others who take part, if the member sends receipts and neither of
/// two has blocked the other.
pub(crate) async fn list_listeners(chat: &Chat, account: AccountId, id: Uuid) -> Result<Vec<AccountId>, Error> {
    let reader = messages::reader(chat, account, id).await?;
    let sql = chat.context.db.read();
    if !reader.is_joined() || !settings::find(sql, account).await?.sends_receipts {
        return Ok(Vec::new());
    }
    let conversation = conversations::find(sql, id).await?.ok_or(Error::NotFound)?;
    let mut others: Vec<AccountId> = Vec::new();
    for member in members::list(sql, id).await? {
        let is_other = member.is_joined() && member.account != account;
        if is_other && (conversation.is_group() || !blocks::between(sql, account, member.account).await?.any()) {
            others.push(member.account);
        }
    }
    Ok(others)
}

/// Returns what a reader learns of those who ask them, by account. Conversations that are no requests have no entry.
pub(crate) async fn shared_contexts(
    chat: &Chat,
    account: AccountId,
    seen: &[SeenConversation],
) -> Result<HashMap<AccountId, SharedContext>, Error> {
    let requests = seen.iter().filter(|seen| seen.reader.is_requested());
    let inviters: Vec<AccountId> = requests.filter_map(|seen| seen.reader.inviter).collect();
    let counts = friends_in_common(chat, account, &inviters).await?;
    let now = chat.context.clock.now();
    let context = |inviter: AccountId| SharedContext {
        friends_in_common: counts.get(&inviter).copied().unwrap_or(0),
        account_age_days: screening_store::account_age_days(inviter.0, now),
    };
    Ok(inviters.into_iter().map(|inviter| (inviter, context(inviter))).collect())
}
