//! Unfinished objects: checkpoints, and what is left when no writer goes on.

use std::time::{Duration, Instant};

use base::ObjectKey;
use bytes::Bytes;
use futures::TryStreamExt as _;
use objects::{Checkpoint, Error, Objects, Stored};

use super::{Store, empties, listed};
use testkit::objects::{MIB, content, whole, write};

async fn resume(objects: &Objects, at: &Checkpoint) -> objects::Writer {
    objects.resume(at, ObjectKey::random()).await.unwrap()
}

/// What a caller does once a row names the finished object.
async fn cleanup(objects: &Objects, at: &Checkpoint, stored: &Stored) {
    if stored.key != at.key {
        objects.remove(&at.key).await.unwrap();
    }
}

/// Checks that the object exists, and nothing else.
async fn assert_only(objects: &Objects, stored: &Stored, others: &[&ObjectKey]) {
    assert_eq!(listed(objects, &stored.key).await.map(|listed| listed.bytes), Some(stored.bytes));
    for key in others.iter().filter(|key| ***key != stored.key) {
        assert_eq!(listed(objects, key).await, None);
    }
}

pub(super) async fn goes_on(store: Store) {
    let objects = store.open().await;
    let mut writer = objects.create().await.unwrap();
    writer.write(Bytes::from_static(b"one ")).await.unwrap();
    let first = writer.checkpoint().await.unwrap();
    let mut writer = resume(&objects, &first).await;
    writer.write(Bytes::from_static(b"lost in a crash")).await.unwrap();
    let later = writer.checkpoint().await.unwrap();
    assert_eq!(later.bytes, 19);
    // The database has stored only the first checkpoint.
    let again = store.open().await;
    let mut writer = resume(&again, &first).await;
    writer.write(Bytes::from_static(b"two")).await.unwrap();
    let stored = writer.finish().await.unwrap();
    assert_eq!(again.get(&stored.key, 100).await.unwrap(), "one two");
    cleanup(&again, &first, &stored).await;
    assert_only(&again, &stored, &[&first.key]).await;
    assert_eq!(again.get(&stored.key, 100).await.unwrap(), "one two");
}

pub(super) async fn odd_offsets(store: Store) {
    let all = content(30 * MIB);
    let plans: [&[usize]; 5] = [
        &[0],
        &[0, 1, 1, 2],
        &[5 * MIB - 1, 8 * MIB + 3],
        &[1, 5 * MIB - 1, 5 * MIB, 8 * MIB + 3, 17 * MIB],
        &[8 * MIB, 16 * MIB, 24 * MIB + 1, 30 * MIB],
    ];
    for cuts in plans {
        let mut objects = store.open().await;
        let mut writer = objects.create().await.unwrap();
        let (mut at, mut last) = (0, None);
        for &cut in cuts {
            write(&mut writer, &all.slice(at..cut)).await;
            let checkpoint = writer.checkpoint().await.unwrap();
            assert_eq!(checkpoint.bytes, cut as u64);
            // Another process goes on.
            objects = store.open().await;
            writer = resume(&objects, &checkpoint).await;
            (at, last) = (cut, Some(checkpoint));
        }
        write(&mut writer, &all.slice(at..)).await;
        let stored = writer.finish().await.unwrap();
        assert_eq!(stored.bytes, all.len() as u64);
        let checkpoint = last.unwrap();
        cleanup(&objects, &checkpoint, &stored).await;
        assert!(whole(&objects, &stored.key).await == all, "cut at {cuts:?}");
        assert_only(&objects, &stored, &[&checkpoint.key]).await;
    }
}

