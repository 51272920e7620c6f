//! What lanes promise: which writes run at the same time, which never do, and whom a frozen process holds up.
//!
//! Every `Db` here is a process of its own to PostgreSQL: it has its own connections and its own queue. Invariant: on
//! both engines, the writes of one lane see each other's results.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use db::{Db, Error, FromQueryResult, Lane, Sql, Tx};
use tokio::sync::Barrier;

use crate::harness::{Harness, insert, names};

/// Past this, what should run at once does not.
const MEETING_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(FromQueryResult)]
struct Size {
    size: i64,
}

async fn set_up(harness: &Harness, things: &[&str]) {
    for thing in things {
        insert(&harness.db, thing).await.unwrap();
    }
    harness.db.write(Lane::ALL, async |tx| tx.execute("update thing set size = 0", vec![]).await).await.unwrap();
}

async fn size(db: &Db, name: &str) -> i64 {
    let row: Option<Size> = db.read().row("select size from thing where name = $1", vec![name.into()]).await.unwrap();
    row.unwrap().size
}

async fn add_one(tx: &Tx, name: &str) -> Result<(), Error> {
    tx.execute("update thing set size = size + 1 where name = $1", vec![name.into()]).await.map(drop)
}

/// Reads a number and then writes it plus one: an update is lost if two do it at once.
async fn count_up(db: &Db, lane: Lane, name: &'static str) -> Result<(), Error> {
    db.write(lane, async move |tx| {
        let found: Option<Size> = tx.row("select size from thing where name = $1", vec![name.into()]).await?;
        let next = found.unwrap().size + 1;
        tx.execute("update thing set size = $1 where name = $2", vec![next.into(), name.into()]).await.map(drop)
    })
    .await
}

