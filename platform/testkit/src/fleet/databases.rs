//! The databases of a fleet, read directly instead of through its processes.
//!
//! Invariant: it only reads.

use db::{Db, FromQueryResult, PostgresOptions, Sql};

use super::Fleet;

/// The databases of a fleet.
#[derive(Debug)]
pub struct Databases {
    url: String,
    name: String,
}

#[derive(FromQueryResult)]
struct Line {
    line: String,
}

impl Databases {
    /// Returns the databases of `fleet` in the server at `url`.
    pub fn of(fleet: &Fleet, url: &str) -> Self {
        Self { url: url.to_owned(), name: fleet.name.clone() }
    }

    /// Returns the rows of a query of a service's tables; its one column is a text called `line`.
    pub async fn query_lines(&self, service: &str, query: &str) -> Vec<String> {
        let options = PostgresOptions {
            url: self.url.clone(),
            schema: format!("{}_{service}", self.name),
            readers: 1,
            writers: 1,
            statement_timeout: std::time::Duration::from_secs(30),
        };
        let db = Db::postgres(&options).await.expect("the database opens");
        query_lines(&db, query).await
    }
}

/// Returns the rows of a query; its one column is a text called `line`.
pub async fn query_lines(db: &Db, query: &str) -> Vec<String> {
    let lines: Vec<Line> = db.read().rows(query, vec![]).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    lines.into_iter().map(|line| line.line).collect()
}