/// A writer hangs, another takes over from the same checkpoint, then the first wakes up: it had sent other bytes.
pub(super) async fn twice(store: Store) {
    let objects = store.open().await;
    let all = content(30 * MIB);
    let mut writer = objects.create().await.unwrap();
    write(&mut writer, &all.slice(..9 * MIB)).await;
    let at = writer.checkpoint().await.unwrap();
    let mut hung = resume(&objects, &at).await;
    let wrong = Bytes::from(vec![0; 9 * MIB]);
    if matches!(store, Store::S3(_)) {
        write(&mut hung, &wrong).await;
    }
    let mut second = resume(&objects, &at).await;
    write(&mut second, &all.slice(9 * MIB..20 * MIB)).await;
    let later = second.checkpoint().await.unwrap();
    if matches!(store, Store::S3(_)) {
        // In a folder the caller's fence must prevent this: both have the one file.
        write(&mut hung, &wrong).await;
        let _ = hung.checkpoint().await.unwrap();
    } else {
        drop(hung);
    }
    let mut third = resume(&objects, &later).await;
    write(&mut third, &all.slice(20 * MIB..)).await;
    let stored = third.finish().await.unwrap();
    cleanup(&objects, &at, &stored).await;
    assert!(whole(&objects, &stored.key).await == all);
    assert_only(&objects, &stored, &[&at.key]).await;
}

/// The first writer hangs at its very end and another takes over. Whichever is first, no bytes are mixed.
pub(super) async fn hung_at_its_end(store: Store) {
    let objects = store.open().await;
    let all = content(20 * MIB);
    // It ends first, unnoticed: the checkpoint that it returned is still valid, with the bytes it named.
    let mut first = objects.create().await.unwrap();
    write(&mut first, &all.slice(..7 * MIB)).await;
    let at = first.save().await.unwrap();
    write(&mut first, &Bytes::from(vec![0; 2 * MIB])).await;
    first.finish().await.unwrap();
    let mut second = resume(&objects, &at).await;
    write(&mut second, &all.slice(7 * MIB..)).await;
    let stored = second.finish().await.unwrap();
    cleanup(&objects, &at, &stored).await;
    assert!(whole(&objects, &stored.key).await == all);
    assert_only(&objects, &stored, &[&at.key]).await;
    if matches!(store, Store::Folder(_)) {
        return;
    }
    // It ends later: then it fails.
    for checkpoint in [0, 3 * MIB, 7 * MIB] {
        let mut first = objects.create().await.unwrap();
        write(&mut first, &all.slice(..checkpoint)).await;
        let at = first.save().await.unwrap();
        let mut second = resume(&objects, &at).await;
        write(&mut first, &Bytes::from(vec![0; 8 * MIB])).await;
        assert!(first.finish().await.is_err(), "it has lost its object");
        write(&mut second, &all.slice(checkpoint..)).await;
        let stored = second.finish().await.unwrap();
        assert!(whole(&objects, &stored.key).await == all);
        cleanup(&objects, &at, &stored).await;
    }
}

pub(super) async fn saved(store: Store) {
    let objects = store.open().await;
    let all = content(23 * MIB);
    let mut writer = objects.create().await.unwrap();
    let mut checkpoints = Vec::new();
    for (from, to) in [(0, 1), (1, 3 * MIB), (3 * MIB, 3 * MIB), (3 * MIB, 11 * MIB), (11 * MIB, 22 * MIB + 5)] {
        write(&mut writer, &all.slice(from..to)).await;
        checkpoints.push(writer.save().await.unwrap());
        assert_eq!(checkpoints.last().unwrap().bytes, to as u64);
    }
    write(&mut writer, &all.slice(22 * MIB + 5..)).await;
    let stored = writer.finish().await.unwrap();
    assert!(whole(&objects, &stored.key).await == all);
    assert_eq!(stored.key, checkpoints[0].key, "one writer from the start to the end needs no other key");
    assert_only(&objects, &stored, &[]).await;
    // The response was lost: the last checkpoint still leads to the whole object.
    let mut again = resume(&objects, checkpoints.last().unwrap()).await;
    write(&mut again, &all.slice(22 * MIB + 5..)).await;
    let stored = again.finish().await.unwrap();
    cleanup(&objects, &checkpoints[0], &stored).await;
    assert!(whole(&objects, &stored.key).await == all);
}

