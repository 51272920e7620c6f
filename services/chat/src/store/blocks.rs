//! Rows of blocks: a copy of what social says.
//!
//! Invariant: a block is a row as soon as its event was handled, or social was asked about the two.

use std::collections::HashSet;

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

use super::values::names_after;

const INSERT: &str = "
    insert into chat_block (blocker, blocked)
    values ($1, $2)
    on conflict do nothing";

/// Records that one member has blocked another.
pub(crate) async fn insert(tx: &Tx, blocker: AccountId, blocked: AccountId) -> Result<(), Error> {
    tx.execute(INSERT, vec![blocker.0.into(), blocked.0.into()]).await.map(drop)
}

const REMOVE: &str = "
    delete from chat_block
     where blocker = $1
       and blocked = $2";

/// Records that a block has ended.
pub(crate) async fn remove(tx: &Tx, blocker: AccountId, blocked: AccountId) -> Result<(), Error> {
    tx.execute(REMOVE, vec![blocker.0.into(), blocked.0.into()]).await.map(drop)
}

/// Which of two members has blocked the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// The first has blocked the second.
    pub blocks: bool,
    /// The second has blocked the first.
    pub is_blocked: bool,
}

impl Blocks {
    /// Whether either has.
    pub(crate) fn any(self) -> bool {
        self.blocks || self.is_blocked
    }
}

/// Returns those of these accounts that a member has blocked, or that have blocked the member.
pub(crate) async fn list_between(
    sql: &impl Sql,
    member: AccountId,
    others: &[AccountId],
) -> Result<HashSet<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account: Uuid,
    }
    if others.is_empty() {
        return Ok(HashSet::new());
    }
    let names = names_after(1, others.len());
    let text = format!(
        "select blocked as account
           from chat_block
          where blocker = $1
            and blocked in {names}
          union all
         select blocker as account
           from chat_block
          where blocked = $1
            and blocker in {names}"
    );
    let values = std::iter::once(member).chain(others.iter().copied()).map(|account| Value::from(account.0));
    let rows: Vec<Row> = sql.rows(&text, values.collect()).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.account)).collect())
}

const BETWEEN: &str = "
    select blocker
      from chat_block
     where (blocker = $1 and blocked = $2)
        or (blocker = $2 and blocked = $1)";

/// Returns which of two members has blocked the other.
pub(crate) async fn between(sql: &impl Sql, one: AccountId, other: AccountId) -> Result<Blocks, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        blocker: Uuid,
    }
    let rows: Vec<Row> = sql.rows(BETWEEN, vec![one.0.into(), other.0.into()]).await?;
    let has = |account: AccountId| rows.iter().any(|row| row.blocker == account.0);
    Ok(Blocks { blocks: has(one), is_blocked: has(other) })
}
