//! Changing the text of a message.
//!
//! Invariant: only its author changes it, within 15 minutes, and the new text has a verdict before it is stored. It
//! does not reach a member who has blocked the author since: the message is the author's alone then.

use db::{Lane, Tx};
use screening::facts::{Relation, Surface};
use uuid::Uuid;

use super::append::{About, append, joined, read_joined};
use super::deliver::find_blocks;
use super::screen::{Draft, NotStored, Reach, into_error};
use crate::error::Error;
use crate::live;
use crate::model::{Author, ChangeKind, EDIT_WINDOW, MessageText};
use crate::queries::messages::get;
use crate::state::Chat;
use crate::store::{members, messages};

/// Changes the text of a message.
pub(crate) async fn edit_message(chat: &Chat, author: Author, id: Uuid, text: &str) -> Result<(), Error> {
    // What the author does not see is not found, whatever the text.
    let before = get(chat, author.account, id).await?;
    let text = MessageText::parse(text, before.media_count > 0)?;
    let conversation = before.message.conversation;
    let mut draft = Draft::new(chat, Surface::Message, author, conversation, text.as_str());
    draft.can_wait = false;
    let lane = Lane::of(&conversation).and(&author.account);
    let write = chat.context.db.write(lane, async move |tx| {
        let (reach, is_blocked) = check(tx, &draft, id).await?;
        let decision = draft.screen(tx, reach).await?;
        if let Some(what) = draft.not_stored(tx, &decision).await? {
            return Ok::<(Option<NotStored>, _), Error>((Some(what), Vec::new()));
        }
        messages::set_text(tx, id, text.as_str(), draft.now).await?;
        if reach.relation != Relation::Connected {
            // As of a first message: a ring does not get past it by editing.
            draft.record(tx).await?;
        }
        let author = draft.author.account;
        if is_blocked {
            messages::set_withheld(tx, id).await?;
        }
        let about = About { only_for: is_blocked.then_some(author), ..About::message(id) };
        append(tx, conversation, ChangeKind::Edited, Some(author), about, draft.now).await?;
        let informed = if is_blocked { vec![author] } else { joined(tx, conversation).await? };
        Ok((None, informed))
    });
    let (refused, informed) = write.await?;
    match refused {
        Some(what) => Err(into_error(what, chat)),
        None => {
            live::publish(&chat.context.bus, conversation, &informed);
            Ok(())
        }
    }
}

/// Checks that the author may change a message now. Returns whom the new text reaches, those whom the old one has, and
/// whether the other member of two has blocked the author.
async fn check(tx: &Tx, draft: &Draft, id: Uuid) -> Result<(Reach, bool), Error> {
    let account = draft.author.account;
    let (found, member) = read_joined(tx, draft.conversation, account).await?;
    let message = messages::list_visible(tx, &member, &[id]).await?.pop().ok_or(Error::NotFound)?;
    if message.author != account {
        return Err(Error::NotAuthor);
    }
    if message.state.is_removed() || draft.now - message.created_at > EDIT_WINDOW {
        return Err(Error::TooLate);
    }
    let blocks = find_blocks(tx, &found, account).await?;
    if blocks.blocks {
        return Err(Error::Blocked);
    }
    let all = members::list(tx, found.id).await?;
    let is_accepted = found.is_group() || all.iter().all(|other| other.account == account || other.is_joined());
    let relation = if is_accepted { Relation::Connected } else { Relation::Stranger };
    Ok((Reach { relation, ..Reach::connected() }, blocks.is_blocked))
}
