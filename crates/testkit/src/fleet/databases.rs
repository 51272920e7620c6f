//! What a fleet's databases hold, read past all of its processes: for verdicts.
//!
//! Invariant: it only reads.

use kit::db::{Db, FromQueryResult, PostgresOptions, Sql};

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
    /// Those of `fleet` in the server at `url`.
    pub fn of(fleet: &Fleet, url: &str) -> Self {
        Self { url: url.to_owned(), name: fleet.name.clone() }
    }

    /// What a query of a service's tables answers, whose one column is a text called `line`.
    pub async fn query_lines(&self, service: &str, query: &str) -> Vec<String> {
        let options = PostgresOptions { url: self.url.clone(), schema: format!("{}_{service}", self.name), readers: 1, statement_timeout: std::time::Duration::from_secs(30) };
        let db = Db::postgres(&options).await.expect("it opens");
        query_lines(&db, query).await
    }
}

/// What a query answers, whose one column is a text called `line`.
pub async fn query_lines(db: &Db, query: &str) -> Vec<String> {
    let lines: Vec<Line> = db.read().rows(query, vec![]).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    lines.into_iter().map(|line| line.line).collect()
}
