//! Points of PostgreSQL, and repositories on S3.

use std::time::Duration;

use backup::{BackupOptions, Depth, Installation, verify};
use base::Random;
use db::{Db, PostgresOptions};
use testkit::engines::{Postgres, shared_postgres, shared_s3};

use crate::fixtures::{Harness, Song, assert_whole, band, db_in, sing, songs};

/// Returns the role's database in a schema.
pub(crate) async fn postgres(url: &str, schema: &str) -> Db {
    let options = PostgresOptions {
        url: url.to_owned(),
        schema: schema.to_owned(),
        readers: 2,
        writers: 1,
        statement_timeout: Duration::from_secs(10),
    };
    let db = Db::postgres(&options).await.unwrap();
    db.migrate("band", band().migrations.unwrap()).await.unwrap();
    db
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_postgresql_are_dumped_with_their_objects_and_restored_where_there_are_none() {
    let mut harness = Harness::new().await;
    let server = tokio::task::spawn_blocking(shared_postgres).await.unwrap();
    let schema = format!("backup_{}", Random::system().uuid_v4().simple());
    let program = |name: &str| Postgres::client_program(name).display().to_string();
    (harness.options.pg_dump, harness.options.pg_restore) = (program("pg_dump"), program("pg_restore"));
    let set = [format!("db.url={}", server.url), format!("db.schema={schema}")];
    let installation = |folder: &str| -> Installation { harness.installation(folder, &set) };
    let (db, objects) = (postgres(&server.url, &schema).await, harness.objects().await);
    for number in 0..3 {
        sing(&db, &objects, &format!("song {number}")).await;
    }
    let repository = harness.repository().await;
    let (manifest, _) = backup::create(&installation("data"), &harness.options, &repository).await.unwrap();
    assert_eq!((manifest.objects.count, manifest.missing.len()), (3, 0));
    assert_eq!(manifest.databases[0].rows["band.song"], 3);
    let before = songs(&db).await;

    let restore =
        async |folder: &str| backup::restore(&installation(folder), &harness.options, &repository, "latest").await;
    let refused = restore("new").await.unwrap_err().to_string();
    assert!(refused.contains("not empty"), "{refused}");
    let other = harness.restore("latest", "embedded").await.unwrap_err().to_string();
    assert!(other.contains("PostgreSQL"), "{other}");
    let dropped: Result<u64, db::Error> = {
        let text = format!("drop schema {schema} cascade");
        db.write(db::Lane::ALL, async move |tx| db::Sql::execute(tx, &text, vec![]).await).await
    };
    dropped.unwrap();
    std::fs::remove_dir_all(harness.path("new")).unwrap();
    restore("new").await.unwrap();
    let db = postgres(&server.url, &schema).await;
    assert_eq!(songs(&db).await, before);
    assert_whole(&db, &objects::Objects::folder(&harness.path("new/objects")).await.unwrap()).await;
    assert!(db::restored::epoch(db.read()).await.unwrap() > 0);

    // Back on the same machine, twice: what was there is set aside under another name each time.
    for number in 1..=2 {
        let db = postgres(&server.url, &schema).await;
        sing(&db, &objects, "a song of a release that is taken back").await;
        backup::roll_back(&installation("new"), &harness.options, &repository, "latest").await.unwrap();
        assert_eq!(songs(&postgres(&server.url, &schema).await).await, before);
        let ending = format!("%before\\_{}\\_{number}", manifest.id.to_lowercase());
        let text = "select cast(nspname as text) as title, '' as object from pg_namespace where nspname like $1";
        let aside: Vec<Song> = db::Sql::rows(db.read(), text, vec![ending.into()]).await.unwrap();
        assert_eq!(aside.len(), 1, "{aside:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_on_s3_is_the_same() {
    let mut harness = Harness::new().await;
    let s3 = tokio::task::spawn_blocking(shared_s3).await.unwrap();
    harness.options = BackupOptions {
        folder: None,
        bucket: s3.account.bucket.clone(),
        prefix: s3.prefix.clone(),
        endpoint: Some(s3.account.endpoint.clone()),
        access_key: Some(s3.account.access_key.clone()),
        secret_key: Some(s3.account.secret_key.as_str().into()),
        ..harness.options
    };
    let (db, objects) = (harness.db().await, harness.objects().await);
    sing(&db, &objects, "song").await;
    let point = harness.back_up().await;
    let repository = harness.repository().await;
    let verified = verify(&repository, std::slice::from_ref(&point.id), Depth::Content).await.unwrap();
    assert_eq!((verified.points, verified.problems.len()), (1, 0));
    harness.restore("latest", "new").await.unwrap();
    assert_eq!(songs(&db_in(&harness.path("new")).await).await, songs(&db).await);
}
