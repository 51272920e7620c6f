//! The progress of a transfer: a table of its own in each schema of the destination.
//!
//! Invariant: a position is recorded in the transaction that stores what is before it, so an interrupted transfer
//! resumes exactly there.

use sea_orm::{DbBackend, FromQueryResult};

use db::{Db, Error, Lane, Sql, Tx};

/// The table, which is no part of any schema: only a destination has it.
pub(super) const TABLE: &str = "moved";

#[derive(FromQueryResult)]
struct NameRow {
    #[allow(dead_code)]
    name: String,
}

#[derive(FromQueryResult)]
struct Row {
    item: String,
    place: String,
}

/// Creates the table if it is missing.
pub(super) async fn create_table(destination: &Db) -> Result<(), Error> {
    let text = "create table if not exists moved (source text not null, part text not null, item text not null, place \
        text not null, primary key (source, part, item))";
    destination.write(Lane::ALL, async move |tx| tx.execute(text, vec![]).await.map(drop)).await
}

/// Whether a transfer into this schema's installation has begun and not ended. The end of each is recorded in the first
/// schema alone, so only the schema of a destination with copied objects says so.
pub(super) async fn is_in_progress(destination: &impl Sql, done: &str) -> Result<bool, Error> {
    let table: Option<NameRow> = match destination.backend() {
        DbBackend::Postgres => {
            destination
                .row(
                    "select cast(tablename as text) as name from pg_tables where tablename = $1 and \
                schemaname = current_schema()",
                    vec![TABLE.into()],
                )
                .await?
        }
        _ => None,
    };
    if table.is_none() {
        return Ok(false);
    }
    let text = "select item, place from moved where part like 'objects/%' and source not in (select source from moved \
        where part = $1) limit 1";
    let row: Option<Row> = destination.row(text, vec![done.into()]).await?;
    Ok(row.is_some())
}

/// Whether anything of `source` was copied here.
pub(super) async fn has_checkpoint(destination: &impl Sql, source: &str) -> Result<bool, Error> {
    let row: Option<Row> =
        destination.row("select item, place from moved where source = $1 limit 1", vec![source.into()]).await?;
    Ok(row.is_some())
}

/// Returns the recorded position of an item.
pub(super) async fn find(
    destination: &impl Sql,
    source: &str,
    part: &str,
    item: &str,
) -> Result<Option<String>, Error> {
    let row: Option<Row> = destination
        .row(
            "select item, place from moved where source = $1 and part = $2 and item = $3",
            vec![source.into(), part.into(), item.into()],
        )
        .await?;
    Ok(row.map(|row| row.place))
}

/// Returns every item of a part with its position.
pub(super) async fn list(destination: &impl Sql, source: &str, part: &str) -> Result<Vec<(String, String)>, Error> {
    let rows: Vec<Row> = destination
        .rows("select item, place from moved where source = $1 and part = $2", vec![source.into(), part.into()])
        .await?;
    Ok(rows.into_iter().map(|row| (row.item, row.place)).collect())
}

/// Records a position.
pub(super) async fn record(tx: &Tx, source: &str, part: &str, item: &str, position: &str) -> Result<(), Error> {
    let text = "insert into moved (source, part, item, place) values ($1, $2, $3, $4) on conflict (source, part, \
        item) do update set place = excluded.place";
    tx.execute(text, vec![source.into(), part.into(), item.into(), position.into()]).await.map(drop)
}
