//! SQL text and values in, rows out: the same on a connection and in a transaction.
//!
//! Invariant: values are always bound, never spliced into the text.

use std::future::Future;

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, FromQueryResult, Statement, Value};

use super::{Error, Tx};

/// Whatever SQL can be run on. Text uses `$1`, `$2` …, which SQLite and PostgreSQL both read.
pub trait Sql: Send + Sync {
    /// Runs a statement; answers how many rows it touched.
    fn execute(&self, text: &str, values: Vec<Value>) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Runs a query; answers its rows.
    fn rows<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> impl Future<Output = Result<Vec<T>, Error>> + Send;

    /// Runs a query; answers its first row, if it has one.
    fn row<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> impl Future<Output = Result<Option<T>, Error>> + Send;
}

macro_rules! sql_on {
    ($($connection:ty),*) => {$(
        impl Sql for $connection {
            async fn execute(&self, text: &str, values: Vec<Value>) -> Result<u64, Error> {
                let statement = Statement::from_sql_and_values(self.get_database_backend(), text, values);
                Ok(self.execute_raw(statement).await?.rows_affected())
            }
            async fn rows<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Vec<T>, Error> {
                let statement = Statement::from_sql_and_values(self.get_database_backend(), text, values);
                let rows = self.query_all_raw(statement).await?;
                Ok(rows.iter().map(|row| T::from_query_result(row, "")).collect::<Result<_, _>>()?)
            }
            async fn row<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Option<T>, Error> {
                let statement = Statement::from_sql_and_values(self.get_database_backend(), text, values);
                let row = self.query_one_raw(statement).await?;
                Ok(row.map(|row| T::from_query_result(&row, "")).transpose()?)
            }
        }
    )*};
}

sql_on!(DatabaseConnection, DatabaseTransaction);

impl Sql for Tx {
    async fn execute(&self, text: &str, values: Vec<Value>) -> Result<u64, Error> {
        Sql::execute(self.inner(), text, values).await
    }
    async fn rows<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Vec<T>, Error> {
        self.inner().rows(text, values).await
    }
    async fn row<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Option<T>, Error> {
        self.inner().row(text, values).await
    }
}

/// `($1, $2), ($3, $4)` for `rows` rows of `columns` values: the middle of a multi-row insert.
///
/// Callers keep `rows × columns` under 32,766, SQLite's bind limit.
pub fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            if column > 0 {
                text.push_str(", ");
            }
            text.push('$');
            text.push_str(&(row * columns + column + 1).to_string());
        }
        text.push(')');
    }
    text
}
