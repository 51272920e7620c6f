//! Rows of what a member has done within the hour.
//!
//! Invariant: counting and refusing are one statement, so no two requests take the last place.

use chrono::{DateTime, Utc};
use db::{Error, Sql as _, Tx};

use super::bound;
use crate::model::PersonNumber;
use crate::model::budget::{Act, hour_of};

const TAKE: &str = "
    insert into action_budget (person, kind, hour, used)
    values ($1, $2, $3, 1)
    on conflict (person, kind) do update
       set used = case when action_budget.hour = excluded.hour then action_budget.used + 1 else 1 end,
           hour = excluded.hour
     where action_budget.hour <> excluded.hour
        or action_budget.used < $4";

/// Counts an act of a member. Returns `false`, and counts nothing, if the hour has as many as it may.
pub(crate) async fn take(tx: &Tx, person: PersonNumber, act: Act, max: u32, now: DateTime<Utc>) -> Result<bool, Error> {
    if max == 0 {
        return Ok(false);
    }
    let values = vec![person.0.into(), act.as_str().into(), hour_of(now).into(), i64::from(max).into()];
    Ok(tx.execute(TAKE, values).await? == 1)
}

const REMOVE_OLD: &str = "
    delete from action_budget
     where person in (
           select person
             from action_budget
            where hour < $1
            order by hour
            limit $2)
       and hour < $1";

/// Removes rows of earlier hours, of at most `limit` people. Returns how many there were.
pub(crate) async fn remove_old(tx: &Tx, now: DateTime<Utc>, limit: usize) -> Result<u64, Error> {
    tx.execute(REMOVE_OLD, vec![hour_of(now).into(), bound(limit)]).await
}
