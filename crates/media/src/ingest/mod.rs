//! The one way in for bytes, whoever brings them: look, count, hash, store.
//!
//! Owns an upload in flight. Does not own how bytes arrive ([`crate::api`]) nor the row at the end ([`accept`]). Invariant:
//! a byte is stored only after everything before it was found acceptable as far as it can be known by then.

mod accept;
mod feed;
mod inspect;
mod look;
mod ranged;
mod turns;

pub(crate) use accept::{Finish, accept};
pub(crate) use feed::Feed;
pub(crate) use inspect::INSPECTIONS;
pub(crate) use look::{HeadMemory, Look};
pub(crate) use turns::Turns;

use bytes::Bytes;
use codec::sniff::Format;
use contract::{AccountId, ObjectKey};
use kit::objects::{Checkpoint, Writer};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::Media;
use crate::error::Error;
use crate::figures::Arriving;
use crate::jobs::{reconsider, tidy};
use crate::keys::HeldKey;
use crate::model::limits;
use crate::quota::Reservation;

/// Where an upload's bytes go.
enum Place {
    /// Nowhere yet: these wait until it is known what they are.
    Waiting(Vec<Bytes>),
    /// Into an object that this request began.
    Own(Writer, HeldKey),
    /// Into an object that an upload's row names; it may end under the key that this request holds.
    Kept(Writer, HeldKey),
}

/// An upload in flight.
pub(crate) struct Ingest {
    media: Media,
    look: Look,
    hash: Sha256,
    place: Place,
    bytes: u64,
    expected: Option<u64>,
    /// What it will have at least, where only that is known.
    at_least: u64,
    reservation: Reservation,
    place_taken: Taken,
}

/// A place among the uploads in flight.
pub(crate) struct Taken {
    _permit: OwnedSemaphorePermit,
    _counted: Arriving,
}

/// A place from which an upload can go on after an interruption.
pub(crate) struct Saved {
    pub checkpoint: Checkpoint,
    pub hash: Sha256,
    pub format: Option<Format>,
}

impl Ingest {
    /// Takes a place and reserves room. `expected` is the size that the sender announced.
    pub(crate) async fn begin(media: &Media, owner: AccountId, expected: Option<u64>) -> Result<Self, Error> {
        if expected == Some(0) {
            return Err(Error::Empty);
        }
        limits::any_size(&media.config, expected.unwrap_or(0))?;
        let permit = media.places.clone().try_acquire_owned().map_err(|_| Error::Busy)?;
        let place_taken = Taken { _permit: permit, _counted: media.figures.arriving() };
        let reservation = media.quota.reserve(owner, expected.unwrap_or(0)).await?;
        Ok(Self {
            look: Look::new(&media.heads),
            media: media.clone(),
            hash: Sha256::new(),
            place: Place::Waiting(Vec::new()),
            bytes: 0,
            expected,
            at_least: expected.unwrap_or(0),
            reservation,
            place_taken,
        })
    }

    /// It will have at least so many bytes.
    pub(crate) fn with_at_least(mut self, bytes: u64) -> Self {
        self.at_least = bytes;
        self
    }

    /// Goes on with what another request has stored. `look` has seen it, or as much of it as was worth reading again.
    pub(crate) async fn resume(media: &Media, owner: AccountId, expected: u64, from: Checkpoint, hash: Sha256, look: Look) -> Result<Self, Error> {
        let mut this = Self::begin(media, owner, Some(expected)).await?;
        let held = media.keys.take().await?;
        this.place = Place::Kept(held.resume(&from).await?, held);
        (this.bytes, this.hash, this.look) = (from.bytes, hash, look);
        Ok(this)
    }

    /// Bytes taken so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes.
    pub(crate) async fn push(&mut self, chunk: Bytes) -> Result<(), Error> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.bytes += chunk.len() as u64;
        if self.expected.is_some_and(|expected| self.bytes > expected) {
            return Err(Error::TooMuch);
        }
        self.reservation.grow(self.bytes)?;
        self.look.push(&self.media.config, &chunk, self.at_least.max(self.bytes))?;
        self.hash.update(&chunk);
        match &mut self.place {
            Place::Own(writer, _) | Place::Kept(writer, _) => Ok(writer.write(chunk).await?),
            Place::Waiting(waiting) => {
                waiting.push(chunk);
                if self.look.format().is_some() { self.open().await } else { Ok(()) }
            }
        }
    }

    /// Begins the object, with what has waited.
    async fn open(&mut self) -> Result<(), Error> {
        let Place::Waiting(waiting) = &mut self.place else { return Ok(()) };
        let waiting = std::mem::take(waiting);
        let mut held = self.media.keys.take().await?;
        let mut writer = held.create().await?;
        for chunk in waiting {
            writer.write(chunk).await?;
        }
        self.place = Place::Own(writer, held);
        Ok(())
    }

    /// An upload's row names the object now, so it is no longer this request's to remove.
    pub(crate) async fn keep(&mut self) -> Result<(), Error> {
        if matches!(self.place, Place::Own(..)) {
            let fresh = self.media.keys.take().await?;
            if let Place::Own(writer, held) = std::mem::replace(&mut self.place, Place::Waiting(Vec::new())) {
                held.settle();
                self.place = Place::Kept(writer, fresh);
            }
        }
        Ok(())
    }

    /// The object that an upload's row names, if it goes on with one.
    pub(crate) fn unfinished(&self) -> Option<ObjectKey> {
        if let Place::Kept(writer, _) = &self.place { Some(writer.key().clone()) } else { None }
    }

    /// Leaves an object that an upload's row names, as it was saved.
    pub(crate) fn leave(self) {
        match self.place {
            Place::Own(writer, held) => {
                drop(writer);
                held.settle();
            }
            // Nothing was stored under the key that it holds: that is free again.
            Place::Kept(writer, _) => drop(writer),
            Place::Waiting(_) => {}
        }
    }

    /// Removes what this request stored. An object that an upload's row names stays, for that row to decide.
    pub(crate) async fn discard(self) {
        match self.place {
            Place::Own(writer, held) if !writer.is_known() => {
                let abort = async move {
                    drop(writer.abort().await);
                    held.settle();
                };
                tidy(abort).await;
            }
            // Of one that was saved nobody knows whether the row was written: the sweep looks.
            Place::Own(writer, held) => {
                drop(writer);
                held.settle();
            }
            Place::Kept(writer, _) => {
                let unfinished = writer.key().clone();
                drop(writer);
                reconsider(&self.media, unfinished).await;
            }
            Place::Waiting(_) => {}
        }
    }

    /// Makes what has arrived durable; nothing where nothing has. What was saved before has been written down by now.
    pub(crate) async fn save(&mut self) -> Result<Option<Saved>, Error> {
        if matches!(&self.place, Place::Waiting(waiting) if !waiting.is_empty()) {
            // Too little to know what it is: it is kept all the same, and looked at again.
            self.open().await?;
        }
        let (Place::Own(writer, _) | Place::Kept(writer, _)) = &mut self.place else { return Ok(None) };
        let checkpoint = writer.save().await?;
        Ok(Some(Saved { checkpoint, hash: self.hash.clone(), format: self.look.format() }))
    }
}
