//! Marking notices as seen and as read.
//!
//! Invariant: what is read is seen; a cursor never passes the greatest id that its member has had, so it marks nothing
//! that arrives later.

use contract::AccountId;
use db::{Error, FromQueryResult, Sql as _, Tx};
use uuid::Uuid;

use super::read::{count_of, find_recipient};
use super::rows::{Delta, change_counts, find};
use crate::history::{Counts, Mark, Marked};

/// Marks notices of a member, and returns the counts after that.
pub(super) async fn mark(tx: &Tx, member: AccountId, mark: Mark, marked: &Marked) -> Result<Counts, Error> {
    match marked {
        Marked::Until(until) => mark_until(tx, member, mark, *until).await?,
        Marked::Ids(ids) => {
            for id in ids {
                mark_one(tx, member, mark, *id).await?;
            }
        }
    }
    count_of(tx, member).await
}

// Apart, so that what was seen but not read costs an entry of the index of unread notices, and not a row.
const COUNT_ABOVE: &str = "
    select (select count(*)
              from notice
             where member = $1
               and is_filtered = false
               and is_seen = false
               and id > $2) as unseen,
           (select count(*)
              from notice
             where member = $1
               and is_filtered = false
               and is_read = false
               and id > $3) as unread";

const MOVE: &str = "
    update recipient
       set seen_until = $2,
           read_until = $3,
           unseen = $4,
           unread = $5
     where member = $1";

/// Moves a cursor forward, and counts what is above it.
async fn mark_until(tx: &Tx, member: AccountId, mark: Mark, until: Uuid) -> Result<(), Error> {
    #[derive(FromQueryResult)]
    struct Row {
        unseen: i64,
        unread: i64,
    }
    let Some(recipient) = find_recipient(tx, member).await? else { return Ok(()) };
    let until = until.min(recipient.last_id);
    let seen = recipient.seen_until.max(until);
    let read = match mark {
        Mark::Seen => recipient.read_until,
        Mark::Read => recipient.read_until.max(until),
    };
    if (seen, read) == (recipient.seen_until, recipient.read_until) {
        return Ok(());
    }
    let counted: Option<Row> = tx.row(COUNT_ABOVE, vec![member.0.into(), seen.into(), read.into()]).await?;
    let Row { unseen, unread } = counted.ok_or(Error::Corrupt("the counts of notices"))?;
    tx.execute(MOVE, vec![member.0.into(), seen.into(), read.into(), unseen.into(), unread.into()]).await.map(drop)
}

const SET_FLAGS: &str = "
    update notice
       set is_seen = true,
           is_read = $4
     where member = $1
       and is_filtered = $2
       and id = $3";

async fn mark_one(tx: &Tx, member: AccountId, mark: Mark, id: Uuid) -> Result<(), Error> {
    let Some(row) = find(tx, member, id).await? else { return Ok(()) };
    let (is_read, delta) = match mark {
        Mark::Seen => (row.is_read(), Delta { unread: 0, ..row.counted() }),
        Mark::Read => (true, row.counted()),
    };
    let values = vec![member.0.into(), row.is_filtered.into(), row.id.into(), is_read.into()];
    tx.execute(SET_FLAGS, values).await?;
    change_counts(tx, &[(member, delta, row.id)]).await
}
