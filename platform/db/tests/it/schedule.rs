//! What a schedule must do.

use std::time::Duration;

use base::Clock;
use base::tasks::Tasks;
use chrono::{DateTime, TimeDelta, Utc};
use db::schedule::{
    CatchUp, Job, JobRow, RunRow, claim, end_leases, find_job, lane, list_jobs, list_runs, now, pause, register,
    request, resume, run_once,
};
use db::{Db, Error, Lane};

use crate::harness::Harness;

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
    let start = DateTime::from_timestamp(600 * 3_000_000, 0).unwrap();
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
    let clock = Clock::fixed(DateTime::from_timestamp(600 * 3_000_000, 0).unwrap());
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
    let clock = Clock::fixed(DateTime::from_timestamp(600 * 3_000_000, 0).unwrap());
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

#[tokio::test]
async fn the_newest_slot_is_known_however_long_ago_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (db, tasks) = (db(&folder).await, Tasks::default());
    let quarterly = Job::every("a.quarterly", TimeDelta::days(90), |_| async { Ok(()) });
    // Sixty days into a slot.
    let clock = Clock::fixed(DateTime::from_timestamp(86_400 * (90 * 200 + 60), 0).unwrap());
    register(&db, &quarterly, &clock).await.unwrap();
    let run = claim(&db, &quarterly, "here", clock.now()).await.unwrap().unwrap();
    run_once(&db, &quarterly, run, &clock, &tasks).await;
    assert!(claim(&db, &quarterly, "here", clock.now()).await.unwrap().is_none(), "the slot has run");
    // Its neighbour removes what jobs have left that no release has any more.
    let run = claim(&db, &job(), "here", clock.now()).await.unwrap().unwrap();
    run_once(&db, &job(), run, &clock, &tasks).await;
    assert!(claim(&db, &quarterly, "here", clock.now()).await.unwrap().is_none(), "the slot has run");
}

#[tokio::test]
async fn work_that_panics_has_failed_and_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (db, tasks, clock) = (db(&folder).await, Tasks::default(), Clock::fixed(Utc::now()));
    let panics =
        Job::every("test.sweep", TimeDelta::minutes(10), |_| async { Err(Vec::<String>::new().remove(0).into()) });
    let run = claim(&db, &panics, "here", clock.now()).await.unwrap().unwrap();
    run_once(&db, &panics, run, &clock, &tasks).await;
    let history = list_runs(db.read(), "test.sweep", None, 1).await.unwrap();
    assert_eq!(history[0].failure.as_deref(), Some("its work panicked"));
}

#[tokio::test]
async fn all_missed_slots_are_made_up_for_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (db, tasks) = (db(&folder).await, Tasks::default());
    let clock = Clock::fixed(DateTime::from_timestamp(600 * 3_000_000, 0).unwrap());
    let job = job().catching_up(CatchUp::All(3));
    let mut slots = Vec::new();
    for _ in 0..2 {
        while let Some(run) = claim(&db, &job, "here", clock.now()).await.unwrap() {
            slots.push((run.slot - clock.now()).num_minutes());
            assert!(claim(&db, &job, "there", clock.now()).await.unwrap().is_none(), "one at a time");
            run_once(&db, &job, run, &clock, &tasks).await;
        }
        clock.advance(TimeDelta::hours(1));
    }
    assert_eq!(slots, [0, -20, -10, 0], "one when the job is new, then three of six");
}

#[tokio::test]
async fn a_process_that_stops_leaves_its_run_to_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let (db, tasks, clock) = (db(&folder).await, Tasks::default(), Clock::fixed(Utc::now()));
    let endless = Job::every("test.sweep", TimeDelta::minutes(10), |_| std::future::pending());
    let run = claim(&db, &endless, "here", clock.now()).await.unwrap().unwrap();
    assert!(tasks.stop(Duration::ZERO).await);
    run_once(&db, &endless, run.clone(), &clock, &tasks).await;
    let next = claim(&db, &job(), "there", clock.now()).await.unwrap().unwrap();
    assert_eq!(next.slot, run.slot);
    let late = db.write(Lane::ALL, async move |tx| run.fence(tx).await).await;
    assert!(matches!(late, Err(Error::Conflict)), "it is not the first one's any more");
    // The next one is killed; what it held in its file is free when a process opens that again.
    assert!(claim(&db, &job(), "here", clock.now()).await.unwrap().is_none());
    end_leases(&db, &clock).await.unwrap();
    assert_eq!(claim(&db, &job(), "here", clock.now()).await.unwrap().map(|run| run.slot), Some(next.slot));
}

