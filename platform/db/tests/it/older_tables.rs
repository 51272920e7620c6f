//! What becomes of a database of an older release: it opens, keeps what it has, and takes what is new.

use chrono::{DateTime, TimeDelta, Utc};
use db::schedule::{Job, claim, list_runs};
use db::{Db, Error, FromQueryResult, Lane, Sql as _};
use testkit::engines::shared_postgres;
use testkit::{create_older_tables, insert_rows};

use crate::harness::{TABLES, open, options};

/// The versions before there were mails, before runs had a history and mails an account, before backups held the
/// removal of objects, before operators paused jobs, and before databases knew their environment.
const VERSIONS: [usize; 5] = [4, 5, 6, 7, 8];

const EVENT: &str = "
    insert into outbox (id, subject, payload, created_at)
    values ('e1', 'thing.made', '{}', $1)";

const REQUEST: &str = "
    insert into idempotency (key, status, holder, member, number, created_at)
    values ('k1', 201, 'h1', 'ada', 1, $1)";

const RUN: &str = "
    insert into schedule_run (job, slot, fence, lease_until, finished_at)
    values ('test.sweep', $1, 1, $2, $3)";

const MAIL: &str = "
    insert into mail_outbox (id, recipient, language, template, subject, state, created_at)
    values ('m1', 'ada@example.org', 'en', 'test.welcome', 'Welcome', 'sent', $1)";

const KEPT: &str = "
    select (select count(*) from outbox where sent_at is null) as events,
           (select count(*) from idempotency where member = 'ada') as requests,
           (select count(*) from mail_outbox where account is null) as mails,
           (select count(*) from mail_forgotten) as forgotten";

#[derive(Debug, PartialEq, FromQueryResult)]
struct Kept {
    events: i64,
    requests: i64,
    mails: i64,
    forgotten: i64,
}

async fn opens_and_goes_on(db: &Db, version: usize) {
    // The start of a slot of ten minutes.
    let slot = DateTime::from_timestamp(600 * 3_000_000, 0).unwrap();
    let (next, lease, never) = (slot + TimeDelta::minutes(10), TimeDelta::minutes(3), None::<DateTime<Utc>>);
    let ended = Some(slot + TimeDelta::seconds(5));
    let mut rows = vec![
        (EVENT, vec![slot.into()]),
        (REQUEST, vec![slot.into()]),
        (RUN, vec![slot.into(), (slot + lease).into(), ended.into()]),
        (RUN, vec![next.into(), (next + lease).into(), never.into()]),
    ];
    if version >= 5 {
        rows.push((MAIL, vec![slot.into()]));
    }
    create_older_tables(db, version).await;
    insert_rows(db, rows).await;

    assert!(!db.is_current("test", TABLES).await.unwrap(), "version {version} is today's");
    db.migrate("test", TABLES).await.unwrap();
    assert!(db.is_current("test", TABLES).await.unwrap());
    let kept: Option<Kept> = db.read().row(KEPT, vec![]).await.unwrap();
    assert_eq!(kept, Some(Kept { events: 1, requests: 1, mails: i64::from(version >= 5), forgotten: 0 }));
    let history = list_runs(db.read(), "test.sweep", None, 10).await.unwrap();
    let recorded: Vec<_> = history.iter().map(|run| (run.slot, run.finished_at, run.started_at)).collect();
    assert_eq!(recorded, [(next, None, None), (slot, ended, None)]);

    // A run whose process is gone is taken over, and from then on has a history.
    let job = Job::every("test.sweep", TimeDelta::minutes(10), |_| async { Ok(()) });
    let now = next + lease + TimeDelta::seconds(1);
    assert!(claim(db, &job, "here", now).await.unwrap().is_some());
    let history = list_runs(db.read(), "test.sweep", None, 1).await.unwrap();
    let [run] = &history[..] else { panic!("{history:?}") };
    assert_eq!((run.fence, run.started_at, run.process.as_deref()), (2, Some(now), Some("here")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_an_older_release_opens_and_goes_on() {
    for version in VERSIONS {
        let folder = tempfile::tempdir().unwrap();
        opens_and_goes_on(&open(&folder, None).await, version).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_schema_of_an_older_release_opens_and_goes_on() {
    let server = shared_postgres();
    for version in VERSIONS {
        let (folder, options) = (tempfile::tempdir().unwrap(), options(&server.url));
        let (db, create) = (open(&folder, Some(&options)).await, format!("create schema {}", options.schema));
        let created: Result<u64, Error> = db.write(Lane::ALL, async move |tx| tx.execute(&create, vec![]).await).await;
        created.unwrap();
        opens_and_goes_on(&db, version).await;
    }
}
