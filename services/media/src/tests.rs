//! Unit tests that need the internals: two processes that write to one upload, and migrations.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use chrono::TimeDelta;
use contract::{AccountId, MediaId, ObjectKey};
use db::{Db, FromQueryResult, Lane, PostgresOptions, Sql as _, Value};
use testkit::World;
use testkit::engines::{Postgres, Shared, shared_postgres, shared_s3};
use uuid::Uuid;

use crate::commands::{self, AppendOutcome, AppendRequest};
use crate::error::Error;
use crate::ingest::BodyReader;
use crate::migration::MIGRATIONS;
use crate::model::ItemDetails;
use crate::model::cursor::{Cursor, Order};
use crate::model::library::{Filter, Listing};
use crate::{Media, build, store};

/// Returns a WAVE file of silence, 8-bit mono at 8 kHz.
fn silence(bytes: usize) -> Bytes {
    let size = u32::try_from(bytes - 44).unwrap();
    let mut file = b"RIFF".to_vec();
    file.extend((size + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(8_000_u32.to_le_bytes());
    file.extend(8_000_u32.to_le_bytes());
    file.extend(b"\x01\0\x08\0data");
    file.extend(size.to_le_bytes());
    file.resize(bytes, 128);
    file.into()
}

/// Returns the state of another process, as far as the database and the object store can tell.
async fn process(world: &World, name: &str) -> Media {
    let mut context = world.context("media").clone();
    context.folder = world.folder().join(name);
    std::fs::create_dir(&context.folder).unwrap();
    build(context).await.unwrap()
}

async fn listed(media: &Media) -> Vec<String> {
    let mut found = Vec::new();
    for shard in 0..36 * 36 {
        let digits = [shard / 36, shard % 36].map(|digit| char::from_digit(digit, 36).unwrap());
        found.extend(
            media
                .context
                .objects
                .list(&digits.iter().collect::<String>())
                .await
                .unwrap()
                .into_iter()
                .map(|listed| listed.key.to_string()),
        );
    }
    found
}

/// A process hangs while it writes to an upload. Another one takes the upload over, completes it and removes the
/// objects that it consisted of. Then the first process wakes up and stores its next part, before the row tells it that
/// it has lost the upload.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_wakes_up_after_the_end_leaves_nothing() {
    let s3 = tokio::task::spawn_blocking(shared_s3).await.unwrap();
    let mut builder = World::builder().set("media.checkpoint_bytes=50000");
    for setting in s3.account.settings(&s3.prefix) {
        builder = builder.set(&setting);
    }
    let world = builder.start(&[crate::service()]).await;
    let (hung, other, owner) = (process(&world, "one").await, process(&world, "two").await, AccountId(world.ada().id));
    let file = silence(300_000);
    let details = ItemDetails::parse(Some("s.wav"), &[], None, None).unwrap();
    let begun = commands::begin_upload(&hung, owner, file.len() as u64, details).await.unwrap();
    let (upload, lock) = commands::take_over_upload(&hung, &begun.id, owner).await.unwrap();
    let (sender, arriving) = futures::channel::mpsc::unbounded::<Result<Bytes, std::io::Error>>();
    let request = AppendRequest { body: BodyReader::new(&hung, Body::from_stream(arriving)), checksum: None };
    sender.unbounded_send(Ok(file.slice(..100_000))).unwrap();
    let first = {
        let hung = hung.clone();
        tokio::spawn(async move { commands::append_to_upload(&hung, upload, lock, request).await.0 })
    };
    world
        .wait_for("its first piece is written down", async || {
            store::uploads::find(hung.context.db.read(), &begun.id, owner)
                .await
                .unwrap()
                .filter(|upload| upload.received == 100_000)
                .map(drop)
        })
        .await;
    let (upload, lock) = commands::take_over_upload(&other, &begun.id, owner).await.unwrap();
    let request = AppendRequest { body: BodyReader::new(&other, Body::from(file.slice(100_000..))), checksum: None };
    let ended = commands::append_to_upload(&other, upload, lock, request).await.0;
    let Ok(AppendOutcome::Completed(item)) = ended else { panic!("the other one did not end it") };
    sender.unbounded_send(Ok(file.slice(100_000..200_000))).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), first).await.expect("it ends").unwrap();
    assert!(matches!(ended, Err(Error::TakenOver)));
    world
        .wait_for("its last object is removed", async || {
            (listed(&hung).await == [item.object.to_string()]).then_some(())
        })
        .await;
    assert_eq!(hung.context.objects.get(&item.object, 1 << 20).await.unwrap(), file);
    world.end().await;
}

