//! Taking over blocks.
//!
//! A block and its end are events of two subscriptions, which have no order, so social is asked what there is now.
//! Invariant: a block clears the requests and invitations of the blocked member, whatever came first.

use contract::AccountId;
use db::Lane;

use crate::contacts::find_block;
use crate::error::Error;
use crate::model::{ConversationMember, MemberState};
use crate::presence::messages::{PresenceChange, publish_change};
use crate::state::Chat;
use crate::store::{blocks, members, people};

/// Requests of one step.
const BATCH: usize = 50;

/// Records that one member has blocked another, or no longer does. What the event says counts only where social does
/// not know them any more.
pub(crate) async fn set_block(
    chat: &Chat,
    blocker: AccountId,
    blocked: AccountId,
    is_blocked: bool,
) -> Result<(), Error> {
    let is_blocked = find_block(chat, blocker, blocked).await?.unwrap_or(is_blocked);
    let db = &chat.context.db;
    db.write(Lane::of(&blocker), async move |tx| {
        if !people::list_erased(tx, &[blocker, blocked]).await?.is_empty() {
            return Ok(());
        }
        if is_blocked {
            blocks::insert(tx, blocker, blocked).await?;
        } else {
            blocks::remove(tx, blocker, blocked).await?;
        }
        Ok::<_, Error>(())
    })
    .await?;
    for (member, viewer) in [(blocker, blocked), (blocked, blocker)] {
        publish_change(&chat.context.bus, member, PresenceChange::Unknown, &[viewer]);
    }
    while is_blocked {
        let requests = members::list_requests_between(db.read(), blocked, blocker, BATCH).await?;
        let is_last = requests.len() < BATCH;
        for request in requests {
            db.write(Lane::of(&request.conversation), async move |tx| {
                let found = members::find(tx, request.conversation, blocker).await?;
                if let Some(mut member) = found.filter(ConversationMember::is_requested) {
                    member.state = MemberState::Declined;
                    member.position = 0;
                    members::put(tx, &member).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
        }
        if is_last {
            break;
        }
    }
    Ok(())
}
