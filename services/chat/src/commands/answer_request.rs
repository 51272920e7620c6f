//! Accepting and declining a request.
//!
//! Invariant: until it is accepted, nothing that the member does with a request is told; declining it never is.

use contract::AccountId;
use db::Lane;
use uuid::Uuid;

use super::append::{About, append, joined, read_member};
use crate::error::Error;
use crate::live;
use crate::model::{ChangeKind, MemberState};
use crate::presence::messages::{PresenceChange, publish_change};
use crate::state::Chat;
use crate::store::members;

/// Accepts a request. Nothing changes if the member takes part already.
pub(crate) async fn accept(chat: &Chat, account: AccountId, conversation: Uuid) -> Result<(), Error> {
    let now = chat.context.clock.now();
    let informed = chat
        .context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let (_, mut member) = read_member(tx, conversation, account).await?;
            if !member.is_requested() {
                return Ok::<_, Error>(Vec::new());
            }
            member.state = MemberState::Joined;
            members::put(tx, &member).await?;
            append(tx, conversation, ChangeKind::Joined, Some(account), About::default(), now).await?;
            Ok(joined(tx, conversation).await?)
        })
        .await?;
    live::publish(&chat.context.bus, conversation, &informed);
    // They may see each other from now on.
    publish_change(&chat.context.bus, account, PresenceChange::Unknown, &informed);
    Ok(())
}

/// Declines a request. It is in no box any more.
pub(crate) async fn decline(chat: &Chat, account: AccountId, conversation: Uuid) -> Result<(), Error> {
    chat.context
        .db
        .write(Lane::of(&conversation), async move |tx| {
            let (_, mut member) = read_member(tx, conversation, account).await?;
            if member.is_requested() {
                member.state = MemberState::Declined;
                member.position = 0;
                members::put(tx, &member).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}
