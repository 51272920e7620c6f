//! Files to send, and checks of the object store afterwards.

use std::collections::BTreeSet;

use db::{FromQueryResult, Sql};
use testkit::{TestClient, TestResponse, World};

/// Returns a PNG of this size, with `bytes` bytes in all. `seed` makes it unlike others. Only its structure is valid,
/// not its pixels.
pub fn png(width: u32, height: u32, bytes: usize, seed: u8) -> Vec<u8> {
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = width.to_be_bytes().to_vec();
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut file, *b"IHDR", &header);
    let rest = bytes.saturating_sub(file.len() + 12 + 12);
    chunk(&mut file, *b"IDAT", &vec![seed; rest]);
    chunk(&mut file, *b"IEND", b"");
    file
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    // PNG's CRC-32 is that of gzip.
    let mut crc = flate2::Crc::new();
    crc.update(&file[start..]);
    file.extend(crc.sum().to_be_bytes());
}

/// Sends a raw body.
pub async fn send(member: &TestClient, query: &str, content_type: &str, body: Vec<u8>) -> TestResponse {
    member
        .send(
            member
                .request(http::Method::POST, &format!("/v1/media{query}"))
                .header("content-type", content_type)
                .body(body),
        )
        .await
}

#[derive(FromQueryResult)]
struct ObjectRow {
    object: String,
}

/// Returns the keys of all objects in the store.
pub async fn objects(world: &World) -> BTreeSet<String> {
    let listed = world.context("media").objects.list_all().await.unwrap();
    listed.into_iter().map(|listed| listed.key.to_string()).collect()
}

/// Returns the keys that rows name.
async fn referenced_objects(world: &World, text: &str) -> BTreeSet<String> {
    let rows: Vec<ObjectRow> = world.context("media").db.read().rows(text, vec![]).await.unwrap();
    rows.into_iter().map(|row| row.object).collect()
}

/// Returns the keys of the objects that items and unfinished uploads name.
async fn known_objects(world: &World) -> BTreeSet<String> {
    referenced_objects(world, "select object from item union select object from upload where object is not null").await
}

/// Returns whether the store has exactly these objects; fails the test if it lacks one.
async fn has_exactly(world: &World, known: &BTreeSet<String>) -> bool {
    let stored = objects(world).await;
    let lost: Vec<_> = known.difference(&stored).collect();
    assert!(lost.is_empty(), "rows name objects that are not there: {lost:?}");
    stored == *known
}

/// Fails the test unless the store has exactly the objects that items and unfinished uploads name.
pub async fn expect_no_orphans(world: &World) {
    let known = known_objects(world).await;
    world
        .wait_for("objects without a row are gone", async || {
            let is_exact = has_exactly(world, &known).await;
            let all_gone =
                referenced_objects(world, "select object from orphan_object where due_at is not null").await.is_empty();
            (is_exact && all_gone).then_some(())
        })
        .await;
}

/// The same for a remote store, whose removed keys are remembered for a while: a late request may still write there.
pub async fn expect_exact_objects(world: &World) {
    let known = known_objects(world).await;
    world.wait_for("objects without a row are gone", async || has_exactly(world, &known).await.then_some(())).await;
}

/// Fails the test unless nothing was stored.
pub async fn expect_nothing_stored(world: &World) {
    assert!(referenced_objects(world, "select object from item").await.is_empty(), "an item was made");
    expect_no_orphans(world).await;
}
