//! The skeletons of handles: which handles look alike.
//!
//! Does not own how a skeleton is made: [`skeleton`] does. Invariant: no two accounts have the same skeleton. One of an
//! earlier release has none until it is filled in, nor has one that looks like an older account.

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use crate::model::skeleton;

/// An account whose skeleton is not filled in.
#[derive(Debug, Clone)]
pub(crate) struct Unfilled {
    /// The account's id.
    pub id: AccountId,
    /// The skeleton of its handle.
    pub skeleton: String,
}

const IS_TAKEN: &str = "
    select id
      from account
     where handle_skeleton = $1";

/// Returns whether an account has a handle with this skeleton.
pub(crate) async fn is_taken(sql: &impl Sql, skeleton: &str) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct IdRow {
        #[allow(dead_code, reason = "only whether there is a row counts")]
        id: Uuid,
    }
    let row: Option<IdRow> = sql.row(IS_TAKEN, vec![skeleton.into()]).await?;
    Ok(row.is_some())
}

const UNFILLED: &str = "
    select id, handle
      from account
     where handle_skeleton is null
       and id > $1
     order by id
     limit $2";

/// Returns the next accounts after the id `after` whose skeletons are not filled in, oldest first.
pub(crate) async fn list_unfilled(sql: &impl Sql, after: AccountId, limit: usize) -> Result<Vec<Unfilled>, Error> {
    #[derive(FromQueryResult)]
    struct UnfilledRow {
        id: Uuid,
        handle: String,
    }
    let rows: Vec<UnfilledRow> = sql.rows(UNFILLED, vec![after.0.into(), (limit as i64).into()]).await?;
    Ok(rows.into_iter().map(|row| Unfilled { id: AccountId(row.id), skeleton: skeleton(&row.handle) }).collect())
}

const FILL: &str = "
    update account
       set handle_skeleton = $2
     where id = $1
       and handle_skeleton is null
       and not exists (select 1 from account other where other.handle_skeleton = $2)";

/// Fills in the skeleton of an account, unless another account has it. The caller holds the lane of the skeleton.
pub(crate) async fn fill(tx: &Tx, account: &Unfilled) -> Result<(), Error> {
    tx.execute(FILL, vec![account.id.0.into(), account.skeleton.as_str().into()]).await.map(drop)
}
