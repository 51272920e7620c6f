//! The table of resumable uploads.
//!
//! Invariant: a request that takes an upload over increments its `epoch`, a fencing token. A write under an older epoch
//! changes nothing.

use chrono::{DateTime, Utc};
use codec::sniff::Format;
use contract::{AccountId, MediaId, ObjectKey};
use kit::db::{Error, FromQueryResult, Sql, Tx};
use kit::objects::Checkpoint;

use super::{from_bigint, to_bigint};
use crate::model::{ItemDetails, tags};

const COLUMNS: &str = "id, owner, length, name, tags, visibility, claim_later, received, object, engine_state, hash_state, format, epoch, item, created_at, expires_at";

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

#[derive(FromQueryResult)]
struct Row {
    id: String,
    owner: String,
    length: i64,
    name: String,
    tags: String,
    visibility: String,
    claim_later: bool,
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

/// The open uploads of a member.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct OpenUploads {
    pub uploads: u64,
    /// The bytes that these will have.
    pub bytes: u64,
}

/// Returns the open uploads of a member, without the upload `except`.
pub(crate) async fn sum_open(sql: &impl Sql, owner: AccountId, except: Option<&str>) -> Result<OpenUploads, Error> {
    #[derive(FromQueryResult)]
    struct Sums {
        uploads: i64,
        bytes: i64,
    }
    let text = "select count(*) as uploads, cast(coalesce(sum(length), 0) as bigint) as bytes from upload \
                where owner = $1 and item is null and id <> $2";
    let row: Option<Sums> = sql.row(text, vec![owner.to_string().into(), except.unwrap_or_default().into()]).await?;
    let Some(row) = row else { return Ok(OpenUploads::default()) };
    Ok(OpenUploads { uploads: from_bigint(row.uploads, "a count")?, bytes: from_bigint(row.bytes, "a sum")? })
}

/// Inserts an upload.
pub(crate) async fn insert(tx: &Tx, upload: &Upload) -> Result<(), Error> {
    tx.execute(
        "insert into upload (id, owner, length, name, tags, visibility, claim_later, received, engine_state, epoch, created_at, expires_at) \
         values ($1, $2, $3, $4, $5, $6, $7, 0, '', $8, $9, $10)",
        vec![
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
        ],
    )
    .await
    .map(drop)
}

/// Returns an upload of this owner.
pub(crate) async fn find(sql: &impl Sql, id: &str, owner: AccountId) -> Result<Option<Upload>, Error> {
    first(
        sql.row(
            &format!("select {COLUMNS} from upload where id = $1 and owner = $2"),
            vec![id.into(), owner.to_string().into()],
        )
        .await?,
    )
}

/// Takes over an upload that has not expired. The request that had it before cannot write to it any more.
pub(crate) async fn take_over(
    tx: &Tx,
    id: &str,
    owner: AccountId,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<Upload>, Error> {
    first(
        tx.row(
            &format!(
                "update upload set epoch = epoch + 1, expires_at = case when item is null then $3 else expires_at end \
                 where id = $1 and owner = $2 and (item is not null or expires_at > $4) returning {COLUMNS}"
            ),
            vec![id.into(), owner.to_string().into(), expires_at.into(), now.into()],
        )
        .await?,
    )
}

/// The durable state of an upload.
#[derive(Debug, Clone)]
pub(crate) struct UploadProgress {
    pub checkpoint: Checkpoint,
    pub hash_state: Vec<u8>,
    pub format: Option<Format>,
}

/// Sets the progress of an upload. Returns `false` where another request has taken it over.
pub(crate) async fn set_progress(
    tx: &Tx,
    fence: &Fence,
    progress: &UploadProgress,
    expires_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "update upload set received = $3, object = $4, engine_state = $5, hash_state = $6, format = $7, expires_at = $8 where id = $1 and epoch = $2 and item is null",
            vec![
                fence.id.clone().into(),
                fence.epoch.into(),
                to_bigint(progress.checkpoint.bytes),
                progress.checkpoint.key.as_str().into(),
                progress.checkpoint.state.clone().into(),
                progress.hash_state.clone().into(),
                progress.format.map(|format| format.extension().to_owned()).into(),
                expires_at.into(),
            ],
        )
        .await?;
    Ok(changed == 1)
}

/// Resets an upload whose stored bytes are missing.
pub(crate) async fn reset(tx: &Tx, fence: &Fence) -> Result<(), Error> {
    tx.execute(
        "update upload set received = 0, object = null, engine_state = '', hash_state = null, format = null where id = $1 and epoch = $2 and item is null",
        vec![fence.id.clone().into(), fence.epoch.into()],
    )
    .await
    .map(drop)
}

/// Marks an upload as completed by an item. Returns `false` where another request has taken it over.
pub(crate) async fn set_completed(tx: &Tx, fence: &Fence, item: &MediaId) -> Result<bool, Error> {
    let changed = tx
        .execute(
            "update upload set item = $3, received = length, object = null, hash_state = null where id = $1 and epoch = $2 and item is null",
            vec![fence.id.clone().into(), fence.epoch.into(), item.as_str().into()],
        )
        .await?;
    Ok(changed == 1)
}

/// Removes an upload.
pub(crate) async fn remove(tx: &Tx, id: &str, owner: AccountId) -> Result<Option<Upload>, Error> {
    first(
        tx.row(
            &format!("delete from upload where id = $1 and owner = $2 returning {COLUMNS}"),
            vec![id.into(), owner.to_string().into()],
        )
        .await?,
    )
}

/// Returns uploads that have expired.
pub(crate) async fn list_expired(sql: &impl Sql, now: DateTime<Utc>, limit: usize) -> Result<Vec<Upload>, Error> {
    let rows: Vec<Row> = sql
        .rows(
            &format!("select {COLUMNS} from upload where expires_at <= $1 order by expires_at limit $2"),
            vec![now.into(), (limit as i64).into()],
        )
        .await?;
    rows.into_iter().map(Upload::try_from).collect()
}

/// Returns some uploads of a member.
pub(crate) async fn list_by_owner(sql: &impl Sql, owner: AccountId, limit: usize) -> Result<Vec<Upload>, Error> {
    let text = format!("select {COLUMNS} from upload where owner = $1 limit $2");
    let rows: Vec<Row> = sql.rows(&text, vec![owner.to_string().into(), (limit as i64).into()]).await?;
    rows.into_iter().map(Upload::try_from).collect()
}
