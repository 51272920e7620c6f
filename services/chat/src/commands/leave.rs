//! Deleting a conversation for oneself, and leaving a group.
//!
//! Invariant: who has left reads nothing newer; a group with members has an admin.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Lane, Tx};
use uuid::Uuid;

use super::append::{About, append, joined, read_member};
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, ConversationMember, MemberState};
use crate::state::Chat;
use crate::store::members;

/// Deletes a conversation of two for one member, until the next message; leaves a group; declines a request.
pub(crate) async fn leave(chat: &Chat, account: AccountId, conversation: Uuid) -> Result<(), Error> {
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let (found, mut member) = read_member(tx, conversation, account).await?;
            let informed = joined(tx, conversation).await?;
            if member.is_requested() {
                member.state = MemberState::Declined;
                member.position = 0;
                members::put(tx, &member).await?;
                return Ok::<_, Error>(Vec::new());
            }
            if found.is_group() {
                take_out(tx, member, now).await?;
                return Ok(informed);
            }
            // The other one learns nothing of it.
            member.from_seq = found.last_seq;
            member.read_seq = found.last_seq;
            member.position = 0;
            members::put(tx, &member).await?;
            Ok(Vec::new())
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    Ok(())
}

/// Takes a member out of a group. If no admin is left, the member who has been there for longest becomes one.
pub(super) async fn take_out(tx: &Tx, mut member: ConversationMember, now: DateTime<Utc>) -> Result<(), db::Error> {
    let (conversation, account) = (member.conversation, member.account);
    match member.state {
        // An admin can also keep out who has left.
        MemberState::Left => return members::put(tx, &member).await,
        MemberState::Declined => return Ok(()),
        MemberState::Requested | MemberState::Waiting => {
            member.is_taken_out = false;
            member.state = MemberState::Declined;
            member.position = 0;
            return members::put(tx, &member).await;
        }
        MemberState::Joined => {}
    }
    let seq = append(tx, conversation, ChangeKind::Left, Some(account), About::default(), now).await?;
    member.state = MemberState::Left;
    member.is_admin = false;
    member.until_seq = Some(seq);
    member.position = 0;
    members::put(tx, &member).await?;
    hand_over(tx, conversation, now).await
}

/// Gives a group without an admin one.
pub(super) async fn hand_over(tx: &Tx, conversation: Uuid, now: DateTime<Utc>) -> Result<(), db::Error> {
    let mut all = members::list(tx, conversation).await?;
    all.retain(ConversationMember::is_joined);
    if all.iter().any(|member| member.is_admin) {
        return Ok(());
    }
    let Some(mut eldest) = all.into_iter().min_by_key(|member| (member.joined_at, member.account)) else {
        return Ok(());
    };
    eldest.is_admin = true;
    members::put(tx, &eldest).await?;
    let actor = Some(eldest.account);
    append(tx, conversation, ChangeKind::Conversation, actor, About::default(), now).await.map(drop)
}
