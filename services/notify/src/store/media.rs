//! Rows of files that are converted: whose they are, until they are.
//!
//! Invariant: a row is there from the upload until the conversion is complete, or the file is deleted. One
//! that failed may be tried again.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::media::{Kind, Received};
use db::{Error, FromQueryResult, Sql, Tx};
use uuid::Uuid;

use super::values::{bound, micros};

#[derive(FromQueryResult)]
struct MediaRow {
    owner: Uuid,
    kind: String,
}

const INSERT: &str = "
    insert into media_owner (media, owner, kind, at_us)
    values ($1, $2, $3, $4)
    on conflict do nothing";

/// Remembers the owner of a file.
pub(crate) async fn insert(tx: &Tx, received: &Received, now: DateTime<Utc>) -> Result<(), Error> {
    let values = vec![received.id.as_str().into(), received.owner.0.into(), received.kind.as_str().into(), micros(now)];
    tx.execute(INSERT, values).await.map(drop)
}

const FIND: &str = "
    select owner, kind
      from media_owner
     where media = $1";

/// Returns the owner and the kind of a file.
pub(crate) async fn find(sql: &impl Sql, media: &str) -> Result<Option<(AccountId, Kind)>, Error> {
    let row: Option<MediaRow> = sql.row(FIND, vec![media.into()]).await?;
    let read = |row: MediaRow| {
        let kind = row.kind.parse().map_err(|_| Error::Corrupt("the kind of a file"))?;
        Ok((AccountId(row.owner), kind))
    };
    row.map(read).transpose()
}

const REMOVE: &str = "
    delete from media_owner
     where media = $1";

/// Forgets a file.
pub(crate) async fn remove(tx: &Tx, media: &str) -> Result<(), Error> {
    tx.execute(REMOVE, vec![media.into()]).await.map(drop)
}

const REMOVE_OLD: &str = "
    delete from media_owner
     where media in (
           select media
             from media_owner
            where at_us < $1
            order by at_us
            limit $2)";

/// Forgets files that came before a time. Returns how many.
pub(crate) async fn remove_old(tx: &Tx, before: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![micros(before), bound(limit)]).await
}
