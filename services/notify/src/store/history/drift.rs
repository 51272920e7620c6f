//! The comparison of counts with the notices that they count.
//!
//! Invariant: it reads only, in pages of members, so it can run beside a server; a page is one statement.

use contract::AccountId;
use db::{Error, Sql};

use crate::history::CountedMember;
use crate::store::values::bound;

const DRIFTS: &str = "
    select recipient.member, recipient.unseen, recipient.unread,
           (select count(*)
              from notice
             where notice.member = recipient.member
               and notice.is_filtered = false
               and notice.is_seen = false
               and notice.id > recipient.seen_until) as unseen_rows,
           (select count(*)
              from notice
             where notice.member = recipient.member
               and notice.is_filtered = false
               and notice.is_read = false
               and notice.id > recipient.read_until) as unread_rows
      from recipient
     where recipient.member > $1
     order by recipient.member
     limit $2";

/// Returns the counts of members above an id, in order, at most `limit`.
pub(crate) async fn list_drifts(sql: &impl Sql, after: AccountId, limit: usize) -> Result<Vec<CountedMember>, Error> {
    sql.rows(DRIFTS, vec![after.0.into(), bound(limit)]).await
}
