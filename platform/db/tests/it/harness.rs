//! A database for a test, on either engine, and the things in it.
//!
//! Invariant: a test has a file or a schema of its own.

use std::time::Duration;

use chrono::{DateTime, Utc};
use db::{Db, Error, Lane, Migration, PostgresOptions, Sql, Tx};
use sea_orm::FromQueryResult;
use testkit::engines::{Postgres, Shared, shared_postgres};
use uuid::Uuid;

/// A database for one test, and a way to open it once more as another process would.
pub(crate) struct Harness {
    folder: tempfile::TempDir,
    postgres: Option<PostgresOptions>,
    pub(crate) db: Db,
    _server: Option<Shared<Postgres>>,
}

impl Harness {
    pub(crate) async fn sqlite() -> Self {
        Self::of(None, None).await
    }

    pub(crate) async fn postgres() -> Self {
        let server = shared_postgres();
        Self::of(Some(options(&server.url)), Some(server)).await
    }

    async fn of(postgres: Option<PostgresOptions>, server: Option<Shared<Postgres>>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = open(&folder, postgres.as_ref()).await;
        db.migrate("test", TABLES).await.unwrap();
        Self { folder, postgres, db, _server: server }
    }

    /// As another process would.
    pub(crate) async fn again(&self) -> Db {
        open(&self.folder, self.postgres.as_ref()).await
    }
}

pub(crate) async fn open(folder: &tempfile::TempDir, postgres: Option<&PostgresOptions>) -> Db {
    match postgres {
        Some(options) => Db::postgres(options).await.unwrap(),
        None => Db::sqlite(&folder.path().join("test.db")).await.unwrap(),
    }
}

/// A schema of its own on this server.
pub(crate) fn options(url: &str) -> PostgresOptions {
    PostgresOptions {
        url: url.to_owned(),
        schema: format!("kit_{}", Uuid::new_v4().simple()),
        readers: 4,
        writers: 4,
        statement_timeout: Duration::from_secs(10),
    }
}

pub(crate) const TABLES: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "create table thing (id uuid primary key, name text not null unique, size bigint, ratio double precision, \
        good boolean not null, raw bytea, at timestamptz not null)",
}];

#[derive(Debug, PartialEq, FromQueryResult)]
pub(crate) struct Thing {
    pub(crate) id: Uuid,
    pub(crate) name: String,
    pub(crate) size: Option<i64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) good: bool,
    pub(crate) raw: Option<Vec<u8>>,
    pub(crate) at: DateTime<Utc>,
}

/// Inserts a thing, in no lane: the unique key of its name is enough.
pub(crate) async fn insert(db: &Db, name: &str) -> Result<(), Error> {
    let name = name.to_owned();
    db.write(Lane::NONE, async move |tx| insert_in(tx, &name).await).await
}

pub(crate) async fn insert_in(tx: &Tx, name: &str) -> Result<(), Error> {
    let values = vec![Uuid::now_v7().into(), name.into(), true.into(), Utc::now().into()];
    tx.execute("insert into thing (id, name, good, at) values ($1, $2, $3, $4)", values).await.map(drop)
}

pub(crate) async fn names(db: &Db) -> Vec<String> {
    let things: Vec<Thing> =
        db.read().rows("select id, name, size, ratio, good, raw, at from thing order by name", vec![]).await.unwrap();
    things.into_iter().map(|thing| thing.name).collect()
}
