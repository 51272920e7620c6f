//! The environment that a database belongs to, as it was recorded by the first process that started on it.
//!
//! Invariant: a process changes nothing that is recorded; only an operator does, by [`replace`].

use base::Environment;
use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::migrate::has_table;
use super::{Db, Error, Lane, Sql};

const TABLE: &str = "environment";

/// What a database says of its environment.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Recorded {
    /// The environment's name.
    pub name: String,
    /// What tells it from others of the same name; empty if only the name counts.
    pub fingerprint: String,
}

impl Recorded {
    /// Whether a process of this environment may use the database.
    pub fn is_of(&self, environment: &Environment) -> bool {
        let (recorded, own) = (self.fingerprint.as_str(), environment.fingerprint.as_str());
        self.name == environment.name && (recorded.is_empty() || own.is_empty() || recorded == own)
    }
}

const FIND: &str = "
    select name, fingerprint
      from environment
     where id = 1";

const RECORD: &str = "
    insert into environment (id, name, fingerprint, recorded_at)
    values (1, $1, $2, $3)
        on conflict do nothing";

const REPLACE: &str = "
    insert into environment (id, name, fingerprint, recorded_at)
    values (1, $1, $2, $3)
        on conflict (id) do update
       set name = excluded.name,
           fingerprint = excluded.fingerprint,
           recorded_at = excluded.recorded_at";

/// Returns what is recorded; `None` in a new database, and in one of a release that recorded nothing.
pub async fn find(db: &Db) -> Result<Option<Recorded>, Error> {
    if !has_table(db.read(), TABLE).await? {
        return Ok(None);
    }
    db.read().row(FIND, vec![]).await
}

/// Records the environment unless one is recorded, and returns the one that is.
pub async fn record(db: &Db, environment: &Environment, now: DateTime<Utc>) -> Result<Recorded, Error> {
    if let Some(recorded) = find(db).await? {
        return Ok(recorded);
    }
    let (name, fingerprint) = (environment.name.clone(), environment.fingerprint.clone());
    let recorded: Option<Recorded> = db
        .write(Lane::of(TABLE), async move |tx| {
            tx.execute(RECORD, vec![name.into(), fingerprint.into(), now.into()]).await?;
            tx.row(FIND, vec![]).await
        })
        .await?;
    recorded.ok_or(Error::Corrupt("the environment"))
}

/// Records the environment, whatever was recorded before.
pub async fn replace(db: &Db, environment: &Environment, now: DateTime<Utc>) -> Result<(), Error> {
    let (name, fingerprint) = (environment.name.clone(), environment.fingerprint.clone());
    db.write(Lane::of(TABLE), async move |tx| {
        tx.execute(REPLACE, vec![name.into(), fingerprint.into(), now.into()]).await.map(drop)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_counts_where_both_have_one() {
        let own = |name: &str, fingerprint: &str| Environment {
            name: name.to_owned(),
            fingerprint: fingerprint.to_owned(),
            ..Environment::default()
        };
        let recorded = |fingerprint: &str| Recorded { name: "dev".to_owned(), fingerprint: fingerprint.to_owned() };
        assert!(recorded("a").is_of(&own("dev", "a")) && recorded("a").is_of(&own("dev", "")));
        assert!(recorded("").is_of(&own("dev", "a")));
        assert!(!recorded("a").is_of(&own("dev", "b")) && !recorded("a").is_of(&own("production", "a")));
    }
}
