//! What a database says of its site: the environment, and whether it is retired.
//!
//! Invariant: only an operator changes either.

use base::Environment;
use chrono::{DateTime, TimeDelta};
use db::schedule::{Job, claim};
use db::{environment, retirement};

use crate::harness::Harness;

fn named(name: &str) -> Environment {
    Environment { name: name.to_owned(), ..Environment::default() }
}

async fn the_first_environment_stays(harness: &Harness) {
    let (db, now) = (&harness.db, DateTime::UNIX_EPOCH);
    assert_eq!(environment::find(db).await.unwrap(), None);
    assert_eq!(environment::record(db, &named("dev"), now).await.unwrap().name, "dev");
    assert_eq!(environment::record(&harness.again().await, &named("staging"), now).await.unwrap().name, "dev");
    environment::replace(db, &named("staging"), now).await.unwrap();
    assert_eq!(environment::find(db).await.unwrap().unwrap().name, "staging");
}

async fn a_retired_site_runs_nothing(harness: &Harness) {
    let job = || Job::every("test.sweep", TimeDelta::minutes(10), |_| async { Ok(()) });
    // The start of a slot.
    let (db, now) = (&harness.db, DateTime::from_timestamp(600 * 3_000_000, 0).unwrap());
    assert!(claim(db, &job(), "here", now).await.unwrap().is_some());
    let other = harness.again().await;
    assert!(retirement::retire(&other, "moved", now).await.unwrap());
    assert!(!retirement::retire(db, "again", now).await.unwrap(), "it is retired already");
    assert_eq!(retirement::find(db.read()).await.unwrap().unwrap().reason, "moved");
    assert_eq!(retirement::count_running(db.read(), now).await.unwrap(), 1, "one began before");
    let next = now + TimeDelta::minutes(10);
    assert!(claim(db, &job(), "here", next).await.unwrap().is_none());
    assert!(retirement::undo(db).await.unwrap() && !retirement::undo(db).await.unwrap());
    assert!(claim(db, &job(), "here", next).await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_keeps_what_it_says_of_its_site_on_sqlite() {
    let harness = Harness::sqlite().await;
    the_first_environment_stays(&harness).await;
    a_retired_site_runs_nothing(&harness).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_keeps_what_it_says_of_its_site_on_postgresql() {
    let harness = Harness::postgres().await;
    the_first_environment_stays(&harness).await;
    a_retired_site_runs_nothing(&harness).await;
}
