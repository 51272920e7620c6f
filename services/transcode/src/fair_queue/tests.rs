//! The promises of fair queueing, on rows alone: no bus, no child process.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use chrono::TimeDelta;
use contract::media::{Deleted, Received, Retried};
use contract::transcode::Failed;
use db::{Db, FromQueryResult, Lane, PostgresOptions, Sql};
use testkit::engines::{Postgres, Shared, shared_postgres};
use uuid::Uuid;

use super::*;
use crate::commands::{self, lanes};
use crate::migration::MIGRATIONS;
use crate::model::RejectReason;
use crate::model::estimate::tests::received;

const HOSTILE: AccountId = AccountId(Uuid::from_u128(1));
const OTHER: AccountId = AccountId(Uuid::from_u128(2));

/// A database of this role on the engine that the run is for, and a clock that advances with each read.
struct Rows {
    db: Db,
    now: DateTime<Utc>,
    tickets: u32,
    _folder: tempfile::TempDir,
    _server: Option<Shared<Postgres>>,
}

impl Rows {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = std::env::var("TUTTI_TEST_DB").is_ok_and(|engine| engine == "postgres").then(shared_postgres);
        let db = match &server {
            Some(server) => {
                let schema = format!("fair_queue_{}", Uuid::new_v4().simple());
                let options = PostgresOptions {
                    url: server.url.clone(),
                    schema,
                    readers: 2,
                    writers: 2,
                    statement_timeout: Duration::from_secs(10),
                };
                Db::postgres(&options).await.unwrap()
            }
            None => Db::sqlite(&folder.path().join("transcode.db")).await.unwrap(),
        };
        db.migrate("transcode", MIGRATIONS).await.unwrap();
        Self { db, now: DateTime::UNIX_EPOCH + TimeDelta::days(20_000), tickets: 0, _folder: folder, _server: server }
    }

    fn now(&mut self) -> DateTime<Utc> {
        self.now += TimeDelta::milliseconds(1);
        self.now
    }

    /// Makes a photo of a member ready; `width` determines its cost.
    async fn photo(&mut self, owner: AccountId, format: &str, width: u32) -> MediaId {
        let (photo, now) = (Received { owner, ..received(format, width, 1000) }, self.now());
        let media = photo.id.clone();
        accept(&self.db, photo, now).await;
        media
    }

    async fn claim_with(&mut self, ticket: &str, at_limit: &[AccountId]) -> Claim {
        let (ticket, at_limit, now) = (ticket.to_owned(), at_limit.to_vec(), self.now());
        let named = Ticket { media: MediaId::random(), task: Task::Photo };
        self.db
            .write(lanes::fair_queue(), async move |tx| claim(tx, Queue::Photo, &ticket, &named, &at_limit, now).await)
            .await
            .unwrap()
    }

    /// Claims a task for a new ticket.
    async fn claim(&mut self, at_limit: &[AccountId]) -> Claim {
        self.tickets += 1;
        self.claim_with(&format!("ticket-{}", self.tickets), at_limit).await
    }

    async fn next(&mut self) -> AccountId {
        match self.claim(&[]).await {
            Claim::Task(claimed) => claimed.member_queue.owner,
            other => panic!("{other:?}"),
        }
    }
}

