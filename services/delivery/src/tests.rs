//! Unit tests that need the internals: the sweep, and migrations.

use chrono::TimeDelta;
use codec::pixels::{Encoding, Fit, Frame};
use contract::media::{Kind, Received, Visibility};
use contract::{AccountId, MediaId};
use db::{Db, Lane, PostgresOptions, Sql as _};
use objects::orphans;
use testkit::World;
use testkit::engines::{Postgres, Shared, shared_postgres};
use uuid::Uuid;

use crate::image_renderer::SourceImage;
use crate::migration::MIGRATIONS;
use crate::model::{Client, Variant};
use crate::state::Delivery;
use crate::{Config, commands, jobs, store};

fn image() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 64, 64);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[9; 64 * 64]).unwrap();
    bytes
}

fn variant(side: u32) -> Variant {
    Variant { frame: Frame { width: side, height: side, fit: Fit::Contain }, encoding: Encoding::Webp }
}

#[tokio::test]
async fn the_sweep_keeps_recently_read_images_and_removes_orphans() {
    let world = World::of(&[crate::service()]).await;
    // Another instance beside the one that runs.
    let mut context = world.context("delivery").clone();
    context.folder = world.folder().join("another");
    std::fs::create_dir(&context.folder).unwrap();
    let (delivery, _reloads) = Delivery::new(context, &Config::default()).await.unwrap();
    let (db, objects) = (&delivery.context.db, &delivery.context.objects);
    let source = image();
    let received = Received {
        id: MediaId::random(),
        owner: AccountId(world.ada().id),
        kind: Kind::Photo,
        format: "png".into(),
        content_type: "image/png".into(),
        name: "x.png".into(),
        bytes: source.len() as u64,
        sha256: String::new(),
        object: objects.put(source.into()).await.unwrap().key,
        scrub: None,
        visibility: Visibility::Private,
        width: Some(64),
        height: Some(64),
        duration_ms: None,
        orientation: 1,
        created_at: world.clock().now(),
        trashed: false,
        captions: vec![],
    };
    let original = SourceImage { object: received.object.clone(), bytes: received.bytes, orientation: 1 };
    let id = received.id.clone();
    commands::receive(&delivery, received, 0).await.unwrap();
    let mut rendered = Vec::new();
    for side in [10, 20, 30] {
        rendered
            .push(delivery.image_renderer.get(&id, variant(side), original.clone(), Client::Unknown).await.unwrap());
        world.clock().advance(TimeDelta::minutes(1));
    }
    let total = store::sum_image_bytes(db.read()).await.unwrap();
    assert_eq!(total, rendered.iter().map(|rendered| rendered.bytes).sum::<u64>());
    jobs::sweep(&delivery, total).await.unwrap();
    assert_eq!(store::sum_image_bytes(db.read()).await.unwrap(), total, "at the bound nothing goes");
    // An object whose process died, and one that is being written.
    let (dead, alive) = (objects.put("dead".into()).await.unwrap().key, objects.put("alive".into()).await.unwrap().key);
    let now = world.clock().now();
    let (old, new) = (vec![dead.clone()], vec![alive.clone()]);
    db.write(Lane::ALL, async move |tx| {
        orphans::insert_held(tx, &old, "another", "", now - TimeDelta::hours(2)).await?;
        orphans::insert_held(tx, &new, "another", "", now).await
    })
    .await
    .unwrap();
    jobs::sweep(&delivery, 0).await.unwrap();
    delivery.image_renderer.sweep().await;
    assert_eq!(store::sum_image_bytes(db.read()).await.unwrap(), 0);
    for gone in rendered.iter().map(|rendered| &rendered.object).chain([&dead]) {
        assert!(matches!(objects.len(gone).await, Err(objects::Error::Missing)));
    }
    assert_eq!(objects.len(&alive).await.unwrap(), 5);
    assert!(objects.len(&original.object).await.is_ok(), "originals are not ours to remove");
    world.end().await;
}

/// Returns an empty database on the engine under test.
async fn empty_database(world: &World) -> (Db, Option<Shared<Postgres>>) {
    let server = std::env::var("TUTTI_TEST_DB").is_ok_and(|engine| engine == "postgres").then(shared_postgres);
    let db = match &server {
        Some(server) => {
            let schema = format!("delivery_{}", Uuid::new_v4().simple());
            let statement_timeout = std::time::Duration::from_secs(10);
            Db::postgres(&PostgresOptions {
                url: server.url.clone(),
                schema,
                readers: 2,
                writers: 2,
                statement_timeout,
            })
            .await
        }
        None => Db::sqlite(&world.folder().join("older.db")).await,
    };
    (db.unwrap(), server)
}

#[tokio::test]
async fn an_older_database_keeps_its_tombstones() {
    let world = World::of(&[crate::service()]).await;
    let (db, _server) = empty_database(&world).await;
    db.migrate("delivery", &MIGRATIONS[..2]).await.unwrap();
    let (id, now) = (MediaId::random(), world.clock().now());
    let text = "insert into gone (item, since) values ($1, $2)";
    let values = vec![id.as_str().into(), now.into()];
    let written: Result<u64, db::Error> = db.write(Lane::of(&id), async move |tx| tx.execute(text, values).await).await;
    assert_eq!(written.unwrap(), 1);
    db.migrate("delivery", MIGRATIONS).await.unwrap();
    assert!(store::is_deleted(db.read(), &id).await.unwrap());
    world.end().await;
}

const INSERT_OLD_ITEM: &str = "
    insert into item (
        id, owner, kind, format, content_type, name, bytes, sha256, object, visibility, orientation, version, created_at
    )
    values ($1, $2, 'video', 'mp4', 'video/mp4', 'a.mp4', 5, '', $3, 'public', 1, 7, $4)";

#[tokio::test]
async fn an_item_of_an_older_database_is_read_without_captions() {
    let world = World::of(&[crate::service()]).await;
    let (db, _server) = empty_database(&world).await;
    db.migrate("delivery", &MIGRATIONS[..4]).await.unwrap();
    let (id, owner, now) = (MediaId::random(), AccountId(world.ada().id), world.clock().now());
    let key = contract::ObjectKey::random();
    let values = vec![id.as_str().into(), owner.to_string().into(), key.as_str().into(), now.into()];
    let written: Result<u64, db::Error> =
        db.write(Lane::of(&id), async move |tx| tx.execute(INSERT_OLD_ITEM, values).await).await;
    assert_eq!(written.unwrap(), 1);
    db.migrate("delivery", MIGRATIONS).await.unwrap();
    let item = store::find_item(db.read(), &id).await.unwrap().unwrap();
    assert_eq!((item.owner, item.name.as_str(), item.object), (owner, "a.mp4", key));
    assert!(item.captions.is_empty() && !item.trashed);
    let standing = store::find_standing(db.read(), owner).await.unwrap();
    assert!(!standing.hides_items(now), "no member is suspended");
    world.end().await;
}
