//! Rendering an image: its source, its workers, and its bounds.
//!
//! A costly source is decoded once, into an intermediate that is stored as other images are; all its sizes are rendered
//! from that. A cheap one is decoded for each size, which is as quick and stores nothing. Invariant: before the first
//! pixel is decoded, its pixels, its memory and its time are known and within their bounds, and a worker and the memory
//! are acquired. Both are released when the thread ends, not before.

use std::time::Duration;

use codec::pixels::{self, Encoding, Frame, ImageInfo, PROBE_BYTES};
use contract::MediaId;
use futures::TryStreamExt as _;

use super::flights::{FlightLeader, WorkerPermit, WorkerPool};
use super::{ImageRenderer, Product, RenderOutcome, RenderedImage, SourceImage};
use crate::error::Error;
use crate::model::Variant;

/// A source that takes longer to decode is decoded once.
const INTERMEDIATE_THRESHOLD: Duration = Duration::from_millis(400);
/// A render that takes longer altogether uses the slow workers.
const SLOW_THRESHOLD: Duration = Duration::from_millis(1500);
/// The longest side of an image that clients may get.
const MAX_SERVED_SIDE_PX: u32 = 2560;

impl ImageRenderer {
    pub(super) async fn render_product(
        &self,
        leader: &FlightLeader,
        original: SourceImage,
    ) -> Result<RenderOutcome, Error> {
        match leader.key.1 {
            Product::Variant(variant) => self.render_variant(leader, variant, original).await,
            Product::Intermediate => self.render_intermediate(leader, &original).await,
        }
    }

    async fn render_variant(
        &self,
        leader: &FlightLeader,
        variant: Variant,
        original: SourceImage,
    ) -> Result<RenderOutcome, Error> {
        let mut worker = leader.acquire_worker(WorkerPool::Quick).await?;
        // Another process, or a flight that ended just before this one began, may have rendered it.
        if let Some(rendered) = self.find_stored(&leader.key).await? {
            return Ok(RenderOutcome::AlreadyStored(rendered));
        }
        let info = self.image_info(&original).await?;
        let time = info.time(original.orientation, variant.frame, variant.encoding);
        if info.pixels() > self.0.limits.pixels {
            info.check(original.bytes, original.orientation, variant.frame, self.0.limits)?;
        }
        if time > self.0.max_render_time {
            return Err(Error::TooCostly);
        }
        let intermediate =
            info.decode_time() > INTERMEDIATE_THRESHOLD && self.intermediate_suffices(&info, &original, variant.frame);
        let encode_time = time.saturating_sub(info.decode_time());
        let pool = if (if intermediate { encode_time } else { time }) > SLOW_THRESHOLD {
            WorkerPool::Slow
        } else {
            WorkerPool::Quick
        };
        // A worker does not wait for the work of another, and a quick one does none that takes long.
        if intermediate || pool == WorkerPool::Slow {
            drop(worker);
            let source =
                if intermediate { Some(self.find_or_render_intermediate(leader, &original).await?) } else { None };
            worker = leader.acquire_worker(pool).await?;
            if let Some(rendered) = source {
                return self.render_from_intermediate(leader, variant, &original, rendered, pool, worker).await;
            }
        }
        self.0.metrics.decoded.inc();
        self.decode_and_encode(leader, &original, info, variant, pool, worker).await
    }

    /// Returns whether the intermediate has every pixel that the frame needs: always where the memory allows one of
    /// full size.
    fn intermediate_suffices(&self, info: &ImageInfo, original: &SourceImage, frame: Frame) -> bool {
        let (bytes, orientation) = (original.bytes, original.orientation);
        let required = info.size(orientation, frame);
        info.intermediate(bytes, orientation, self.0.limits).is_some_and(|intermediate| {
            let has = info.size(orientation, intermediate);
            has.0.max(has.1) >= MAX_SERVED_SIDE_PX || (has.0 >= required.0 && has.1 >= required.1)
        })
    }

    /// Returns the intermediate of the item, stored or rendered, for the clients that wait for this flight.
    async fn find_or_render_intermediate(
        &self,
        leader: &FlightLeader,
        original: &SourceImage,
    ) -> Result<RenderedImage, Error> {
        let key = (leader.key.0.clone(), Product::Intermediate);
        if let Some(rendered) = self.find(&key).await? {
            return Ok(rendered);
        }
        if let Some(error) = self.0.refusals.get(&key) {
            return Err(error);
        }
        // As long as this flight is waited for, so is that one.
        let waiter = self.join_flight(&key, leader.client(), original.clone());
        waiter.result.clone().await
    }

