//! The objects that the rows of a copy name.
//!
//! Invariant: they are read from the copy that goes into the point, not from the database that goes on changing.

use std::collections::HashMap;

use base::ObjectKey;
use db::{FromQueryResult, Sql};
use objects::ObjectColumn;
use objects::orphans::keys_within;
use sea_orm::DbBackend;

/// Rows of one query.
const PAGE_ROWS: i64 = 5_000;

/// The objects that rows name: whether a column has the key as its whole value, so that the object must exist.
pub(crate) type NamedObjects = HashMap<ObjectKey, bool>;

#[derive(FromQueryResult)]
struct TextRow {
    text: String,
}

#[derive(FromQueryResult)]
struct CountRow {
    number: i64,
}

/// Adds the objects that these columns name. `schema` stands before the names of tables: empty, or such as `"a".`. A
/// column that the release before did not have names none.
pub(crate) async fn read(
    sql: &impl Sql,
    schema: &str,
    columns: &[ObjectColumn],
    named: &mut NamedObjects,
) -> Result<(), db::Error> {
    for ObjectColumn { table, column, is_whole } in columns {
        if !has_column(sql, &format!("{schema}{table}"), column).await? {
            continue;
        }
        let query = format!(
            "select {column} as text from {schema}{table} where {column} > $1 group by {column} order by {column} \
             limit $2"
        );
        let mut after = String::new();
        loop {
            let rows: Vec<TextRow> = sql.rows(&query, vec![after.as_str().into(), PAGE_ROWS.into()]).await?;
            for key in rows.iter().flat_map(|row| keys_within(&row.text)) {
                *named.entry(key).or_default() |= *is_whole;
            }
            match rows.into_iter().last() {
                Some(last) => after = last.text,
                None => break,
            }
        }
    }
    Ok(())
}

/// Whether there is a table, which may have its schema's name before it, with a column of this name.
async fn has_column(sql: &impl Sql, table: &str, column: &str) -> Result<bool, db::Error> {
    let text = match sql.backend() {
        DbBackend::Postgres => {
            "select count(*) as number from pg_attribute where attrelid = to_regclass($1) and attname = $2"
        }
        _ => "select count(*) as number from pragma_table_info($1) where name = $2",
    };
    let found: Option<CountRow> = sql.row(text, vec![table.into(), column.into()]).await?;
    Ok(found.is_some_and(|found| found.number > 0))
}
