//! Rows of the feeds to which fan-out writes: those of members who have read theirs lately.
//!
//! Invariant: the entries of a feed from its floor on are complete, for everyone whom its owner followed before
//! `complete_s`. Below the floor, and for later follows, a reader merges.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};

use super::micros;
use crate::model::{PersonNumber, Position};

/// What is known of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FeedOwner {
    /// Entries from here on are complete; [`Position::END`] while none are.
    pub floor: Position,
    /// Follows from this time on are merged, in seconds.
    pub complete_s: i64,
    /// When it was last asked for entries, in microseconds.
    pub wanted_us: i64,
    /// When its owner was last seen, in seconds.
    pub seen_s: i64,
}

#[derive(FromQueryResult)]
struct Row {
    floor_position: i64,
    complete_s: i64,
    wanted_us: i64,
    seen_s: i64,
}

const FIND: &str = "
    select floor_position, complete_s, wanted_us, seen_s
      from feed_owner
     where owner = $1";

/// Returns what is known of a feed; `None` if no entries are written to it.
pub(crate) async fn find(sql: &impl Sql, owner: PersonNumber) -> Result<Option<FeedOwner>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![owner.0.into()]).await?;
    Ok(row.map(|row| FeedOwner {
        floor: Position(row.floor_position),
        complete_s: row.complete_s,
        wanted_us: row.wanted_us,
        seen_s: row.seen_s,
    }))
}

const WANT: &str = "
    insert into feed_owner (owner, floor_position, complete_s, wanted_us, seen_s)
    values ($1, $2, 0, $3, $4)
    on conflict (owner) do update
       set wanted_us = excluded.wanted_us,
           seen_s = excluded.seen_s";

/// Records that the owner reads the feed. From the commit on, fan-out writes to it; no entry counts before it is
/// filled.
pub(crate) async fn want(tx: &Tx, owner: PersonNumber, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(WANT, vec![owner.0.into(), Position::END.0.into(), micros(now), now.timestamp().into()]).await.map(drop)
}

const SET_FILLED: &str = "
    update feed_owner
       set floor_position = $3,
           complete_s = $4
     where owner = $1
       and wanted_us = $2";

/// Records from where on the entries are complete. Returns whether the feed is still that which was asked for then.
pub(crate) async fn set_filled(
    tx: &Tx,
    owner: PersonNumber,
    wanted_us: i64,
    floor: Position,
    complete_s: i64,
) -> Result<bool, Error> {
    let values = vec![owner.0.into(), wanted_us.into(), floor.0.into(), complete_s.into()];
    Ok(tx.execute(SET_FILLED, values).await? == 1)
}

const RAISE_FLOOR: &str = "
    update feed_owner
       set floor_position = $2
     where owner = $1
       and floor_position < $2";

/// Records that entries below a position are complete no more.
pub(crate) async fn raise_floor(tx: &Tx, owner: PersonNumber, floor: Position) -> Result<(), Error> {
    tx.execute(RAISE_FLOOR, vec![owner.0.into(), floor.0.into()]).await.map(drop)
}

const FIND_UNSEEN: &str = "
    select owner
      from feed_owner
     where seen_s < $1
     order by seen_s
     limit 1";

/// Returns a feed whose owner was not seen since a time.
pub(crate) async fn find_unseen(sql: &impl Sql, since: DateTime<Utc>) -> Result<Option<PersonNumber>, Error> {
    #[derive(FromQueryResult)]
    struct Owner {
        owner: i64,
    }
    let row: Option<Owner> = sql.row(FIND_UNSEEN, vec![since.timestamp().into()]).await?;
    Ok(row.map(|row| PersonNumber(row.owner)))
}

/// Ends that fan-out writes to a feed.
pub(crate) async fn remove(tx: &Tx, owner: PersonNumber) -> Result<(), Error> {
    tx.execute("delete from feed_owner where owner = $1", vec![owner.0.into()]).await.map(drop)
}

const REMOVE_OF_ACCOUNT: &str = "
    delete from feed_owner
     where owner in (
         select number
           from person
          where account = $1)";

/// As [`remove`], for the feed of an account.
pub(crate) async fn remove_of_account(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute(REMOVE_OF_ACCOUNT, vec![account.0.into()]).await.map(drop)
}
