//! How the engines would run a service's queries: each is explained, and then run.
//!
//! On PostgreSQL whole tables are only read where there is no other way, as small ones would be in any case. Invariant: a query is
//! explained with the values that it is run with.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use kit::db::{Db, Error, FromQueryResult, Sql, Tx, Value};
use sea_orm::{DbBackend, DbErr, QueryResult};

/// A query and the lines of its plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The query.
    pub query: String,
    /// What the engine says it does.
    pub lines: Vec<String>,
}

impl Plan {
    /// Whether an index of this name is used.
    pub fn uses(&self, index: &str) -> bool {
        self.lines.iter().any(|line| line.contains(index))
    }

    /// The table that is read from one end to the other, if there is one.
    pub fn full_scan(&self) -> Option<&str> {
        let after = |line: &str, words: &[&str]| -> Option<String> {
            let rest = words.iter().find_map(|word| line.split_once(word)).map(|(_, rest)| rest)?;
            Some(rest.split(' ').next().unwrap_or(rest).to_owned())
        };
        // What the query made itself, SQLite calls by its name as well.
        let made: BTreeSet<String> = self.lines.iter().filter_map(|line| after(line, &["CO-ROUTINE ", "MATERIALIZE "])).collect();
        let scans = |line: &str| after(line, &["Seq Scan on ", "SCAN "]).is_some_and(|name| !made.contains(&name) && name != "CONSTANT" && !name.starts_with('('));
        self.lines.iter().find(|line| scans(line)).map(String::as_str)
    }
}

/// Whatever SQL can be run on, with an eye on the plans.
#[derive(Debug)]
pub struct Plans<'t> {
    tx: &'t Tx,
    recorded: Mutex<Vec<Plan>>,
}

/// A line of an explanation.
struct Line(String);

impl FromQueryResult for Line {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        // SQLite answers id, parent, a number that says nothing, and the text; PostgreSQL the text alone.
        row.try_get_by_index::<String>(3).or_else(|_| row.try_get_by_index::<String>(0)).map(Self)
    }
}

impl Plans<'_> {
    async fn explain(&self, text: &str, values: &[Value]) -> Result<(), Error> {
        let explain = if self.backend() == DbBackend::Postgres { "explain (costs off)" } else { "explain query plan" };
        let lines: Vec<Line> = self.tx.rows(&format!("{explain} {text}"), values.to_vec()).await?;
        let plan = Plan { query: text.to_owned(), lines: lines.into_iter().map(|line| line.0).collect() };
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
        Ok(())
    }
}

impl Sql for Plans<'_> {
    fn backend(&self) -> DbBackend {
        self.tx.backend()
    }
    async fn execute(&self, text: &str, values: Vec<Value>) -> Result<u64, Error> {
        self.explain(text, &values).await?;
        self.tx.execute(text, values).await
    }
    async fn rows<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Vec<T>, Error> {
        self.explain(text, &values).await?;
        self.tx.rows(text, values).await
    }
    async fn row<T: FromQueryResult + Send>(&self, text: &str, values: Vec<Value>) -> Result<Option<T>, Error> {
        self.explain(text, &values).await?;
        self.tx.row(text, values).await
    }
}

/// What [`plans`] runs.
pub type PlansFuture<'p> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'p>>;

/// Runs queries and answers their plans; fails the test if one of them reads a whole table.
pub async fn plans<F>(db: &Db, work: F) -> Vec<Plan>
where
    F: for<'p> FnOnce(&'p Plans<'p>) -> PlansFuture<'p> + Send + 'static,
{
    let recorded: Result<_, Error> = db
        .write(move |tx| {
            Box::pin(async move {
                if tx.backend() == DbBackend::Postgres {
                    tx.execute("set local enable_seqscan = off", vec![]).await?;
                }
                let plans = Plans { tx, recorded: Mutex::default() };
                work(&plans).await?;
                Ok(plans.recorded.into_inner().unwrap_or_else(PoisonError::into_inner))
            })
        })
        .await;
    let recorded = recorded.expect("the database answers");
    assert!(!recorded.is_empty(), "no query was run");
    for plan in &recorded {
        assert!(plan.full_scan().is_none(), "a whole table is read by\n{}\n{}", plan.query, plan.lines.join("\n"));
    }
    recorded
}
