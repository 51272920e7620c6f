//! Rows of what a member decides about another without asking: blocks, mutes, close friends.
//!
//! Invariant: each is written by its member only, under the lane of the pair.

use chrono::{DateTime, Utc};
use db::{Error, Sql as _, Tx};

use crate::model::PersonNumber;

const INSERT_BLOCK: &str = "
    insert into block (blocker, blocked, since_s)
    values ($1, $2, $3)
    on conflict do nothing";

/// Inserts a block. Returns whether it is new.
pub(crate) async fn insert_block(
    tx: &Tx,
    blocker: PersonNumber,
    blocked: PersonNumber,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let values = vec![blocker.0.into(), blocked.0.into(), now.timestamp().into()];
    Ok(tx.execute(INSERT_BLOCK, values).await? == 1)
}

const REMOVE_BLOCK: &str = "
    delete from block
     where blocker = $1
       and blocked = $2";

/// Removes a block. Returns whether there was one.
pub(crate) async fn remove_block(tx: &Tx, blocker: PersonNumber, blocked: PersonNumber) -> Result<bool, Error> {
    Ok(tx.execute(REMOVE_BLOCK, vec![blocker.0.into(), blocked.0.into()]).await? == 1)
}

const SET_MUTE: &str = "
    insert into mute (muter, muted, until_s)
    values ($1, $2, $3)
    on conflict (muter, muted) do update
       set until_s = excluded.until_s";

/// Mutes a person until a time, or for good.
pub(crate) async fn set_mute(
    tx: &Tx,
    muter: PersonNumber,
    muted: PersonNumber,
    until: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    let values = vec![muter.0.into(), muted.0.into(), until.map(|until| until.timestamp()).into()];
    tx.execute(SET_MUTE, values).await.map(drop)
}

const REMOVE_MUTE: &str = "
    delete from mute
     where muter = $1
       and muted = $2";

/// Ends a mute.
pub(crate) async fn remove_mute(tx: &Tx, muter: PersonNumber, muted: PersonNumber) -> Result<(), Error> {
    tx.execute(REMOVE_MUTE, vec![muter.0.into(), muted.0.into()]).await.map(drop)
}

const INSERT_CLOSE: &str = "
    insert into close_friend (owner, friend)
    values ($1, $2)
    on conflict do nothing";

/// Makes a person a close friend.
pub(crate) async fn insert_close(tx: &Tx, owner: PersonNumber, friend: PersonNumber) -> Result<(), Error> {
    tx.execute(INSERT_CLOSE, vec![owner.0.into(), friend.0.into()]).await.map(drop)
}

const REMOVE_CLOSE: &str = "
    delete from close_friend
     where owner = $1
       and friend = $2";

/// Takes a person out of the close friends.
pub(crate) async fn remove_close(tx: &Tx, owner: PersonNumber, friend: PersonNumber) -> Result<(), Error> {
    tx.execute(REMOVE_CLOSE, vec![owner.0.into(), friend.0.into()]).await.map(drop)
}
