//! The table of resumable uploads.
//!
//! Invariant: a request that takes an upload over increments its `epoch`, a fencing token. A write under an older epoch
//! changes nothing. Every write to one upload holds the lane of its id.

use chrono::{DateTime, Utc};
use codec::sniff::Format;
use contract::{AccountId, MediaId, ObjectKey};
use db::{Error, FromQueryResult, Sql, Tx};
use objects::Checkpoint;

use super::{from_bigint, to_bigint};
use crate::model::quota::OpenUploads;
use crate::model::{ItemDetails, tags};

const COLUMNS: &str = "
    id, owner, length, name, tags, visibility, claim_later, description, alt, received, object, engine_state,
    hash_state, format, epoch, item, created_at, expires_at";

/// A resumable upload.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub id: String,
    pub owner: AccountId,
    /// Bytes in all.
    pub length: u64,
    pub details: ItemDetails,
    /// Bytes that are durable.
    pub received: u64,
    /// Where they are stored; `None` before the first.
    pub checkpoint: Option<Checkpoint>,
    /// The state of their SHA-256.
    pub hash_state: Option<Vec<u8>>,
    pub format: Option<Format>,
    pub epoch: i64,
    /// The item that it became.
    pub item: Option<MediaId>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The fencing token of an upload: the right to write to it until another request takes it over.
#[derive(Debug, Clone)]
pub(crate) struct Fence {
    pub id: String,
    pub epoch: i64,
}

impl Upload {
    /// Returns the fencing token of the upload, for the epoch in which it was read.
    pub(crate) fn fence(&self) -> Fence {
        Fence { id: self.id.clone(), epoch: self.epoch }
    }
}

#[derive(FromQueryResult)]
struct Row {
    id: String,
    owner: String,
    length: i64,
    name: String,
    tags: String,
    visibility: String,
    claim_later: bool,
    description: String,
    alt: String,
    received: i64,
    object: Option<String>,
    engine_state: String,
    hash_state: Option<Vec<u8>>,
    format: Option<String>,
    epoch: i64,
    item: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl TryFrom<Row> for Upload {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self, Error> {
        let received = from_bigint(row.received, "an upload's offset")?;
        let key: Option<ObjectKey> =
            row.object.map(TryInto::try_into).transpose().map_err(|_| Error::Corrupt("an upload's object"))?;
        Ok(Self {
            id: row.id,
            owner: AccountId(row.owner.parse().map_err(|_| Error::Corrupt("an upload's owner"))?),
            length: from_bigint(row.length, "an upload's length")?,
            details: ItemDetails {
                name: row.name,
                tags: tags::from_column(&row.tags),
                visibility: row.visibility.parse().map_err(|_| Error::Corrupt("an upload's visibility"))?,
                claim_later: row.claim_later,
                description: row.description,
                alt: row.alt,
            },
            received,
            checkpoint: key.map(|key| Checkpoint { key, bytes: received, state: row.engine_state }),
            hash_state: row.hash_state,
            format: row
                .format
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| Error::Corrupt("an upload's format"))?,
            epoch: row.epoch,
            item: row.item.map(TryInto::try_into).transpose().map_err(|_| Error::Corrupt("an upload's item"))?,
            created_at: row.created_at,
            expires_at: row.expires_at,
        })
    }
}

fn first(row: Option<Row>) -> Result<Option<Upload>, Error> {
    row.map(Upload::try_from).transpose()
}

const SUM_OPEN: &str = "
    select count(*) as uploads, cast(coalesce(sum(length), 0) as bigint) as bytes
      from upload
     where owner = $1
       and item is null
       and id <> $2";

/// Returns the open uploads of a member, without the upload `except`.
pub(crate) async fn sum_open(sql: &impl Sql, owner: AccountId, except: Option<&str>) -> Result<OpenUploads, Error> {
    #[derive(FromQueryResult)]
    struct Sums {
        uploads: i64,
        bytes: i64,
    }
    let values = vec![owner.to_string().into(), except.unwrap_or_default().into()];
    let row: Option<Sums> = sql.row(SUM_OPEN, values).await?;
    let Some(row) = row else { return Ok(OpenUploads::default()) };
    Ok(OpenUploads { uploads: from_bigint(row.uploads, "a count")?, bytes: from_bigint(row.bytes, "a sum")? })
}

const INSERT: &str = "
    insert into upload (
        id, owner, length, name, tags, visibility, claim_later, received, engine_state, epoch, created_at, expires_at,
        description, alt
    )
    values ($1, $2, $3, $4, $5, $6, $7, 0, '', $8, $9, $10, $11, $12)";

