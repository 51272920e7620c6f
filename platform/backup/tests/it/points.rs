//! The repository: what is copied again, what is found to be damaged, what opens it, and what goes.

use std::path::Path;

use backup::{BackupOptions, Depth, Error, Keys, Repository, verify};
use chrono::TimeDelta;
use db::Migration;
use objects::orphans::ObjectColumn;
use service::Service;

use crate::fixtures::{Harness, band, db_in, flip, forget, sing, songs};

#[tokio::test(flavor = "multi_thread")]
async fn only_new_objects_are_copied_and_an_object_that_has_grown_is_a_new_one() {
    let harness = Harness::new().await;
    let (db, objects) = (harness.db().await, harness.objects().await);
    for number in 0..10 {
        sing(&db, &objects, &format!("song {number}")).await;
    }
    let first = harness.back_up().await.objects;
    assert_eq!((first.count, first.new_count), (10, 10));
    let unchanged = harness.back_up().await.objects;
    assert_eq!((unchanged.count, unchanged.new_count, unchanged.bytes), (10, 0, first.bytes));
    // What the repository has lost is copied again.
    let (repository, aside) = (harness.repository().await, harness.path("aside"));
    let ids = repository.list().await.unwrap();
    for file in harness.data_files() {
        std::fs::rename(&file, &aside).unwrap();
        let found = verify(&repository, &ids, Depth::Sizes).await.unwrap().problems;
        if found.first().is_some_and(|problem| problem.contains("the object")) {
            let shown = file.file_name().unwrap().to_str().unwrap();
            assert!(found[0].contains("(data/") && found[0].contains(shown), "{found:?}");
            break;
        }
        std::fs::rename(&aside, &file).unwrap();
    }
    assert_eq!(harness.back_up().await.objects.new_count, 1);
    let grown = sing(&db, &objects, "song 10").await;
    let path = harness.path("data/objects").join(grown.as_str());
    assert_eq!(harness.back_up().await.objects.new_count, 1);
    std::fs::write(path, "song 10, and what came after").unwrap();
    let last = harness.back_up().await;
    assert_eq!((last.objects.count, last.objects.new_count), (11, 1));
    assert_eq!(last.databases.iter().find_map(|database| database.rows.get("band.song")), Some(&11));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_cut_off_or_missing_is_found_and_named_with_its_point() {
    let harness = Harness::new().await;
    let (db, objects) = (harness.db().await, harness.objects().await);
    let song = sing(&db, &objects, "song").await;
    let point = harness.back_up().await;
    let repository = harness.repository().await;
    let problems =
        async |depth: Depth| verify(&repository, &repository.list().await.unwrap(), depth).await.unwrap().problems;
    assert_eq!(problems(Depth::Content).await, [""; 0]);
    for file in harness.data_files() {
        let whole = std::fs::read(&file).unwrap();
        flip(&file);
        let found = problems(Depth::Content).await;
        assert!(found.len() == 1 && found[0].starts_with(&point.id), "{}: {found:?}", file.display());
        std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(problems(Depth::Sizes).await.len(), 1, "{} was cut off", file.display());
        std::fs::remove_file(&file).unwrap();
        assert_eq!(problems(Depth::Sizes).await.len(), 1, "{} is missing", file.display());
        std::fs::write(&file, whole).unwrap();
    }
    let manifest = harness.path("repository/points/rp").join(&point.id);
    let whole = std::fs::read(&manifest).unwrap();
    flip(&manifest);
    assert!(problems(Depth::Sizes).await[0].starts_with(&point.id));
    // A damaged point costs another copy, and stops no backup.
    let next = harness.back_up().await;
    assert_eq!(next.objects.new_count, 1);
    std::fs::write(&manifest, whole).unwrap();
    // The store itself lacks an object.
    std::fs::remove_file(harness.path("data/objects").join(song.as_str())).unwrap();
    assert_eq!(harness.back_up().await.missing, [song]);
    let found = problems(Depth::Sizes).await;
    assert!(found.len() == 1 && found[0].contains("lacked 1"), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_refused_and_the_escrowed_one_restores() {
    let mut harness = Harness::new().await;
    let (escrow, other) = (harness.path("escrow.key"), harness.path("other.key"));
    harness.options.recipients = vec![Keys::generate(&escrow).unwrap()];
    Keys::generate(&other).unwrap();
    harness.back_up().await;
    let with = async |key: &Path| {
        let options = BackupOptions { recipients: Vec::new(), ..harness.options.clone() };
        Repository::open(&options, Some(key)).await.unwrap().manifest("latest").await
    };
    assert!(matches!(with(&other).await, Err(Error::WrongKey)));
    assert!(with(&escrow).await.is_ok());
    let without = BackupOptions { key_file: None, ..harness.options.clone() };
    assert!(matches!(Repository::open(&without, None).await, Err(Error::NoKey)));
    // What is stored tells nothing.
    let files = harness.data_files();
    assert!(files.iter().all(|file| std::fs::read(file).unwrap().starts_with(b"age-encryption.org/v1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn points_that_are_kept_no_longer_go_with_the_files_that_only_they_name() {
    let mut harness = Harness::new().await;
    (harness.options.keep_hourly, harness.options.keep_daily) = (0, 2);
    (harness.options.keep_weekly, harness.options.keep_monthly) = (0, 0);
    let (db, objects) = (harness.db().await, harness.objects().await);
    let policy = objects::orphans::Policy { columns: crate::fixtures::COLUMNS, abandoned_after: TimeDelta::days(7) };
    let orphans = objects::Orphans::open(&db, &objects, &harness.clock, &harness.path("data"), policy).await.unwrap();
    let old = sing(&db, &objects, "old").await;
    let kept = sing(&db, &objects, "kept").await;
    let first = harness.back_up().await;
    forget(&db, &orphans, &old, &harness.clock).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        harness.clock.advance(TimeDelta::days(2));
        ids.push(harness.back_up().await.id);
    }
    let repository = harness.repository().await;
    assert_eq!(repository.list().await.unwrap(), ids);
    assert!(matches!(repository.manifest(&first.id).await, Err(Error::NoPoint(_))));
    let verified = verify(&repository, &ids, Depth::Content).await.unwrap();
    assert_eq!(verified.problems, [""; 0]);
    assert_eq!(verified.files, harness.data_files().len() as u64, "files that no point names are left");

    // The newest point from before the store lost an object stays: it is the only one that has it.
    std::fs::remove_file(harness.path("data/objects").join(kept.as_str())).unwrap();
    let mut without = Vec::new();
    for _ in 0..3 {
        harness.clock.advance(TimeDelta::days(2));
        without.push(harness.back_up().await.id);
    }
    assert_eq!(repository.list().await.unwrap(), [ids.remove(1), without.remove(1), without.remove(1)]);
}

const LATER_TABLES: &[Migration] = &[
    Migration {
        version: 1,
        min_compatible: 1,
        sql: "create table song (\n    object text primary key,\n    title text not null\n)",
    },
    Migration { version: 2, min_compatible: 1, sql: "create table cover (\n    object text primary key\n)" },
];
const LATER_COLUMNS: &[ObjectColumn] = &[ObjectColumn::whole("song", "object"), ObjectColumn::whole("cover", "object")];

#[tokio::test(flavor = "multi_thread")]
async fn a_new_release_makes_a_point_before_it_migrates_and_before_its_new_roles_have_databases() {
    let harness = Harness::new().await;
    sing(&harness.db().await, &harness.objects().await, "song").await;
    let later = |folder| {
        let mut installation = harness.installation(folder, &[]);
        installation.services = vec![
            Service { migrations: Some(LATER_TABLES), objects: LATER_COLUMNS, ..band() },
            Service { name: "choir", ..band() },
        ];
        installation
    };
    let repository = harness.repository().await;
    let (point, _) = backup::create(&later("data"), &harness.options, &repository).await.unwrap();
    assert_eq!(point.objects.count, 1);
    let rows = |table: &str| point.databases.iter().find_map(|database| database.rows.get(table));
    assert_eq!((rows("band.song"), rows("band.cover"), rows("choir.song")), (Some(&1), None, None));
    assert!(!harness.path("data/choir.db").exists(), "a backup creates no database");
    backup::restore(&later("copy"), &harness.options, &repository, &point.id).await.unwrap();
    assert_eq!(songs(&db_in(&harness.path("copy")).await).await.len(), 1);
    assert!(harness.path("copy/choir.db").is_file(), "a restore migrates to this release");
    let refused = backup::create(&harness.installation("elsewhere", &[]), &harness.options, &repository).await;
    assert!(matches!(refused, Err(Error::NoDatabase { .. })));
}
