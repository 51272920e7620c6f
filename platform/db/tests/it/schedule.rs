//! What a schedule must do.

use base::Clock;
use base::tasks::Tasks;
use chrono::{TimeDelta, Utc};
use db::schedule::{Job, claim, run_once};
use db::{Db, Error, Lane};

async fn db(folder: &tempfile::TempDir) -> Db {
    let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
    db.migrate("test", &[]).await.unwrap();
    db
}

fn job() -> Job {
    Job::every("test.sweep", TimeDelta::minutes(10), |_| async { Ok(()) })
}

#[tokio::test]
async fn two_schedulers_never_run_one_slot_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (db, clock) = (db(&folder).await, Clock::fixed(Utc::now()));
    let mut claims = Vec::new();
    for _ in 0..20 {
        let (db, now) = (db.clone(), clock.now());
        claims.push(tokio::spawn(async move { claim(&db, &job(), now).await.unwrap() }));
    }
    let mut runs = Vec::new();
    for claimed in claims {
        runs.extend(claimed.await.unwrap());
    }
    assert_eq!(runs.len(), 1);
    run_once(&db, &job(), runs.remove(0), &clock, &Tasks::default()).await;
    clock.advance(TimeDelta::minutes(5));
    let again = claim(&db, &job(), clock.now()).await.unwrap();
    assert!(again.is_none_or(|run| run.slot > clock.now() - TimeDelta::minutes(5)), "a finished slot ran again");
}

#[tokio::test]
async fn a_run_whose_owner_fell_silent_is_taken_over_and_the_old_owner_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let db = db(&folder).await;
    // The start of a slot, so that the clock can move without leaving it.
    let start = chrono::DateTime::from_timestamp(600 * 3_000_000, 0).unwrap();
    let clock = Clock::fixed(start);
    let silent = claim(&db, &job(), clock.now()).await.unwrap().unwrap();
    // A process whose clock is a minute ahead can't take it either.
    clock.advance(TimeDelta::seconds(90));
    assert!(claim(&db, &job(), clock.now()).await.unwrap().is_none(), "taken from an owner who is alive");
    clock.advance(TimeDelta::seconds(91));
    let other = claim(&db, &job(), clock.now()).await.unwrap().unwrap();
    let late = db.write(Lane::ALL, async move |tx| silent.fence(tx).await).await;
    assert!(matches!(late, Err(Error::Conflict)));
    db.write(Lane::ALL, async move |tx| other.fence(tx).await).await.unwrap();
}