/// Inserts an upload.
pub(crate) async fn insert(tx: &Tx, upload: &Upload) -> Result<(), Error> {
    let values = vec![
        upload.id.clone().into(),
        upload.owner.to_string().into(),
        to_bigint(upload.length),
        upload.details.name.clone().into(),
        tags::to_column(&upload.details.tags).into(),
        upload.details.visibility.as_str().into(),
        upload.details.claim_later.into(),
        upload.epoch.into(),
        upload.created_at.into(),
        upload.expires_at.into(),
        upload.details.description.clone().into(),
        upload.details.alt.clone().into(),
    ];
    tx.execute(INSERT, values).await.map(drop)
}

/// Returns an upload of this owner.
pub(crate) async fn find(sql: &impl Sql, id: &str, owner: AccountId) -> Result<Option<Upload>, Error> {
    let text = format!(
        "select {COLUMNS}
           from upload
          where id = $1
            and owner = $2"
    );
    first(sql.row(&text, vec![id.into(), owner.to_string().into()]).await?)
}

/// Takes over an upload that has not expired. The request that had it before cannot write to it any more.
pub(crate) async fn take_over(
    tx: &Tx,
    id: &str,
    owner: AccountId,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Upload>, Error> {
    let text = format!(
        "update upload
            set epoch = epoch + 1,
                expires_at = case when item is null then $3 else expires_at end
          where id = $1
            and owner = $2
            and (item is not null or expires_at > $4)
         returning {COLUMNS}"
    );
    first(tx.row(&text, vec![id.into(), owner.to_string().into(), expires_at.into(), now.into()]).await?)
}

/// The durable state of an upload.
#[derive(Debug, Clone)]
pub(crate) struct UploadProgress {
    pub checkpoint: Checkpoint,
    pub hash_state: Vec<u8>,
    pub format: Option<Format>,
}

const SET_PROGRESS: &str = "
    update upload
       set received = $3,
           object = $4,
           engine_state = $5,
           hash_state = $6,
           format = $7,
           expires_at = $8
     where id = $1
       and epoch = $2
       and item is null";

/// Sets the progress of an upload. Returns `false` where another request has taken it over.
pub(crate) async fn set_progress(
    tx: &Tx,
    fence: &Fence,
    progress: &UploadProgress,
    expires_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let values = vec![
        fence.id.clone().into(),
        fence.epoch.into(),
        to_bigint(progress.checkpoint.bytes),
        progress.checkpoint.key.as_str().into(),
        progress.checkpoint.state.clone().into(),
        progress.hash_state.clone().into(),
        progress.format.map(|format| format.extension().to_owned()).into(),
        expires_at.into(),
    ];
    Ok(tx.execute(SET_PROGRESS, values).await? == 1)
}

const RESET: &str = "
    update upload
       set received = 0,
           object = null,
           engine_state = '',
           hash_state = null,
           format = null
     where id = $1
       and epoch = $2
       and item is null";

/// Resets an upload whose stored bytes are missing.
pub(crate) async fn reset(tx: &Tx, fence: &Fence) -> Result<(), Error> {
    tx.execute(RESET, vec![fence.id.clone().into(), fence.epoch.into()]).await.map(drop)
}

const SET_COMPLETED: &str = "
    update upload
       set item = $3,
           received = length,
           object = null,
           hash_state = null
     where id = $1
       and epoch = $2
       and item is null";

/// Marks an upload as completed by an item. Returns `false` where another request has taken it over.
pub(crate) async fn set_completed(tx: &Tx, fence: &Fence, item: &MediaId) -> Result<bool, Error> {
    let values = vec![fence.id.clone().into(), fence.epoch.into(), item.as_str().into()];
    Ok(tx.execute(SET_COMPLETED, values).await? == 1)
}

/// Removes an upload.
pub(crate) async fn remove(tx: &Tx, id: &str, owner: AccountId) -> Result<Option<Upload>, Error> {
    let text = format!(
        "delete from upload
          where id = $1
            and owner = $2
         returning {COLUMNS}"
    );
    first(tx.row(&text, vec![id.into(), owner.to_string().into()]).await?)
}

/// Removes an upload if it has expired by now.
pub(crate) async fn remove_expired(
    tx: &Tx,
    id: &str,
    owner: AccountId,
    now: DateTime<Utc>,
) -> Result<Option<Upload>, Error> {
    let text = format!(
        "delete from upload
          where id = $1
            and owner = $2
            and expires_at <= $3
         returning {COLUMNS}"
    );
    first(tx.row(&text, vec![id.into(), owner.to_string().into(), now.into()]).await?)
}

/// Returns some uploads of a member.
pub(crate) async fn list_by_owner(sql: &impl Sql, owner: AccountId, limit: usize) -> Result<Vec<Upload>, Error> {
    let text = format!(
        "select {COLUMNS}
           from upload
          where owner = $1
          limit $2"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![owner.to_string().into(), (limit as i64).into()]).await?;
    rows.into_iter().map(Upload::try_from).collect()
}
