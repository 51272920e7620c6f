//! What is due for removal: the keys of its rows in the order in which they became due.
//!
//! Does not own the tables. Invariant: nothing but keys is read, so that a row that can't be read is found like any
//! other, and holds up none.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql};

/// A list of rows that become due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DueList {
    /// Items that were not claimed in time.
    Unclaimed,
    /// Uploads that have expired.
    Uploads,
    /// Items whose time in the trash is up.
    Trash,
}

/// The keys of a row that is due.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct DueRow {
    /// When it became due.
    pub due_at: DateTime<Utc>,
    pub id: String,
    pub owner: String,
}

const UNCLAIMED: &str = "
    select claim_by as due_at, id, owner
      from item
     where claim_by is not null
       and claim_by <= $1
       and (claim_by, id) > ($2, $3)
     order by claim_by, id
     limit $4";

const UPLOADS: &str = "
    select expires_at as due_at, id, owner
      from upload
     where expires_at <= $1
       and (expires_at, id) > ($2, $3)
     order by expires_at, id
     limit $4";

const TRASH: &str = "
    select purges_at as due_at, id, owner
      from item
     where purges_at is not null
       and purges_at <= $1
       and (purges_at, id) > ($2, $3)
     order by purges_at, id
     limit $4";

impl DueList {
    /// Returns its name in logs and metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unclaimed => "unclaimed",
            Self::Uploads => "uploads",
            Self::Trash => "trash",
        }
    }

    fn query(self) -> &'static str {
        match self {
            Self::Unclaimed => UNCLAIMED,
            Self::Uploads => UPLOADS,
            Self::Trash => TRASH,
        }
    }
}

/// Returns what is due by now, from the first one after a row.
pub(crate) async fn list(
    sql: &impl Sql,
    due: DueList,
    now: DateTime<Utc>,
    after: Option<&DueRow>,
    limit: usize,
) -> Result<Vec<DueRow>, Error> {
    let (at, id) = after.map_or((DateTime::UNIX_EPOCH, ""), |row| (row.due_at, row.id.as_str()));
    sql.rows(due.query(), vec![now.into(), at.into(), id.into(), (limit as i64).into()]).await
}