async fn accept(db: &Db, photo: Received, now: DateTime<Utc>) {
    let lane = lanes::item_and_queue(&photo.id);
    db.write(lane, async move |tx| commands::accept_in(tx, &photo, now).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_becomes_ready_beside_a_claim_is_found() {
    let mut rows = Rows::new().await;
    for _ in 0..200 {
        rows.photo(OTHER, "jpeg", 1000).await;
        let (photo, db, now) = (Received { owner: OTHER, ..received("jpeg", 1000, 1000) }, rows.db.clone(), rows.now());
        let ((), first) = tokio::join!(accept(&db, photo, now), rows.claim(&[]));
        assert!(matches!(first, Claim::Task(_)), "{first:?}");
        let second = rows.claim(&[]).await;
        assert!(matches!(second, Claim::Task(_)), "{second:?}");
        assert_eq!(rows.claim(&[]).await, Claim::Empty);
    }
}

#[tokio::test]
async fn another_members_task_waits_behind_one_task_at_most() {
    let mut rows = Rows::new().await;
    for _ in 0..50 {
        rows.photo(HOSTILE, "png", 4000).await;
    }
    assert_eq!([rows.next().await, rows.next().await, rows.next().await], [HOSTILE; 3]);
    rows.photo(OTHER, "jpeg", 4000).await;
    rows.photo(OTHER, "jpeg", 4000).await;
    assert_eq!([rows.next().await, rows.next().await], [OTHER; 2], "two cheap tasks precede a costly one");
    assert_eq!(rows.next().await, HOSTILE);
}

#[tokio::test]
async fn members_share_by_cost_and_not_by_number() {
    let mut rows = Rows::new().await;
    for _ in 0..40 {
        rows.photo(HOSTILE, "png", 10_000).await;
        rows.photo(OTHER, "png", 1000).await;
    }
    let mut cheap = 0;
    for _ in 0..22 {
        cheap += usize::from(rows.next().await == OTHER);
    }
    // 650 ms each against 110 ms.
    assert!((17..=20).contains(&cheap), "{cheap}");
}

#[tokio::test]
async fn a_costly_task_runs_despite_an_endless_stream_of_new_members() {
    let mut rows = Rows::new().await;
    rows.photo(HOSTILE, "png", 15_000).await;
    rows.photo(HOSTILE, "png", 15_000).await;
    assert_eq!(rows.next().await, HOSTILE);
    let mut fresh = 0;
    loop {
        rows.photo(AccountId(Uuid::new_v4()), "png", 1000).await;
        if rows.next().await == HOSTILE {
            break;
        }
        fresh += 1;
        assert!(fresh < 100, "the costly task starves");
    }
    assert!(fresh > 5, "cheap tasks of others run first for a while");
}

#[tokio::test]
async fn within_a_member_cheap_tasks_run_first_and_costly_ones_are_not_starved() {
    let mut rows = Rows::new().await;
    let costly = rows.photo(OTHER, "png", 10_000).await;
    let cheap = rows.photo(OTHER, "jpeg", 1000).await;
    rows.now += TimeDelta::seconds(1);
    let late = rows.photo(OTHER, "jpeg", 1000).await;
    let mut order = Vec::new();
    for _ in 0..3 {
        let Claim::Task(claimed) = rows.claim(&[]).await else { panic!("a task waits") };
        order.push(claimed.media);
    }
    assert_eq!(order, [cheap, costly, late]);
}

#[tokio::test]
async fn a_member_at_its_limit_is_skipped_and_a_spare_ticket_is_dropped() {
    let mut rows = Rows::new().await;
    assert_eq!(rows.claim(&[]).await, Claim::Empty);
    rows.photo(HOSTILE, "png", 1000).await;
    assert_eq!(rows.claim(&[HOSTILE]).await, Claim::AtLimit);
    let wanted = rows.photo(OTHER, "jpeg", 4000).await;
    let Claim::Task(claimed) = rows.claim(&[HOSTILE]).await else { panic!("a task waits") };
    assert_eq!((claimed.media, claimed.more), (wanted, false));
    assert_eq!(rows.claim(&[HOSTILE]).await, Claim::AtLimit);
    assert_eq!(rows.next().await, HOSTILE);
    assert_eq!(rows.claim(&[]).await, Claim::Empty);
}

#[tokio::test]
async fn a_redelivered_ticket_gets_its_task_again_unless_its_member_is_at_its_limit() {
    let mut rows = Rows::new().await;
    let media = rows.photo(HOSTILE, "png", 1000).await;
    rows.photo(HOSTILE, "png", 1000).await;
    let Claim::Task(first) = rows.claim_with("a", &[]).await else { panic!("a task waits") };
    assert_eq!((&first.media, first.more), (&media, true));
    let Claim::Task(again) = rows.claim_with("a", &[]).await else { panic!("it is bound") };
    assert_eq!(again.media, media);
    assert_eq!(rows.claim_with("a", &[HOSTILE]).await, Claim::AtLimit, "it is ready again");
    let Claim::Task(other) = rows.claim_with("b", &[]).await else { panic!("a task waits") };
    assert_eq!(other.media, media, "and has kept its position");
}

#[tokio::test]
async fn deleted_and_failed_items_leave_the_queue() {
    let mut rows = Rows::new().await;
    let (erased, failed) = (rows.photo(HOSTILE, "png", 1000).await, rows.photo(HOSTILE, "png", 1000).await);
    let now = rows.now();
    let done: Result<(), Error> = rows
        .db
        .write(Lane::ALL, async move |tx| {
            commands::delete_in(tx, &Deleted { id: erased.clone(), owner: HOSTILE }, now).await?;
            commands::fail_in(tx, &failed, &RejectReason::BadPhoto, now).await
        })
        .await;
    done.unwrap();
    assert_eq!(rows.claim(&[]).await, Claim::Empty);
    assert_eq!(store::list_positions(rows.db.read(), Queue::Photo, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_failed_item_goes_on_when_it_is_retried_and_each_retry_counts_once() {
    #[derive(FromQueryResult)]
    struct Payload {
        payload: String,
    }
    let mut rows = Rows::new().await;
    let media = rows.photo(OTHER, "jpeg", 1000).await;
    for retry in 1..=2 {
        assert_eq!(rows.next().await, OTHER);
        let (failed, retried, now) = (media.clone(), Retried { id: media.clone(), owner: OTHER, retry }, rows.now());
        let done: Result<(), Error> = rows
            .db
            .write(Lane::ALL, async move |tx| {
                // That of an earlier retry arrives once more.
                commands::retry_in(tx, &Retried { retry: retry - 1, ..retried.clone() }, now).await?;
                commands::fail_in(tx, &failed, &RejectReason::GaveUp, now).await?;
                commands::retry_in(tx, &retried, now).await?;
                commands::retry_in(tx, &retried, now).await
            })
            .await;
        done.unwrap();
    }
    let Claim::Task(claimed) = rows.claim(&[]).await else { panic!("it waits again") };
    assert_eq!((claimed.media, claimed.more), (media, false));
    assert_eq!(rows.claim(&[]).await, Claim::Empty);
    let text = "select payload from outbox where subject = 'transcode.failed' order by created_at, id";
    let failures: Vec<Payload> = rows.db.read().rows(text, vec![]).await.unwrap();
    let retries = failures.iter().map(|row| serde_json::from_str::<Failed>(&row.payload).unwrap().retry);
    assert_eq!(retries.collect::<Vec<_>>(), [Some(0), Some(1)], "a failure says of which attempt it is");
}

#[tokio::test]
async fn the_cost_beyond_the_estimate_is_charged() {
    let mut rows = Rows::new().await;
    for _ in 0..3 {
        rows.photo(HOSTILE, "jpeg", 1000).await;
    }
    let Claim::Task(claimed) = rows.claim(&[]).await else { panic!("a task waits") };
    let member_queue = claimed.member_queue;
    assert_eq!(cost_difference(&claimed, 100), None);
    let more = cost_difference(&claimed, 60_000).unwrap();
    rows.db.write(Lane::ALL, async move |tx| store::add_cost(tx, member_queue, more).await).await.unwrap();
    for _ in 0..20 {
        rows.photo(OTHER, "png", 4000).await;
    }
    for _ in 0..20 {
        assert_eq!(rows.next().await, OTHER);
    }
}

#[tokio::test]
async fn tasks_sent_by_the_previous_release_run_under_the_ticket_that_names_them() {
    let mut rows = Rows::new().await;
    let media = rows.photo(OTHER, "png", 1000).await;
    let (named, now) = (Ticket { media: media.clone(), task: Task::Photo }, rows.now());
    let claim = rows
        .db
        .write(Lane::ALL, async move |tx| {
            tx.execute("update task set state = 'claimed', queue = '', owner = '', ticket = null", vec![]).await?;
            claim(tx, Queue::Photo, "old", &named, &[], now).await
        })
        .await
        .unwrap();
    let Claim::Task(claimed) = claim else { panic!("{claim:?}") };
    assert_eq!((claimed.media, claimed.member_queue.owner), (media, OTHER));
}

#[derive(FromQueryResult)]
struct Step {
    detail: String,
}

/// Returns the engine's query plan, line by line.
async fn plan_of(db: &Db, text: &str) -> String {
    let bare = text.replace("$1", "'photo'").replace("$2", if text.contains("owner = $2") { "'x'" } else { "10" });
    let steps: Vec<String> = if std::env::var("TUTTI_TEST_DB").is_ok_and(|engine| engine == "postgres") {
        #[derive(FromQueryResult)]
        struct ExplainRow {
            #[sea_orm(from_alias = "QUERY PLAN")]
            step: String,
        }
        let bare = format!("explain {bare}");
        let lines: Result<Vec<ExplainRow>, db::Error> = db
            .write(Lane::ALL, async move |tx| {
                // Few rows are read sequentially whatever indexes there are.
                tx.execute("set local enable_seqscan = off", vec![]).await?;
                tx.rows(&bare, vec![]).await
            })
            .await;
        lines.unwrap().into_iter().map(|line| line.step).collect()
    } else {
        let rows: Vec<Step> = db.read().rows(&format!("explain query plan {bare}"), vec![]).await.unwrap();
        rows.into_iter().map(|row| row.detail).collect()
    };
    steps.join("\n")
}

#[tokio::test]
async fn every_query_of_the_fair_queue_has_its_index() {
    let rows = Rows::new().await;
    let queries = [
        (store::NEXT_MEMBERS, "member_queue_next"),
        (store::NEXT_TASK, "task_ready"),
        (store::BY_TICKET, "task_ticket"),
        (store::COUNT_READY, "task_ready"),
        (store::FIRST_READY, "task_ready_since"),
        (store::ANY_READY, "task_ready_since"),
        (store::IDLE_MEMBERS, "member_queue_next"),
    ];
    for (query, index) in queries {
        let plan = plan_of(&rows.db, query).await;
        assert!(plan.contains(index), "{query}: {plan}");
        assert!(!plan.contains("Seq Scan") && !plan.contains("SCAN task") && !plan.contains("Sort"), "{query}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{query}: {plan}");
    }
}
