//! The name, the picture and the link of a group.
//!
//! Invariant: only an admin changes them; of the token of a link, its hash is stored.

use contract::{AccountId, MediaId};
use db::Lane;
use uuid::Uuid;

use super::append::{About, append, check_active, joined, read_admin};
use super::invite::last_seq;
use crate::contacts::{find, find_media};
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, ConversationMember, GroupName, InviteToken, MAX_EVER, MemberState};
use crate::state::Chat;
use crate::store::{conversations, members, people};

/// What becomes of the picture of a group.
#[derive(Debug, Clone, Default)]
pub(crate) enum PictureChange {
    /// It stays.
    #[default]
    Unchanged,
    /// It is taken away.
    Removed,
    /// Another takes its place.
    Set(MediaId),
}

/// A change of a group.
#[derive(Debug, Clone, Default)]
pub(crate) struct GroupChange {
    /// The new name; `None` for the one that it has.
    pub name: Option<GroupName>,
    /// The picture.
    pub picture: PictureChange,
}

/// Changes a group.
pub(crate) async fn change_group(
    chat: &Chat,
    admin: AccountId,
    conversation: Uuid,
    change: GroupChange,
) -> Result<(), Error> {
    if let PictureChange::Set(picture) = &change.picture {
        find_media(chat, admin, std::slice::from_ref(picture)).await?;
    }
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let (found, _) = read_admin(tx, conversation, admin).await?;
            check_active(tx, admin, now).await?;
            let name = change.name.map(GroupName::into_string).or(found.name);
            let picture = match change.picture {
                PictureChange::Unchanged => found.picture,
                PictureChange::Removed => None,
                PictureChange::Set(picture) => Some(picture),
            };
            conversations::set_group(tx, conversation, name, picture.as_ref()).await?;
            append(tx, conversation, ChangeKind::Conversation, Some(admin), About::default(), now).await?;
            Ok::<_, Error>(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}

/// Makes a new link by which people join a group. The one from before opens nothing any more.
pub(crate) async fn renew_invite(chat: &Chat, admin: AccountId, conversation: Uuid) -> Result<InviteToken, Error> {
    let token = InviteToken::new(chat.context.random.id());
    set_invite(chat, admin, conversation, Some(token.hash())).await?;
    Ok(token)
}

/// Removes the link of a group.
pub(crate) async fn remove_invite(chat: &Chat, admin: AccountId, conversation: Uuid) -> Result<(), Error> {
    set_invite(chat, admin, conversation, None).await
}

async fn set_invite(chat: &Chat, admin: AccountId, conversation: Uuid, hash: Option<String>) -> Result<(), Error> {
    chat.context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            read_admin(tx, conversation, admin).await?;
            Ok::<_, Error>(conversations::set_invite(tx, conversation, hash).await?)
        })
        .await
}

/// Joins the group of a link, and returns its id. Refuses a member whom an admin has taken out.
pub(crate) async fn join_by_invite(chat: &Chat, account: AccountId, token: &InviteToken) -> Result<Uuid, Error> {
    let hash = token.hash();
    let found = conversations::find_invite(chat.context.db.read(), &hash).await?.ok_or(Error::NoSuchInvite)?;
    let me = find(chat, account, &[]).await?.remove(0).person;
    let (conversation, now, max) = (found.id, chat.context.clock.now(), chat.config.max_members());
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let is_open = conversations::find_invite(tx, &hash).await?.is_some_and(|found| found.id == conversation);
            if !is_open || !people::list_erased(tx, &[account]).await?.is_empty() {
                return Err(Error::NoSuchInvite);
            }
            let before = members::find(tx, conversation, account).await?;
            if before.as_ref().is_some_and(ConversationMember::is_joined) {
                return Ok(Vec::new());
            }
            if before.as_ref().is_some_and(|member| member.is_taken_out) {
                return Err(Error::NotAMember);
            }
            // Those who are asked may all accept.
            let mut others = members::list(tx, conversation).await?;
            let is_worn_out = before.is_none() && others.len() >= MAX_EVER;
            others.retain(|other| other.account != account && (other.is_joined() || other.is_requested()));
            let taken = others.len();
            if taken >= max || is_worn_out {
                return Err(Error::GroupFull(taken));
            }
            people::put(tx, &me, now).await?;
            let from_seq = last_seq(tx, conversation).await?;
            let mut member = ConversationMember::new(conversation, account, MemberState::Joined, from_seq, now);
            member.position = now.timestamp_micros();
            members::put(tx, &member).await?;
            append(tx, conversation, ChangeKind::Joined, Some(account), About::default(), now).await?;
            Ok(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(conversation)
}