    async fn render_intermediate(&self, leader: &FlightLeader, original: &SourceImage) -> Result<RenderOutcome, Error> {
        let worker = leader.acquire_worker(WorkerPool::Slow).await?;
        if let Some(rendered) = self.find_stored(&leader.key).await? {
            return Ok(RenderOutcome::AlreadyStored(rendered));
        }
        let info = self.image_info(original).await?;
        let frame = info.intermediate(original.bytes, original.orientation, self.0.limits);
        let frame =
            frame.unwrap_or(Frame { width: MAX_SERVED_SIDE_PX, height: MAX_SERVED_SIDE_PX, fit: pixels::Fit::Contain });
        info.check(original.bytes, original.orientation, frame, self.0.limits)?;
        let cost = info.cost(original.bytes, original.orientation, frame, Some(Encoding::Jpeg));
        let permit = self.0.budget.acquire(WorkerPool::Slow, cost).await?;
        let source = self.read(original, original.bytes).await?;
        let (orientation, limits, interrupt) = (original.orientation, self.0.limits, leader.interrupt.clone());
        self.0.metrics.decoded.inc();
        let work = move || {
            let _permits = (worker, permit);
            let image = pixels::render_with_interrupt(&source, orientation, frame, limits, &interrupt)?;
            drop(source);
            interrupt.check()?;
            image.encode_intermediate()
        };
        outcome(base::tasks::on_own_thread(work).await)
    }

    async fn render_from_intermediate(
        &self,
        leader: &FlightLeader,
        variant: Variant,
        original: &SourceImage,
        rendered: RenderedImage,
        pool: WorkerPool,
        worker: WorkerPermit,
    ) -> Result<RenderOutcome, Error> {
        let source = |rendered: &RenderedImage| SourceImage {
            object: rendered.object.clone(),
            bytes: rendered.bytes,
            orientation: 1,
        };
        let (first, key) = (source(&rendered), (leader.key.0.clone(), Product::Intermediate));
        let probed = self.image_info(&first).await;
        let (source, info) = match probed {
            // It was removed between finding and reading: once more, from the start.
            Err(error) if error.is_missing_object() => {
                self.remove_lost(&key, &rendered).await?;
                drop(worker);
                let again = source(&self.find_or_render_intermediate(leader, original).await?);
                let (info, worker) = (self.image_info(&again).await?, leader.acquire_worker(pool).await?);
                return self.decode_and_encode(leader, &again, info, variant, pool, worker).await;
            }
            info => (first, info?),
        };
        self.decode_and_encode(leader, &source, info, variant, pool, worker).await
    }

    /// Decodes, resizes and encodes, after acquiring the memory.
    async fn decode_and_encode(
        &self,
        leader: &FlightLeader,
        source: &SourceImage,
        info: ImageInfo,
        variant: Variant,
        pool: WorkerPool,
        worker: WorkerPermit,
    ) -> Result<RenderOutcome, Error> {
        info.check(source.bytes, source.orientation, variant.frame, self.0.limits)?;
        let cost = info.cost(source.bytes, source.orientation, variant.frame, Some(variant.encoding));
        let permit = self.0.budget.acquire(pool, cost).await?;
        let bytes = self.read(source, source.bytes).await?;
        let (orientation, limits, interrupt) = (source.orientation, self.0.limits, leader.interrupt.clone());
        let work = move || {
            // Released when the work is done, even if no request waits for it any more.
            let _permits = (worker, permit);
            let image = pixels::render_with_interrupt(&bytes, orientation, variant.frame, limits, &interrupt)?;
            drop(bytes);
            interrupt.check()?;
            image.encode(variant.encoding)
        };
        self.0.metrics.rendered.inc();
        outcome(base::tasks::on_own_thread(work).await)
    }

    /// Returns the facts of the header. Phones put depth maps of megabytes before that of a JPEG; then the whole file
    /// is probed.
    async fn image_info(&self, original: &SourceImage) -> Result<ImageInfo, Error> {
        if let Some(info) = self.0.image_infos.get(&original.object) {
            return Ok(info);
        }
        let head = self.read(original, original.bytes.min(PROBE_BYTES as u64)).await?;
        let info = match pixels::probe(&head) {
            Err(pixels::Error::Truncated) if original.bytes > head.len() as u64 => {
                drop(head);
                // Released before the cost of the image itself is acquired, so that two of these cannot wait for each
                // other.
                let _permit = self.0.budget.acquire(WorkerPool::Quick, original.bytes).await?;
                pixels::probe(&self.read(original, original.bytes).await?)?
            }
            info => info?,
        };
        self.0.image_infos.insert(original.object.clone(), info);
        Ok(info)
    }

    async fn read(&self, original: &SourceImage, bytes: u64) -> Result<Vec<u8>, Error> {
        let mut chunks = self.0.context.objects.read(&original.object, 0..bytes).await?;
        let mut whole = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        while let Some(chunk) = chunks.try_next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole)
    }

    /// Removes a stored image whose object is missing.
    pub async fn remove_lost_variant(&self, id: &MediaId, variant: Variant, lost: &RenderedImage) -> Result<(), Error> {
        self.remove_lost(&(id.clone(), Product::Variant(variant)), lost).await
    }
}

/// Returns the outcome of a thread. An interrupted one is no refusal.
fn outcome(rendered: Option<Result<Vec<u8>, pixels::Error>>) -> Result<RenderOutcome, Error> {
    match rendered.ok_or(Error::TaskFailed)? {
        Ok(bytes) => Ok(RenderOutcome::Rendered(bytes.into())),
        Err(pixels::Error::Interrupted) => Err(Error::Busy),
        Err(error) => Err(error.into()),
    }
}
