//! An archive of several files, written while it is sent.
//!
//! Owns the order of its parts; their layout is in [`crate::model::zip`]. Invariant: one file is open at a time, and at
//! most one chunk of it is held here, however large the archive is. A file that can't be read to its end ends the
//! response before its announced length, so that no client takes the archive for a whole one.

use axum::BoxError;
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use contract::{MediaId, ObjectKey};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::archive_permits::ArchivePermit;
use crate::error::Error;
use crate::model::zip::{ZipEntry, ZipWriter};
use crate::object_cache::Overlays;
use crate::queries;
use crate::state::Delivery;

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
pub(crate) async fn archive_body(
    delivery: Delivery,
    files: Vec<ArchiveFile>,
    permit: ArchivePermit,
) -> Result<Body, Error> {
    let mut reader = ArchiveReader {
        delivery,
        files: files.into_iter(),
        open: None,
        current_id: String::new(),
        writer: Some(ZipWriter::default()),
        _permit: permit,
    };
    let Some(header) = reader.open_next().await? else { return Ok(Body::empty()) };
    let rest = stream::try_unfold(reader, ArchiveReader::next);
    Ok(Body::from_stream(stream::once(async { Ok::<_, BoxError>(header) }).chain(rest)))
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
    /// Held until the archive has ended or the client is gone.
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
