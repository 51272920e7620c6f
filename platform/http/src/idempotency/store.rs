//! The rows of [`super::Idempotency`].
//!
//! Invariant: per member at most [`MAX_KEYS_PER_MEMBER`] finished requests are stored, at most
//! [`MAX_BODIES_PER_MEMBER`] of them with a response; the oldest are deleted first, so one member's keys never cost
//! another's.

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use super::fingerprint::Fingerprint;
use db::{Db, Error, Lane, Sql, Tx, Value};

/// A claim that was not renewed for this long is dead. Two minutes of it allow for clocks that differ.
pub(super) const CLAIM_TIMEOUT: TimeDelta = TimeDelta::seconds(60 + 120);
/// Stored requests of one member, of at most some hundreds of bytes each.
const MAX_KEYS_PER_MEMBER: i64 = 10_000;
/// How many of those may have a response stored.
const MAX_BODIES_PER_MEMBER: i64 = 256;
/// Rows that are deleted in one transaction.
const BATCH_ROWS: i64 = 500;

/// How a request that was done before is replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replay {
    /// A GET reads what it created.
    Get,
    /// A HEAD reads the state of what it created: the response has no body.
    Head,
    /// The request runs again.
    Rerun,
    /// The stored response is sent.
    Stored,
    /// The response says only that the request was done.
    Unavailable,
}

impl Replay {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "read",
            Self::Head => "state",
            Self::Rerun => "again",
            Self::Stored => "kept",
            Self::Unavailable => "nothing",
        }
    }

    /// Rows of earlier releases have the response and no kind.
    fn parse(text: Option<&str>) -> Self {
        match text {
            Some("read") => Self::Get,
            Some("state") => Self::Head,
            Some("again") => Self::Rerun,
            None | Some("kept") => Self::Stored,
            Some(_) => Self::Unavailable,
        }
    }
}

/// A key that is claimed by a request.
#[derive(Debug, Clone)]
pub(super) struct Key {
    hash: String,
    holder: String,
    member: String,
    /// The number of the key among the member's.
    number: i64,
}

/// The result of a request.
#[derive(Debug, Clone)]
pub(super) struct Completed {
    pub status: StatusCode,
    pub content_type: Option<String>,
    pub location: Option<String>,
    pub body: Option<Vec<u8>>,
    pub replay: Replay,
    pub fingerprint: Fingerprint,
}

/// The stored result of a request.
#[derive(Debug)]
pub(super) struct StoredOutcome {
    pub status: StatusCode,
    pub content_type: Option<String>,
    pub location: Option<String>,
    pub body: Vec<u8>,
    pub replay: Replay,
    /// `None` for a request of an earlier release.
    pub fingerprint: Option<Fingerprint>,
}

/// The result of claiming a key.
pub(super) enum BeginOutcome {
    Claimed(Key),
    Running,
    Done(StoredOutcome),
}

#[derive(FromQueryResult)]
struct Row {
    status: Option<i64>,
    content_type: Option<String>,
    location: Option<String>,
    body: Option<Vec<u8>>,
    replay: Option<String>,
    fingerprint: Option<String>,
    fingerprint_bytes: Option<i64>,
}

impl Row {
    fn stored(self) -> Option<StoredOutcome> {
        let status = u16::try_from(self.status?)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::OK);
        let bytes = self.fingerprint_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0);
        let mut replay = Replay::parse(self.replay.as_deref());
        if replay == Replay::Stored && self.body.is_none() {
            // Newer responses took its place.
            replay = Replay::Unavailable;
        }
        Some(StoredOutcome {
            status,
            content_type: self.content_type,
            location: self.location,
            body: self.body.unwrap_or_default(),
            replay,
            fingerprint: self.fingerprint.map(|digest| Fingerprint { digest, bytes }),
        })
    }
}

const EXPIRE: &str = "
    delete from idempotency
     where key = $1
       and status is null
       and created_at < $2";

const CLAIM: &str = "
    insert into idempotency (key, holder, member, number, created_at)
    select $1, $2, $3, coalesce((select max(number) from idempotency where member = $3), 0) + 1, $4
     where true
        on conflict do nothing
 returning number";

const DELETE_OLDEST: &str = "
    delete from idempotency
     where key in (
           select key
             from idempotency
            where member = $1
              and number <= $2
              and status is not null
            order by number
            limit $3)";

/// Returns the lane of a member's keys, which are numbered and bounded.
fn lane(member: &str) -> Lane {
    Lane::of(&format!("idempotency {member}"))
}

