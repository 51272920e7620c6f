//! Sending a message.
//!
//! Invariant: an author's client id names one message of a conversation, however often it is sent; a verdict comes
//! before anything is stored for others, in the same transaction; what is stored has the next place.

use contract::social::Contact;
use contract::{AccountId, MediaId};
use db::{Lane, Tx};
use screening::attempt::Decision;
use screening::facts::{Relation, Surface};
use screening::verdict::Outcome;
use screening_store::senders;
use uuid::Uuid;

use super::append::{About, append, check_joined};
use super::deliver::{Recipient, deliver, find_contact_of, recipient};
use super::screen::{Draft, NotStored, Reach, into_error};
use super::set_media::refresh_media;
use crate::contacts::find_media;
use crate::error::Error;
use crate::live;
use crate::model::{Author, ChangeKind, ClientId, InvalidText, Message, MessageMedia, MessageState, MessageText};
use crate::state::Chat;
use crate::store::{VERDICTS, media, members, messages, sending};

/// A message to be sent.
#[derive(Debug, Clone)]
pub(crate) struct NewMessage {
    /// The id that the client gives it.
    pub client_id: ClientId,
    /// The text.
    pub text: MessageText,
    /// Items of the author's library.
    pub media: Vec<MediaId>,
    /// The message that it replies to.
    pub reply_to: Option<Uuid>,
}

/// A message with everything that its transaction needs from elsewhere.
#[derive(Debug, Clone)]
struct Sending {
    id: Uuid,
    new: NewMessage,
    media: Vec<MessageMedia>,
    /// How the other member of two stands to the author, unless they take part already.
    contact: Option<Contact>,
    draft: Draft,
}

/// What has become of a message.
enum Sent {
    Stored(Box<Message>, Vec<AccountId>),
    NotStored(NotStored),
}

/// Sends a message to a conversation and returns it.
pub(crate) async fn send_message(
    chat: &Chat,
    author: Author,
    conversation: Uuid,
    new: NewMessage,
) -> Result<Message, Error> {
    let sql = chat.context.db.read();
    let (account, now) = (author.account, chat.context.clock.now());
    let found = sending::find(sql, conversation, account, new.client_id.as_str(), now).await?.ok_or(Error::NotFound)?;
    if found.is_sent
        && let Some(sent) = messages::find_by_client(sql, conversation, account, new.client_id.as_str()).await?
    {
        return Ok(sent);
    }
    if !found.me.may_read() {
        return Err(Error::NotFound);
    }
    let contact = find_contact_of(chat, found.other.as_ref().map(|(other, _)| other), account).await?;
    let media = find_media(chat, account, &new.media).await?;
    let mut draft = Draft::new(chat, Surface::Message, author, conversation, new.text.as_str());
    draft.evidence.media = media.iter().map(|item| item.id.clone()).collect();
    draft.nudity = media.iter().map(|item| item.nudity).collect();
    if contact.as_ref().is_some_and(|contact| !contact.follows_member) {
        draft.ask_classifier(chat, new.text.as_str()).await;
    }
    let id = chat.context.random.uuid_v7(draft.now);
    let pending: Vec<MediaId> = media.iter().filter(|item| item.is_pending()).map(|item| item.id.clone()).collect();
    let sending = Sending { id, new, media, contact, draft };
    let lane = Lane::of(&conversation).and(&account);
    let sent = chat.context.db.write(lane, async move |tx| store(tx, sending).await).await?;
    match sent {
        Sent::Stored(message, informed) => {
            chat.metrics.messages.inc();
            if message.state == MessageState::Held {
                chat.metrics.held.inc();
            }
            live::publish(&chat.context.bus, conversation, &informed);
            if let Err(error) = refresh_media(chat, account, &pending).await {
                // The message is stored. The next event about the items brings them up to date.
                tracing::warn!(%error, message.id = %message.id, "the media of a new message could not be read again");
            }
            Ok(*message)
        }
        Sent::NotStored(what) => Err(into_error(what, chat)),
    }
}

/// Decides about a message, and stores it.
async fn store(tx: &Tx, sending: Sending) -> Result<Sent, Error> {
    let Sending { id, new, media, contact, draft } = sending;
    let (account, conversation, now) = (draft.author.account, draft.conversation, draft.now);
    let client_id = new.client_id.as_str();
    let mut found = sending::find(tx, conversation, account, client_id, now).await?.ok_or(Error::NotFound)?;
    if found.is_sent
        && let Some(sent) = messages::find_by_client(tx, conversation, account, client_id).await?
    {
        return Ok(Sent::Stored(Box::new(sent), Vec::new()));
    }
    check_joined(&found.me)?;
    if let Some(answered) = new.reply_to
        && messages::list_visible(tx, &found.me, &[answered]).await?.is_empty()
    {
        return Err(InvalidText("`reply_to` is no message of this conversation that you see.").into());
    }
    let recipient = if found.is_group() {
        None
    } else {
        let gone = || Error::NoSuchPerson("that you can write to here".to_owned());
        let (other, between) = found.other.take().ok_or_else(gone)?;
        Some(recipient(tx, account, other, between, contact.as_ref()).await?)
    };
    let answered = recipient.as_ref().map(|recipient| recipient.member.account);
    let is_answer = !found.has_written && answered.is_some() && found.me.inviter == answered;
    let reach = recipient.as_ref().map_or_else(Reach::connected, |recipient| recipient.reach);
    let decision = draft.screen_in(tx, reach, found).await?;
    if let Some(what) = draft.not_stored(tx, &decision).await? {
        return Ok(Sent::NotStored(what));
    }
    let is_withheld = recipient.as_ref().is_some_and(|recipient| recipient.is_blocking);
    let state = match decision.verdict.outcome {
        Outcome::Hold => MessageState::Held,
        _ if is_withheld => MessageState::Withheld,
        _ => MessageState::Sent,
    };
    let seq = append(tx, conversation, ChangeKind::Message, Some(account), About::message(id), now).await?;
    let message = message_of(id, seq, &new, &draft, &decision, state);
    messages::insert(tx, &message).await?;
    media::insert(tx, id, &media).await?;
    if message.verdict.is_some() {
        draft.insert_verdict(tx, &decision, Some(id)).await?;
    }
    if reach.relation != Relation::Connected {
        draft.record(tx).await?;
    }
    if let Some(Recipient { member, .. }) = recipient.as_ref().filter(|_| is_answer) {
        // The budget of the member who brought the author here learns that they are answered, once.
        senders::add_answer(tx, &VERDICTS, member.account.0).await?;
    }
    if state != MessageState::Sent {
        members::touch_one(tx, conversation, account, now.timestamp_micros()).await?;
        return Ok(Sent::Stored(Box::new(message), vec![account]));
    }
    let informed = deliver(tx, &message, recipient, now).await?;
    Ok(Sent::Stored(Box::new(message), informed))
}

fn message_of(
    id: Uuid,
    seq: i64,
    new: &NewMessage,
    draft: &Draft,
    decision: &Decision,
    state: MessageState,
) -> Message {
    let verdict = &decision.verdict;
    Message {
        id,
        conversation: draft.conversation,
        seq,
        author: draft.author.account,
        client_id: new.client_id.as_str().to_owned(),
        text: new.text.as_str().to_owned(),
        reply_to: new.reply_to,
        state,
        outcome: verdict.outcome.as_str().to_owned(),
        reason: verdict.reason().map(|reason| reason.code().to_owned()),
        verdict: (verdict.outcome != Outcome::Deliver).then_some(draft.verdict),
        is_blurred: verdict.is_blurred,
        edited_at: None,
        created_at: draft.now,
    }
}
