//! Taking over blocks.
//!
//! A block and its end are events of two subscriptions, which have no order, so social is asked what there is now. No
//! lane is held meanwhile, so it is asked again after the write: of two handlers, the last one to write has read its
//! answer after it, and what changes later has an event of its own. Invariant: a block clears the requests and
//! invitations of the blocked member, whatever came first, and none is lost by an older answer.

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
/// How often social is asked again before the event waits: each time, the member must have changed it in between.
const MAX_ROUNDS: usize = 8;

/// Records that one member has blocked another, or no longer does. What the event says counts only where social does
/// not know them any more. Returns whether that is settled: if not, the event is to be handled again.
pub(crate) async fn set_block(
    chat: &Chat,
    blocker: AccountId,
    blocked: AccountId,
    is_blocked: bool,
) -> Result<bool, Error> {
    let mut is_blocked = find_block(chat, blocker, blocked).await?.unwrap_or(is_blocked);
    for _ in 0..MAX_ROUNDS {
        store(chat, blocker, blocked, is_blocked).await?;
        let is_now = find_block(chat, blocker, blocked).await?.unwrap_or(is_blocked);
        if is_now == is_blocked {
            if is_blocked {
                clear_requests(chat, blocker, blocked).await?;
            }
            return Ok(true);
        }
        is_blocked = is_now;
    }
    Ok(false)
}

async fn store(chat: &Chat, blocker: AccountId, blocked: AccountId, is_blocked: bool) -> Result<(), Error> {
    let write = chat.context.db.write(Lane::of(&blocker), async move |tx| {
        if !people::list_erased(tx, &[blocker, blocked]).await?.is_empty() {
            return Ok(());
        }
        if is_blocked {
            blocks::insert(tx, blocker, blocked).await?;
        } else {
            blocks::remove(tx, blocker, blocked).await?;
        }
        Ok::<_, Error>(())
    });
    write.await?;
    for (member, viewer) in [(blocker, blocked), (blocked, blocker)] {
        publish_change(&chat.context.bus, member, PresenceChange::Unknown, &[viewer]);
    }
    Ok(())
}

/// Declines the requests and invitations of a member whom another one has blocked.
async fn clear_requests(chat: &Chat, blocker: AccountId, blocked: AccountId) -> Result<(), Error> {
    let db = &chat.context.db;
    loop {
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
            return Ok(());
        }
    }
}
