//! Holds the removal of objects, so that a backup can copy every object that its rows name.
//!
//! Each role's database says for itself whether removals are held, and the sweeps of [`crate::Orphans`] claim nothing
//! meanwhile: what is deleted is gone for members at once, and its bytes go after the hold. A hold ends by itself if
//! its holder is killed. Invariant: from the commit of a hold to its end, no object is removed that a row named at the
//! commit or later.

use chrono::{DateTime, Utc};

use super::orphans::SWEEP;
use db::{Db, Error, FromQueryResult, Lane, Sql};

/// The name of the only holder there is.
const HOLDER: &str = "backup";

const HOLD: &str = "
    insert into removal_hold (holder, token, until)
    values ($1, $2, $3)
        on conflict (holder) do update
       set token = excluded.token,
           until = excluded.until
     where removal_hold.until <= $4
        or removal_hold.token = excluded.token";

/// Holds removals in a role's database until `until`, or extends the hold of `token`. Returns `false` if another holder
/// has it.
///
/// The lane is that of the sweeps: a claim that is decided before is of an object that no row named any more.
pub async fn hold(db: &Db, token: &str, now: DateTime<Utc>, until: DateTime<Utc>) -> Result<bool, Error> {
    let token = token.to_owned();
    db.write(Lane::of(SWEEP), async move |tx| {
        let values = vec![HOLDER.into(), token.into(), until.into(), now.into()];
        Ok(tx.execute(HOLD, values).await? == 1)
    })
    .await
}

#[derive(FromQueryResult)]
struct HolderRow {
    holder: String,
}

const HELD: &str = "
    select holder
      from removal_hold
     where holder = $1
       and token = $2
       and until > $3";

/// Whether the hold of `token` counts at `now`.
pub async fn is_held(db: &Db, token: &str, now: DateTime<Utc>) -> Result<bool, Error> {
    let row: Option<HolderRow> = db.read().row(HELD, vec![HOLDER.into(), token.into(), now.into()]).await?;
    Ok(row.is_some_and(|row| row.holder == HOLDER))
}

/// Ends the hold of `token`.
pub async fn release(db: &Db, token: &str) -> Result<(), Error> {
    let token = token.to_owned();
    db.write(Lane::of(SWEEP), async move |tx| {
        tx.execute("delete from removal_hold where token = $1", vec![token.into()]).await.map(drop)
    })
    .await
}
