//! Rows of attempts: the log of each delivery.
//!
//! Invariant: a delivery keeps at most [`MAX_KEPT`] attempts.

use chrono::{DateTime, Utc};
use db::{Error, FromQueryResult, Sql, Tx, placeholders};
use uuid::Uuid;

use crate::model::Attempt;

/// The attempts that are kept of a delivery; redelivering again and again adds more.
pub(crate) const MAX_KEPT: i64 = 20;

#[derive(FromQueryResult)]
struct AttemptRow {
    delivery: Uuid,
    number: i64,
    at: DateTime<Utc>,
    status: Option<i64>,
    error: Option<String>,
    response: Option<String>,
    milliseconds: i64,
}

const INSERT: &str = "
    insert into webhook_attempt (delivery, number, at, status, error, response, milliseconds)
    values ($1, $2, $3, $4, $5, $6, $7)";

const DELETE_OLD: &str = "
    delete from webhook_attempt
     where delivery = $1
       and number <= $2";

/// Inserts the attempt `number` of a delivery, and deletes the one that is too many.
pub(crate) async fn insert(tx: &Tx, delivery: Uuid, number: i64, attempt: &Attempt) -> Result<(), Error> {
    let values = vec![
        delivery.into(),
        number.into(),
        attempt.at.into(),
        attempt.status.map(i64::from).into(),
        attempt.error.clone().into(),
        attempt.response.clone().into(),
        attempt.milliseconds.into(),
    ];
    tx.execute(INSERT, values).await?;
    if number > MAX_KEPT {
        tx.execute(DELETE_OLD, vec![delivery.into(), (number - MAX_KEPT).into()]).await?;
    }
    Ok(())
}

/// Returns the attempts of deliveries, each with its delivery and its number, the oldest of a delivery first.
pub(crate) async fn list(sql: &impl Sql, deliveries: &[Uuid]) -> Result<Vec<(Uuid, i64, Attempt)>, Error> {
    if deliveries.is_empty() {
        return Ok(Vec::new());
    }
    let text = format!(
        "select delivery, number, at, status, error, response, milliseconds
           from webhook_attempt
          where delivery in {}
          order by delivery, number",
        placeholders(1, deliveries.len())
    );
    let rows: Vec<AttemptRow> = sql.rows(&text, deliveries.iter().map(|&id| id.into()).collect()).await?;
    let attempt = |row: AttemptRow| {
        let status = row.status.and_then(|status| u16::try_from(status).ok());
        let AttemptRow { delivery, number, at, error, response, milliseconds, .. } = row;
        (delivery, number, Attempt { at, status, error, response, milliseconds })
    };
    Ok(rows.into_iter().map(attempt).collect())
}
