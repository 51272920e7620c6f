//! The table of links that expire.
//!
//! Invariant: a link is read with the time at which it must be valid, so one that has expired is as good as gone,
//! whether or not a sweep has removed it.

use chrono::{DateTime, Utc};
use contract::{AccountId, MediaId};
use db::{Error, FromQueryResult, Sql, Tx};

use super::to_bigint;
use crate::model::share_link::{MAX_LINKS, ShareLink};

#[derive(FromQueryResult)]
struct Row {
    id: String,
    item: String,
    owner: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl TryFrom<Row> for ShareLink {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.id.parse().map_err(|_| Error::Corrupt("a link's id"))?,
            item: row.item.try_into().map_err(|_| Error::Corrupt("a link's item"))?,
            owner: AccountId(row.owner.parse().map_err(|_| Error::Corrupt("a link's owner"))?),
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

const INSERT: &str = "
    insert into share_link (id, item, owner, token_hash, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6)";

/// Inserts a link.
pub(crate) async fn insert(tx: &Tx, link: &ShareLink, token_hash: &str) -> Result<(), Error> {
    let values = vec![
        link.id.to_string().into(),
        link.item.as_str().into(),
        link.owner.to_string().into(),
        token_hash.into(),
        link.created_at.into(),
        link.expires_at.into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

const FIND: &str = "
    select id, item, owner, created_at, expires_at
      from share_link
     where token_hash = $1
       and expires_at > $2";

/// Returns the link with this token, if it is valid now.
pub(crate) async fn find(sql: &impl Sql, token_hash: &str, now: DateTime<Utc>) -> Result<Option<ShareLink>, Error> {
    let row: Option<Row> = sql.row(FIND, vec![token_hash.into(), now.into()]).await?;
    row.map(ShareLink::try_from).transpose()
}

const LIST: &str = "
    select id, item, owner, created_at, expires_at
      from share_link
     where item = $1
       and expires_at > $2
     order by id desc
     limit $3";

/// Returns the links of an item that are valid now, newest first: at most [`MAX_LINKS`].
pub(crate) async fn list(sql: &impl Sql, item: &MediaId, now: DateTime<Utc>) -> Result<Vec<ShareLink>, Error> {
    let values = vec![item.as_str().into(), now.into(), to_bigint(MAX_LINKS as u64)];
    let rows: Vec<Row> = sql.rows(LIST, values).await?;
    rows.into_iter().map(ShareLink::try_from).collect()
}

const REMOVE: &str = "
    delete from share_link
     where id = $1
       and item = $2
       and owner = $3";

/// Removes a link. Returns `false` where its owner has no such link.
pub(crate) async fn remove(tx: &Tx, id: &str, item: &MediaId, owner: AccountId) -> Result<bool, Error> {
    let values = vec![id.into(), item.as_str().into(), owner.to_string().into()];
    Ok(tx.execute(REMOVE, values).await? > 0)
}

/// Removes all links of an item.
pub(crate) async fn remove_all(tx: &Tx, item: &MediaId) -> Result<(), Error> {
    tx.execute("delete from share_link where item = $1", vec![item.as_str().into()]).await.map(drop)
}

const REMOVE_EXPIRED: &str = "
    delete from share_link
     where id in (
         select id
           from share_link
          where expires_at <= $1
          order by expires_at
          limit $2
     )";

/// Removes some links that have expired. Returns how many.
pub(crate) async fn remove_expired(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_EXPIRED, vec![now.into(), to_bigint(limit)]).await
}
