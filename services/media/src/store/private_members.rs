//! The members whose public items are not listed, because their profiles are private.
//!
//! Owns this role's copy of what accounts publishes. Invariant: an older event that arrives late changes nothing.

use chrono::{DateTime, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};

const SET: &str = "
    insert into private_member (owner, is_private, changed_at)
    values ($1, $2, $3)
    on conflict (owner) do update
       set is_private = $2,
           changed_at = $3
     where private_member.changed_at <= $3";

/// Sets whether a member is private, as of `at`.
pub(crate) async fn set(tx: &Tx, owner: AccountId, is_private: bool, at: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET, vec![owner.to_string().into(), is_private.into(), at.into()]).await.map(drop)
}

const FIND: &str = "
    select is_private
      from private_member
     where owner = $1";

/// Returns whether a member is private.
pub(crate) async fn is_private(sql: &impl Sql, owner: AccountId) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        is_private: bool,
    }
    let row: Option<Row> = sql.row(FIND, vec![owner.to_string().into()]).await?;
    Ok(row.is_some_and(|row| row.is_private))
}

/// Removes what is stored about a member.
pub(crate) async fn remove(tx: &Tx, owner: AccountId) -> Result<(), Error> {
    tx.execute("delete from private_member where owner = $1", vec![owner.to_string().into()]).await.map(drop)
}
