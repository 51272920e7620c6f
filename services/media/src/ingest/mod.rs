//! The path that every upload takes: probe, count, hash, store.
//!
//! Owns an upload in flight. Does not own how bytes arrive ([`crate::api`]) nor the row at the end ([`commit`]).
//! Invariant: a byte is stored only after everything before it was found acceptable, as far as that can be known by
//! then.

mod body_reader;
mod commit;
mod inspect;
mod object_reader;
mod probe;
mod read_slots;

pub(crate) use body_reader::BodyReader;
pub(crate) use commit::{CommitRequest, commit};
pub(crate) use inspect::{FileInfo, ProbeResult, inspect};
pub(crate) use probe::{HeaderBudget, Probe};
pub(crate) use read_slots::ReadSlots;

use bytes::Bytes;
use codec::sniff::Format;
use contract::{AccountId, ObjectKey};
use objects::{Checkpoint, Writer};
use service::Flag;
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::Media;
use crate::cleanup::cleanup;
use crate::commands::orphan_unreferenced;
use crate::error::Error;
use crate::metrics::InFlightUpload;
use crate::model::limits;
use crate::object_keys::PooledKey;
use crate::quota::Reservation;

/// Where the bytes of an upload go.
enum Destination {
    /// Into memory, until their format is known.
    Buffering(Vec<Bytes>),
    /// Into an object that this request created.
    Owned(Writer, PooledKey),
    /// Into an object that the row of an upload names. In the end it may be stored under the key that this request has
    /// leased.
    Checkpointed(Writer, PooledKey),
}

/// An upload in flight.
pub(crate) struct Ingest {
    media: Media,
    owner: AccountId,
    probe: Probe,
    hash: Sha256,
    destination: Destination,
    bytes: u64,
    expected: Option<u64>,
    /// The smallest possible size, where only that is known.
    min_bytes: u64,
    reservation: Reservation,
    permit: UploadPermit,
}

/// The permit of an upload in flight, released when it is dropped.
pub(crate) struct UploadPermit {
    _permit: OwnedSemaphorePermit,
    _in_flight: InFlightUpload,
}

/// A durable state from which an upload can be resumed.
pub(crate) struct SavedState {
    pub checkpoint: Checkpoint,
    pub hash: Sha256,
    pub format: Option<Format>,
}

impl Ingest {
    /// Takes a permit and reserves the quota. `expected` is the size that the client announced. Fails while uploads are
    /// turned off.
    pub(crate) async fn begin(media: &Media, owner: AccountId, expected: Option<u64>) -> Result<Self, Error> {
        media.context.flags.require(Flag::Uploads)?;
        if expected == Some(0) {
            return Err(Error::EmptyFile);
        }
        limits::check_any_size(&media.config, expected.unwrap_or(0))?;
        let slot = media.upload_permits.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let permit = UploadPermit { _permit: slot, _in_flight: media.metrics.upload_started() };
        let reservation = media.quota.reserve(owner, expected.unwrap_or(0)).await?;
        Ok(Self {
            probe: Probe::new(&media.header_budget),
            media: media.clone(),
            owner,
            hash: Sha256::new(),
            destination: Destination::Buffering(Vec::new()),
            bytes: 0,
            expected,
            min_bytes: expected.unwrap_or(0),
            reservation,
            permit,
        })
    }

    /// Sets the smallest possible size.
    pub(crate) fn with_min_bytes(mut self, bytes: u64) -> Self {
        self.min_bytes = bytes;
        self
    }

    /// Resumes what another request has stored. `probe` has seen those bytes, or as much of them as was worth reading
    /// again.
    pub(crate) async fn resume(
        media: &Media,
        owner: AccountId,
        expected: u64,
        from: Checkpoint,
        hash: Sha256,
        probe: Probe,
    ) -> Result<Self, Error> {
        let mut this = Self::begin(media, owner, Some(expected)).await?;
        let key = media.object_keys.acquire().await?;
        this.destination = Destination::Checkpointed(key.resume_object(&from).await?, key);
        (this.bytes, this.hash, this.probe) = (from.bytes, hash, probe);
        Ok(this)
    }

