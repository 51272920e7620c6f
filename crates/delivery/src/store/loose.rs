//! Objects that no row owns: about to be written, or to be removed.
//!
//! Invariant: an object stays here until a row owns it or its bytes are gone.

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use kit::db::{Error, Sql, Tx, Value, placeholders};

use super::{ObjectRow, ROWS, count, keys};

/// Notes objects that no row owns: about to be written (`since` now), or to be removed (`since` long ago).
pub(crate) async fn loosen(tx: &Tx, objects: &[ObjectKey], since: DateTime<Utc>) -> Result<(), Error> {
    for objects in objects.chunks(ROWS) {
        let values = objects.iter().flat_map(|object| [Value::from(object.as_str()), since.into()]).collect();
        let text = format!("insert into loose (object, since) values {} on conflict do nothing", placeholders(objects.len(), 2));
        tx.execute(&text, values).await?;
    }
    Ok(())
}

/// Objects that have been loose since before `before`.
pub(crate) async fn list_loose(db: &impl Sql, before: DateTime<Utc>, most: u64) -> Result<Vec<ObjectKey>, Error> {
    let rows: Vec<ObjectRow> = db.rows("select object from loose where since < $1 order by since limit $2", vec![before.into(), count(most)]).await?;
    keys(&rows)
}

/// Forgets loose objects, after their bytes are gone.
pub(crate) async fn remove_loose(tx: &Tx, objects: &[ObjectKey]) -> Result<(), Error> {
    for objects in objects.chunks(ROWS) {
        let marks: Vec<String> = (1..=objects.len()).map(|mark| format!("${mark}")).collect();
        let values = objects.iter().map(|object| object.as_str().into()).collect();
        tx.execute(&format!("delete from loose where object in ({})", marks.join(", ")), values).await?;
    }
    Ok(())
}
