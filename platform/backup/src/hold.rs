//! The hold on removals in every role's database, for as long as a backup copies objects.
//!
//! It also keeps two backups of one installation apart, and a backup from the removal of old ones. Invariant: while
//! [`Hold::keep`] has not returned, no object is removed that a row named when the hold began.

use std::time::Duration;

use base::clock::Clock;
use chrono::TimeDelta;
use objects::reconcile::RoleDatabase;
use objects::removal_hold;

use crate::Error;

/// For how long a hold counts after it was last extended: longer than clocks are apart and databases restart.
const LEASE: TimeDelta = TimeDelta::minutes(5);
const EXTEND_INTERVAL: Duration = Duration::from_secs(30);
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Hold<'a> {
    databases: &'a [RoleDatabase],
    token: String,
    clock: Clock,
}

impl<'a> Hold<'a> {
    /// Holds removals in all databases; refuses if another backup does.
    pub(crate) async fn begin(databases: &'a [RoleDatabase], token: String, clock: &Clock) -> Result<Self, Error> {
        let hold = Self { databases, token, clock: clock.clone() };
        if hold.extend().await? {
            return Ok(hold);
        }
        hold.end().await?;
        Err(Error::Busy)
    }

    /// Extends the hold in every database. Returns `false` if another backup has one.
    async fn extend(&self) -> Result<bool, db::Error> {
        let now = self.clock.now();
        for RoleDatabase { db, .. } in self.databases {
            if !removal_hold::hold(db, &self.token, now, now + LEASE).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Extends the hold again and again; returns only when it is lost.
    pub(crate) async fn keep(&self) -> Error {
        let mut extended_at = self.clock.now();
        loop {
            tokio::time::sleep(EXTEND_INTERVAL).await;
            let now = self.clock.now();
            if now >= extended_at + LEASE {
                return Error::HoldLost;
            }
            match self.extend().await {
                Ok(true) => extended_at = now,
                Ok(false) => return Error::HoldLost,
                Err(error) if error.is_unavailable() => {
                    tracing::warn!(%error, "the hold on removals could not be extended; it will be tried again");
                }
                Err(error) => return error.into(),
            }
        }
    }

    /// Returns an error unless the hold has lasted until now. A process that was stopped for longer than a lease, and
    /// goes on, learns it here.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        for RoleDatabase { db, .. } in self.databases {
            loop {
                match removal_hold::is_held(db, &self.token, self.clock.now()).await {
                    Ok(true) => break,
                    Ok(false) => return Err(Error::HoldLost),
                    // [`Hold::keep`] ends the waiting.
                    Err(error) if error.is_unavailable() => tokio::time::sleep(CHECK_INTERVAL).await,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Ends the hold.
    pub(crate) async fn end(&self) -> Result<(), Error> {
        for RoleDatabase { db, .. } in self.databases {
            removal_hold::release(db, &self.token).await?;
        }
        Ok(())
    }
}