/// Waits inside a write until the others are inside theirs.
async fn meet(db: &Db, lane: Lane, barrier: &Arc<Barrier>) -> bool {
    let barrier = barrier.clone();
    let met: Result<bool, Error> =
        db.write(lane, async move |_| Ok(tokio::time::timeout(MEETING_TIMEOUT, barrier.wait()).await.is_ok())).await;
    met.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_lanes_run_at_once_in_one_process_and_in_two() {
    let harness = Harness::postgres().await;
    for other in [harness.db.clone(), harness.again().await] {
        let barrier = Arc::new(Barrier::new(2));
        let (one, two) =
            tokio::join!(meet(&harness.db, Lane::of("one"), &barrier), meet(&other, Lane::of("two"), &barrier));
        assert!(one && two, "two lanes waited for each other");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_without_a_lane_exclude_nobody() {
    let harness = Harness::postgres().await;
    let other = harness.again().await;
    let barrier = Arc::new(Barrier::new(3));
    let (one, two, three) = tokio::join!(
        meet(&harness.db, Lane::NONE, &barrier),
        meet(&other, Lane::NONE, &barrier),
        meet(&other, Lane::of("a"), &barrier)
    );
    assert!(one && two && three);
}

/// How many writes of a kind run now, and whether that was ever more than one.
#[derive(Default)]
struct Inside {
    now: AtomicI64,
    most: AtomicI64,
}

impl Inside {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_lane_never_runs_at_once_across_processes_and_loses_no_update() {
    for harness in [Harness::sqlite().await, Harness::postgres().await] {
        set_up(&harness, &["counter"]).await;
        let inside = Arc::new(Inside::default());
        let mut writes = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let db = harness.again().await;
            for _ in 0..25 {
                let (db, inside) = (db.clone(), inside.clone());
                writes.spawn(async move {
                    let lane = Lane::of("counter").and(&"another");
                    count_up(&db, lane, "counter").await.unwrap();
                    let entered: Result<(), Error> = db
                        .write(Lane::of("counter"), async move |tx| {
                            inside.enter();
                            let done = tx.execute("select 1", vec![]).await;
                            inside.leave();
                            done.map(drop)
                        })
                        .await;
                    entered.unwrap();
                });
            }
        }
        while let Some(written) = writes.join_next().await {
            written.unwrap();
        }
        assert_eq!(size(&harness.db, "counter").await, 100, "an update was lost");
        assert_eq!(inside.most.load(Ordering::SeqCst), 1, "one lane ran twice at once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_excludes_every_lane() {
    let harness = Harness::postgres().await;
    let (others, alone) = (Arc::new(Inside::default()), Arc::new(AtomicUsize::new(0)));
    let mut writes = tokio::task::JoinSet::new();
    for process in 0..3 {
        let db = harness.again().await;
        for number in 0..40 {
            let (db, others, alone) = (db.clone(), others.clone(), alone.clone());
            writes.spawn(async move {
                let is_all = number % 8 == 0;
                let lane = if is_all { Lane::ALL } else { Lane::of(&format!("{process} {number}")) };
                let done: Result<(), Error> = db
                    .write(lane, async move |tx| {
                        if is_all {
                            tx.execute("select 1", vec![]).await?;
                            alone.fetch_add(usize::from(others.now.load(Ordering::SeqCst) == 0), Ordering::SeqCst);
                            return Ok(());
                        }
                        others.enter();
                        let done = tx.execute("select 1", vec![]).await;
                        others.leave();
                        done.map(drop)
                    })
                    .await;
                done.unwrap();
            });
        }
    }
    while let Some(written) = writes.join_next().await {
        written.unwrap();
    }
    assert_eq!(alone.load(Ordering::SeqCst), 15, "a write of another lane ran beside Lane::ALL");
}

#[tokio::test(flavor = "multi_thread")]
async fn lanes_named_in_opposite_orders_never_wait_for_each_other_for_ever() {
    let harness = Harness::postgres().await;
    set_up(&harness, &["counter"]).await;
    let mut writes = tokio::task::JoinSet::new();
    for process in 0..4 {
        let db = harness.again().await;
        for _ in 0..20 {
            let db = db.clone();
            writes.spawn(async move {
                let (first, second) = if process % 2 == 0 { ("a", "b") } else { ("b", "a") };
                count_up(&db, Lane::of(first).and(second), "counter").await.unwrap();
            });
        }
    }
    let all = async {
        while let Some(written) = writes.join_next().await {
            written.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("no group waits for another for ever");
    assert_eq!(size(&harness.db, "counter").await, 80);
}

/// Adds one to both things, the second only when the other write holds its first: the first attempts deadlock.
async fn cross(db: &Db, names: [&'static str; 2], barrier: &Arc<Barrier>, attempts: &Arc<AtomicUsize>) {
    let (barrier, attempts, is_first) = (barrier.clone(), attempts.clone(), Arc::new(AtomicBool::new(true)));
    let written: Result<(), Error> = db
        .write(Lane::of(names[0]), async move |tx| {
            attempts.fetch_add(1, Ordering::SeqCst);
            add_one(tx, names[0]).await?;
            if is_first.swap(false, Ordering::SeqCst) {
                barrier.wait().await;
            }
            add_one(tx, names[1]).await
        })
        .await;
    written.expect("a deadlock is the engine's business, not the caller's");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deadlock_undid_runs_again_unseen_and_has_its_effect_once() {
    let harness = Harness::postgres().await;
    set_up(&harness, &["x", "y"]).await;
    let (other, barrier) = (harness.again().await, Arc::new(Barrier::new(2)));
    let attempts = Arc::new(AtomicUsize::new(0));
    tokio::join!(cross(&harness.db, ["x", "y"], &barrier, &attempts), cross(&other, ["y", "x"], &barrier, &attempts));
    assert_eq!((size(&other, "x").await, size(&other, "y").await), (2, 2));
    assert!(attempts.load(Ordering::SeqCst) >= 3, "there was no deadlock, so this proves nothing");
}

/// Holds lanes in a write that goes on for longer than the server allows, like a process that was stopped.
fn freeze(db: &Db, lanes: Lane) -> tokio::task::JoinHandle<Result<(), Error>> {
    let db = db.clone();
    tokio::spawn(async move {
        db.write(lanes, async move |tx| {
            tx.execute("select 1", vec![]).await?;
            tokio::time::sleep(Duration::from_secs(9)).await;
            tx.execute("select 1", vec![]).await.map(drop)
        })
        .await
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_holds_up_its_own_lanes_alone_and_those_for_seconds() {
    let harness = Harness::postgres().await;
    let (frozen, db) = (harness.again().await, harness.again().await);
    // More than there are connections that write.
    let held: Vec<String> = (0..9).map(|number| format!("held {number}")).collect();
    let asleep = freeze(&frozen, Lane::of_each(&held));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let began = Instant::now();
    let waiting: Vec<_> = held
        .iter()
        .map(|lane| {
            let (db, lane) = (db.clone(), lane.clone());
            tokio::spawn(async move {
                db.write(Lane::of(&lane), async move |tx| tx.execute("select 1", vec![]).await).await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await;
    for number in 0..50 {
        insert_in_lane(&db, &format!("free {number}")).await;
    }
    assert!(began.elapsed() < Duration::from_secs(4), "other lanes waited for {:?}", began.elapsed());
    assert!(waiting.iter().all(|write| !write.is_finished()), "a lane that was held was free");
    for write in waiting {
        let written: Result<u64, Error> = write.await.unwrap();
        written.unwrap();
    }
    assert!(began.elapsed() < Duration::from_secs(8), "the lanes came back after {:?}", began.elapsed());
    assert!(asleep.await.unwrap().is_err(), "a turn that was lost still wrote");
    assert_eq!(names(&db).await.len(), 50);
}

async fn insert_in_lane(db: &Db, name: &str) {
    let name = name.to_owned();
    db.write(Lane::of(&name.clone()), async move |tx| crate::harness::insert_in(tx, &name).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_many_lanes_change_is_exact() {
    let harness = Harness::postgres().await;
    set_up(&harness, &["counter"]).await;
    let mut writes = tokio::task::JoinSet::new();
    for process in 0..4 {
        let db = harness.again().await;
        for number in 0..50 {
            let db = db.clone();
            writes.spawn(async move {
                let lane = Lane::of(&format!("{process} {number}"));
                db.write(lane, async |tx| add_one(tx, "counter").await).await.unwrap();
            });
        }
    }
    while let Some(written) = writes.join_next().await {
        written.unwrap();
    }
    assert_eq!(size(&harness.db, "counter").await, 200);
}
