//! SQL text and values in, rows out: the same on a connection and in a transaction.
//!
//! Invariant: values are always bound, never spliced into the text.

use std::future::Future;
use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, QueryResult, Value,
};

use tokio::time::timeout;

use super::Error;
use super::error::is_broken;
use super::statement::statement;

/// After this time a read fails, because the database counts as unresponsive.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections of a pool that may turn out to be dead before a read fails.
const MAX_STALE_CONNECTIONS: usize = 16;

/// Anything that runs SQL. The text uses `$1`, `$2` …, which SQLite and PostgreSQL both read.
pub trait Sql: Send + Sync {
    /// The SQL dialect, for the few places where the engines' catalogues differ.
    fn backend(&self) -> DbBackend;

    /// Runs a statement and returns how many rows it affected.
    fn execute(&self, text: &str, values: Vec<Value>) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Runs a query and returns its rows.
    fn rows<T: FromQueryResult + Send>(
        &self,
        text: &str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<T>, Error>> + Send;

    /// Runs a query and returns its first row, if it has one.
    fn row<T: FromQueryResult + Send>(
        &self,
        text: &str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Option<T>, Error>> + Send;
}

impl Sql for DatabaseTransaction {
    fn backend(&self) -> DbBackend {
        self.get_database_backend()
    }
    // The opener of the transaction has a timeout for all of it; a migration has none.
    async fn execute(&self, text: &str, values: Vec<Value>) -> Result<u64, Error> {
        Ok(self.execute_raw(statement(self.backend(), text, values)).await?.rows_affected())
    }
    async fn rows<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Vec<T>, Error> {
        read_all(&self.query_all_raw(statement(self.backend(), text, values)).await?)
    }
    async fn row<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Option<T>, Error> {
        read_one(self.query_one_raw(statement(self.backend(), text, values)).await?)
    }
}

impl Sql for DatabaseConnection {
    fn backend(&self) -> DbBackend {
        self.get_database_backend()
    }
    async fn execute(&self, text: &str, values: Vec<Value>) -> Result<u64, Error> {
        Ok(timeout(READ_TIMEOUT, self.execute_raw(statement(self.backend(), text, values))).await??.rows_affected())
    }
    async fn rows<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Vec<T>, Error> {
        let query = statement(self.backend(), text, values);
        read_all(&retry_stale(|| self.query_all_raw(query.clone())).await?)
    }
    async fn row<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Option<T>, Error> {
        let query = statement(self.backend(), text, values);
        read_one(retry_stale(|| self.query_one_raw(query.clone())).await?)
    }
}

/// Repeats a query on another connection if one turned out to be dead: after a restart of the server every idle one is.
async fn retry_stale<T, F: Future<Output = Result<T, DbErr>>>(query: impl Fn() -> F) -> Result<T, Error> {
    let attempts = async {
        for _ in 0..MAX_STALE_CONNECTIONS {
            match query().await {
                Err(error) if is_broken(&error) => {}
                result => return result,
            }
        }
        query().await
    };
    Ok(timeout(READ_TIMEOUT, attempts).await??)
}

fn read_all<T: FromQueryResult>(rows: &[QueryResult]) -> Result<Vec<T>, Error> {
    Ok(rows.iter().map(|row| T::from_query_result(row, "")).collect::<Result<_, _>>()?)
}

fn read_one<T: FromQueryResult>(row: Option<QueryResult>) -> Result<Option<T>, Error> {
    Ok(row.map(|row| T::from_query_result(&row, "")).transpose()?)
}
