//! Appending changes to a conversation: the parts that several commands have in common.
//!
//! Invariant: the caller holds the lane of the conversation, so that places follow each other in the order of commits.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::AccountState;
use db::Tx;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Change, ChangeKind, Conversation, ConversationMember};
use crate::store::{changes, conversations, members, people};

/// What a change is about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct About {
    /// The message.
    pub message: Option<Uuid>,
    /// The place that a mark reaches.
    pub value: Option<i64>,
    /// The only member who sees it.
    pub only_for: Option<AccountId>,
}

impl About {
    /// Returns what a change of a message is about.
    pub(super) fn message(message: Uuid) -> Self {
        Self { message: Some(message), ..Self::default() }
    }
}

/// Appends a change, and returns its place.
pub(super) async fn append(
    tx: &Tx,
    conversation: Uuid,
    kind: ChangeKind,
    actor: Option<AccountId>,
    about: About,
    now: DateTime<Utc>,
) -> Result<i64, db::Error> {
    let seq = conversations::next_seq(tx, conversation).await?;
    let About { message, value, only_for } = about;
    changes::insert(tx, conversation, &Change { seq, kind, actor, message, value, only_for, at: now }).await?;
    Ok(seq)
}

/// Returns a conversation and one of its members who may read it.
pub(super) async fn read_member(
    tx: &Tx,
    conversation: Uuid,
    account: AccountId,
) -> Result<(Conversation, ConversationMember), Error> {
    let found = conversations::find(tx, conversation).await?.ok_or(Error::NotFound)?;
    let member = members::find(tx, conversation, account).await?.filter(ConversationMember::may_read);
    Ok((found, member.ok_or(Error::NotFound)?))
}

/// Returns a conversation and one of its members who takes part in it.
pub(super) async fn read_joined(
    tx: &Tx,
    conversation: Uuid,
    account: AccountId,
) -> Result<(Conversation, ConversationMember), Error> {
    let (found, member) = read_member(tx, conversation, account).await?;
    check_joined(&member)?;
    Ok((found, member))
}

/// Refuses a member who takes no part in the conversation.
pub(super) fn check_joined(member: &ConversationMember) -> Result<(), Error> {
    if !member.may_read() {
        return Err(Error::NotFound);
    }
    if member.is_requested() {
        return Err(Error::NotAccepted);
    }
    if member.is_joined() { Ok(()) } else { Err(Error::NotAMember) }
}

/// Returns a group and one of its admins.
pub(super) async fn read_admin(
    tx: &Tx,
    conversation: Uuid,
    account: AccountId,
) -> Result<(Conversation, ConversationMember), Error> {
    let (found, member) = read_joined(tx, conversation, account).await?;
    if !found.is_group() {
        return Err(Error::NotAGroup);
    }
    if member.is_admin { Ok((found, member)) } else { Err(Error::NotAdmin) }
}

/// Refuses a member whose account is limited: what they do would be read by others.
pub(super) async fn check_active(tx: &Tx, account: AccountId, now: DateTime<Utc>) -> Result<(), Error> {
    let state = people::find_state(tx, account, now).await?;
    if state == AccountState::Active { Ok(()) } else { Err(Error::AccountLimited) }
}

/// Returns the accounts that take part in a conversation.
pub(super) async fn joined(tx: &Tx, conversation: Uuid) -> Result<Vec<AccountId>, db::Error> {
    let all = members::list(tx, conversation).await?;
    Ok(all.iter().filter(|member| member.is_joined()).map(|member| member.account).collect())
}
