//! The columns that name objects, and the moment in which an object loses its last reference.
//!
//! Invariant: an object stays while an item or an upload names it.

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use kit::db::{Error, FromQueryResult, Sql, Tx};
use kit::objects::{ObjectColumn, orphans};

/// The columns that name objects.
pub(crate) const OBJECT_COLUMNS: &[ObjectColumn] =
    &[ObjectColumn::whole("item", "object"), ObjectColumn::whole("upload", "object")];

#[derive(FromQueryResult)]
struct ObjectRow {
    #[allow(dead_code)]
    object: String,
}

/// Returns whether an item or an upload names the object.
pub(crate) async fn is_referenced(sql: &impl Sql, object: &ObjectKey) -> Result<bool, Error> {
    let text =
        "select object from item where object = $1 union all select object from upload where object = $1 limit 1";
    let row: Option<ObjectRow> = sql.row(text, vec![object.as_str().into()]).await?;
    Ok(row.is_some())
}

/// Records the object as an orphan, unless an item or an upload names it. Returns whether it did.
pub(crate) async fn orphan_unless_referenced(tx: &Tx, object: &ObjectKey, now: DateTime<Utc>) -> Result<bool, Error> {
    if is_referenced(tx, object).await? {
        return Ok(false);
    }
    orphans::mark_orphaned(tx, std::slice::from_ref(object), now).await?;
    Ok(true)
}
