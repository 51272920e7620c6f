//! `Read + Seek` over an object that lies elsewhere, for blocking threads.
//!
//! Invariant: at most one window of the object is in memory.

use std::io::{Error, Read, Result, Seek, SeekFrom};

use bytes::Bytes;
use futures::TryStreamExt as _;
use kit::objects::{ObjectKey, Objects};
use tokio::runtime::Handle;

const WINDOW: u64 = 128 * 1024;

/// Reads an object by ranges. Only for threads that may block.
pub(crate) struct Ranged {
    objects: Objects,
    key: ObjectKey,
    bytes: u64,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
    runtime: Handle,
}

impl Ranged {
    pub(crate) fn new(objects: Objects, key: ObjectKey, bytes: u64, runtime: Handle) -> Self {
        Self { objects, key, bytes, at: 0, window: Vec::new(), window_at: 0, runtime }
    }

    fn fetch(&mut self) -> Result<()> {
        let range = self.at..(self.at + WINDOW).min(self.bytes);
        let (objects, key) = (&self.objects, &self.key);
        let chunks: Vec<Bytes> = self.runtime.block_on(async { objects.read(key, range).await?.try_collect().await }).map_err(|error: kit::objects::Error| Error::other(error))?;
        self.window = chunks.concat();
        self.window_at = self.at;
        Ok(())
    }
}

impl Read for Ranged {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        if self.at >= self.bytes {
            return Ok(0);
        }
        let end = self.window_at + self.window.len() as u64;
        if self.at < self.window_at || self.at >= end {
            self.fetch()?;
        }
        let from = usize::try_from(self.at - self.window_at).map_err(Error::other)?;
        let there = self.window.get(from..).unwrap_or_default();
        let taken = there.len().min(into.len());
        into[..taken].copy_from_slice(&there[..taken]);
        self.at += taken as u64;
        Ok(taken)
    }
}

impl Seek for Ranged {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.bytes.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
