//! Backups while members go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::TimeDelta;
use objects::Orphans;
use objects::orphans::Policy;
use objects::reconcile::{RoleDatabase, check};

use crate::fixtures::{COLUMNS, Harness, assert_whole, db_in, forget, sing, songs};

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_loses_nothing_acknowledged_before_it_and_names_nothing_that_is_gone() {
    let harness = Harness::new().await;
    let (db, objects) = (harness.db().await, harness.objects().await);
    let policy = Policy { columns: COLUMNS, abandoned_after: TimeDelta::days(7) };
    let orphans = Orphans::open(&db, &objects, &harness.clock, &harness.path("data"), policy).await.unwrap();
    // Those whose number is a multiple of three are deleted at once.
    let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let members = tokio::spawn({
        let (stop, acknowledged, clock) = (stop.clone(), acknowledged.clone(), harness.clock.clone());
        let (db, objects, orphans) = (db.clone(), objects.clone(), orphans.clone());
        async move {
            let mut number = 0;
            while !stop.load(Ordering::SeqCst) {
                number += 1;
                let key = sing(&db, &objects, &format!("song {number}")).await;
                if number % 3 == 0 {
                    forget(&db, &orphans, &key, &clock).await;
                }
                acknowledged.store(number, Ordering::SeqCst);
            }
        }
    });
    while acknowledged.load(Ordering::SeqCst) < 20 {
        tokio::task::yield_now().await;
    }
    let before = acknowledged.load(Ordering::SeqCst);
    let manifest = harness.back_up().await;
    stop.store(true, Ordering::SeqCst);
    members.await.unwrap();
    assert!(manifest.missing.is_empty(), "removed while they were to be copied: {:?}", manifest.missing);

    harness.restore("latest", "restored").await.unwrap();
    let (db, objects) = (
        db_in(&harness.path("restored")).await,
        objects::Objects::folder(&harness.path("restored/objects")).await.unwrap(),
    );
    assert_whole(&db, &objects).await;
    let titles: Vec<String> = songs(&db).await.into_iter().map(|song| song.title).collect();
    for number in (1..=before).filter(|number| number % 3 != 0) {
        assert!(titles.contains(&format!("song {number}")), "song {number} of {before} is lost");
    }
    let databases = [RoleDatabase { service: "band", db, columns: COLUMNS }];
    let report = check(&objects, &databases).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    // What was deleted meanwhile goes afterwards.
    assert!(orphans.sweep().await.unwrap());
    let databases = [RoleDatabase { service: "band", db: harness.db().await, columns: COLUMNS }];
    assert!(check(&harness.objects().await, &databases).await.unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_backups_of_one_installation_never_run_at_once() {
    let harness = Harness::new().await;
    let db = harness.db().await;
    let now = harness.clock.now();
    assert!(objects::removal_hold::hold(&db, "another", now, now + TimeDelta::minutes(5)).await.unwrap());
    let (installation, repository) = (harness.installation("data", &[]), harness.repository().await);
    let refused = backup::create(&installation, &harness.options, &repository).await.unwrap_err();
    assert!(matches!(refused, backup::Error::Busy), "{refused}");
    assert!(repository.list().await.unwrap().is_empty());
    // The other one was killed.
    harness.clock.advance(TimeDelta::minutes(5));
    harness.back_up().await;
}
