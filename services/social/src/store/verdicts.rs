//! Where verdicts keep what they need, and who has answered whom: that is no stranger any more.
//!
//! Invariant: a member counts once among those who have answered another one.

use contract::AccountId;
use db::{Error, FromQueryResult, Sql, Tx, Value};
use screening_store::{Home, senders, texts, verdicts};
use uuid::Uuid;

use super::{bound, names_after};
use crate::model::ROLE;

/// The tables of verdicts.
pub(crate) static HOME: Home = Home {
    role: ROLE,
    sender: "verdict_sender",
    text: "verdict_text",
    domain: "verdict_domain",
    verdict: "verdict",
    place: "place",
    object: "object",
};

const INSERT_ANSWER: &str = "
    insert into verdict_answer (sender, other)
    values ($1, $2)
    on conflict do nothing";

/// Records that a member has answered another one, `sender`. The first time counts for the standing of that one.
pub(crate) async fn record_answer(tx: &Tx, sender: AccountId, other: AccountId) -> Result<(), Error> {
    if sender != other && tx.execute(INSERT_ANSWER, vec![sender.0.into(), other.0.into()]).await? == 1 {
        senders::add_answer(tx, &HOME, sender.0).await?;
    }
    Ok(())
}

/// Returns those of these accounts that have answered a sender.
pub(crate) async fn list_answerers(
    sql: &impl Sql,
    sender: AccountId,
    others: &[AccountId],
) -> Result<Vec<AccountId>, Error> {
    #[derive(FromQueryResult)]
    struct OtherRow {
        other: Uuid,
    }
    if others.is_empty() {
        return Ok(Vec::new());
    }
    let text =
        format!("select other from verdict_answer where sender = $1 and other in {}", names_after(1, others.len()));
    let mut values: Vec<Value> = vec![sender.0.into()];
    values.extend(others.iter().map(|other| Value::from(other.0)));
    let rows: Vec<OtherRow> = sql.rows(&text, values).await?;
    Ok(rows.into_iter().map(|row| AccountId(row.other)).collect())
}

const REMOVE_ANSWERS_TO: &str = "
    delete from verdict_answer
     where sender = $1
       and other in (
           select other
             from verdict_answer
            where sender = $1
            order by other
            limit $2)";

const REMOVE_ANSWERS_OF: &str = "
    delete from verdict_answer
     where other = $1
       and sender in (
           select sender
             from verdict_answer
            where other = $1
            order by sender
            limit $2)";

/// Removes what verdicts have of an account, at most `limit` rows of each table. Returns how many there were.
pub(crate) async fn remove_of_account(tx: &Tx, account: AccountId, limit: usize) -> Result<u64, Error> {
    senders::remove(tx, &HOME, account.0).await?;
    let mut removed = texts::remove_of_sender(tx, &HOME, account.0, limit).await?;
    removed += verdicts::remove_of_account(tx, &HOME, account.0, limit).await?;
    for statement in [REMOVE_ANSWERS_TO, REMOVE_ANSWERS_OF] {
        removed += tx.execute(statement, vec![account.0.into(), bound(limit)]).await?;
    }
    Ok(removed)
}