/// Returns an empty database on the engine under test.
async fn empty_database(world: &World) -> (Db, Option<Shared<Postgres>>) {
    let server = std::env::var("TUTTI_TEST_DB").is_ok_and(|engine| engine == "postgres").then(shared_postgres);
    let db = match &server {
        Some(server) => {
            let schema = format!("media_{}", Uuid::new_v4().simple());
            let statement_timeout = Duration::from_secs(10);
            let url = server.url.clone();
            Db::postgres(&PostgresOptions { url, schema, readers: 2, writers: 2, statement_timeout }).await
        }
        None => Db::sqlite(&world.folder().join("older.db")).await,
    };
    (db.unwrap(), server)
}

#[derive(FromQueryResult)]
struct TermRow {
    created_us: i64,
}

#[tokio::test]
async fn an_older_database_keeps_its_search_index() {
    let world = World::of(&[crate::service()]).await;
    let (db, _server) = empty_database(&world).await;
    db.migrate("media", &MIGRATIONS[..5]).await.unwrap();
    let text = "insert into item_term (term, created, item) values (1, 2, 'x')";
    let written: Result<u64, db::Error> = db.write(Lane::ALL, async move |tx| tx.execute(text, vec![]).await).await;
    assert_eq!(written.unwrap(), 1);
    db.migrate("media", MIGRATIONS).await.unwrap();
    let row: Option<TermRow> = db.read().row("select created_us from item_term where term = 1", vec![]).await.unwrap();
    assert_eq!(row.unwrap().created_us, 2);
    world.end().await;
}

const INSERT_OLD_ITEM: &str = "
    insert into item (
        id, owner, name, kind, format, content_type, state, visibility, bytes, sha256, object, orientation, tags, words,
        assets, claimed, subject, version, created_at, updated_at
    )
    values (
        $1, $2, 'a.png', 'photo', 'png', 'image/png', 'ready', 'private', 1, '', $3, 1, '', '', '', $4, $5, 1, $6, $6
    )";

#[tokio::test]
async fn the_items_of_an_older_database_are_each_in_their_list() {
    let world = World::of(&[crate::service()]).await;
    let (db, _server) = empty_database(&world).await;
    db.migrate("media", &MIGRATIONS[..6]).await.unwrap();
    let (owner, now) = (AccountId(world.ada().id), world.clock().now());
    let mut items = Vec::new();
    for (claimed, subject, listing) in [
        (true, None, Listing::Library),
        (false, None, Listing::Staged),
        (true, Some("account:avatar".to_owned()), Listing::Avatars),
    ] {
        let id = MediaId::random();
        let values: Vec<Value> = vec![
            id.as_str().into(),
            owner.to_string().into(),
            ObjectKey::random().as_str().into(),
            claimed.into(),
            subject.into(),
            now.into(),
        ];
        let written: Result<u64, db::Error> =
            db.write(Lane::ALL, async move |tx| tx.execute(INSERT_OLD_ITEM, values).await).await;
        assert_eq!(written.unwrap(), 1);
        items.push((id, listing));
    }
    db.migrate("media", MIGRATIONS).await.unwrap();
    for (id, listing) in items {
        for order in [Order::Added, Order::Taken] {
            let filter = Filter { listing, order, ..Filter::default() };
            let after = Cursor { order, at: now + TimeDelta::seconds(1), id: String::new() };
            let page = store::library::list(db.read(), owner, &filter, Some(&after), 10).await.unwrap();
            assert_eq!(page.items.iter().map(|item| &item.id).collect::<Vec<_>>(), [&id], "{filter:?}");
        }
    }
    world.end().await;
}
