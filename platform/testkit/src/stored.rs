//! Everything that a database holds, by the engine's own listing of tables and columns.
//!
//! Invariant: a table or a column that is added later is seen without a change here.

use db::{Db, Sql as _};
use sea_orm::DbBackend;

use crate::fleet::query_lines;

const SQLITE_COLUMNS: &str = "
    select m.name || '.' || c.name as line
      from sqlite_schema m, pragma_table_info(m.name) c
     where m.type = 'table'
       and m.name not like 'sqlite_%'
     order by 1";

const POSTGRES_COLUMNS: &str = "
    select cast(table_name as text) || '.' || cast(column_name as text) as line
      from information_schema.columns
     where table_schema = current_schema()
     order by 1";

/// Returns the columns of all tables, as `table.column`.
pub async fn columns(db: &Db) -> Vec<String> {
    let is_postgres = db.read().backend() == DbBackend::Postgres;
    query_lines(db, if is_postgres { POSTGRES_COLUMNS } else { SQLITE_COLUMNS }).await
}

/// Returns every value that is not null, each with its `table.column`, as a text. Bytes are hexadecimal digits; a UUID
/// is such bytes on SQLite and a text with dashes on PostgreSQL.
pub async fn stored_values(db: &Db) -> Vec<(String, String)> {
    let is_postgres = db.read().backend() == DbBackend::Postgres;
    let mut values = Vec::new();
    for place in columns(db).await {
        let Some((table, column)) = place.split_once('.') else { continue };
        let text = if is_postgres { format!("cast(\"{column}\" as text)") } else { format!("quote(\"{column}\")") };
        let query = format!("select {text} as line from \"{table}\" where \"{column}\" is not null");
        let lines = query_lines(db, &query).await;
        values.extend(lines.into_iter().map(|line| (place.clone(), line)));
    }
    values
}
