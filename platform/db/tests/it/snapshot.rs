//! Copies of SQLite databases at one moment.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use db::snapshot::{SnapshotFile, check, copy_all, open_copy};
use db::{Db, Error, FromQueryResult, Lane, Migration, Sql as _};

/// What a schema may have: an own number, a child, an index, a trigger, and a column that was added later.
const STEPS: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "create table step (\n    number bigint primary key\n);
create table \"Odd name\" (id integer primary key autoincrement, step bigint references step (number));
create index odd_step on \"Odd name\" (step);
alter table step add column word text not null default 'x';
-- only sqlite
create trigger step_stays before delete on step begin select raise(abort, 'steps stay'); end",
}];

#[derive(FromQueryResult)]
struct Row {
    steps: i64,
    children: i64,
}

async fn counts(path: &Path) -> (i64, i64) {
    let copy = open_copy(path).await.unwrap();
    let text = "select (select count(*) from step) as steps, (select count(*) from \"Odd name\") as children";
    let row: Option<Row> = copy.row(text, vec![]).await.unwrap();
    let row = row.unwrap();
    (row.steps, row.children)
}

/// Writes a step and its child.
async fn write(db: &Db, number: i64) {
    let written: Result<(), Error> = db
        .write(Lane::ALL, async move |tx| {
            tx.execute("insert into step (number) values ($1)", vec![number.into()]).await?;
            tx.execute("insert into \"Odd name\" (step) values ($1)", vec![number.into()]).await.map(drop)
        })
        .await;
    written.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_are_copied_at_one_moment_with_everything_acknowledged_before_while_writers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| SnapshotFile {
        source: folder.path().join(format!("{name}.db")),
        copy: folder.path().join(format!("{name}.copy")),
    };
    let files = [file("first"), file("second")];
    let (first, second) = (Db::sqlite(&files[0].source).await.unwrap(), Db::sqlite(&files[1].source).await.unwrap());
    for db in [&first, &second] {
        db.migrate("test", STEPS).await.unwrap();
    }
    // Each step is written to the first database, and then to the second.
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI64::new(0)));
    let writer = tokio::spawn({
        let (stop, acknowledged) = (stop.clone(), acknowledged.clone());
        async move {
            for number in 1.. {
                write(&first, number).await;
                write(&second, number).await;
                acknowledged.store(number, Ordering::SeqCst);
                if stop.load(Ordering::SeqCst) {
                    return number;
                }
            }
            0
        }
    });
    while acknowledged.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        let before = acknowledged.load(Ordering::SeqCst);
        let rows = copy_all(&files).await.unwrap();
        let (first, second) = (counts(&files[0].copy).await, counts(&files[1].copy).await);
        assert!(first.0 == first.1 && second.0 == second.1, "a transaction was torn: {first:?} {second:?}");
        assert!(second.0 >= before, "{before} steps were acknowledged, and the copy has {}", second.0);
        assert!(first.0 == second.0 || first.0 == second.0 + 1, "not one moment: {} and {}", first.0, second.0);
        assert_eq!(rows[0]["step"], first.0.unsigned_abs());
        for file in &files {
            check(&file.copy).await.unwrap();
            std::fs::remove_file(&file.copy).unwrap();
        }
    }
    stop.store(true, Ordering::SeqCst);
    writer.await.unwrap();

    // A copy is a database like its source, with what its schema forbids.
    copy_all(&files).await.unwrap();
    assert!(copy_all(&files).await.is_err(), "an existing file was overwritten");
    let copy = Db::sqlite(&files[0].copy).await.unwrap();
    assert!(copy.is_current("test", STEPS).await.unwrap());
    let refused: Result<u64, Error> =
        copy.write(Lane::ALL, async |tx| tx.execute("delete from step where number = 1", vec![]).await).await;
    assert!(refused.is_err(), "the trigger is missing");
}
