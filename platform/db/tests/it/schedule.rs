//! What a schedule must do.

use base::Clock;
use base::tasks::Tasks;
use chrono::{TimeDelta, Utc};
use db::schedule::{Job, claim, list_runs, run_once};
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
        claims.push(tokio::spawn(async move { claim(&db, &job(), "here", now).await.unwrap() }));
    }
    let mut runs = Vec::new();
    for claimed in claims {
        runs.extend(claimed.await.unwrap());
    }
    assert_eq!(runs.len(), 1);
    run_once(&db, &job(), runs.remove(0), &clock, &Tasks::default()).await;
    clock.advance(TimeDelta::minutes(5));
    let again = claim(&db, &job(), "here", clock.now()).await.unwrap();
    assert!(again.is_none_or(|run| run.slot > clock.now() - TimeDelta::minutes(5)), "a finished slot ran again");
}

#[tokio::test]
async fn a_run_whose_owner_fell_silent_is_taken_over_and_the_old_owner_cannot_write() {
    let folder = tempfile::tempdir().unwrap();
    let db = db(&folder).await;
    // The start of a slot, so that the clock can move without leaving it.
    let start = chrono::DateTime::from_timestamp(600 * 3_000_000, 0).unwrap();
    let clock = Clock::fixed(start);
    let silent = claim(&db, &job(), "here", clock.now()).await.unwrap().unwrap();
    // A process whose clock is a minute ahead can't take it either.
    clock.advance(TimeDelta::seconds(90));
    assert!(claim(&db, &job(), "here", clock.now()).await.unwrap().is_none(), "taken from an owner who is alive");
    clock.advance(TimeDelta::seconds(91));
    let other = claim(&db, &job(), "there", clock.now()).await.unwrap().unwrap();
    let late = db.write(Lane::ALL, async move |tx| silent.fence(tx).await).await;
    assert!(matches!(late, Err(Error::Conflict)));
    db.write(Lane::ALL, async move |tx| other.fence(tx).await).await.unwrap();
    let history = list_runs(db.read(), "test.sweep", None, 10).await.unwrap();
    let [run] = &history[..] else { panic!("{history:?}") };
    assert_eq!((run.fence, run.process.as_deref(), run.finished_at), (2, Some("there"), None));
    assert_eq!(run.started_at, Some(clock.now()), "it began anew");
}

#[tokio::test]
async fn the_history_has_thirty_days_and_is_walked_from_the_newest_slot() {
    const STEP: TimeDelta = TimeDelta::hours(12);
    let folder = tempfile::tempdir().unwrap();
    let (db, tasks) = (db(&folder).await, Tasks::default());
    let clock = Clock::fixed(chrono::DateTime::from_timestamp(600 * 3_000_000, 0).unwrap());
    for number in 0..70 {
        let failing = Job::every("test.sweep", TimeDelta::minutes(10), move |_| async move {
            if number == 68 { Err("the disk is full".into()) } else { Ok(()) }
        });
        let run = claim(&db, &failing, "here", clock.now()).await.unwrap().unwrap();
        run_once(&db, &failing, run, &clock, &tasks).await;
        clock.advance(STEP);
    }
    let last = clock.now() - STEP;
    let (mut slots, mut before) = (Vec::new(), None);
    loop {
        let page = list_runs(db.read(), "test.sweep", before, 25).await.unwrap();
        let Some(run) = page.last() else { break };
        before = Some(run.slot);
        slots.extend(page.iter().map(|run| run.slot));
        assert!(page.iter().all(|run| run.failure.is_some() == (run.slot == last - STEP)), "{page:?}");
    }
    let expected: Vec<_> = (0..=60).map(|number| last - STEP * number).collect();
    assert_eq!(slots, expected, "thirty days in steps of twelve hours");
}

#[tokio::test]
async fn runs_of_a_job_that_no_release_has_any_more_are_removed_by_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (db, tasks) = (db(&folder).await, Tasks::default());
    let clock = Clock::fixed(chrono::DateTime::from_timestamp(600 * 3_000_000, 0).unwrap());
    let job = |name| Job::every(name, TimeDelta::minutes(10), |_| async { Ok(()) });
    let run = async |name| {
        let job = job(name);
        let claimed = claim(&db, &job, "here", clock.now()).await.unwrap().unwrap();
        run_once(&db, &job, claimed, &clock, &tasks).await;
    };
    let names = async || {
        let runs = db::schedule::recent_runs(db.read(), 1).await.unwrap();
        runs.into_iter().map(|run| run.job).collect::<Vec<_>>()
    };
    // Before, between and after those that stay.
    for name in ["a.ended", "b.stays", "c.ended", "d.ended", "e.stays", "f.ended"] {
        run(name).await;
    }
    clock.advance(TimeDelta::days(29));
    run("b.stays").await;
    run("e.stays").await;
    assert_eq!(names().await.len(), 6, "the history of a month stays");
    clock.advance(TimeDelta::days(2));
    for _ in 0..2 {
        clock.advance(TimeDelta::minutes(10));
        run("b.stays").await;
        run("e.stays").await;
    }
    assert_eq!(names().await, ["b.stays", "e.stays"]);
}
