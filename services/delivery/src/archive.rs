//! An archive of several files, written while it is sent.
//!
//! Owns the order of its parts; their layout is in [`codec::zip`]. Invariant: one file is open at a time, and at
//! most one chunk of it is held here, however large the archive is. A file that can't be read to its end, and a client
//! that reads too slowly, end the response before its announced length, so that no client takes the archive for a whole
//! one.

use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use codec::zip::{ZipEntry, ZipWriter};
use contract::{MediaId, ObjectKey};
use futures::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use http_server::{ClientPace, TooSlow};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::archive_permits::ArchivePermit;
use crate::error::Error;
use crate::object_cache::Overlays;
use crate::queries;
use crate::state::Delivery;

/// The window over which the rate of a client is averaged. It takes several chunks even at the lowest rate.
const RATE_WINDOW: Duration = Duration::from_secs(60);

/// A file of an archive.
#[derive(Debug)]
pub(crate) struct ArchiveFile {
    pub entry: ZipEntry,
    pub id: MediaId,
    pub object: ObjectKey,
    /// Whether overlays are applied to its bytes. They are fetched when it is its turn: an item may have many.
    pub has_overlays: bool,
}

/// Returns the bytes of an archive as a body. Its first file is opened before this returns, so that an unavailable
/// store is an error and not a broken response.
///
/// A body is polled only when its client has read what is before it, so a client that reads next to nothing would hold
/// its permit for days. A task of its own sends the parts, measures the client, and releases the permit.
pub(crate) async fn archive_body(
    delivery: Delivery,
    files: Vec<ArchiveFile>,
    permit: ArchivePermit,
) -> Result<Body, Error> {
    let min_bytes_per_second = delivery.archive_permits.min_bytes_per_second();
    let mut reader = ArchiveReader {
        delivery,
        files: files.into_iter(),
        open: None,
        current_id: String::new(),
        writer: Some(ZipWriter::default()),
        _permit: permit,
    };
    let Some(header) = reader.open_next().await? else { return Ok(Body::empty()) };
    let (pace, tasks) = (ClientPace::new(min_bytes_per_second, RATE_WINDOW), reader.delivery.context.tasks.clone());
    let parts =
        stream::once(async { Ok::<_, BoxError>(header) }).chain(stream::try_unfold(reader, ArchiveReader::next));
    let (sender, mut receiver) = mpsc::channel(1);
    tasks.spawn(
        async move {
            if let Err(error) = Box::pin(send_at_pace(parts, sender, pace)).await {
                tracing::info!(%error, "an archive ends early");
            }
        }
        .in_current_span(),
    );
    Ok(Body::from_stream(stream::poll_fn(move |context| receiver.poll_recv(context))))
}

/// Sends parts as fast as the client takes them: until the last one, until the client is gone, or until it is too slow.
async fn send_at_pace(
    parts: impl Stream<Item = Result<Bytes, BoxError>>,
    sender: mpsc::Sender<Result<Bytes, BoxError>>,
    mut pace: ClientPace,
) -> Result<(), TooSlow> {
    let mut parts = std::pin::pin!(parts);
    loop {
        // The next part is read when there is room for it, so at most one waits.
        let waited = tokio::time::timeout_at(pace.wait(), sender.reserve()).await;
        pace.pause();
        pace.check()?;
        let slot = match waited {
            Ok(Ok(slot)) => slot,
            Ok(Err(_client_is_gone)) => return Ok(()),
            Err(_window_ended) => continue,
        };
        // A store that does not respond holds no permit for a client that is gone.
        let part = tokio::select! {
            part = parts.next() => part,
            () = sender.closed() => return Ok(()),
        };
        let Some(part) = part else { return Ok(()) };
        pace.transfer(part.as_ref().map_or(0, Bytes::len));
        slot.send(part);
    }
}

/// An archive that is being read.
struct ArchiveReader {
    delivery: Delivery,
    /// The files that are not open yet.
    files: std::vec::IntoIter<ArchiveFile>,
    open: Option<OpenFile>,
    /// The item of the file that was opened last, for the log.
    current_id: String,
    /// `None` once the directory is written.
    writer: Option<ZipWriter>,
    /// Held until the archive has ended, or the client is gone or too slow.
    _permit: ArchivePermit,
}

