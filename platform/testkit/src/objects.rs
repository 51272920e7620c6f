//! Bytes for tests of stores, written and read whole.
//!
//! Invariant: bytes differ at every offset, so that a part in the wrong place is noticed.

use ::objects::{Objects, Writer};
use base::ObjectKey;
use bytes::Bytes;
use futures::TryStreamExt as _;

/// Bytes in a mebibyte.
pub const MIB: usize = 1 << 20;

/// Returns bytes that differ at every offset.
pub fn content(bytes: usize) -> Bytes {
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    // Word by word: tests are not optimised, and ask for many megabytes.
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        content.extend_from_slice(&seed.to_le_bytes());
    }
    content.truncate(bytes);
    content.into()
}

/// Writes bytes in chunks of 200 kB.
pub async fn write(writer: &mut Writer, bytes: &Bytes) {
    for chunk in bytes.chunks(200_000) {
        writer.write(bytes.slice_ref(chunk)).await.expect("the store responds");
    }
}

/// Reads a whole object.
pub async fn whole(objects: &Objects, key: &ObjectKey) -> Bytes {
    let len = objects.len(key).await.expect("the store responds");
    let chunks: Vec<Bytes> =
        objects.read(key, 0..len).await.expect("the store responds").try_collect().await.expect("the store responds");
    chunks.concat().into()
}
