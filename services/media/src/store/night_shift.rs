//! Photos that the night shift has not examined, and the objects that it has replaced.
//!
//! A replaced object is kept for a while: `delivery` serves it until it has heard of the new one. A row names it until
//! then. Invariant: an object that a row here names is named by no item, and none can come to name it: no item has its
//! bytes.

use chrono::{DateTime, Utc};
use contract::media::Patch;
use contract::{AccountId, MediaId, ObjectKey};
use db::{Error, FromQueryResult, Sql, Tx};

use super::items::{COLUMNS, Row};
use super::{objects, to_bigint};
use crate::model::Item;

/// Returns photos that were added before a time and not examined yet, the oldest first, from the first one after
/// another photo.
pub(crate) async fn list_unexamined(
    sql: &impl Sql,
    before: DateTime<Utc>,
    after: Option<&Item>,
    limit: usize,
) -> Result<Vec<Item>, Error> {
    // The first two conditions are those of the index `item_unexamined`, word by word.
    let text = format!(
        "select {COLUMNS}
           from item
          where examined_at is null
            and kind = 'photo'
            and format in ('jpeg', 'png')
            and state = 'ready'
            and claimed
            and removed_at is null
            and created_at < $1
            and (created_at, id) > ($2, $3)
          order by created_at, id
          limit $4"
    );
    let (at, id) = after.map_or((DateTime::UNIX_EPOCH, ""), |item| (item.created_at, item.id.as_str()));
    let rows: Vec<Row> = sql.rows(&text, vec![before.into(), at.into(), id.into(), (limit as i64).into()]).await?;
    rows.into_iter().map(Item::try_from).collect()
}

/// Returns the items of an owner that share an object, in the trash or not.
pub(crate) async fn list_by_object(sql: &impl Sql, owner: AccountId, object: &ObjectKey) -> Result<Vec<Item>, Error> {
    let text = format!(
        "select {COLUMNS}
           from item
          where object = $1
            and owner = $2
          order by id"
    );
    let rows: Vec<Row> = sql.rows(&text, vec![object.as_str().into(), owner.to_string().into()]).await?;
    rows.into_iter().map(Item::try_from).collect()
}

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

impl ObjectRow {
    fn key(self) -> Result<ObjectKey, Error> {
        self.object.try_into().map_err(|_| Error::Corrupt("an item's object"))
    }
}

const FIND_SAME: &str = "
    select object
      from item
     where owner = $1
       and sha256 = $2
     limit 1";

/// Returns the object of an owner that has these bytes.
pub(crate) async fn find_same(tx: &Tx, owner: AccountId, sha256: &str) -> Result<Option<ObjectKey>, Error> {
    let row: Option<ObjectRow> = tx.row(FIND_SAME, vec![owner.to_string().into(), sha256.into()]).await?;
    row.map(ObjectRow::key).transpose()
}

const SET_EXAMINED: &str = "
    update item
       set examined_at = $2
     where id = $1";

/// Marks an item as examined: it stays as it is.
pub(crate) async fn set_examined(tx: &Tx, id: &MediaId, now: DateTime<Utc>) -> Result<(), Error> {
    tx.execute(SET_EXAMINED, vec![id.as_str().into(), now.into()]).await.map(drop)
}

/// An original, as it is stored now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewOriginal {
    pub object: ObjectKey,
    pub bytes: u64,
    pub sha256: String,
    pub scrub: Option<Vec<Patch>>,
}

const REPLACE: &str = "
    update item
       set object = $3,
           bytes = $4,
           sha256 = $5,
           scrub = $6,
           examined_at = $7
     where owner = $1
       and object = $2";

const KEEP: &str = "
    insert into replaced_object (object, replacement, replaced_at)
    values ($1, $2, $3)";

/// Gives all items of an owner that have an object another one, and keeps the old one. Returns their number.
///
/// The caller holds the lane of the owner, and those of the items.
pub(crate) async fn replace(
    tx: &Tx,
    owner: AccountId,
    old: &ObjectKey,
    new: &NewOriginal,
    now: DateTime<Utc>,
) -> Result<u64, Error> {
    let scrub = new.scrub.as_ref().map(serde_json::to_string).transpose().map_err(|_| Error::Corrupt("overlays"))?;
    let values = vec![
        owner.to_string().into(),
        old.as_str().into(),
        new.object.as_str().into(),
        to_bigint(new.bytes),
        new.sha256.clone().into(),
        scrub.into(),
        now.into(),
    ];
    let items = tx.execute(REPLACE, values).await?;
    tx.execute(KEEP, vec![old.as_str().into(), new.object.as_str().into(), now.into()]).await?;
    Ok(items)
}

const RELEASE_BEFORE: &str = "
    delete from replaced_object
     where object in (
           select object
             from replaced_object
            where replaced_at < $1
            order by replaced_at
            limit $2)
 returning object";

/// Makes orphans of some objects that were replaced before a time. Returns how many.
pub(crate) async fn release_before(
    tx: &Tx,
    before: DateTime<Utc>,
    limit: usize,
    now: DateTime<Utc>,
) -> Result<usize, Error> {
    let rows: Vec<ObjectRow> = tx.rows(RELEASE_BEFORE, vec![before.into(), (limit as i64).into()]).await?;
    release(tx, rows, now).await
}

const RELEASE_BY: &str = "
    delete from replaced_object
     where replacement = $1
 returning object";

/// Makes an orphan of what an object has replaced: the items are gone, and so is what they were.
pub(crate) async fn release_by(tx: &Tx, replacement: &ObjectKey, now: DateTime<Utc>) -> Result<(), Error> {
    let rows: Vec<ObjectRow> = tx.rows(RELEASE_BY, vec![replacement.as_str().into()]).await?;
    release(tx, rows, now).await.map(drop)
}

async fn release(tx: &Tx, rows: Vec<ObjectRow>, now: DateTime<Utc>) -> Result<usize, Error> {
    let count = rows.len();
    for row in rows {
        objects::orphan_unless_referenced(tx, &row.key()?, now).await?;
    }
    Ok(count)
}
