//! Sealed files: compressed (zstd), then encrypted (age), as a stream through a thread of its own, or whole in memory.
//!
//! Bytes that are changed or cut off are an error when a sealed file is opened: age authenticates each chunk and the
//! end. That it is the right file is shown by its digest, which the manifest has. Invariant: memory is a few chunks,
//! whatever the size of a file.

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use age::{DecryptError, Decryptor, Encryptor};
use bytes::{Buf as _, Bytes, BytesMut};
use futures::{Stream, TryStreamExt as _};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::Error;
use crate::keys::Keys;
use crate::rate_limit::RateLimit;
use objects::Writer;

/// The level of zstd: photos and videos are compressed already, and rows get small at the fastest one.
const LEVEL: i32 = 1;
/// Bytes that a thread hands over at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that wait on either side of a thread.
const MAX_WAITING: usize = 4;

/// The size and the SHA-256 of what is in a sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Counts and hashes bytes.
#[derive(Default)]
struct Hasher {
    bytes: u64,
    hash: Sha256,
}

impl Hasher {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    fn finish(self) -> Digest {
        Digest { bytes: self.bytes, sha256: hex::encode(self.hash.finalize()) }
    }
}

/// The thread's end of a channel, as a writer.
struct ChunkWriter {
    buffer: BytesMut,
    sender: mpsc::Sender<Bytes>,
}

impl ChunkWriter {
    fn new(sender: mpsc::Sender<Bytes>) -> Self {
        Self { buffer: BytesMut::new(), sender }
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let sent = self.sender.blocking_send(self.buffer.split().freeze());
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

/// The thread's end of a channel, as a reader.
struct ChunkReader {
    chunk: Bytes,
    receiver: mpsc::Receiver<Bytes>,
}

impl Read for ChunkReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = into.len().min(self.fill_buf()?.len());
        self.chunk.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

impl BufRead for ChunkReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.chunk.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.chunk = chunk,
                None => break,
            }
        }
        Ok(&self.chunk)
    }

    fn consume(&mut self, count: usize) {
        self.chunk.advance(count);
    }
}

