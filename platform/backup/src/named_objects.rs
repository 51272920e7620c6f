//! The objects that the rows of a copy name.
//!
//! Invariant: they are read from the copy that goes into the point, not from the database that goes on changing.

use std::collections::HashMap;

use base::ObjectKey;
use db::{FromQueryResult, Sql};
use objects::ObjectColumn;
use objects::orphans::keys_within;

/// Rows of one query.
const PAGE_ROWS: i64 = 5_000;

/// The objects that rows name: whether a column has the key as its whole value, so that the object must exist.
pub(crate) type NamedObjects = HashMap<ObjectKey, bool>;

#[derive(FromQueryResult)]
struct TextRow {
    text: String,
}

/// Adds the objects that these columns name. `schema` stands before the names of tables: empty, or such as `"a".`.
pub(crate) async fn read(
    sql: &impl Sql,
    schema: &str,
    columns: &[ObjectColumn],
    named: &mut NamedObjects,
) -> Result<(), db::Error> {
    for ObjectColumn { table, column, is_whole } in columns {
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
