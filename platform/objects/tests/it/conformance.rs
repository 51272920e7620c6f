//! Finished objects.

use std::time::{Duration, SystemTime};

use base::ObjectKey;
use bytes::Bytes;
use futures::TryStreamExt as _;
use objects::{Error, Source};

use super::{Store, listed};
use testkit::objects::{MIB, content, whole, write};

pub(super) async fn ranges(store: Store) {
    let objects = store.open().await;
    let content = content(1_000_000);
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
        assert!(chunks.concat() == content[from as usize..to as usize], "{from}..{to}");
    }
    for behind in [999_999..1_000_001, 2_000_000..2_000_001] {
        let read = match objects.read(&stored.key, behind.clone()).await {
            Ok(chunks) => chunks.try_collect::<Vec<_>>().await.map(drop),
            Err(error) => Err(error),
        };
        assert!(matches!(read, Err(Error::Engine(_))), "{behind:?}");
    }
}

pub(super) async fn sizes(store: Store) {
    let objects = store.open().await;
    for bytes in [0, 1, 5 * MIB - 1, 8 * MIB, 8 * MIB + 3, 21 * MIB + 7] {
        let content = content(bytes);
        let mut writer = objects.create().await.unwrap();
        write(&mut writer, &content).await;
        let stored = writer.finish().await.unwrap();
        assert_eq!(stored.bytes, bytes as u64);
        assert!(whole(&objects, &stored.key).await == content, "{bytes} bytes");
    }
    // In one chunk, however large that is.
    let content = content(20 * MIB + 1);
    let stored = objects.put(content.clone()).await.unwrap();
    assert!(whole(&objects, &stored.key).await == content);
}

/// Small and large chunks take different paths: their order must not change.
pub(super) async fn order(store: Store) {
    let objects = store.open().await;
    let mut writer = objects.create().await.unwrap();
    let mut expected = Vec::new();
    for (turn, size) in
        [100, 90_000, 100, 300_000, 64 << 10, (64 << 10) + 1, 7, 7].into_iter().cycle().take(240).enumerate()
    {
        let piece = vec![turn as u8; size];
        expected.extend_from_slice(&piece);
        writer.write(piece.into()).await.unwrap();
    }
    let stored = writer.finish().await.unwrap();
    assert!(whole(&objects, &stored.key).await == expected, "the pieces lie in another order");
}

pub(super) async fn gone(store: Store) {
    let objects = store.open().await;
    let stored = objects.put(Bytes::from_static(b"x")).await.unwrap();
    let is_listed = async || objects.list_all().await.unwrap().iter().any(|listed| listed.key == stored.key);
    assert!(is_listed().await);
    objects.remove(&stored.key).await.unwrap();
    objects.remove(&stored.key).await.unwrap();
    assert!(!is_listed().await);
    assert!(matches!(objects.get(&stored.key, 10).await, Err(Error::Missing)));
    assert!(matches!(objects.read(&stored.key, 0..1).await, Err(Error::Missing)));
    assert!(matches!(objects.read(&stored.key, 0..0).await, Err(Error::Missing)));
    assert!(matches!(objects.len(&ObjectKey::random()).await, Err(Error::Missing)));
    assert!(objects.list("zz").await.unwrap().is_empty());
}

