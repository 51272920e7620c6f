//! Networks from which an account has been signed in to, so that guessing from elsewhere doesn't stop its owner.
//!
//! Invariant: a network is stored as a keyed hash of it and the account only, at most [`MAX_PER_ACCOUNT`] per account, and forgotten after
//! [`EXPIRES_AFTER`].

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use kit::db::{Error, FromQueryResult, Sql, Tx};

/// Networks that are kept of an account: those that were used last.
const MAX_PER_ACCOUNT: i64 = 16;
/// How long one is known after it was used last.
const EXPIRES_AFTER: TimeDelta = TimeDelta::days(90);
/// How often its time is written anew.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::days(1);

/// The hash of a network.
pub(crate) type Network = Vec<u8>;

/// What is known of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NetworkStatus {
    /// Nothing.
    Unknown,
    /// It is known, and its time is to be noted anew.
    Known,
    /// It is known, and was noted lately.
    SeenRecently,
}

/// Whether an account knows a network. Costs the same for one that knows none.
pub(crate) async fn find(sql: &impl Sql, account: AccountId, network: &Network, now: DateTime<Utc>) -> Result<NetworkStatus, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        seen_at: DateTime<Utc>,
    }
    let text = "select seen_at from known_network where account_id = $1 and network = $2";
    let row: Option<Row> = sql.row(text, vec![account.0.into(), network.clone().into()]).await?;
    Ok(match row.map(|row| now - row.seen_at) {
        Some(age) if age < TOUCH_INTERVAL => NetworkStatus::SeenRecently,
        Some(age) if age < EXPIRES_AFTER => NetworkStatus::Known,
        _ => NetworkStatus::Unknown,
    })
}

/// Notes that an account was signed in to from a network, if the account is there.
pub(crate) async fn record(tx: &Tx, account: AccountId, network: &Network, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(
        "insert into known_network (account_id, network, seen_at) select id, $2, $3 from account where id = $1 \
         on conflict (account_id, network) do update set seen_at = $3",
        vec![account.0.into(), network.clone().into(), now.into()],
    )
    .await?;
    tx.execute(
        "delete from known_network where account_id = $1 and network not in \
         (select network from known_network where account_id = $1 order by seen_at desc, network limit $2)",
        vec![account.0.into(), MAX_PER_ACCOUNT.into()],
    )
    .await
    .map(drop)
}

/// Forgets all of an account's.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute("delete from known_network where account_id = $1", vec![account.0.into()]).await.map(drop)
}

/// Forgets at most `limit` that were not used for long.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let text = "delete from known_network where (account_id, network) in \
                (select account_id, network from known_network where seen_at <= $1 limit $2)";
    tx.execute(text, vec![(now - EXPIRES_AFTER).into(), limit.into()]).await
}