/// Claims a key, or returns who has it. The oldest keys of a member with too many are deleted.
pub(super) async fn begin(
    db: &Db,
    key: String,
    holder: String,
    member: Uuid,
    now: DateTime<Utc>,
) -> Result<BeginOutcome, Error> {
    #[derive(FromQueryResult)]
    struct Inserted {
        number: i64,
    }
    let member = member.to_string();
    db.write(lane(&member), async move |tx| {
        tx.execute(EXPIRE, vec![key.clone().into(), (now - CLAIM_TIMEOUT).into()]).await?;
        let inserted: Option<Inserted> =
            tx.row(CLAIM, vec![key.clone().into(), holder.clone().into(), member.clone().into(), now.into()]).await?;
        if let Some(Inserted { number }) = inserted {
            delete_oldest(tx, &member, number).await?;
            return Ok(BeginOutcome::Claimed(Key { hash: key, holder, member, number }));
        }
        let text = "select status, content_type, location, body, replay, fingerprint, fingerprint_bytes from \
                idempotency where key = $1";
        let row: Option<Row> = tx.row(text, vec![key.into()]).await?;
        Ok(row.and_then(Row::stored).map_or(BeginOutcome::Running, BeginOutcome::Done))
    })
    .await
}

async fn delete_oldest(tx: &Tx, member: &str, number: i64) -> Result<(), Error> {
    if number <= MAX_KEYS_PER_MEMBER {
        return Ok(());
    }
    tx.execute(DELETE_OLDEST, vec![member.into(), (number - MAX_KEYS_PER_MEMBER).into(), BATCH_ROWS.into()])
        .await
        .map(drop)
}

const COMPLETE: &str = "
    update idempotency
       set status = $3,
           content_type = $4,
           location = $5,
           body = $6,
           replay = $7,
           fingerprint = $8,
           fingerprint_bytes = $9
     where key = $1
       and holder = $2";

/// Returns the values of [`COMPLETE`].
fn completion(key: &Key, done: Completed) -> Vec<Value> {
    vec![
        key.hash.clone().into(),
        key.holder.clone().into(),
        i64::from(done.status.as_u16()).into(),
        done.content_type.into(),
        done.location.into(),
        done.body.into(),
        done.replay.as_str().into(),
        done.fingerprint.digest.into(),
        i64::try_from(done.fingerprint.bytes).unwrap_or(i64::MAX).into(),
    ]
}

/// Stores a result in the transaction of the effect. Returns false if the key has a result already, or went to another
/// request.
pub(super) async fn complete(tx: &Tx, key: &Key, done: Completed) -> Result<bool, Error> {
    Ok(tx.execute(&format!("{COMPLETE} and status is null"), completion(key, done)).await? == 1)
}

/// Stores a result in place of what the transaction of the effect knew of it, or releases the key if there is none.
pub(super) async fn end(db: &Db, key: &Key, done: Option<Completed>) -> Result<(), Error> {
    let key = key.clone();
    db.write(lane(&key.member), async move |tx| {
        let Some(done) = done else {
            let text = "delete from idempotency where key = $1 and holder = $2 and status is null";
            return tx.execute(text, vec![key.hash.into(), key.holder.into()]).await.map(drop);
        };
        let has_body = done.body.is_some();
        tx.execute(COMPLETE, completion(&key, done)).await?;
        if has_body {
            let text = "update idempotency set body = null where member = $1 and number <= $2 and body is not null";
            tx.execute(text, vec![key.member.into(), (key.number - MAX_BODIES_PER_MEMBER).into()]).await?;
        }
        Ok(())
    })
    .await
}

/// Renews the claim of a running request.
pub(super) async fn renew(db: &Db, key: &Key, now: DateTime<Utc>) -> Result<(), Error> {
    let values = vec![key.hash.clone().into(), key.holder.clone().into(), now.into()];
    let text = "update idempotency set created_at = $3 where key = $1 and holder = $2 and status is null";
    db.write(lane(&key.member), async move |tx| tx.execute(text, values).await.map(drop)).await
}

/// Deletes a member's keys, in small transactions. Running requests keep theirs.
pub(super) async fn forget(db: &Db, member: Uuid) -> Result<(), Error> {
    let member = member.to_string();
    loop {
        let values = vec![member.clone().into(), BATCH_ROWS.into()];
        let text = "delete from idempotency where key in \
                    (select key from idempotency where member = $1 and status is not null limit $2)";
        let forgotten: Result<u64, Error> =
            db.write(lane(&member), async move |tx| tx.execute(text, values).await).await;
        if forgotten? < BATCH_ROWS.unsigned_abs() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
