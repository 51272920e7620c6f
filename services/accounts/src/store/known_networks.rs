//! Rows of known networks: those that an account has signed in from, so that guesses from other networks don't lock out
//! its owner.
//!
//! Invariant: a network is stored only as a keyed hash of the network and the account. An account has at most
//! [`MAX_PER_ACCOUNT`] of them, and each is removed after [`EXPIRES_AFTER`] without use.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use uuid::Uuid;

/// The most known networks of an account. The most recently used ones are kept.
const MAX_PER_ACCOUNT: i64 = 16;
/// How long a network stays known after its last use.
const EXPIRES_AFTER: TimeDelta = TimeDelta::days(90);
/// How often the time of the last use is updated.
const TOUCH_INTERVAL: TimeDelta = TimeDelta::days(1);

/// The keyed hash of a network.
pub(crate) type Network = Vec<u8>;

/// Whether an account knows a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NetworkStatus {
    /// The account has not signed in from it.
    Unknown,
    /// It is known, and its time of use should be updated.
    Known,
    /// It is known, and its time of use was updated recently.
    SeenRecently,
}

const SEEN_AT: &str = "
    select seen_at
      from known_network
     where account_id = $1
       and network = $2";

/// Returns whether an account knows a network. The query costs the same for an account without known networks.
pub(crate) async fn find(
    sql: &impl Sql,
    account: AccountId,
    network: &Network,
    now: DateTime<Utc>,
) -> Result<NetworkStatus, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        seen_at: DateTime<Utc>,
    }
    let row: Option<Row> = sql.row(SEEN_AT, vec![account.0.into(), network.clone().into()]).await?;
    Ok(match row.map(|row| now - row.seen_at) {
        Some(age) if age < TOUCH_INTERVAL => NetworkStatus::SeenRecently,
        Some(age) if age < EXPIRES_AFTER => NetworkStatus::Known,
        _ => NetworkStatus::Unknown,
    })
}

/// Returns which of these accounts know the network beside them. The statement depends on the number of pairs only.
pub(crate) async fn list_knowing(
    sql: &impl Sql,
    pairs: &[(AccountId, Network)],
    now: DateTime<Utc>,
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        account_id: Uuid,
        seen_at: DateTime<Utc>,
    }
    let placeholders = |first: usize| {
        let names: Vec<String> = (first..first + pairs.len()).map(|index| format!("${index}")).collect();
        names.join(", ")
    };
    // A network's hash contains the account, so it fits one account only.
    let text = format!(
        "select account_id, seen_at
           from known_network
          where account_id in ({})
            and network in ({})",
        placeholders(1),
        placeholders(1 + pairs.len())
    );
    let mut values: Vec<Value> = pairs.iter().map(|(account, _)| account.0.into()).collect();
    values.extend(pairs.iter().map(|(_, network)| Value::from(network.clone())));
    let rows: Vec<Row> = sql.rows(&text, values).await?;
    let known = rows.into_iter().filter(|row| now - row.seen_at < EXPIRES_AFTER);
    Ok(known.map(|row| AccountId(row.account_id)).collect())
}

const RECORD: &str = "
    insert into known_network (account_id, network, seen_at)
    select id, $2, $3
      from account
     where id = $1
    on conflict (account_id, network) do update set seen_at = $3";

const REMOVE_EXCESS: &str = "
    delete from known_network
     where account_id = $1
       and network not in (
           select network
             from known_network
            where account_id = $1
            order by seen_at desc, network
            limit $2)";

/// Records that an account signed in from a network, if the account exists.
pub(crate) async fn record(tx: &Tx, account: AccountId, network: &Network, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(RECORD, vec![account.0.into(), network.clone().into(), now.into()]).await?;
    tx.execute(REMOVE_EXCESS, vec![account.0.into(), MAX_PER_ACCOUNT.into()]).await?;
    Ok(())
}

/// Removes all known networks of an account.
pub(crate) async fn remove_all(tx: &Tx, account: AccountId) -> Result<(), Error> {
    tx.execute("delete from known_network where account_id = $1", vec![account.0.into()]).await.map(drop)
}

const REMOVE_EXPIRED: &str = "
    delete from known_network
     where (account_id, network) in (
           select account_id, network
             from known_network
            where seen_at <= $1
            limit $2)";

/// Removes at most `limit` expired networks. Returns how many.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.execute(REMOVE_EXPIRED, vec![(now - EXPIRES_AFTER).into(), limit.into()]).await
}
