//! A query whose clauses depend on what is asked.
//!
//! Invariant: a value is always bound, never written into the text.

use db::{Error, FromQueryResult, Sql, Value};

use super::items::Row;
use crate::model::Item;
use crate::model::cursor::Order;

/// Returns the expression for the time by which an order places an item. An index has it, word by word.
pub(super) fn sort_time(order: Order) -> &'static str {
    match order {
        Order::Added => "created_at",
        Order::Taken => "coalesce(taken_at, created_at)",
        Order::Removed => "removed_at",
    }
}

/// Returns the condition that the position of an item compares like this (`<` or `>=`) with one whose time and id are
/// bound as `at` and `id`.
pub(super) fn position_condition(order: Order, comparison: &str, at: &str, id: &str) -> String {
    let time = sort_time(order);
    let position = format!("({time}, item.id) {comparison} ({at}, {id})");
    match order {
        // SQLite seeks by a row value only where all of it are columns.
        Order::Taken => format!("{time} {}= {at} and {position}", comparison.trim_end_matches('=')),
        Order::Added | Order::Removed => position,
    }
}

/// SQL text with its values.
#[derive(Default)]
pub(super) struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    /// Binds a value. Returns its placeholder.
    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    pub(super) fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Returns the items that the query finds.
    pub(super) async fn read(self, sql: &impl Sql) -> Result<Vec<Item>, Error> {
        let rows: Vec<Row> = self.rows(sql).await?;
        rows.into_iter().map(Item::try_from).collect()
    }

    /// Returns the first row that the query finds.
    pub(super) async fn first<T: FromQueryResult + Send>(self, sql: &impl Sql) -> Result<Option<T>, Error> {
        sql.row(&self.text, self.values).await
    }

    async fn rows<T: FromQueryResult + Send>(self, sql: &impl Sql) -> Result<Vec<T>, Error> {
        sql.rows(&self.text, self.values).await
    }
}
