//! The conformance suite on AWS's own DynamoDB Local and, in `make faults`, on MiniStack; and what this engine alone
//! promises. `tests/it/dynamodb.rs` has the whole role on MiniStack.
//!
//! A server starts once for all promises, as that takes seconds. Their tables don't remove what has expired, as the
//! suite has a time of its own. Invariant: each promise has a table of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use base::{Clock, Transient as _};
use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::notify::{NoticeKind, Notified};
use db::{FromQueryResult, Sql as _};
use futures::future::join_all;
use http::StatusCode;
use testkit::World;
use testkit::engines::{DynamoDb, DynamoDbServer};
use uuid::Uuid;

use super::{DynamoDbOptions, DynamoHistory, TableFault, create_table, find_fault};
use crate::check::compare;
use crate::history::{Counts, Filter, HistoryStore as _, NewEntry};
use crate::history_conformance::{self, now};

const DAYS: u32 = 90;
const ADA: AccountId = AccountId(Uuid::from_u128(1));
/// Members who react at the same time.
const MANY: u128 = 8;

fn options(endpoint: String, table: &str) -> DynamoDbOptions {
    DynamoDbOptions {
        endpoint: Some(endpoint),
        table: table.to_owned(),
        access_key: Some("tutti".to_owned()),
        secret_key: Some("tutti-secret".into()),
        ..DynamoDbOptions::default()
    }
}

/// Returns the engine on a new table of a server, and its clock.
async fn history_on(server: &DynamoDb, world: &World, table: &str) -> (DynamoHistory, Clock) {
    let (context, clock) = (world.context("notify"), Clock::fixed(now()));
    let options = options(server.endpoint(), table);
    let (db, random) = (context.db.clone(), context.random.clone());
    let history = DynamoHistory::open(&options, DAYS, db, clock.clone(), random).unwrap();
    history.table.create().await.unwrap();
    (history, clock)
}

fn reaction(number: u128) -> NewEntry {
    let actor = AccountId(Uuid::from_u128(number));
    NewEntry {
        member: ADA,
        kind: NoticeKind::Reacted,
        group_key: "reacted:post".to_owned(),
        entry: actor.to_string(),
        actor: Some(actor),
        subject: Some("post".to_owned()),
        is_filtered: false,
    }
}

macro_rules! conformance {
    ($server:expr, $world:expr, $($promise:ident),+ $(,)?) => {$(
        let (history, _) = history_on($server, $world, stringify!($promise)).await;
        history_conformance::$promise(&history).await;
        assert_eq!(compare(&history).await.unwrap().1, [], "{}", stringify!($promise));
    )+};
}

async fn keeps_the_promises(server: DynamoDbServer) {
    let (server, world) = (DynamoDb::start(server), World::of(&[crate::service()]).await);
    conformance!(
        &server,
        &world,
        a_notice_grows_until_it_is_read_and_an_entry_counts_once,
        what_arrives_later_is_not_marked,
        marks_of_single_notices_count_once,
        what_is_filtered_is_in_a_list_of_its_own_and_not_counted,
        a_list_is_walked_by_its_ids,
        a_shared_notice_is_there_once_for_each_member,
        what_is_withdrawn_is_neither_listed_nor_counted,
        many_notices_are_withdrawn_in_steps,
    );
    what_is_old_is_removed_and_what_grew_stays(&server, &world).await;
    the_counts_are_exact_although_many_write_at_once(&server, &world).await;
    what_is_added_is_published_once_also_after_a_crash(&server, &world).await;
    the_table_is_created_once_and_what_is_wrong_with_it_is_told(&server, &world).await;
    world.end().await;
}

#[tokio::test]
async fn dynamodb_local_keeps_the_promises() {
    keeps_the_promises(DynamoDbServer::Local).await;
}

#[tokio::test]
#[ignore = "long: make faults"]
async fn ministack_keeps_the_promises() {
    keeps_the_promises(DynamoDbServer::MiniStack).await;
}

/// The counts follow the clock, although no job and no server has removed anything.
async fn what_is_old_is_removed_and_what_grew_stays(server: &DynamoDb, world: &World) {
    let (history, clock) = history_on(server, world, "what_is_old").await;
    let expire = async |time: DateTime<Utc>| clock.advance(time - now() + TimeDelta::days(i64::from(DAYS)));
    history_conformance::what_is_old_is_removed_and_what_grew_stays(&history, expire).await;
    assert_eq!(compare(&history).await.unwrap().1, []);
}

