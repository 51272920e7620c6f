//! Objects that no row names: the table `loose`.
//!
//! Invariant: an object leaves it only by being named or by being removed from the store.

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use kit::db::{Error, FromQueryResult, Sql, Tx, placeholders};

use super::values::{key, text};

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

pub(crate) async fn insert_loose(tx: &Tx, objects: &[ObjectKey], since: DateTime<Utc>) -> Result<(), Error> {
    for chunk in objects.chunks(1000) {
        let values = chunk.iter().flat_map(|object| [text(object.as_str()), since.into()]).collect();
        tx.execute(&format!("insert into loose (object, since) values {} on conflict do nothing", placeholders(chunk.len(), 2)), values).await?;
    }
    Ok(())
}

pub(crate) async fn remove_loose(tx: &Tx, objects: &[ObjectKey]) -> Result<(), Error> {
    for chunk in objects.chunks(1000) {
        let marks: Vec<String> = (1..=chunk.len()).map(|at| format!("${at}")).collect();
        tx.execute(&format!("delete from loose where object in ({})", marks.join(", ")), chunk.iter().map(|object| text(object.as_str())).collect()).await?;
    }
    Ok(())
}

pub(crate) async fn list_loose(sql: &impl Sql, before: DateTime<Utc>, limit: u32) -> Result<Vec<ObjectKey>, Error> {
    let rows: Vec<ObjectRow> = sql.rows("select object from loose where since < $1 order by since limit $2", vec![before.into(), i64::from(limit).into()]).await?;
    rows.iter().map(|row| key(&row.object)).collect()
}
