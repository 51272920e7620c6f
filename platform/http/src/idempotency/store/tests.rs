//! Claims, results and bounds of [`super`] on SQLite.

use super::*;
use base::clock::Clock;
use db::placeholders;

fn done(location: &str, body: Option<Vec<u8>>) -> Completed {
    let replay = if body.is_some() { Replay::Stored } else { Replay::Get };
    let fingerprint = Fingerprint { digest: "d".into(), bytes: 0 };
    Completed {
        status: StatusCode::CREATED,
        content_type: None,
        location: Some(location.into()),
        body,
        replay,
        fingerprint,
    }
}

async fn database(folder: &tempfile::TempDir) -> Db {
    let db = Db::sqlite(&folder.path().join("test.db")).await.expect("a database can be created");
    db.migrate("test", &[]).await.expect("it is empty");
    db
}

fn claimed(begun: BeginOutcome) -> Key {
    let BeginOutcome::Claimed(key) = begun else { panic!("it is not free") };
    key
}

#[tokio::test]
async fn a_key_whose_request_died_is_free_again_and_the_dead_request_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let (db, clock) = (database(&folder).await, Clock::fixed(Utc::now()));
    let begin_request = async |holder: &str| {
        begin(&db, "k".into(), holder.into(), Uuid::nil(), clock.now()).await.expect("the database responds")
    };

    let dies = claimed(begin_request("dies").await);
    clock.advance(CLAIM_TIMEOUT - TimeDelta::seconds(1));
    assert!(matches!(begin_request("other").await, BeginOutcome::Running), "it may still run");
    clock.advance(TimeDelta::seconds(2));
    let other = claimed(begin_request("other").await);

    end(&db, &dies, Some(done("/late", None))).await.expect("a stale claim is ignored");
    end(&db, &dies, None).await.expect("a stale claim is ignored");
    assert!(!complete_alone(&db, &dies, done("/late", None)).await, "its transaction is rolled back");
    assert!(matches!(begin_request("third").await, BeginOutcome::Running), "the other runs");
    end(&db, &other, Some(done("/first", None))).await.expect("the database responds");
    end(&db, &other, None).await.expect("what is stored stays");
    let BeginOutcome::Done(stored) = begin_request("third").await else { panic!("it was done") };
    assert_eq!((stored.status, stored.location.as_deref()), (StatusCode::CREATED, Some("/first")));
}

async fn complete_alone(db: &Db, key: &Key, done: Completed) -> bool {
    let key = key.clone();
    let completed: Result<bool, Error> = db.write(Lane::ALL, async move |tx| complete(tx, &key, done).await).await;
    completed.expect("the database responds")
}

#[tokio::test]
async fn what_the_transaction_of_an_effect_stored_stays_if_the_request_fails_and_gives_way_to_its_response() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let (db, now) = (database(&folder).await, Utc::now());
    let begin_request =
        async || begin(&db, "k".into(), "h".into(), Uuid::nil(), now).await.expect("the database responds");

    let key = claimed(begin_request().await);
    assert!(complete_alone(&db, &key, done("/made", None)).await);
    assert!(!complete_alone(&db, &key, done("/twice", None)).await, "a key has one effect");
    end(&db, &key, None).await.expect("what is stored stays");
    let BeginOutcome::Done(stored) = begin_request().await else { panic!("it was done") };
    assert_eq!((stored.status, stored.location.as_deref()), (StatusCode::CREATED, Some("/made")));

    end(&db, &key, Some(done("/made?link=1", None))).await.expect("the database responds");
    let BeginOutcome::Done(stored) = begin_request().await else { panic!("it was done") };
    assert_eq!(stored.location.as_deref(), Some("/made?link=1"));
}

#[derive(FromQueryResult)]
struct Sums {
    keys: i64,
    bodies: i64,
    bytes: i64,
}

#[tokio::test]
async fn ten_thousand_keys_of_one_member_push_out_only_their_own_oldest() {
    let folder = tempfile::tempdir().expect("a folder can be created");
    let (db, now) = (database(&folder).await, Utc::now());
    let (ada, bob) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let begin_request = async |key: &str, member: Uuid| {
        begin(&db, key.into(), "h".into(), member, now).await.expect("the database responds")
    };
    end(&db, &claimed(begin_request("bob's", bob).await), Some(done("/bob", Some(vec![1; 100]))))
        .await
        .expect("the database responds");
    for first in (0..MAX_KEYS_PER_MEMBER + 700).step_by(500) {
        let written: Result<(), Error> = db
            .write(Lane::ALL, async move |tx| {
                let count = (MAX_KEYS_PER_MEMBER + 700 - first).min(500);
                let row = |number: i64| -> [Value; 6] {
                    let key = format!("ada{number}");
                    [
                        key.into(),
                        ada.to_string().into(),
                        number.into(),
                        201_i64.into(),
                        vec![7_u8; 100].into(),
                        now.into(),
                    ]
                };
                let values = (first + 1..=first + count).flat_map(row).collect();
                let text = "insert into idempotency (key, member, number, status, body, created_at) values";
                tx.execute(&format!("{text} {}", placeholders(count.unsigned_abs().try_into().unwrap_or(0), 6)), values)
                    .await
                    .map(drop)
            })
            .await;
        written.expect("the database responds");
    }
    for more in 0..3 {
        end(&db, &claimed(begin_request(&format!("more{more}"), ada).await), Some(done("/more", Some(vec![7; 100]))))
            .await
            .expect("the database responds");
    }
    let text = "select count(*) as keys, count(body) as bodies, cast(coalesce(sum(length(body)), 0) as bigint) as \
        bytes from idempotency where member = $1";
    let of = async |member: Uuid| {
        db.read()
            .row::<Sums>(text, vec![member.to_string().into()])
            .await
            .expect("the database responds")
            .expect("a sum")
    };
    let ada_has = of(ada).await;
    assert_eq!(
        (ada_has.keys, ada_has.bodies, ada_has.bytes),
        (MAX_KEYS_PER_MEMBER, MAX_BODIES_PER_MEMBER, MAX_BODIES_PER_MEMBER * 100)
    );
    assert!(matches!(begin_request("ada500", ada).await, BeginOutcome::Claimed(_)), "the oldest are deleted");
    let BeginOutcome::Done(stored) = begin_request("ada9000", ada).await else { panic!("it was done") };
    assert_eq!(stored.replay, Replay::Unavailable, "its response gave way to newer ones");
    assert!(matches!(
        begin_request("more2", ada).await,
        BeginOutcome::Done(StoredOutcome { replay: Replay::Stored, .. })
    ));
    assert_eq!(of(bob).await.bodies, 1);
    forget(&db, ada).await.expect("the database responds");
    assert_eq!((of(ada).await.keys, of(bob).await.keys), (1, 1), "the one that runs stays");
}
