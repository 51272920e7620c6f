//! `Read + Seek` over an object in a remote store, for blocking threads.
//!
//! Invariant: at most one window of the object is in memory.

use std::io::{Error, Read, Result, Seek, SeekFrom};

use base::ObjectKey;
use bytes::Bytes;
use futures::TryStreamExt as _;
use objects::Objects;
use tokio::runtime::Handle;

const WINDOW_BYTES: u64 = 128 * 1024;
/// The largest window: one that follows on the one before has twice its length, since each read waits for the store.
const MAX_WINDOW_BYTES: u64 = 2 * 1024 * 1024;

/// Reads an object by ranges. Only for threads that may block.
pub(crate) struct ObjectReader {
    objects: Objects,
    key: ObjectKey,
    bytes: u64,
    position: u64,
    window: Vec<u8>,
    window_start: u64,
    window_bytes: u64,
    runtime: Handle,
}

impl ObjectReader {
    pub(crate) fn new(objects: Objects, key: ObjectKey, bytes: u64, runtime: Handle) -> Self {
        let window_bytes = WINDOW_BYTES;
        Self { objects, key, bytes, position: 0, window: Vec::new(), window_start: 0, window_bytes, runtime }
    }

    fn fetch(&mut self) -> Result<()> {
        let end = self.window_start + self.window.len() as u64;
        let follows = end > 0 && (end..end + self.window_bytes).contains(&self.position);
        self.window_bytes = if follows { (self.window_bytes * 2).min(MAX_WINDOW_BYTES) } else { WINDOW_BYTES };
        let range = self.position..(self.position + self.window_bytes).min(self.bytes);
        let (objects, key) = (&self.objects, &self.key);
        let chunks: Vec<Bytes> = self
            .runtime
            .block_on(async { objects.read(key, range).await?.try_collect().await })
            .map_err(|error: objects::Error| Error::other(error))?;
        self.window = chunks.concat();
        self.window_start = self.position;
        Ok(())
    }
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.position >= self.bytes {
            return Ok(0);
        }
        let end = self.window_start + self.window.len() as u64;
        if self.position < self.window_start || self.position >= end {
            self.fetch()?;
        }
        let from = usize::try_from(self.position - self.window_start).map_err(Error::other)?;
        let available = self.window.get(from..).unwrap_or_default();
        let copied = available.len().min(buffer.len());
        buffer[..copied].copy_from_slice(&available[..copied]);
        self.position += copied as u64;
        Ok(copied)
    }
}

impl Seek for ObjectReader {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
