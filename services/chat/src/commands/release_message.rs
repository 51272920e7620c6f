//! Delivering what a check has held: a moderator has let it go, or an appeal was won, which exempts the sender from the
//! check too.
//!
//! Invariant: a held message is delivered once, with the next place of its conversation, and only if its author still
//! sees it and could still send it to its recipient.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::AccountState;
use contract::moderation::{Overturned, Released};
use contract::social::Contact;
use db::{Lane, Tx};
use screening::facts::Relation;
use screening::reason::Reason;
use screening::verdict::Outcome;
use screening_store::senders;
use uuid::Uuid;

use super::append::{About, append, read_joined};
use super::deliver::{Recipient, deliver, find_contact, other_of, recipient};
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, Message, MessageState, is_own_thing, own_message};
use crate::state::Chat;
use crate::store::{VERDICTS, blocks, conversations, members, messages, people};

/// Exempts the sender of what a verdict of this role has stopped from its check, and delivers it if it was held. Does
/// nothing about other roles' verdicts, and about decisions of moderators: what they have removed stays gone.
pub(crate) async fn follow_appeal(chat: &Chat, overturned: &Overturned) -> Result<(), Error> {
    let check: Option<Reason> = overturned.check.as_deref().and_then(|code| code.parse().ok());
    let Some(check) = check.filter(|_| is_own_thing(&overturned.thing)) else { return Ok(()) };
    let owner = overturned.owner;
    let db = &chat.context.db;
    db.write(Lane::of(&owner), async move |tx| senders::add_exempt(tx, &VERDICTS, owner.0, check).await).await?;
    match own_message(&overturned.thing) {
        Some(id) => release_message(chat, owner, id).await,
        None => Ok(()),
    }
}

/// Delivers what a moderator has let go. Does nothing about other roles' things.
pub(crate) async fn follow_release(chat: &Chat, released: &Released) -> Result<(), Error> {
    match own_message(&released.thing) {
        Some(id) => release_message(chat, released.owner, id).await,
        None => Ok(()),
    }
}

/// Delivers a message of an author that is held.
async fn release_message(chat: &Chat, author: AccountId, id: Uuid) -> Result<(), Error> {
    let (sql, now) = (chat.context.db.read(), chat.context.clock.now());
    let Some(message) = messages::find(sql, id).await?.filter(|message| message.author == author) else {
        return Ok(());
    };
    let conversation = message.conversation;
    let Some(found) = conversations::find(sql, conversation).await? else { return Ok(()) };
    let all = members::list(sql, conversation).await?;
    let contact = find_contact(chat, &found, &all, author).await?;
    let lane = Lane::of(&conversation);
    let informed = chat.context.db.write(lane, async move |tx| release(tx, id, contact.as_ref(), now).await).await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}

/// Delivers a message that is held, and returns the members whose streams show it.
async fn release(tx: &Tx, id: Uuid, contact: Option<&Contact>, now: DateTime<Utc>) -> Result<Vec<AccountId>, Error> {
    let held = messages::find(tx, id).await?.filter(|message| message.state == MessageState::Held);
    let Some(mut message) = held else { return Ok(Vec::new()) };
    let Some(Way(recipient)) = find_way(tx, &message, contact, now).await? else { return Ok(Vec::new()) };
    let is_withheld = recipient.as_ref().is_some_and(|recipient| recipient.is_blocking);
    let relation = recipient.as_ref().map_or(Relation::Connected, |recipient| recipient.reach.relation);
    let (outcome, reason) = match relation {
        Relation::Connected => (Outcome::Deliver, None),
        _ => (Outcome::RequestBox, Some(Reason::Stranger.code().to_owned())),
    };
    let (conversation, author) = (message.conversation, message.author);
    // A new place, so that readers who have all places until now get it too.
    message.seq = append(tx, conversation, ChangeKind::Message, Some(author), About::message(id), now).await?;
    message.state = if is_withheld { MessageState::Withheld } else { MessageState::Sent };
    (message.outcome, message.reason, message.verdict) = (outcome.as_str().to_owned(), reason, None);
    messages::set_released(tx, &message).await?;
    if is_withheld {
        return Ok(vec![author]);
    }
    Ok(deliver(tx, &message, recipient, now).await?)
}

/// How a message can be delivered: to the other member of two, or `None` to a group.
struct Way(Option<Recipient>);

/// Returns how a message can be delivered; `None` if it can't any more: its author has deleted it, has left or may not
/// send, has blocked the recipient, or the recipient receives nothing from strangers now.
async fn find_way(
    tx: &Tx,
    message: &Message,
    contact: Option<&Contact>,
    now: DateTime<Utc>,
) -> Result<Option<Way>, Error> {
    let author = message.author;
    let (found, me) = match read_joined(tx, message.conversation, author).await {
        Ok(both) => both,
        Err(Error::NotFound | Error::NotAMember | Error::NotAccepted) => return Ok(None),
        Err(error) => return Err(error),
    };
    let is_deleted = messages::list_visible(tx, &me, &[message.id]).await?.is_empty();
    if is_deleted || people::find_state(tx, author, now).await? != AccountState::Active {
        return Ok(None);
    }
    if found.is_group() {
        return Ok(Some(Way(None)));
    }
    let all = members::list(tx, message.conversation).await?;
    let Some(other) = other_of(&found, &all, author).cloned() else { return Ok(None) };
    let between = blocks::between(tx, author, other.account).await?;
    match recipient(tx, author, other, between, contact).await {
        Ok(recipient) if recipient.reach.refuses_strangers => Ok(None),
        Ok(recipient) => Ok(Some(Way(Some(recipient)))),
        Err(Error::Blocked) => Ok(None),
        Err(error) => Err(error),
    }
}
