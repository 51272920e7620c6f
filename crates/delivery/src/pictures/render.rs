//! Making a picture: what from, by which workers, and not for more than it may take.
//!
//! A costly original is decoded once, into an intermediate that is kept as other pictures are; all its sizes are made from that. A cheap one is
//! decoded for each size, which is as quick and keeps nothing. Invariant: before the first pixel is decoded, its pixels, its memory and its
//! time are known and within their bounds, and a worker and the memory are taken; both are given back when the thread ends, not before.

use std::time::Duration;

use codec::pixels::{self, Encoding, Frame, LOOK_BYTES, Look};
use contract::MediaId;
use futures::TryStreamExt as _;

use super::flights::{Lane, Ticket, Worker};
use super::{Kept, Made, Original, Pictures, Product};
use crate::error::Error;
use crate::model::Variant;

/// An original that takes longer to decode is decoded once.
const COSTLY: Duration = Duration::from_millis(400);
/// A picture that takes longer altogether is made by the workers for those.
const LONG: Duration = Duration::from_millis(1500);
/// The longest side that readers may get of a picture.
const MOST_SERVED: u32 = 2560;

impl Pictures {
    pub(super) async fn make(&self, ticket: &Ticket, original: Original) -> Result<Made, Error> {
        match ticket.key.1 {
            Product::Variant(variant) => self.make_variant(ticket, variant, original).await,
            Product::Intermediate => self.make_intermediate(ticket, &original).await,
        }
    }

    async fn make_variant(&self, ticket: &Ticket, variant: Variant, original: Original) -> Result<Made, Error> {
        let mut worker = ticket.worker(Lane::Quick).await?;
        // Another process, or a flight that landed just before this one left, may have made it.
        if let Some(kept) = self.find_in_table(&ticket.key).await? {
            return Ok(Made::Before(kept));
        }
        let look = self.look(&original).await?;
        let time = look.time(original.orientation, variant.frame, variant.encoding);
        if look.pixels() > self.0.limits.pixels {
            look.check(original.bytes, original.orientation, variant.frame, self.0.limits)?;
        }
        if time > self.0.max_time {
            return Err(Error::TooCostly);
        }
        let intermediate = look.decode_time() > COSTLY && self.serves(&look, &original, variant.frame);
        let encode_time = time.saturating_sub(look.decode_time());
        let lane = if (if intermediate { encode_time } else { time }) > LONG { Lane::Slow } else { Lane::Quick };
        // A worker does not wait for another's work, and a quick one does none that takes long.
        if intermediate || lane == Lane::Slow {
            drop(worker);
            let source = if intermediate { Some(self.intermediate(ticket, &original).await?) } else { None };
            worker = ticket.worker(lane).await?;
            if let Some(kept) = source {
                return self.render_intermediate(ticket, variant, &original, kept, lane, worker).await;
            }
        }
        self.0.metrics.decoded.inc();
        self.render(ticket, &original, look, variant, lane, worker).await
    }

    /// Whether the intermediate has every pixel that the frame wants: always where the memory allows one of full size.
    fn serves(&self, look: &Look, original: &Original, frame: Frame) -> bool {
        let (bytes, orientation) = (original.bytes, original.orientation);
        let wanted = look.size(orientation, frame);
        look.intermediate(bytes, orientation, self.0.limits).is_some_and(|intermediate| {
            let has = look.size(orientation, intermediate);
            has.0.max(has.1) >= MOST_SERVED || (has.0 >= wanted.0 && has.1 >= wanted.1)
        })
    }

    /// The item's intermediate, kept or made; for whoever waits for this flight.
    async fn intermediate(&self, ticket: &Ticket, original: &Original) -> Result<Kept, Error> {
        let key = (ticket.key.0.clone(), Product::Intermediate);
        if let Some(kept) = self.find(&key).await? {
            return Ok(kept);
        }
        if let Some(error) = self.0.refused.get(&key) {
            return Err(error);
        }
        // As long as this is waited for, so is that.
        let passenger = self.join(&key, ticket.client(), original.clone());
        passenger.landing.clone().await
    }

