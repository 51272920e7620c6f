//! Unit tests that need the internals: two processes that write to one upload, and migrations.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use contract::media::Visibility;
use contract::{AccountId, MediaId, ObjectKey};
use db::{Db, FromQueryResult, Lane, PostgresOptions, Sql as _, Value};
use http_server::Effect;
use testkit::World;
use testkit::engines::{Postgres, Shared, shared_postgres, shared_s3};
use uuid::Uuid;

use crate::commands::{self, AppendOutcome, AppendRequest};
use crate::error::Error;
use crate::ingest::BodyReader;
use crate::migration::MIGRATIONS;
use crate::model::ItemDetails;
use crate::model::album::{AlbumDetails, AlbumId};
use crate::model::album_order::{Destination, OrderCursor};
use crate::model::cursor::{Cursor, Order};
use crate::model::library::{Filter, Listing};
use crate::store::album_items::RankedItem;
use crate::{Media, build, queries, store};

/// Returns a WAVE file of silence, 8-bit mono at 8 kHz.
pub(crate) fn silence(bytes: usize) -> Bytes {
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
pub(crate) async fn process(world: &World, name: &str) -> Media {
    let mut context = world.context("media").clone();
    context.folder = world.folder().join(name);
    std::fs::create_dir(&context.folder).unwrap();
    build(context).await.unwrap()
}

async fn listed(media: &Media) -> Vec<String> {
    let listed = media.context.objects.list_all().await.unwrap();
    listed.into_iter().map(|listed| listed.key.to_string()).collect()
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
    let begun = commands::begin_upload(&hung, owner, file.len() as u64, details, Effect::default()).await.unwrap();
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

/// Inserts items as releases before the lists did. Returns each with the list that it belongs to.
async fn insert_old_items(db: &Db, owner: AccountId, now: DateTime<Utc>) -> Vec<(MediaId, Listing)> {
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
    items
}

/// Checks that each item is in its list, in each order, and in no other.
async fn expect_listed(db: &Db, owner: AccountId, items: &[(MediaId, Listing)], now: DateTime<Utc>) {
    for (id, listing) in items {
        for order in [Order::Added, Order::Taken] {
            let filter = Filter { listing: *listing, order, ..Filter::default() };
            let after = Cursor { order, at: now + TimeDelta::seconds(1), id: String::new() };
            let page = store::library::list(db.read(), owner, &filter, Some(&after), 10).await.unwrap();
            assert_eq!(page.items.iter().map(|item| &item.id).collect::<Vec<_>>(), [id], "{filter:?}");
        }
    }
}

#[tokio::test]
async fn the_items_of_an_older_database_are_each_in_their_list() {
    let world = World::of(&[crate::service()]).await;
    let (db, _server) = empty_database(&world).await;
    db.migrate("media", &MIGRATIONS[..6]).await.unwrap();
    let (owner, now) = (AccountId(world.ada().id), world.clock().now());
    let items = insert_old_items(&db, owner, now).await;
    db.migrate("media", MIGRATIONS).await.unwrap();
    assert_eq!(commands::place_items(&db).await.unwrap(), 2, "only what belongs elsewhere is written");
    assert_eq!(commands::place_items(&db).await.unwrap(), 0);
    expect_listed(&db, owner, &items, now).await;
    world.end().await;
}

/// Version 8 as builds before the first release had it.
const FIRST_TRASH: &str = "
alter table item add column listing text not null default 'library';
alter table item add column taken_or_created_at timestamptz;
alter table item add column removed_at timestamptz;
alter table item add column purges_at timestamptz;
update item set taken_or_created_at = coalesce(taken_at, created_at);
update item set listing = 'staged' where not claimed;
update item set listing = 'avatars' where claimed and subject = 'account:avatar';
drop index item_library;
drop index item_facets;
create index item_added on item (owner, listing, created_at, id);
create index item_taken on item (owner, listing, taken_or_created_at, id);
create index item_facets_added on item (owner, listing, kind, state, visibility, created_at, id);
create index item_facets_taken on item (owner, listing, kind, state, visibility, taken_or_created_at, id);
create index item_trash on item (owner, removed_at, id) where removed_at is not null;
create index item_purges_at on item (purges_at) where purges_at is not null;
";

#[tokio::test]
async fn a_database_of_a_build_before_the_first_release_opens() {
    let world = World::of(&[crate::service()]).await;
    let (db, _server) = empty_database(&world).await;
    db.migrate("media", &MIGRATIONS[..6]).await.unwrap();
    let (owner, now) = (AccountId(world.ada().id), world.clock().now());
    let items = insert_old_items(&db, owner, now).await;
    let mut steps = MIGRATIONS[..10].to_vec();
    steps[7].sql = FIRST_TRASH;
    db.migrate("media", steps.leak()).await.unwrap();
    db.migrate("media", MIGRATIONS).await.unwrap();
    assert_eq!(commands::place_items(&db).await.unwrap(), 0);
    expect_listed(&db, owner, &items, now).await;
    world.end().await;
}

/// Returns an album whose items have ranks without a gap, and those items in their order.
async fn dense_album(media: &Media, owner: AccountId, count: usize) -> (AlbumId, Vec<MediaId>) {
    let (title, visibility) = ("Sea".to_owned(), Visibility::Private);
    let details = AlbumDetails { title, description: String::new(), visibility };
    let album = commands::create_album(media, owner, details, Effect::default()).await.unwrap().id;
    let ids: Vec<MediaId> = (0..count).map(|_| MediaId::random()).collect();
    let items: Vec<RankedItem> = ids.iter().zip(0..).map(|(id, rank)| RankedItem { rank, id: id.clone() }).collect();
    let (id, now) = (album.clone(), media.context.clock.now());
    let written: Result<(), db::Error> = media
        .context
        .db
        .write(Lane::of(&owner), async move |tx| {
            store::album_items::insert(tx, &id, &items, now).await?;
            store::albums::add_items(tx, &id, items.len(), now).await
        })
        .await;
    written.unwrap();
    (album, ids)
}

#[derive(FromQueryResult)]
struct MediaRow {
    media: String,
}

#[derive(FromQueryResult)]
struct RankRow {
    rank: i64,
}

/// Returns the items of an album in their order.
async fn album_order(media: &Media, album: &AlbumId) -> Vec<String> {
    let text = "select media from album_item where album = $1 order by rank";
    let rows: Vec<MediaRow> = media.context.db.read().rows(text, vec![album.as_str().into()]).await.unwrap();
    rows.into_iter().map(|row| row.media).collect()
}

fn texts(ids: &[MediaId]) -> Vec<String> {
    ids.iter().map(MediaId::to_string).collect()
}

#[tokio::test]
async fn an_album_is_numbered_anew_some_hundred_items_at_a_time() {
    let world = World::of(&[crate::service()]).await;
    let (media, owner) = (process(&world, "one").await, AccountId(world.ada().id));
    let (album, mut ids) = dense_album(&media, owner, 1_200).await;
    let (moved, anchor) = (ids.remove(700), ids[3].clone());
    ids.insert(3, moved.clone());
    commands::move_album_item(&media, &album, owner, moved, Destination::Before(anchor)).await.unwrap();
    assert_eq!(album_order(&media, &album).await, texts(&ids));
    let ranks: Vec<RankRow> =
        media.context.db.read().rows("select rank from album_item order by rank", vec![]).await.unwrap();
    let renumbered = ranks.iter().filter(|row| !(0..1_200).contains(&row.rank)).count();
    assert_eq!(renumbered, 501, "one step makes room here, for the item that moves");
    assert_eq!(store::albums::find(media.context.db.read(), &album).await.unwrap().unwrap().numbering, 1);
    // At the other end, the items go the other way.
    let (moved, anchor) = (ids.remove(0), ids[1_198].clone());
    ids.insert(1_198, moved.clone());
    commands::move_album_item(&media, &album, owner, moved, Destination::Before(anchor)).await.unwrap();
    assert_eq!(album_order(&media, &album).await, texts(&ids));
    world.end().await;
}

#[tokio::test]
async fn the_order_of_an_album_is_exact_while_many_move_and_it_is_numbered_anew() {
    let world = World::of(&[crate::service()]).await;
    let (media, owner) = (process(&world, "one").await, AccountId(world.ada().id));
    let (album, mut ids) = dense_album(&media, owner, 1_200).await;
    // The last of every three items is moved before the first.
    let moves = ids.chunks(3).step_by(10).map(|three| {
        let (moved, anchor) = (three[2].clone(), three[0].clone());
        commands::move_album_item(&media, &album, owner, moved, Destination::Before(anchor))
    });
    futures::future::try_join_all(moves).await.unwrap();
    for three in ids.chunks_mut(3).step_by(10) {
        three.rotate_right(1);
    }
    assert_eq!(album_order(&media, &album).await, texts(&ids));
    world.end().await;
}

#[tokio::test]
async fn a_page_goes_on_behind_its_cursor_though_the_album_is_numbered_anew_while_it_is_read() {
    let world = World::of(&[crate::service()]).await;
    let (media, owner) = (process(&world, "one").await, AccountId(world.ada().id));
    let (db, now) = (&media.context.db, world.clock().now());
    let (album, ids) = dense_album(&media, owner, 4).await;
    for id in &ids {
        let (object, no_subject) = (ObjectKey::random(), None::<String>);
        let values: Vec<Value> = vec![
            id.as_str().into(),
            owner.to_string().into(),
            object.as_str().into(),
            true.into(),
            no_subject.into(),
            now.into(),
        ];
        let written: Result<u64, db::Error> =
            db.write(Lane::ALL, async move |tx| tx.execute(INSERT_OLD_ITEM, values).await).await;
        assert_eq!(written.unwrap(), 1);
    }
    // A reader has read the album, and then it is numbered anew: no rank is free between the first two.
    let before = store::albums::find(db.read(), &album).await.unwrap().unwrap();
    let (moved, anchor) = (ids[3].clone(), ids[1].clone());
    commands::move_album_item(&media, &album, owner, moved, Destination::Before(anchor)).await.unwrap();
    let cursor = OrderCursor { numbering: before.numbering, rank: 1, id: ids[1].clone() };
    let page = queries::list_album_items(db.read(), &before, Some(owner), Some(&cursor), 10).await.unwrap();
    assert_eq!(page.items.iter().map(|item| &item.id).collect::<Vec<_>>(), [&ids[2]]);
    world.end().await;
}
