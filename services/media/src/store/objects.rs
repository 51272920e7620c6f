//! The columns that name objects, and the moment in which an object loses its last reference.
//!
//! Invariant: an object stays while an item or an upload names it.

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use db::{Error, FromQueryResult, Sql, Tx};
use objects::{ObjectColumn, orphans};

/// The columns that name objects.
pub(crate) const OBJECT_COLUMNS: &[ObjectColumn] = &[
    ObjectColumn::whole("item", "object"),
    ObjectColumn::whole("upload", "object"),
    ObjectColumn::whole("replaced_object", "object"),
];

#[derive(FromQueryResult)]
struct ObjectRow {
    #[allow(dead_code)]
    object: String,
}

/// One statement, so that an object that moves from an upload to its item is seen at one of them.
const FIND: &str = "
    select object
      from item
     where object = $1
    union all
    select object
      from upload
     where object = $1
     limit 1";

/// Returns whether an item or an upload names the object.
pub(crate) async fn is_referenced(sql: &impl Sql, object: &ObjectKey) -> Result<bool, Error> {
    let row: Option<ObjectRow> = sql.row(FIND, vec![object.as_str().into()]).await?;
    Ok(row.is_some())
}

/// Records the object as an orphan, unless an item or an upload names it. Returns whether it did.
///
/// The caller holds the lane of the owner of the object: every write that lets another row name an object that a row
/// names already holds it too.
pub(crate) async fn orphan_unless_referenced(tx: &Tx, object: &ObjectKey, now: DateTime<Utc>) -> Result<bool, Error> {
    if is_referenced(tx, object).await? {
        return Ok(false);
    }
    orphans::mark_orphaned(tx, std::slice::from_ref(object), now).await?;
    Ok(true)
}