    async fn make_intermediate(&self, ticket: &Ticket, original: &Original) -> Result<Made, Error> {
        let worker = ticket.worker(Lane::Slow).await?;
        if let Some(kept) = self.find_in_table(&ticket.key).await? {
            return Ok(Made::Before(kept));
        }
        let look = self.look(original).await?;
        let frame = look.intermediate(original.bytes, original.orientation, self.0.limits);
        let frame = frame.unwrap_or(Frame { width: MOST_SERVED, height: MOST_SERVED, fit: pixels::Fit::Contain });
        look.check(original.bytes, original.orientation, frame, self.0.limits)?;
        let cost = look.cost(original.bytes, original.orientation, frame, Some(Encoding::Jpeg));
        let paid = self.0.budget.pay(Lane::Slow, cost).await?;
        let source = self.read(original, original.bytes).await?;
        let (orientation, limits, interrupt) = (original.orientation, self.0.limits, ticket.interrupt.clone());
        self.0.metrics.decoded.inc();
        let work = move || {
            let _held = (worker, paid);
            let picture = pixels::render_until(&source, orientation, frame, limits, &interrupt)?;
            drop(source);
            interrupt.check()?;
            picture.encode_intermediate()
        };
        finished(kit::tasks::on_own_thread(work).await)
    }

    async fn render_intermediate(&self, ticket: &Ticket, variant: Variant, original: &Original, kept: Kept, lane: Lane, worker: Worker) -> Result<Made, Error> {
        let source = |kept: &Kept| Original { object: kept.object.clone(), bytes: kept.bytes, orientation: 1 };
        let (first, key) = (source(&kept), (ticket.key.0.clone(), Product::Intermediate));
        let looked = self.look(&first).await;
        let (source, look) = match looked {
            // It was evicted between finding and reading: once more, from the start.
            Err(error) if error.is_missing_object() => {
                self.lost(&key, &kept).await?;
                drop(worker);
                let again = source(&self.intermediate(ticket, original).await?);
                let (look, worker) = (self.look(&again).await?, ticket.worker(lane).await?);
                return self.render(ticket, &again, look, variant, lane, worker).await;
            }
            look => (first, look?),
        };
        self.render(ticket, &source, look, variant, lane, worker).await
    }

    /// Decodes, resizes and encodes, after paying for the memory.
    async fn render(&self, ticket: &Ticket, source: &Original, look: Look, variant: Variant, lane: Lane, worker: Worker) -> Result<Made, Error> {
        look.check(source.bytes, source.orientation, variant.frame, self.0.limits)?;
        let cost = look.cost(source.bytes, source.orientation, variant.frame, Some(variant.encoding));
        let paid = self.0.budget.pay(lane, cost).await?;
        let bytes = self.read(source, source.bytes).await?;
        let (orientation, limits, interrupt) = (source.orientation, self.0.limits, ticket.interrupt.clone());
        let work = move || {
            // Given back when the work is done, even if no request waits for it any more.
            let _held = (worker, paid);
            let picture = pixels::render_until(&bytes, orientation, variant.frame, limits, &interrupt)?;
            drop(bytes);
            interrupt.check()?;
            picture.encode(variant.encoding)
        };
        self.0.metrics.made.inc();
        finished(kit::tasks::on_own_thread(work).await)
    }

    /// The header's facts. Phones put depth maps of megabytes before a JPEG's; then all of the file is looked at.
    async fn look(&self, original: &Original) -> Result<Look, Error> {
        if let Some(look) = self.0.looks.get(&original.object) {
            return Ok(look);
        }
        let head = self.read(original, original.bytes.min(LOOK_BYTES as u64)).await?;
        let look = match pixels::look(&head) {
            Err(pixels::Error::Truncated) if original.bytes > head.len() as u64 => {
                drop(head);
                // Paid back before the picture's own cost is paid, so that two of these can't wait for each other.
                let _paid = self.0.budget.pay(Lane::Quick, original.bytes).await?;
                pixels::look(&self.read(original, original.bytes).await?)?
            }
            look => look?,
        };
        self.0.looks.insert(original.object.clone(), look);
        Ok(look)
    }

    async fn read(&self, original: &Original, bytes: u64) -> Result<Vec<u8>, Error> {
        let mut pieces = self.0.context.objects.read(&original.object, 0..bytes).await?;
        let mut whole = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        while let Some(piece) = pieces.try_next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    /// Forgets a kept picture whose object is not there any more.
    pub async fn lost_variant(&self, id: &MediaId, variant: Variant, lost: &Kept) -> Result<(), Error> {
        self.lost(&(id.clone(), Product::Variant(variant)), lost).await
    }
}

/// What a thread has made. One that was interrupted has refused nothing.
fn finished(made: Option<Result<Vec<u8>, pixels::Error>>) -> Result<Made, Error> {
    match made.ok_or(Error::Worker)? {
        Ok(bytes) => Ok(Made::Now(bytes.into())),
        Err(pixels::Error::Interrupted) => Err(Error::Busy),
        Err(error) => Err(error.into()),
    }
}
