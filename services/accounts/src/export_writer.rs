//! Writes a ZIP archive into the object store, file after file.
//!
//! Does not own the layout ([`codec::zip`]) nor the content. Invariant: a file whose size was announced has that size,
//! else the archive is never finished.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use codec::zip::{MAX_UNANNOUNCED_BYTES, ZipEntry, ZipWriter};
use objects::{Stored, Writer};

use crate::error::Error;

/// An archive that is being written.
pub(crate) struct ArchiveWriter {
    object: Writer,
    zip: ZipWriter,
    open: Option<OpenFile>,
    /// What is written before the next chunk.
    pending: Vec<u8>,
}

struct OpenFile {
    entry: ZipEntry,
    crc32: crc32fast::Hasher,
    written: u64,
    is_announced: bool,
}

impl ArchiveWriter {
    /// Begins an archive.
    pub(crate) fn new(object: Writer) -> Self {
        Self { object, zip: ZipWriter::default(), open: None, pending: Vec::new() }
    }

    /// Adds a whole file.
    pub(crate) async fn add(&mut self, name: &str, bytes: Vec<u8>, modified_at: DateTime<Utc>) -> Result<(), Error> {
        self.begin(name, Some(bytes.len() as u64), modified_at).await?;
        self.write(bytes.into()).await?;
        self.end()
    }

    /// Begins a file. Its size may be unknown.
    pub(crate) async fn begin(
        &mut self,
        name: &str,
        bytes: Option<u64>,
        modified_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let entry = ZipEntry { name: name.to_owned(), bytes: bytes.unwrap_or(0), modified_at };
        self.pending.extend(ZipWriter::header(&entry));
        let crc32 = crc32fast::Hasher::new();
        self.open = Some(OpenFile { entry, crc32, written: 0, is_announced: bytes.is_some() });
        self.flush().await
    }

    /// Writes bytes of the open file.
    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), Error> {
        self.flush().await?;
        if let Some(open) = &mut self.open {
            open.crc32.update(&chunk);
            open.written += chunk.len() as u64;
        }
        if chunk.is_empty() { Ok(()) } else { Ok(self.object.write(chunk).await?) }
    }

    /// Ends the open file.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        let Some(OpenFile { entry, crc32, written, is_announced }) = self.open.take() else { return Ok(()) };
        let fits = if is_announced { written == entry.bytes } else { written <= MAX_UNANNOUNCED_BYTES };
        if !fits {
            return Err(Error::Export(format!("a file of the archive has {written} bytes, which is not its size")));
        }
        let entry = ZipEntry { bytes: written, ..entry };
        self.pending.extend(self.zip.end_file(&entry, crc32.finalize()));
        Ok(())
    }

    /// Writes what is held back between files.
    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        Ok(self.object.write(pending.into()).await?)
    }

    /// Ends the archive. Returns when it survives a power cut.
    pub(crate) async fn finish(mut self) -> Result<Stored, Error> {
        self.flush().await?;
        self.object.write(self.zip.finish().into()).await?;
        Ok(self.object.finish().await?)
    }
}
