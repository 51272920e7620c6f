//! The standing of members, as the accounts role has published it.
//!
//! Invariant: a row has the newest version that has arrived, whatever the order of the events. A member without a row
//! is active.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::{AccountState, StandingChanged};
use db::{Error, FromQueryResult, Sql, Tx};

use super::to_bigint;
use crate::model::MemberStanding;

/// The version of an erased member's standing. No event has a newer one.
pub(crate) const ERASED_VERSION: u64 = i64::MAX.unsigned_abs();

const UPSERT: &str = "
    insert into member_standing (owner, state, ends_at, version)
    values ($1, $2, $3, $4)
        on conflict (owner) do update
       set state = excluded.state,
           ends_at = excluded.ends_at,
           version = excluded.version
     where member_standing.version < excluded.version";

/// Records the standing of a member, unless a newer one is known.
pub(crate) async fn upsert_standing(tx: &Tx, changed: &StandingChanged) -> Result<(), Error> {
    let values = vec![
        changed.account.to_string().into(),
        changed.state.as_str().into(),
        changed.until.into(),
        to_bigint(changed.version),
    ];
    tx.execute(UPSERT, values).await.map(drop)
}

#[derive(FromQueryResult)]
struct StandingRow {
    state: String,
    ends_at: Option<DateTime<Utc>>,
}

const FIND: &str = "
    select state, ends_at
      from member_standing
     where owner = $1";

/// Returns the standing of a member.
pub(crate) async fn find_standing(db: &impl Sql, owner: AccountId) -> Result<MemberStanding, Error> {
    let row: Option<StandingRow> = db.row(FIND, vec![owner.to_string().into()]).await?;
    Ok(row.map_or_else(MemberStanding::default, |row| MemberStanding {
        // A state of a later release is the strictest one that this release knows.
        state: row.state.parse().unwrap_or(AccountState::Suspended),
        until: row.ends_at,
    }))
}

const REMOVE_ERASED: &str = "
    delete from member_standing
     where owner in (
         select owner
           from member_standing
          where ends_at < $1
            and version = $2
          order by ends_at
          limit $3
     )";

/// Removes rows of erased members whose time is over, at most `limit`. Returns how many there were.
pub(crate) async fn remove_erased(tx: &Tx, now: DateTime<Utc>, limit: u64) -> Result<u64, Error> {
    tx.execute(REMOVE_ERASED, vec![now.into(), to_bigint(ERASED_VERSION), to_bigint(limit)]).await
}
