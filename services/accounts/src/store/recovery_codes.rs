//! Rows of recovery codes.
//!
//! A code has 80 random bits, so that a fast hash hides it. Invariant: a code is stored as a hash only, together with
//! its account, and its row is removed when it is used.

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, placeholders};

use crate::tokens::sha256;

/// Returns the hash under which a code of an account is stored. `code` is in its normalized form.
pub(crate) fn hash(account: AccountId, code: &str) -> Vec<u8> {
    sha256(format!("{account} {code}").as_bytes())
}

const COUNT: &str = "
    select count(*) as unused
      from recovery_code
     where account_id = $1";

/// Returns how many unused codes an account has.
pub(crate) async fn count(sql: &impl Sql, account: AccountId) -> Result<i64, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        unused: i64,
    }
    let row: Option<Row> = sql.row(COUNT, vec![account.0.into()]).await?;
    Ok(row.map_or(0, |row| row.unused))
}

const FIND: &str = "
    select code
      from recovery_code
     where account_id = $1
       and code = $2";

/// Whether an account has this unused code, by its hash.
pub(crate) async fn contains(sql: &impl Sql, account: AccountId, code: &[u8]) -> Result<bool, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        #[allow(dead_code, reason = "only whether there is a row counts")]
        code: Vec<u8>,
    }
    let row: Option<Row> = sql.row(FIND, vec![account.0.into(), code.to_vec().into()]).await?;
    Ok(row.is_some())
}

/// Replaces the codes of an account by these hashes.
pub(crate) async fn replace(tx: &Tx, account: AccountId, codes: &[Vec<u8>]) -> Result<(), Error> {
    remove_all(tx, account).await?;
    let values = codes.iter().flat_map(|code| [account.0.into(), code.clone().into()]).collect();
    let rows = placeholders(codes.len(), 2);
    tx.execute(&format!("insert into recovery_code (account_id, code) values {rows}"), values).await.map(drop)
}

/// Removes all codes of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute("delete from recovery_code where account_id = $1", vec![account.0.into()]).await.map(drop)
}
