//! The memory that all writers of a process share.
//!
//! No writer waits for it: if it is short, a writer stores its buffer early, as a staged part, if that is at least its
//! share. So many slow writers can't block each other or a fast one. Invariant: beyond the limit there is one share per
//! active writer, and [`MIN_STAGED_BYTES`] per writer if there are very many.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};

/// Less is not worth a request.
pub(super) const MIN_STAGED_BYTES: usize = 64 * 1024;
/// Smaller chunks are copied together: each would cost more to keep than it holds.
const SMALL_CHUNK_BYTES: usize = 8 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    max_bytes: usize,
    used: AtomicUsize,
    writers: AtomicUsize,
}

impl MemoryBudget {
    pub(super) fn new(max_bytes: usize) -> Arc<Self> {
        Arc::new(Self { max_bytes, used: AtomicUsize::new(0), writers: AtomicUsize::new(0) })
    }

    /// Returns the bytes that are held now.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether the limit is exceeded.
    pub(super) fn is_tight(&self) -> bool {
        self.used() > self.max_bytes
    }

    /// Whether a writer that holds so many bytes should store them.
    fn should_flush(&self, held: usize) -> bool {
        let share = self.max_bytes / self.writers.load(Ordering::Relaxed).max(1);
        self.is_tight() && held >= share.max(MIN_STAGED_BYTES)
    }
}

/// Bytes that count towards the budget while they are held.
#[derive(Debug)]
pub(super) struct Held {
    memory: Arc<MemoryBudget>,
    chunks: Vec<Bytes>,
    small: BytesMut,
    bytes: usize,
}

impl Held {
    fn new(memory: Arc<MemoryBudget>) -> Self {
        Self { memory, chunks: Vec::new(), small: BytesMut::new(), bytes: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes
    }

    fn push(&mut self, bytes: Bytes) {
        self.memory.used.fetch_add(bytes.len(), Ordering::Relaxed);
        self.bytes += bytes.len();
        if bytes.len() < SMALL_CHUNK_BYTES {
            self.small.extend_from_slice(&bytes);
            if self.small.len() < MIN_STAGED_BYTES {
                return;
            }
        }
        if !self.small.is_empty() {
            let small = std::mem::take(&mut self.small).freeze();
            self.chunks.push(small);
        }
        if bytes.len() >= SMALL_CHUNK_BYTES {
            self.chunks.push(bytes);
        }
    }

    /// Returns the bytes, in order, without copying them.
    pub(super) fn chunks(&self) -> Vec<Bytes> {
        let mut chunks = self.chunks.clone();
        if !self.small.is_empty() {
            chunks.push(Bytes::copy_from_slice(&self.small));
        }
        chunks
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The buffer of one writer.
#[derive(Debug)]
pub(super) struct PartBuffer {
    held: Held,
}

impl PartBuffer {
    pub(super) fn new(memory: &Arc<MemoryBudget>) -> Self {
        memory.writers.fetch_add(1, Ordering::Relaxed);
        Self { held: Held::new(memory.clone()) }
    }

    pub(super) fn push(&mut self, bytes: Bytes) {
        self.held.push(bytes);
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn should_flush(&self) -> bool {
        self.held.memory.should_flush(self.held.bytes)
    }

    /// Takes everything, still counted until it is dropped.
    pub(super) fn take(&mut self) -> Held {
        let memory = self.held.memory.clone();
        std::mem::replace(&mut self.held, Held::new(memory))
    }
}

impl Drop for PartBuffer {
    fn drop(&mut self) {
        self.held.memory.writers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_chunks_keep_their_order_and_are_counted() {
        let memory = MemoryBudget::new(1 << 20);
        let mut buffer = PartBuffer::new(&memory);
        let mut whole = Vec::new();
        for (index, size) in [1, 8192, 5, 5, 70_000, 8191, 1].into_iter().cycle().take(50).enumerate() {
            let chunk = vec![index as u8; size];
            whole.extend_from_slice(&chunk);
            buffer.push(chunk.into());
        }
        assert_eq!(memory.used(), whole.len());
        let held = buffer.take();
        assert_eq!((held.chunks().concat(), buffer.len()), (whole, 0));
        drop(held);
        assert_eq!(memory.used(), 0);
    }

    #[test]
    fn many_writers_that_never_rest_stay_within_the_bound() {
        let max_bytes = 4 << 20;
        let memory = MemoryBudget::new(max_bytes);
        let mut writers: Vec<_> = (0..200).map(|_| PartBuffer::new(&memory)).collect();
        let mut highest = 0;
        for _ in 0..200 {
            for writer in &mut writers {
                writer.push(vec![0; 10_000].into());
                if writer.should_flush() {
                    drop(writer.take());
                }
                highest = highest.max(memory.used());
            }
        }
        assert!(highest <= max_bytes + 200 * (MIN_STAGED_BYTES + 10_000), "{highest}");
        drop(writers);
        assert_eq!(memory.used(), 0);
    }
}
