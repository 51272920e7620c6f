//! What a store of objects must do.

use bytes::Bytes;
use futures::TryStreamExt as _;
use kit::objects::{Error, ObjectKey, Objects, Source};

async fn folder(dir: &tempfile::TempDir) -> Objects {
    Objects::folder(&dir.path().join("objects")).await.unwrap()
}

#[tokio::test]
async fn bytes_come_back_as_they_went_in_and_in_ranges() {
    let dir = tempfile::tempdir().unwrap();
    let objects = folder(&dir).await;
    let content: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut writer = objects.create().await.unwrap();
    for chunk in content.chunks(7777) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let stored = writer.finish().await.unwrap();
    assert_eq!(stored.bytes, 1_000_000);
    assert_eq!(objects.len(&stored.key).await.unwrap(), 1_000_000);
    for (from, to) in [(0, 1_000_000), (1, 2), (262_143, 262_145), (999_999, 1_000_000), (5, 5)] {
        let chunks: Vec<Bytes> = objects.read(&stored.key, from..to).await.unwrap().try_collect().await.unwrap();
        assert!(chunks.iter().all(|chunk| chunk.len() <= 256 * 1024));
        assert_eq!(chunks.concat(), &content[from as usize..to as usize]);
    }
    assert!(matches!(objects.source(&stored.key).await.unwrap(), Source::File(path) if std::fs::read(&path).unwrap() == content));
}

/// Small pieces are written at once, large ones are gathered and written elsewhere: their order must not suffer.
#[tokio::test]
async fn small_and_large_pieces_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let objects = folder(&dir).await;
    let mut writer = objects.create().await.unwrap();
    let mut expected = Vec::new();
    for (turn, size) in [100, 90_000, 100, 300_000, 64 << 10, (64 << 10) + 1, 7, 7].into_iter().cycle().take(40).enumerate() {
        let piece = vec![turn as u8; size];
        expected.extend_from_slice(&piece);
        writer.write(piece.into()).await.unwrap();
    }
    let stored = writer.finish().await.unwrap();
    let chunks: Vec<Bytes> = objects.read(&stored.key, 0..expected.len() as u64).await.unwrap().try_collect().await.unwrap();
    assert!(chunks.concat() == expected, "the pieces lie in another order");
}

#[tokio::test]
async fn an_unfinished_object_goes_on_from_its_checkpoint_and_loses_what_came_after() {
    let dir = tempfile::tempdir().unwrap();
    let objects = folder(&dir).await;
    let mut writer = objects.create().await.unwrap();
    writer.write(Bytes::from_static(b"one ")).await.unwrap();
    let first = writer.checkpoint().await.unwrap();
    let mut writer = objects.resume(&first).await.unwrap();
    writer.write(Bytes::from_static(b"lost in a crash")).await.unwrap();
    let later = writer.checkpoint().await.unwrap();
    assert_eq!(later.bytes, 19);
    // The database only ever heard of the first checkpoint.
    let again = folder(&dir).await;
    let mut writer = again.resume(&first).await.unwrap();
    writer.write(Bytes::from_static(b"two")).await.unwrap();
    let stored = writer.finish().await.unwrap();
    assert_eq!(again.get(&stored.key, 100).await.unwrap(), "one two");
}

#[tokio::test]
async fn an_object_that_was_dropped_halfway_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let objects = folder(&dir).await;
    let mut writer = objects.create().await.unwrap();
    let key = writer.key().clone();
    writer.write(Bytes::from(vec![0; 600_000])).await.unwrap();
    drop(writer);
    for _ in 0..500 {
        if objects.list(&key.as_str()[..2]).await.unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the file is still there");
}

#[tokio::test]
async fn removing_twice_is_fine_and_reading_what_is_gone_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let objects = folder(&dir).await;
    let stored = objects.put(Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(objects.list(&stored.key.as_str()[..2]).await.unwrap()[0].key, stored.key);
    objects.remove(&stored.key).await.unwrap();
    objects.remove(&stored.key).await.unwrap();
    assert!(matches!(objects.get(&stored.key, 10).await, Err(Error::Missing)));
    assert!(matches!(objects.len(&ObjectKey::random()).await, Err(Error::Missing)));
    assert!(objects.list("zz").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_crowd_of_writers_is_synced_together_and_each_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let objects = folder(&dir).await;
    let mut writers = Vec::new();
    for number in 0..200_u32 {
        let objects = objects.clone();
        writers.push(tokio::spawn(async move {
            let content = Bytes::from(number.to_be_bytes().repeat(10_000));
            (objects.put(content.clone()).await.unwrap(), content)
        }));
    }
    for writer in writers {
        let (stored, content) = writer.await.unwrap();
        assert_eq!(objects.get(&stored.key, 1_000_000).await.unwrap(), content);
    }
}

#[tokio::test]
async fn more_than_was_allowed_is_not_read_into_memory() {
    let dir = tempfile::tempdir().unwrap();
    let objects = folder(&dir).await;
    let stored = objects.put(Bytes::from(vec![1; 1000])).await.unwrap();
    assert!(matches!(objects.get(&stored.key, 999).await, Err(Error::Engine(_))));
}
