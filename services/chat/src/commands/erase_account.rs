//! Removing everything about an erased account.
//!
//! Invariant: it ends only when no row of the account is left but its id in the list of erased accounts, which keeps
//! late requests and events from bringing it back. The sequences of its conversations stay without a gap.

use contract::AccountId;
use db::{Lane, Tx};
use http_server::Idempotency;
use uuid::Uuid;

use super::append::{About, append, joined};
use super::leave::hand_over;
use crate::error::Error;
use crate::live;
use crate::model::ChangeKind;
use crate::state::Chat;
use crate::store::{conversations, erasure, members, people};

/// Messages of one step. Small, so that other writes never wait long.
const BATCH: usize = 200;

/// Removes an account's messages, memberships, settings and verdicts, and its idempotency keys.
pub(crate) async fn erase_account(chat: &Chat, account: AccountId) -> Result<(), Error> {
    let (db, now) = (&chat.context.db, chat.context.clock.now());
    // In the lane of all: every write that has not seen the account's end is committed when this one runs.
    db.write(Lane::ALL, async move |tx| people::insert_erased(tx, account, now).await).await?;
    loop {
        let of_account = members::list_of(db.read(), account, Uuid::nil(), BATCH).await?;
        if of_account.is_empty() {
            break;
        }
        for member in of_account {
            let conversation = member.conversation;
            let lane = || Lane::of(&conversation);
            while db
                .write(lane(), async move |tx| erasure::remove_of_author(tx, conversation, account, BATCH).await)
                .await?
                == BATCH
            {}
            let informed =
                db.write(lane(), async move |tx| remove_member(tx, conversation, account, now).await).await?;
            live::publish(&chat.context.bus, conversation, &informed);
        }
    }
    db.write(Lane::of(&account), async move |tx| erasure::remove_rest(tx, account).await).await?;
    Ok(Idempotency::forget(db, account.0).await?)
}

/// Takes an account out of a conversation, which is removed with its last member.
async fn remove_member(
    tx: &Tx,
    conversation: Uuid,
    account: AccountId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<Vec<AccountId>, db::Error> {
    erasure::remove_of_author(tx, conversation, account, BATCH).await?;
    erasure::remove_member(tx, conversation, account).await?;
    let Some(found) = conversations::find(tx, conversation).await? else { return Ok(Vec::new()) };
    if members::list(tx, conversation).await?.is_empty() {
        erasure::remove_conversation(tx, conversation).await?;
        return Ok(Vec::new());
    }
    append(tx, conversation, ChangeKind::Reload, None, About::default(), now).await?;
    if found.is_group() {
        hand_over(tx, conversation, now).await?;
    }
    joined(tx, conversation).await
}
