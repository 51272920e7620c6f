//! Beginning a conversation of two, or a group.
//!
//! Invariant: two members have one conversation of two, whichever begins it and however often; nothing of it reaches
//! the other one before a message does.

use std::collections::BTreeSet;

use contract::AccountId;
use contract::social::Contact;
use contract::social::views::PersonView;
use db::{Lane, Tx};
use http_server::Effect;
use screening::facts::Surface;
use uuid::Uuid;

use super::append::{About, append};
use super::invite::{bring_in, screen};
use super::screen::{Draft, NotStored, into_error};
use crate::contacts;
use crate::error::Error;
use crate::live;
use crate::model::{
    Author, ChangeKind, Conversation, ConversationKind, ConversationMember, GroupName, MemberState, pair_key,
};
use crate::state::Chat;
use crate::store::{blocks, conversations, members, people};

/// Begins a conversation with the people of these names, and returns its id. With one other and without a name it is
/// that of the two.
pub(crate) async fn create_conversation(
    chat: &Chat,
    author: Author,
    names: &[String],
    name: Option<GroupName>,
    effect: Effect,
) -> Result<Uuid, Error> {
    let names: BTreeSet<String> = names.iter().map(|name| name.trim().to_ascii_lowercase()).collect();
    if names.is_empty() || names.len() >= chat.config.max_members() {
        return Err(Error::InvalidMembers("Name at least one other member, and not more than a group has places for."));
    }
    let names: Vec<String> = names.into_iter().collect();
    let mut found = contacts::find(chat, author.account, &names).await?;
    let me = found.remove(0).person;
    if found.iter().any(|contact| contact.person.id == author.account) {
        return Err(Error::InvalidMembers("Name other members than yourself."));
    }
    if name.is_none() && found.len() == 1 {
        let other = found.remove(0);
        return pair(chat, author.account, me, other, &names).await;
    }
    group(chat, author, me, (found, names.as_slice()), (name, effect)).await
}

fn conversation(chat: &Chat, kind: ConversationKind, pair: Option<String>, name: Option<GroupName>) -> Conversation {
    let now = chat.context.clock.now();
    Conversation {
        id: chat.context.random.uuid_v7(now),
        kind,
        pair,
        name: name.map(GroupName::into_string),
        picture: None,
        has_invite: false,
        // Numbers that JavaScript reads exactly.
        epoch: chat.context.random.below(1 << 52).cast_signed(),
        last_seq: 0,
        created_at: now,
    }
}

async fn pair(
    chat: &Chat,
    account: AccountId,
    me: PersonView,
    other: Contact,
    names: &[String],
) -> Result<Uuid, Error> {
    // What is said of a member beyond a block has the name that was asked for, as of one who does not exist.
    let asked = names.first().cloned().unwrap_or_default();
    let key = pair_key(account, other.person.id);
    let new = conversation(chat, ConversationKind::Pair, Some(key.clone()), None);
    let new_id = new.id;
    let db = &chat.context.db;
    let id =
        db.write(Lane::of(&key), async move |tx| begin_pair(tx, account, &me, (&other, asked), &new).await).await?;
    if id != new_id {
        db.write(Lane::of(&id), async move |tx| take_part(tx, id, account).await).await?;
    }
    Ok(id)
}

/// Lets a member who begins a conversation again take part: one who had declined, or to whom nothing had come.
async fn take_part(tx: &Tx, conversation: Uuid, account: AccountId) -> Result<(), db::Error> {
    if let Some(mut mine) = members::find(tx, conversation, account).await?
        && matches!(mine.state, MemberState::Waiting | MemberState::Declined)
    {
        mine.state = MemberState::Joined;
        members::put(tx, &mine).await?;
    }
    Ok(())
}

/// Returns the conversation of two, which is created if there is none.
async fn begin_pair(
    tx: &Tx,
    account: AccountId,
    me: &PersonView,
    (other, asked): (&Contact, String),
    new: &Conversation,
) -> Result<Uuid, Error> {
    let now = new.created_at;
    if let Some(key) = &new.pair
        && let Some(found) = conversations::find_pair(tx, key).await?
    {
        return Ok(found.id);
    }
    if !people::list_erased(tx, &[account, other.person.id]).await?.is_empty() || other.blocks_member {
        return Err(Error::NoSuchPerson(asked));
    }
    if other.is_blocked || blocks::between(tx, account, other.person.id).await?.blocks {
        return Err(Error::Blocked);
    }
    conversations::insert(tx, new).await?;
    people::put(tx, me, now).await?;
    people::put(tx, &other.person, now).await?;
    for (account, state) in [(account, MemberState::Joined), (other.person.id, MemberState::Waiting)] {
        members::put(tx, &ConversationMember::new(new.id, account, state, 0, now)).await?;
    }
    Ok(new.id)
}

async fn group(
    chat: &Chat,
    author: Author,
    me: PersonView,
    (invited, names): (Vec<Contact>, &[String]),
    (name, effect): (Option<GroupName>, Effect),
) -> Result<Uuid, Error> {
    check_blocks(&invited, names)?;
    let words = name.clone().map(GroupName::into_string).unwrap_or_default();
    let new = conversation(chat, ConversationKind::Group, None, name);
    let id = new.id;
    let draft = Draft::new(chat, Surface::GroupInvite, author, id, &words);
    let informed: Vec<AccountId> = invited.iter().map(|contact| contact.person.id).chain([author.account]).collect();
    let lane = Lane::of(&id).and(&author.account);
    let refused = chat
        .context
        .db
        .write(lane, async move |tx| begin_group(tx, &draft, &me, &invited, (&new, &effect)).await)
        .await?;
    match refused {
        Some(what) => Err(into_error(what, chat)),
        None => {
            live::publish(&chat.context.bus, id, &informed);
            Ok(id)
        }
    }
}

/// Refuses people beyond a block. One who has blocked the author is refused under the name that was asked for, like one
/// who does not exist.
pub(super) fn check_blocks(invited: &[Contact], names: &[String]) -> Result<(), Error> {
    if let Some((_, name)) = invited.iter().zip(names).find(|(contact, _)| contact.blocks_member) {
        return Err(Error::NoSuchPerson(name.to_ascii_lowercase()));
    }
    if invited.iter().any(|contact| contact.is_blocked) { Err(Error::Blocked) } else { Ok(()) }
}

async fn begin_group(
    tx: &Tx,
    draft: &Draft,
    me: &PersonView,
    invited: &[Contact],
    (new, effect): (&Conversation, &Effect),
) -> Result<Option<NotStored>, Error> {
    if let Some(what) = screen(tx, draft, invited).await? {
        return Ok(Some(what));
    }
    let (account, now) = (draft.author.account, draft.now);
    conversations::insert(tx, new).await?;
    people::put(tx, me, now).await?;
    let mut admin = ConversationMember::new(new.id, account, MemberState::Joined, 0, now);
    admin.is_admin = true;
    admin.position = now.timestamp_micros();
    members::put(tx, &admin).await?;
    append(tx, new.id, ChangeKind::Joined, Some(account), About::default(), now).await?;
    bring_in(tx, draft, new.id, invited).await?;
    effect.created(tx, format!("/v1/conversations/{}", new.id)).await?;
    Ok(None)
}