/// Does what operators do, each in a transaction in the job's lane.
struct Operators<'a>(&'a Db);

const SWEEP: &str = "test.sweep";

impl Operators<'_> {
    async fn pause(&self, at: DateTime<Utc>) -> bool {
        let paused: Result<bool, Error> =
            self.0.write(lane(SWEEP), async move |tx| pause(tx, SWEEP, "ada", "A test.", at).await).await;
        paused.unwrap()
    }

    async fn resume(&self) -> bool {
        let resumed: Result<bool, Error> = self.0.write(lane(SWEEP), async move |tx| resume(tx, SWEEP).await).await;
        resumed.unwrap()
    }

    async fn request(&self, at: DateTime<Utc>) -> (RunRow, bool) {
        let requested: Result<(RunRow, bool), Error> =
            self.0.write(lane(SWEEP), async move |tx| request(tx, SWEEP, "ada", at).await).await;
        requested.unwrap()
    }

    async fn job(&self) -> JobRow {
        find_job(self.0.read(), SWEEP).await.unwrap().unwrap()
    }
}

async fn operators_pause_resume_and_ask_for_runs(db: &Db) {
    let (job, tasks, operators) = (job(), Tasks::default(), Operators(db));
    let start = DateTime::from_timestamp(600 * 3_000_000, 0).unwrap();
    let clock = Clock::fixed(start);
    let claimed = async || claim(db, &job, "here", clock.now()).await.unwrap();
    register(db, &job, &clock).await.unwrap();
    run_once(db, &job, claimed().await.unwrap(), &clock, &tasks).await;
    assert!(operators.pause(start).await && !operators.pause(start).await, "it is paused once");
    // Another process, or the same one after a restart.
    register(db, &job, &clock).await.unwrap();
    let paused = operators.job().await;
    assert_eq!((paused.paused_by.as_deref(), paused.paused_reason.as_deref()), (Some("ada"), Some("A test.")));
    clock.advance(TimeDelta::minutes(10));
    assert!(claimed().await.is_none(), "it is paused");
    let (waiting, is_new) = operators.request(clock.now()).await;
    assert_eq!((waiting.fence, waiting.started_at, waiting.requested_by.as_deref()), (0, None, Some("ada")));
    let (again, is_new_again) = operators.request(clock.now()).await;
    assert!(is_new && !is_new_again && again == waiting, "one waits, however often it is asked for");
    let run = claimed().await.unwrap();
    assert_eq!(run.slot, waiting.slot);
    assert!(claimed().await.is_none(), "it runs once");
    run_once(db, &job, run, &clock, &tasks).await;
    assert!(claimed().await.is_none(), "it is paused");
    assert!(operators.resume().await && !operators.resume().await);
    let made_up = claimed().await.unwrap();
    assert_eq!(made_up.slot, start + TimeDelta::minutes(10), "the run that was asked for took no slot");
    let history = list_runs(db.read(), "test.sweep", None, 9).await.unwrap();
    let requested: Vec<_> = history.iter().map(|run| run.requested_by.as_deref()).collect();
    assert_eq!(requested, [Some("ada"), None, None], "newest first");
    let jobs = list_jobs(db.read()).await.unwrap();
    let [known] = &jobs[..] else { panic!("{jobs:?}") };
    assert_eq!((known.paused_at, known.timing.as_str(), known.catch_up.as_str()), (None, "every 600 s", "once"));
    assert_eq!(known.rule().unwrap().next_slot(start), Some(start + TimeDelta::minutes(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_pause_resume_and_ask_for_runs_once_on_both_engines() {
    let clock = Clock::ahead_by(TimeDelta::days(365));
    let sqlite = Harness::sqlite().await;
    operators_pause_resume_and_ask_for_runs(&sqlite.db).await;
    assert!(now(sqlite.db.read(), &clock).await.unwrap() > Utc::now() + TimeDelta::days(364));
    let postgres = Harness::postgres().await;
    operators_pause_resume_and_ask_for_runs(&postgres.db).await;
    let database = now(postgres.db.read(), &clock).await.unwrap();
    assert!((database - Utc::now()).abs() < TimeDelta::days(1), "the process's clock counts for nothing: {database}");
}