/// Bytes in memory, no more than are expected.
struct Whole {
    bytes: Vec<u8>,
    max_bytes: usize,
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.max_bytes.saturating_sub(self.bytes.len()) {
            return Err(io::Error::other("it holds more bytes than the point names"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Seals a stream into a new object of the repository.
pub(crate) async fn seal<S>(
    keys: &Arc<Keys>,
    source: S,
    mut writer: Writer,
    limit: &RateLimit,
) -> Result<(Digest, objects::Stored), Error>
where
    S: Stream<Item = Result<Bytes, Error>>,
{
    let (plain, received) = mpsc::channel(MAX_WAITING);
    let (sealed, mut chunks) = mpsc::channel(MAX_WAITING);
    let keys = keys.clone();
    let thread = tokio::task::spawn_blocking(move || encrypt(&keys, received, sealed));
    let feed = async move {
        let mut source = std::pin::pin!(source);
        while let Some(chunk) = source.try_next().await? {
            limit.take(chunk.len() as u64).await;
            // The thread says why it has ended.
            if plain.send(chunk).await.is_err() {
                break;
            }
        }
        Ok::<(), Error>(())
    };
    // If the source fails, this is dropped with the writer, which removes what it wrote.
    let store = async move {
        while let Some(chunk) = chunks.recv().await {
            writer.write(chunk).await.map_err(Error::Repository)?;
        }
        Ok::<Writer, Error>(writer)
    };
    let ((), writer) = tokio::try_join!(feed, store)?;
    let digest = thread.await.map_err(|error| Error::Interrupted(error.to_string()))?;
    let digest = digest.map_err(|error| Error::Interrupted(error.to_string()))?;
    Ok((digest, writer.finish().await.map_err(Error::Repository)?))
}

fn encrypt(keys: &Keys, mut plain: mpsc::Receiver<Bytes>, sealed: mpsc::Sender<Bytes>) -> io::Result<Digest> {
    let recipients = keys.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(recipients).map_err(|error| io::Error::other(error.to_string()))?;
    let encrypted = encryptor.wrap_output(ChunkWriter::new(sealed))?;
    let mut compressed = zstd::stream::write::Encoder::new(encrypted, LEVEL)?;
    let mut hasher = Hasher::default();
    while let Some(chunk) = plain.blocking_recv() {
        hasher.add(&chunk);
        compressed.write_all(&chunk)?;
    }
    compressed.finish()?.finish()?.flush()?;
    Ok(hasher.finish())
}

/// Why a sealed file can't be opened.
enum OpenError {
    WrongKey,
    Damaged(String),
    Unreadable(io::Error),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl OpenError {
    fn of(self, what: &str) -> Error {
        match self {
            Self::WrongKey => Error::WrongKey,
            Self::Damaged(reason) => Error::damaged(what, reason),
            Self::Unreadable(cause) => Error::Repository(cause.into()),
        }
    }
}

/// A small sealed file.
pub(crate) enum SmallFile {
    /// Its bytes.
    Bytes(Bytes),
    /// Where it is on this machine, and its size in bytes.
    Local(PathBuf, u64),
}

impl SmallFile {
    fn read(self) -> io::Result<Bytes> {
        let (path, bytes) = match self {
            Self::Bytes(bytes) => return Ok(bytes),
            Self::Local(path, bytes) => (path, bytes),
        };
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(0)];
        File::open(path)?.read_exact(&mut content)?;
        Ok(Bytes::from(content))
    }
}

/// Opens a sealed file and hands its bytes to `visit`, chunk by chunk. `what` names the file in errors.
///
/// What was visited counts only if this returns `Ok`: a file that is damaged at its end is noticed there.
pub(crate) async fn open<S>(
    keys: &Arc<Keys>,
    what: &str,
    sealed: S,
    mut visit: impl AsyncFnMut(Bytes) -> Result<(), Error>,
) -> Result<Digest, Error>
where
    S: Stream<Item = Result<Bytes, Error>>,
{
    let (encrypted, received) = mpsc::channel(MAX_WAITING);
    let (plain, mut chunks) = mpsc::channel(MAX_WAITING);
    let keys = keys.clone();
    let thread = tokio::task::spawn_blocking(move || {
        decrypt(&keys, ChunkReader { chunk: Bytes::new(), receiver: received }, &mut ChunkWriter::new(plain))
    });
    let feed = async move {
        let mut sealed = std::pin::pin!(sealed);
        while let Some(chunk) = sealed.try_next().await? {
            if encrypted.send(chunk).await.is_err() {
                break;
            }
        }
        Ok::<(), Error>(())
    };
    let read = async move {
        while let Some(chunk) = chunks.recv().await {
            visit(chunk).await?;
        }
        Ok::<(), Error>(())
    };
    tokio::try_join!(feed, read)?;
    let opened = thread.await.map_err(|error| Error::Interrupted(error.to_string()))?;
    opened.map_err(|error| error.of(what))
}

/// Opens a small sealed file that holds at most `max_bytes`. Returns its digest and its bytes.
///
/// One thread does all of it: for a small file, handing chunks from thread to thread takes longer than opening them.
pub(crate) async fn open_small(
    keys: &Arc<Keys>,
    what: &str,
    sealed: SmallFile,
    max_bytes: usize,
) -> Result<(Digest, Bytes), Error> {
    let keys = keys.clone();
    let thread = tokio::task::spawn_blocking(move || {
        let sealed = sealed.read().map_err(OpenError::Unreadable)?;
        let mut whole = Whole { bytes: Vec::with_capacity(max_bytes), max_bytes };
        let digest = decrypt(&keys, &*sealed, &mut whole)?;
        Ok::<_, OpenError>((digest, Bytes::from(whole.bytes)))
    });
    let opened = thread.await.map_err(|error| Error::Interrupted(error.to_string()))?;
    opened.map_err(|error| error.of(what))
}

fn decrypt(keys: &Keys, sealed: impl BufRead, plain: &mut impl Write) -> Result<Digest, OpenError> {
    let decryptor = Decryptor::new_buffered(sealed).map_err(damaged)?;
    let decrypted =
        decryptor.decrypt(keys.identities.iter().map(|identity| identity as &dyn age::Identity)).map_err(damaged)?;
    let mut decompressed = zstd::stream::read::Decoder::new(decrypted)?;
    let (mut hasher, mut buffer) = (Hasher::default(), vec![0; CHUNK_BYTES]);
    loop {
        let count = decompressed.read(&mut buffer)?;
        if count == 0 {
            plain.flush()?;
            return Ok(hasher.finish());
        }
        hasher.add(&buffer[..count]);
        plain.write_all(&buffer[..count])?;
    }
}

fn damaged(error: DecryptError) -> OpenError {
    match error {
        DecryptError::NoMatchingKeys => OpenError::WrongKey,
        other => OpenError::Damaged(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_file_opens_up_to_the_size_that_is_expected_and_a_changed_or_cut_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("backup.key");
        Keys::generate(&key).unwrap();
        let (keys, limit) = (Arc::new(Keys::read(&key, &[]).unwrap()), RateLimit::new(0));
        let store = objects::Objects::folder(&folder.path().join("store")).await.unwrap();
        for content in [Bytes::new(), Bytes::from(b"song ".repeat(100_000))] {
            let source = futures::stream::iter([Ok(content.clone())]);
            let (digest, stored) = seal(&keys, source, store.create().await.unwrap(), &limit).await.unwrap();
            let sealed = store.get(&stored.key, 1 << 20).await.unwrap();
            let path = folder.path().join("store").join(stored.key.as_str());
            for small in [SmallFile::Bytes(sealed.clone()), SmallFile::Local(path, stored.bytes)] {
                let opened = open_small(&keys, "it", small, content.len()).await.unwrap();
                assert_eq!(opened, (digest.clone(), content.clone()));
            }
            let mut changed = sealed.to_vec();
            *changed.last_mut().unwrap() ^= 1;
            let cut = sealed.slice(..sealed.len() - 1);
            let mut wrong = vec![(Bytes::from(changed), content.len()), (cut, content.len())];
            // A file that expands beyond what the point names is not held in memory.
            wrong.extend(content.len().checked_sub(1).map(|less| (sealed, less)));
            for (sealed, max_bytes) in wrong {
                let opened = open_small(&keys, "it", SmallFile::Bytes(sealed), max_bytes).await;
                assert!(matches!(opened, Err(Error::Damaged { .. })), "{opened:?}");
            }
        }
    }
}
