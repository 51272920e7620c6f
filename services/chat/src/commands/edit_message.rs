//! Changing the text of a message.
//!
//! Invariant: only its author changes it, within 15 minutes, and the new text has a verdict before it is stored.

use db::{Lane, Tx};
use screening::facts::{Relation, Surface};
use uuid::Uuid;

use super::append::{About, append, joined, read_joined};
use super::screen::{Draft, NotStored, Reach};
use crate::error::Error;
use crate::live;
use crate::model::{Author, ChangeKind, EDIT_WINDOW, MessageState, MessageText};
use crate::state::Chat;
use crate::store::{media, members, messages};

/// Changes the text of a message.
pub(crate) async fn edit_message(chat: &Chat, author: Author, id: Uuid, text: &str) -> Result<(), Error> {
    let sql = chat.context.db.read();
    let before = messages::find(sql, id).await?.ok_or(Error::NotFound)?;
    let has_media = media::list(sql, &[id]).await?.contains_key(&id);
    let text = MessageText::parse(text, has_media)?;
    let conversation = before.conversation;
    let mut draft = Draft::new(chat, Surface::Message, author, conversation, text.as_str());
    draft.can_wait = false;
    let lane = Lane::of(&conversation).and(&author.account);
    let write = chat.context.db.write(lane, async move |tx| {
        let reach = check(tx, &draft, id).await?;
        let decision = draft.screen(tx, reach).await?;
        if let Some(what) = draft.not_stored(tx, &decision).await? {
            return Ok::<(Option<NotStored>, _), Error>((Some(what), Vec::new()));
        }
        messages::set_text(tx, id, text.as_str(), draft.now).await?;
        let actor = Some(draft.author.account);
        append(tx, conversation, ChangeKind::Edited, actor, About::message(id), draft.now).await?;
        Ok((None, joined(tx, conversation).await?))
    });
    let (refused, informed) = write.await?;
    match refused {
        Some(what) => Err(what.into_error(chat)),
        None => {
            live::publish(&chat.context.bus, conversation, &informed);
            Ok(())
        }
    }
}

/// Checks that the author may change a message now. Returns whom the new text reaches: those whom the old one has.
async fn check(tx: &Tx, draft: &Draft, id: Uuid) -> Result<Reach, Error> {
    let account = draft.author.account;
    let (found, member) = read_joined(tx, draft.conversation, account).await?;
    let message = messages::list_visible(tx, &member, &[id]).await?.pop().ok_or(Error::NotFound)?;
    if message.author != account {
        return Err(Error::NotAuthor);
    }
    if message.state == MessageState::Removed || draft.now - message.created_at > EDIT_WINDOW {
        return Err(Error::TooLate);
    }
    let all = members::list(tx, found.id).await?;
    let is_accepted = found.is_group() || all.iter().all(|other| other.account == account || other.is_joined());
    let relation = if is_accepted { Relation::Connected } else { Relation::Stranger };
    Ok(Reach { relation, ..Reach::connected() })
}
