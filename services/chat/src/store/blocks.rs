//! Rows of blocks: a copy of what social says.
//!
//! Invariant: a block is a row as soon as its event was handled, or social was asked about the two.

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

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
