//! The standing of members, as the accounts role has published it.
//!
//! Invariant: a row has the newest version that has arrived, whatever the order of the events. A member without a row
//! is active.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::accounts::{AccountState, StandingChanged};
use db::{Error, FromQueryResult, Sql, Tx};

use super::to_bigint;
use crate::model::standing::MemberStanding;

const UPSERT: &str = "
    insert into member_standing (owner, state, ends_at, version)
    values ($1, $2, $3, $4)
    on conflict (owner) do update
       set state = excluded.state,
           ends_at = excluded.ends_at,
           version = excluded.version
     where member_standing.version < excluded.version";

/// Records the standing of a member, unless a newer one is known.
pub(crate) async fn upsert(tx: &Tx, changed: &StandingChanged) -> Result<(), Error> {
    let values = vec![
        changed.account.to_string().into(),
        changed.state.as_str().into(),
        changed.until.into(),
        to_bigint(changed.version),
    ];
    tx.execute(UPSERT, values).await.map(drop)
}

const FIND: &str = "
    select state, ends_at
      from member_standing
     where owner = $1";

/// Returns the standing of a member.
pub(crate) async fn find(sql: &impl Sql, owner: AccountId) -> Result<MemberStanding, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        state: String,
        ends_at: Option<DateTime<Utc>>,
    }
    let row: Option<Row> = sql.row(FIND, vec![owner.to_string().into()]).await?;
    Ok(row.map_or_else(MemberStanding::default, |row| MemberStanding {
        state: row.state.parse().unwrap_or(AccountState::Suspended),
        until: row.ends_at,
    }))
}

/// Forgets the standing of an erased member.
pub(crate) async fn remove(tx: &Tx, owner: AccountId) -> Result<(), Error> {
    tx.execute("delete from member_standing where owner = $1", vec![owner.to_string().into()]).await.map(drop)
}
