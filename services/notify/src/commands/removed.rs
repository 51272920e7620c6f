//! Recording that a post, a comment or a file is gone, and that a conversation was read.
//!
//! Invariant: that is stored before the notices about it are withdrawn.

use contract::AccountId;
use db::Lane;

use super::withdraw::withdraw;
use crate::error::Error;
use crate::history::Withdrawn;
use crate::state::Notify;
use crate::store::removed;

/// Withdraws all notices about a post or a file, and what was told with it, such as that it has joined a thread.
pub(crate) async fn remove_subject(notify: &Notify, subject: String) -> Result<(), Error> {
    remember(notify, subject.clone()).await?;
    withdraw(notify, &Withdrawn::OfSubject(subject.clone())).await?;
    withdraw(notify, &Withdrawn::OfEntry(subject)).await
}

/// Withdraws what was told with an entry, such as the id of a comment.
pub(crate) async fn remove_entry(notify: &Notify, entry: String) -> Result<(), Error> {
    remember(notify, entry.clone()).await?;
    withdraw(notify, &Withdrawn::OfEntry(entry)).await
}

/// Withdraws what a member was told of a conversation that they have read. What comes later is told again.
pub(crate) async fn read_conversation(notify: &Notify, conversation: String, member: AccountId) -> Result<(), Error> {
    withdraw(notify, &Withdrawn::About { subject: conversation, members: vec![member] }).await
}

async fn remember(notify: &Notify, subject: String) -> Result<(), Error> {
    let now = notify.context.clock.now();
    Ok(notify.context.db.write(Lane::NONE, async move |tx| removed::insert(tx, &subject, now).await).await?)
}
