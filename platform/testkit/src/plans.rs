//! The query plans of a service's queries: each query is explained, and then run.
//!
//! On PostgreSQL sequential scans are disabled unless there is no other plan, because small tables would always be
//! scanned. Invariant: a query is explained with the values that it is run with.

use std::collections::BTreeSet;
use std::pin::Pin;

use db::{Db, Error, FromQueryResult, Lane, Sql, Tx, Value};
use parking_lot::Mutex;
use sea_orm::{DbBackend, DbErr, QueryResult};

/// A query and the lines of its plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The query.
    pub query: String,
    /// The lines of the plan, as the engine returns them.
    pub lines: Vec<String>,
}

impl Plan {
    /// Whether the plan uses an index of this name.
    pub fn uses(&self, index: &str) -> bool {
        self.lines.iter().any(|line| line.contains(index))
    }

    /// Returns the line of the plan that scans a whole table, if there is one.
    pub fn full_scan(&self) -> Option<&str> {
        let after = |line: &str, words: &[&str]| -> Option<String> {
            let rest = words.iter().find_map(|word| line.split_once(word)).map(|(_, rest)| rest)?;
            Some(rest.split(' ').next().unwrap_or(rest).to_owned())
        };
        // SQLite also names scans of the query's own subqueries.
        let made: BTreeSet<String> =
            self.lines.iter().filter_map(|line| after(line, &["CO-ROUTINE ", "MATERIALIZE "])).collect();
        let scans = |line: &str| {
            // Rows that the statement itself has are no table.
            !line.contains(" CONSTANT ROW")
                && after(line, &["Seq Scan on ", "SCAN "])
                    .is_some_and(|name| !made.contains(&name) && !name.starts_with('('))
        };
        self.lines.iter().find(|line| scans(line)).map(String::as_str)
    }
}

/// A transaction that records the plan of each query.
#[derive(Debug)]
pub struct Plans<'t> {
    tx: &'t Tx,
    recorded: Mutex<Vec<Plan>>,
}

/// A line of a plan.
struct Line(String);

impl FromQueryResult for Line {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        // SQLite returns id, parent, an unused number and the text; PostgreSQL returns the text only.
        row.try_get_by_index::<String>(3).or_else(|_| row.try_get_by_index::<String>(0)).map(Self)
    }
}

impl Plans<'_> {
    async fn explain(&self, text: &str, values: &[Value]) -> Result<(), Error> {
        let explain = if self.backend() == DbBackend::Postgres { "explain (costs off)" } else { "explain query plan" };
        let lines: Vec<Line> = self.tx.rows(&format!("{explain} {text}"), values.to_vec()).await?;
        let plan = Plan { query: text.to_owned(), lines: lines.into_iter().map(|line| line.0).collect() };
        self.recorded.lock().push(plan);
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

/// The future of the queries that [`plans`] runs.
pub type PlansFuture<'p> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'p>>;

/// Runs queries and returns their plans; fails the test if one of them scans a whole table.
pub async fn plans<F>(db: &Db, work: F) -> Vec<Plan>
where
    F: for<'p> FnOnce(&'p Plans<'p>) -> PlansFuture<'p> + Clone + Send + 'static,
{
    let recorded: Result<_, Error> = db
        .write(Lane::ALL, async move |tx| {
            if tx.backend() == DbBackend::Postgres {
                tx.execute("set local enable_seqscan = off", vec![]).await?;
            }
            let plans = Plans { tx, recorded: Mutex::default() };
            work(&plans).await?;
            Ok(plans.recorded.into_inner())
        })
        .await;
    let recorded = recorded.expect("the queries succeed");
    assert!(!recorded.is_empty(), "no query was run");
    for plan in &recorded {
        assert!(plan.full_scan().is_none(), "a whole table is scanned by\n{}\n{}", plan.query, plan.lines.join("\n"));
    }
    recorded
}