pub(super) async fn dropped(store: Store) {
    let objects = store.open().await;
    for bytes in [0, 600_000, 17 * MIB] {
        let mut writer = objects.create().await.unwrap();
        let key = writer.key().clone();
        write(&mut writer, &content(bytes)).await;
        drop(writer);
        empties(&objects, &key).await;
        let mut writer = objects.create().await.unwrap();
        let key = writer.key().clone();
        write(&mut writer, &content(bytes)).await;
        writer.abort().await.unwrap();
        assert_eq!(listed(&objects, &key).await, None);
    }
}

pub(super) async fn dropped_later(store: Store) {
    let objects = store.open().await;
    let all = content(12 * MIB);
    let mut writer = objects.create().await.unwrap();
    write(&mut writer, &all.slice(..6 * MIB)).await;
    let at = writer.checkpoint().await.unwrap();
    let mut resumed = resume(&objects, &at).await;
    write(&mut resumed, &all.slice(..3 * MIB)).await;
    drop(resumed);
    let mut again = resume(&objects, &at).await;
    write(&mut again, &all.slice(6 * MIB..)).await;
    let stored = again.finish().await.unwrap();
    assert!(whole(&objects, &stored.key).await == all);
    cleanup(&objects, &at, &stored).await;
}

/// Of a process that died, only the key is known.
pub(super) async fn crashed(store: Store) {
    let objects = store.open().await;
    for save in [false, true] {
        let mut writer = objects.create().await.unwrap();
        let key = writer.key().clone();
        write(&mut writer, &content(17 * MIB)).await;
        if save {
            let at = writer.save().await.unwrap();
            let mut other = resume(&objects, &at).await;
            write(&mut other, &content(9 * MIB)).await;
            std::mem::forget(other);
        }
        std::mem::forget(writer);
        // What was being sent arrives; the dead process can't stop it, and would not send more.
        let (began, mut looks) = (Instant::now(), 0);
        while looks < 2 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            store.open().await.remove(&key).await.unwrap();
            let left = listed(&objects, &key).await;
            assert!(left.is_none() || began.elapsed() < Duration::from_secs(30), "something is left: {left:?}");
            looks = if left.is_none() { looks + 1 } else { 0 };
        }
    }
}

/// A phone that loses its connection over and over.
pub(super) async fn many_small(store: Store) {
    let objects = store.open().await;
    let all = content(6 * MIB);
    let mut writer = objects.create().await.unwrap();
    let step = 50_000;
    let mut at = 0;
    let mut last = None;
    while at < all.len() {
        let to = (at + step).min(all.len());
        write(&mut writer, &all.slice(at..to)).await;
        let checkpoint = writer.checkpoint().await.unwrap();
        assert!(checkpoint.state.len() < 20_000, "a checkpoint's state must stay small");
        writer = resume(&objects, &checkpoint).await;
        (at, last) = (to, Some(checkpoint));
    }
    let stored = writer.finish().await.unwrap();
    assert!(whole(&objects, &stored.key).await == all);
    let checkpoint = last.unwrap();
    cleanup(&objects, &checkpoint, &stored).await;
    assert_only(&objects, &stored, &[&checkpoint.key]).await;
    assert!(
        matches!(objects.resume(&checkpoint, ObjectKey::random()).await, Err(Error::Missing))
            || stored.key == checkpoint.key
    );
}

pub(super) async fn read_back(store: Store) {
    let objects = store.open().await;
    let all = content(10 * MIB);
    for cut in [0, 40_000, 9 * MIB + 1] {
        let mut writer = objects.create().await.unwrap();
        write(&mut writer, &all.slice(..cut)).await;
        let at = writer.checkpoint().await.unwrap();
        for _ in 0..2 {
            let chunks: Vec<Bytes> = objects.read_back(&at).await.unwrap().try_collect().await.unwrap();
            assert!(chunks.concat() == all[..cut], "{cut}");
        }
        let mut writer = resume(&objects, &at).await;
        write(&mut writer, &all.slice(cut..)).await;
        let stored = writer.finish().await.unwrap();
        assert!(whole(&objects, &stored.key).await == all);
    }
}
