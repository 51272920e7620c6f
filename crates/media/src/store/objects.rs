//! Which objects are pending and which are to be removed.
//!
//! Invariant: a row leaves `pending_object` only once an item or an upload names its object, or the object is gone.

use chrono::{DateTime, Utc};
use contract::ObjectKey;
use kit::db::{Db, Error, FromQueryResult, Sql, Tx, Value, placeholders};

/// Rows of one sweep's step.
pub(crate) const STEP: usize = 500;

#[derive(FromQueryResult)]
struct Named {
    object: String,
}

fn keys(rows: Vec<Named>) -> Result<Vec<ObjectKey>, Error> {
    rows.into_iter().map(|row| row.object.try_into().map_err(|_| Error::Corrupt("an object's key"))).collect()
}

/// Writes keys down before they are used.
pub(crate) async fn register(db: &Db, keys: Vec<ObjectKey>, instance: &str, boot: &str, now: DateTime<Utc>) -> Result<(), Error> {
    let values: Vec<Value> = keys.iter().flat_map(|key| [key.as_str().into(), instance.into(), boot.into(), now.into()]).collect();
    let text = format!("insert into pending_object (object, instance, boot, registered_at) values {}", placeholders(keys.len(), 4));
    db.write(move |tx| Box::pin(async move { tx.execute(&text, values).await })).await.map(drop)
}

/// Forgets pending keys that an item or an upload names: those are settled.
pub(crate) async fn forget_settled(db: &Db) -> Result<u64, Error> {
    db.write(|tx| {
        Box::pin(async move {
            tx.execute(
                "delete from pending_object where exists (select 1 from item where item.object = pending_object.object) \
                 or exists (select 1 from upload where upload.object = pending_object.object)",
                vec![],
            )
            .await
        })
    })
    .await
}

/// Pending keys of earlier starts of this instance, of instances that are long gone, and (for the caller to check) of this start.
pub(crate) async fn list_pending(db: &Db, instance: &str, boot: &str, abandoned_before: DateTime<Utc>, of_this_boot: bool, after: &str) -> Result<Vec<ObjectKey>, Error> {
    let which = if of_this_boot { "(instance = $1 and boot = $2 and registered_at > $3)" } else { "((instance = $1 and boot <> $2) or registered_at < $3)" };
    let text = format!(
        "select object from pending_object where {which} and object > $4 \
         and not exists (select 1 from item where item.object = pending_object.object) \
         and not exists (select 1 from upload where upload.object = pending_object.object) order by object limit $5"
    );
    keys(db.read().rows(&text, vec![instance.into(), boot.into(), abandoned_before.into(), after.into(), (STEP as i64).into()]).await?)
}

/// Which of these an item or an upload names, once every write that has begun is decided.
pub(crate) async fn named(db: &Db, candidates: &[ObjectKey]) -> Result<Vec<ObjectKey>, Error> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let marks = placeholders(1, candidates.len());
    let text = format!("select object from item where object in {marks} union select object from upload where object in {marks}");
    let values: Vec<Value> = candidates.iter().map(|key| key.as_str().into()).collect();
    keys(db.write(move |tx| Box::pin(async move { tx.rows(&text, values).await })).await?)
}

/// Forgets pending keys whose objects are gone.
pub(crate) async fn forget_pending(db: &Db, keys: &[ObjectKey]) -> Result<(), Error> {
    forget(db, "pending_object", keys).await
}

/// Writes down that an object must go, unless an item still names it; whether it must.
pub(crate) async fn loosen(tx: &Tx, object: &ObjectKey, now: DateTime<Utc>) -> Result<bool, Error> {
    let loosened = tx
        .execute(
            "insert into loose_object (object, since) select $1, $2 where not exists (select 1 from item where object = $1) on conflict (object) do nothing",
            vec![object.as_str().into(), now.into()],
        )
        .await?;
    Ok(loosened == 1)
}

/// Objects that must go.
pub(crate) async fn list_loose(db: &Db, after: &str) -> Result<Vec<ObjectKey>, Error> {
    keys(db.read().rows("select object from loose_object where object > $1 order by object limit $2", vec![after.into(), (STEP as i64).into()]).await?)
}

/// Forgets objects that are gone.
pub(crate) async fn forget_loose(db: &Db, keys: &[ObjectKey]) -> Result<(), Error> {
    forget(db, "loose_object", keys).await
}

async fn forget(db: &Db, table: &'static str, keys: &[ObjectKey]) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let text = format!("delete from {table} where object in {}", placeholders(1, keys.len()));
    let values: Vec<Value> = keys.iter().map(|key| key.as_str().into()).collect();
    db.write(move |tx| Box::pin(async move { tx.execute(&text, values).await })).await.map(drop)
}
