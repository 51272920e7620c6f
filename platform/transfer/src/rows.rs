//! Rows: from a service's SQLite file into its schema, page by page.
//!
//! Pages follow SQLite's own row numbers, which do not change while no process writes. Invariant: a page and the
//! position after it are stored in one transaction.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};

use super::tables::Table;
use super::{Error, Schema, progress};
use db::{Db, Lane, Sql, Value, placeholders};

/// Rows of a page, at most: the longest ones (stored responses, 256 KB) then make 64 MB.
const MAX_PAGE_ROWS: usize = 250;
/// Values of a statement, at most (PostgreSQL accepts 65,535).
const MAX_VALUES: usize = 60_000;
/// The part of the progress.
const PART: &str = "rows";

/// Copies the missing rows of a table.
pub(super) async fn copy(name: &str, schema: &Schema, source: &DatabaseConnection, table: &Table) -> Result<(), Error> {
    let recorded = progress::find(schema.destination.read(), name, PART, &table.name).await?;
    let mut after = recorded.and_then(|position| position.parse().ok()).unwrap_or(0);
    loop {
        let rows = page(source, table, after).await?;
        let Some((last, _)) = rows.last() else { return Ok(()) };
        let (first, last) = (after, *last);
        let values = rows.into_iter().map(|(_, values)| values).collect();
        let stored = store(&schema.destination, name, table, values, last).await;
        stored.map_err(|cause| Error::Rows {
            table: format!("{}.{}", schema.service, table.name),
            after: first,
            cause,
        })?;
        after = last;
    }
}

/// Returns the rows after number `after`, in order.
pub(super) async fn page(
    source: &DatabaseConnection,
    table: &Table,
    after: i64,
) -> Result<Vec<(i64, Vec<Value>)>, Error> {
    let limit = MAX_PAGE_ROWS.min(MAX_VALUES / table.columns.len().max(1)) as i64;
    let text = format!(
        "select rowid, {} from {} where rowid > $1 order by rowid limit $2",
        table.column_list(),
        table.quoted()
    );
    let statement = Statement::from_sql_and_values(source.get_database_backend(), text, [after.into(), limit.into()]);
    let rows = source.query_all_raw(statement).await.map_err(db::Error::from)?;
    let read = |row| Ok((sea_orm::QueryResult::try_get_by_index(row, 0)?, table.read(row, 1)?));
    Ok(rows.iter().map(read).collect::<Result<_, db::Error>>()?)
}

async fn store(destination: &Db, name: &str, table: &Table, rows: Vec<Vec<Value>>, last: i64) -> Result<(), db::Error> {
    let text = format!(
        "insert into {} ({}) values {} on conflict do nothing",
        table.quoted(),
        table.column_list(),
        placeholders(rows.len(), table.columns.len())
    );
    let (name, item, values) = (name.to_owned(), table.name.clone(), rows.into_iter().flatten().collect());
    destination
        .write(Lane::ALL, async move |tx| {
            tx.execute(&text, values).await?;
            progress::record(tx, &name, PART, &item, &last.to_string()).await
        })
        .await
}