async fn the_counts_are_exact_although_many_write_at_once(server: &DynamoDb, world: &World) {
    let (history, _) = history_on(server, world, "many_write").await;
    // Another process.
    let (other, _) = history_on(server, world, "many_write").await;
    let engines = [&history, &other];
    let adds = (0..MANY).map(|at| engines[at as usize % 2].add(vec![reaction(100 + at)], now()));
    let told: usize = join_all(adds).await.into_iter().map(|told| told.unwrap().len()).sum();
    let notices = history.list(ADA, Filter::default(), Uuid::max(), 10).await.unwrap();
    assert_eq!((told as u128, notices.len(), u128::from(notices[0].actor_count)), (MANY, 1, MANY));
    assert_eq!(other.counts(ADA).await.unwrap(), Counts { unseen: 1, unread: 1 });
    assert_eq!(compare(&history).await.unwrap(), (1, Vec::new()));
}

/// Returns how many notices were published.
async fn count_published(world: &World) -> usize {
    #[derive(FromQueryResult)]
    struct Row {
        payload: String,
    }
    let text = "select payload from outbox where subject = 'notify.notified'";
    let rows: Vec<Row> = world.context("notify").db.read().rows(text, vec![]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str::<Notified>(&row.payload).unwrap().notices.len()).sum()
}

async fn what_is_added_is_published_once_also_after_a_crash(server: &DynamoDb, world: &World) {
    let (history, _) = history_on(server, world, "published").await;
    let (before, now) = (count_published(world).await, world.clock().now());
    let all = || vec![reaction(2), reaction(3), reaction(4)];
    // A process that is killed before it has published.
    history.add_each(vec![reaction(2), reaction(3)], now).await.unwrap();
    assert_eq!(count_published(world).await, before);
    assert_eq!(history.add(all(), now).await.unwrap().len(), 1);
    assert_eq!(count_published(world).await, before + 3);
    assert_eq!(history.add(all(), now).await.unwrap(), []);
    assert_eq!(count_published(world).await, before + 3);
    // Undone, and done again after a long time.
    history.add_each(vec![reaction(5)], now).await.unwrap();
    assert_eq!(history.add(vec![reaction(5)], now + TimeDelta::days(30)).await.unwrap(), []);
    assert_eq!(count_published(world).await, before + 3);
}

async fn the_table_is_created_once_and_what_is_wrong_with_it_is_told(server: &DynamoDb, world: &World) {
    let random = || world.context("notify").random.clone();
    history_on(server, world, "keeps_what_has_expired").await;
    let keeping = options(server.endpoint(), "keeps_what_has_expired");
    assert_eq!(find_fault(&keeping, random()).await.unwrap(), Some(TableFault::Expiry));
    let missing = options(server.endpoint(), "new_table");
    assert_eq!(find_fault(&missing, random()).await.unwrap(), Some(TableFault::Missing));
    for is_created in [true, false] {
        assert_eq!(create_table(&missing, random()).await.unwrap(), is_created);
        assert_eq!(find_fault(&missing, random()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_server_that_throttles_or_lacks_the_table_is_asked_a_bounded_number_of_times() {
    let world = World::of(&[crate::service()]).await;
    let context = world.context("notify");
    let errors = [("ProvisionedThroughputExceededException", "slow down"), ("ResourceNotFoundException", "migrate")];
    for (code, mentioned) in errors {
        let asked = Arc::new(AtomicU32::new(0));
        let counter = asked.clone();
        let body = format!("{{\"__type\":\"com.amazonaws.dynamodb.v20120810#{code}\",\"message\":\"slow down\"}}");
        let stub = Router::new().fallback(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            let body = body.clone();
            async move { (StatusCode::BAD_REQUEST, [("content-type", "application/x-amz-json-1.0")], body) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let options = options(format!("http://{}", listener.local_addr().unwrap()), "throttled");
        let server = tokio::spawn(async move { axum::serve(listener, stub).await });
        let (db, random) = (context.db.clone(), context.random.clone());
        let history = DynamoHistory::open(&options, DAYS, db, Clock::system(), random).unwrap();
        let error = history.last_id(ADA).await.unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.is_transient() && cause.contains(mentioned), "{error}: {cause}");
        assert!((1..=6).contains(&asked.load(Ordering::Relaxed)), "{asked:?}");
        server.abort();
    }
    world.end().await;
}