struct OpenFile {
    entry: ZipEntry,
    crc32: crc32fast::Hasher,
    chunks: BodyDataStream,
}

impl ArchiveReader {
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BoxError> {
        match self.part().await {
            Ok(part) => Ok(part.map(|part| (part, self))),
            Err(error) => {
                let id = self.current_id.as_str();
                tracing::warn!(media.id = id, %error, "a file could not be read, so its archive ends early");
                Err(error)
            }
        }
    }

    /// Returns the next part: of the open file, what follows it, the header of the next one, or the directory.
    async fn part(&mut self) -> Result<Option<Bytes>, BoxError> {
        if let Some(open) = &mut self.open
            && let Some(chunk) = open.chunks.try_next().await?
        {
            open.crc32.update(&chunk);
            return Ok(Some(chunk));
        }
        if let (Some(open), Some(writer)) = (self.open.take(), &mut self.writer) {
            return Ok(Some(writer.end_file(&open.entry, open.crc32.finalize()).into()));
        }
        if let Some(header) = self.open_next().await? {
            return Ok(Some(header));
        }
        Ok(self.writer.take().map(|writer| writer.finish().into()))
    }

    /// Opens the next file and returns its header; `None` after the last.
    async fn open_next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(file) = self.files.next() else { return Ok(None) };
        let (delivery, object) = (&self.delivery, &file.object);
        file.id.as_str().clone_into(&mut self.current_id);
        let overlays =
            if file.has_overlays { Some(Overlays(queries::get_item(delivery, &file.id).await?)) } else { None };
        let body = delivery.object_cache.stream(object, 0..file.entry.bytes, overlays).await?;
        let header = ZipWriter::header(&file.entry);
        let (crc32, chunks) = (crc32fast::Hasher::new(), body.into_data_stream());
        self.open = Some(OpenFile { entry: file.entry, crc32, chunks });
        Ok(Some(header.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const PART: usize = 64 << 10;

    /// Lets a client take one part after each of `waits` seconds. Returns the result, and how many parts it received.
    async fn take_parts(waits: impl IntoIterator<Item = u64>) -> (Result<(), TooSlow>, usize) {
        // Stands for the permit, which the parts own.
        let permit = Arc::new(());
        let held = permit.clone();
        let parts = stream::repeat_with(move || {
            assert_eq!(Arc::strong_count(&held), 2, "the permit is held while parts are sent");
            Ok(Bytes::from(vec![0; PART]))
        });
        let (sender, mut receiver) = mpsc::channel(1);
        let sending = tokio::spawn(send_at_pace(parts.take(100), sender, ClientPace::new(16 << 10, RATE_WINDOW)));
        let mut received = 0;
        for seconds in waits {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            if receiver.recv().await.is_none() {
                break;
            }
            received += 1;
        }
        drop(receiver);
        let result = sending.await.unwrap();
        assert_eq!(Arc::strong_count(&permit), 1, "the permit is released");
        (result, received)
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_trickles_loses_its_permit_and_a_slow_one_gets_everything() {
        assert_eq!(take_parts([3; 200]).await, (Ok(()), 100));
        let (result, received) = take_parts([30; 200]).await;
        assert_eq!(result, Err(TooSlow));
        assert!(received < 5, "{received}");
        assert_eq!(take_parts([7200]).await, (Err(TooSlow), 1), "one that reads nothing");
        assert_eq!(take_parts([1; 5]).await, (Ok(()), 5), "one that disconnects");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_goes_while_the_store_does_not_respond_releases_its_permit() {
        // Stands for the permit, which the parts own.
        let permit = Arc::new(());
        let held = permit.clone();
        let parts = stream::once(async move {
            let part = std::future::pending::<Result<Bytes, BoxError>>().await;
            drop(held);
            part
        });
        let (sender, receiver) = mpsc::channel(1);
        let sending = tokio::spawn(send_at_pace(parts, sender, ClientPace::new(16 << 10, RATE_WINDOW)));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(Arc::strong_count(&permit), 2);
        drop(receiver);
        assert_eq!(sending.await.unwrap(), Ok(()));
        assert_eq!(Arc::strong_count(&permit), 1);
    }
}