    /// Returns the number of bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Probes, hashes and stores the next bytes.
    pub(crate) async fn push(&mut self, chunk: Bytes) -> Result<(), Error> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.bytes += chunk.len() as u64;
        if self.expected.is_some_and(|expected| self.bytes > expected) {
            return Err(Error::LengthExceeded);
        }
        self.reservation.grow(self.bytes)?;
        self.probe.push(&self.media.config, &chunk, self.min_bytes.max(self.bytes))?;
        self.hash.update(&chunk);
        match &mut self.destination {
            Destination::Owned(writer, _) | Destination::Checkpointed(writer, _) => Ok(writer.write(chunk).await?),
            Destination::Buffering(buffered) => {
                buffered.push(chunk);
                if self.probe.format().is_some() { self.open_object().await } else { Ok(()) }
            }
        }
    }

    /// Creates the object and writes the buffered bytes.
    async fn open_object(&mut self) -> Result<(), Error> {
        let Destination::Buffering(buffered) = &mut self.destination else { return Ok(()) };
        let buffered = std::mem::take(buffered);
        let mut key = self.media.object_keys.acquire().await?;
        let mut writer = key.create_object().await?;
        for chunk in buffered {
            writer.write(chunk).await?;
        }
        self.destination = Destination::Owned(writer, key);
        Ok(())
    }

    /// Notes that the row of an upload names the object now, so that this request no longer removes it.
    pub(crate) async fn mark_checkpointed(&mut self) -> Result<(), Error> {
        if matches!(self.destination, Destination::Owned(..)) {
            let fresh = self.media.object_keys.acquire().await?;
            if let Destination::Owned(writer, key) =
                std::mem::replace(&mut self.destination, Destination::Buffering(Vec::new()))
            {
                key.release();
                self.destination = Destination::Checkpointed(writer, fresh);
            }
        }
        Ok(())
    }

    /// Returns the object that the row of an upload names, if the upload continues one.
    pub(crate) fn checkpointed_object(&self) -> Option<ObjectKey> {
        if let Destination::Checkpointed(writer, _) = &self.destination { Some(writer.key().clone()) } else { None }
    }

    /// Leaves the object of an upload as it was saved, to be resumed.
    pub(crate) fn suspend(self) {
        match self.destination {
            Destination::Owned(writer, key) => {
                drop(writer);
                key.release();
            }
            // Nothing was stored under the leased key, which returns to the pool.
            Destination::Checkpointed(writer, _) => drop(writer),
            Destination::Buffering(_) => {}
        }
    }

    /// Removes what this request stored. An object that the row of an upload names stays, as that row decides about it.
    pub(crate) async fn discard(self) {
        match self.destination {
            Destination::Owned(writer, key) if !writer.has_checkpoint() => {
                let abort = async move {
                    drop(writer.abort().await);
                    key.release();
                };
                cleanup(abort).await;
            }
            // Whether the row of a saved object was written is unknown: the sweep checks.
            Destination::Owned(writer, key) => {
                drop(writer);
                key.release();
            }
            Destination::Checkpointed(writer, _) => {
                let checkpointed_object = writer.key().clone();
                drop(writer);
                orphan_unreferenced(&self.media, self.owner, checkpointed_object).await;
            }
            Destination::Buffering(_) => {}
        }
    }

    /// Makes the bytes so far durable. Returns `None` where there are none. The caller must have recorded the state
    /// that the previous call returned.
    pub(crate) async fn checkpoint(&mut self) -> Result<Option<SavedState>, Error> {
        if matches!(&self.destination, Destination::Buffering(buffered) if !buffered.is_empty()) {
            // There are too few bytes to know their format. They are stored all the same, and probed again.
            self.open_object().await?;
        }
        let (Destination::Owned(writer, _) | Destination::Checkpointed(writer, _)) = &mut self.destination else {
            return Ok(None);
        };
        let checkpoint = writer.save().await?;
        Ok(Some(SavedState { checkpoint, hash: self.hash.clone(), format: self.probe.format() }))
    }
}
