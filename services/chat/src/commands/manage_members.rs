//! Who takes part in a group, and who looks after it.
//!
//! Invariant: only an admin brings people in, takes them out, and gives the office on.

use contract::AccountId;
use db::Lane;
use screening::facts::Surface;
use uuid::Uuid;

use super::append::{About, append, joined, read_admin};
use super::create_conversation::check_blocks;
use super::invite::{bring_in, screen};
use super::leave::take_out;
use super::screen::{Draft, into_error};
use crate::contacts;
use crate::error::Error;
use crate::live;
use crate::model::{Author, ChangeKind, MAX_EVER};
use crate::state::Chat;
use crate::store::members;

/// Brings people into a group.
pub(crate) async fn add_members(
    chat: &Chat,
    author: Author,
    conversation: Uuid,
    names: &[String],
) -> Result<(), Error> {
    let max = chat.config.max_members();
    if names.is_empty() || names.len() >= max {
        return Err(Error::InvalidMembers("Name at least one member, and not more than a group has places for."));
    }
    let mut invited = contacts::find(chat, author.account, names).await?;
    invited.remove(0);
    check_blocks(&invited, names)?;
    let draft = Draft::new(chat, Surface::GroupInvite, author, conversation, "");
    let lane = Lane::of(&conversation).and(&author.account);
    let write = chat.context.db.write(lane, async move |tx| {
        read_admin(tx, conversation, author.account).await?;
        let mut there = members::list(tx, conversation).await?;
        let ever = there.len();
        there.retain(|member| member.is_joined() || member.is_requested());
        let mut invited = invited;
        invited.retain(|contact| there.iter().all(|member| member.account != contact.person.id));
        if there.len() + invited.len() > max || ever + invited.len() > MAX_EVER {
            return Err(Error::GroupFull(there.len()));
        }
        if let Some(what) = screen(tx, &draft, &invited).await? {
            return Ok((Some(what), Vec::new()));
        }
        bring_in(tx, &draft, conversation, &invited).await?;
        Ok((None, joined(tx, conversation).await?))
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

/// Takes a member out of a group. They read what there was, and nothing newer, and come back by an invitation only.
pub(crate) async fn remove_member(
    chat: &Chat,
    admin: AccountId,
    conversation: Uuid,
    account: AccountId,
) -> Result<(), Error> {
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            read_admin(tx, conversation, admin).await?;
            let informed = joined(tx, conversation).await?;
            let mut member = members::find(tx, conversation, account).await?.ok_or(Error::NotFound)?;
            member.is_taken_out = account != admin;
            take_out(tx, member, now).await?;
            Ok::<_, Error>(informed)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}

/// Makes a member an admin of a group, or no longer one. A group keeps one at least.
pub(crate) async fn set_admin(
    chat: &Chat,
    admin: AccountId,
    conversation: Uuid,
    account: AccountId,
    is_admin: bool,
) -> Result<(), Error> {
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            read_admin(tx, conversation, admin).await?;
            let all = members::list(tx, conversation).await?;
            let is_other_admin =
                all.iter().any(|member| member.is_joined() && member.is_admin && member.account != account);
            let found = all.into_iter().find(|member| member.account == account && member.is_joined());
            let mut member = found.ok_or(Error::NotFound)?;
            if member.is_admin == is_admin || !is_admin && !is_other_admin {
                return Ok::<_, Error>(Vec::new());
            }
            member.is_admin = is_admin;
            members::put(tx, &member).await?;
            append(tx, conversation, ChangeKind::Conversation, Some(admin), About::default(), now).await?;
            Ok(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}