pub(super) async fn many_writers(store: Store) {
    let objects = store.open().await;
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

/// Each holds some bytes and waits for more. If they also waited for each other's memory, none would end.
pub(super) async fn many_slow_writers(store: Store) {
    let objects = store.open_small().await;
    let all = content(700_000);
    let gate = std::sync::Arc::new(tokio::sync::Barrier::new(200));
    let writers: Vec<_> = (0..200_usize)
        .map(|number| {
            let (objects, content, gate) = (objects.clone(), all.slice(number..), gate.clone());
            tokio::spawn(async move {
                let mut writer = objects.create().await.unwrap();
                let (first, second) = (content.slice(..300_000), content.slice(300_000..));
                write(&mut writer, &first).await;
                gate.wait().await;
                write(&mut writer, &second).await;
                writer.finish().await.unwrap().key
            })
        })
        .collect();
    let ended = tokio::time::timeout(Duration::from_secs(120), futures::future::try_join_all(writers))
        .await
        .expect("they wait for each other")
        .unwrap();
    for (number, key) in ended.iter().enumerate().step_by(37) {
        assert!(whole(&objects, key).await == all.slice(number..), "writer {number}");
    }
    for key in ended {
        assert_eq!(
            listed(&objects, &key).await.map(|listed| listed.bytes),
            Some(objects.len(&key).await.unwrap()),
            "what it was made of is left over"
        );
    }
}

pub(super) async fn batches(store: Store) {
    let objects = store.open().await;
    let (batch, all) = (objects.batch().await.unwrap(), content(600_000));
    let put = |number: usize| {
        let (batch, content) = (&batch, all.slice(number * 10_000..));
        async move {
            let key = ObjectKey::random();
            let mut writer = batch.create_as(key.clone()).await.unwrap();
            write(&mut writer, &content).await;
            let stored = writer.finish().await.unwrap();
            assert_eq!((&stored.key, stored.bytes), (&key, content.len() as u64));
            (content, key)
        }
    };
    let mut kept = futures::future::join_all((0..20).map(put)).await;
    let (synced, meanwhile) = tokio::join!(batch.sync(), futures::future::join_all((20..40).map(put)));
    synced.unwrap();
    kept.extend(meanwhile);
    // One that is given up leaves nothing, as everywhere.
    let mut dropped = batch.create_as(ObjectKey::random()).await.unwrap();
    write(&mut dropped, &all).await;
    let key = dropped.key().clone();
    drop(dropped);
    super::empties(&objects, &key).await;
    batch.sync().await.unwrap();
    let again = store.open().await;
    for (content, key) in kept {
        assert!(whole(&again, &key).await == content, "an object of {} bytes", content.len());
        assert_eq!(listed(&again, &key).await.map(|listed| listed.bytes), Some(again.len(&key).await.unwrap()));
    }
}

pub(super) async fn limit(store: Store) {
    let objects = store.open().await;
    let stored = objects.put(Bytes::from(vec![1; 1000])).await.unwrap();
    assert!(matches!(objects.get(&stored.key, 999).await, Err(Error::Engine(_))));
}

pub(super) async fn listing(store: Store) {
    let objects = store.open().await;
    let before = SystemTime::now() - Duration::from_secs(5);
    let stored = objects.put(Bytes::from_static(b"12345")).await.unwrap();
    let found = listed(&objects, &stored.key).await.unwrap();
    assert_eq!(found.bytes, 5);
    assert!(found.modified.is_some_and(|at| at >= before && at <= SystemTime::now() + Duration::from_secs(5)));
    // Another writer's unfinished object is listed too, with the bytes that it takes.
    let mut writer = objects.create().await.unwrap();
    writer.write(Bytes::from_static(b"123")).await.unwrap();
    let at = writer.checkpoint().await.unwrap();
    assert_eq!(listed(&objects, &at.key).await.map(|listed| listed.bytes), Some(3));
}

pub(super) async fn readable_elsewhere(store: Store) {
    let objects = store.open().await;
    let content = content(300_000);
    let stored = objects.put(content.clone()).await.unwrap();
    match objects.source(&stored.key).await.unwrap() {
        Source::File(path) => assert!(std::fs::read(&path).unwrap() == content),
        Source::Url(url) => {
            base::tls::install_provider();
            let client = reqwest::Client::new();
            let answer = client.get(&url).header("range", "bytes=100-199").send().await.unwrap();
            assert_eq!(answer.status(), 206);
            assert_eq!(answer.bytes().await.unwrap(), content.slice(100..200));
            let bare = url.split('?').next().unwrap();
            assert_eq!(client.get(bare).send().await.unwrap().status(), 403, "the signature is what lets in");
        }
    }
}

pub(super) async fn answers(store: Store) {
    store.open().await.ping().await.unwrap();
}
