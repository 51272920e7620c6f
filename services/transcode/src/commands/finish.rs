//! Completes an item.

use chrono::{DateTime, Utc};
use contract::transcode::{Asset, PictureHashes, Published, Ready, Segment};
use contract::{MediaId, ObjectKey};
use db::Tx;
use objects::orphans;

use super::outputs::upright_size;
use super::{discard, find_open, lanes};
use crate::error::Error;
use crate::model::{State, Task, rendition};
use crate::state::Worker;
use crate::store::{self, StoredRendition};

/// What the last task determined and produced.
#[derive(Debug, Default, Clone)]
pub(crate) struct FinishOutputs {
    pub assets: Vec<Asset>,
    pub thumbhash: Option<String>,
    /// What known pictures are compared with: the photo, or the poster first.
    pub pictures: Vec<PictureHashes>,
    /// For photos, whose size is not in a plan.
    pub size: Option<(u32, u32)>,
}

/// The renditions of an item, complete.
struct Totals {
    /// Objects that are no longer referenced.
    dropped: Vec<ObjectKey>,
    /// The duration of the longest rendition, in microseconds.
    duration_us: u64,
}

/// Completes an item: counts the segments, drops those behind a gap, and announces that it is ready. Removes the
/// objects that are no longer referenced.
pub(crate) async fn finish(worker: &Worker, media: &MediaId, last: FinishOutputs) -> Result<(), Error> {
    let (media, now) = (media.clone(), worker.context.clock.now());
    let dropped =
        worker.context.db.write(lanes::item(&media), async move |tx| finish_in(tx, &media, &last, now).await).await?;
    discard(worker, &dropped).await;
    Ok(())
}

async fn finish_in(
    tx: &Tx,
    media: &MediaId,
    last: &FinishOutputs,
    now: DateTime<Utc>,
) -> Result<Vec<ObjectKey>, Error> {
    let job = find_open(tx, media).await?;
    let mut published =
        Published { id: media.clone(), renditions: vec![], segments: vec![], assets: last.assets.clone() };
    let Totals { mut dropped, duration_us } = total(tx, media, &mut published).await?;
    for asset in &last.assets {
        dropped.extend(store::upsert_asset(tx, media, asset).await?);
    }
    dropped.extend(store::list_tiles(tx, media).await?.into_iter().map(|tiles| tiles.object));
    store::remove_tiles(tx, media).await?;
    orphans::mark_orphaned(tx, &dropped, now).await?;
    let referenced: Vec<ObjectKey> = last.assets.iter().map(|asset| asset.object.clone()).collect();
    orphans::mark_all_referenced(tx, &referenced).await?;
    let done = if job.plan.is_some() { Task::Finish } else { Task::Photo };
    store::mark_done(tx, media, done, now).await?;
    store::raise_percent(tx, media, 100, now).await?;
    store::set_state(tx, media, State::Ready, None, now).await?;
    if !(published.renditions.is_empty() && published.assets.is_empty()) {
        tx.publish(&published, now)?;
    }
    let (width, height) = match (&job.plan, last.size) {
        (_, Some((width, height))) => (Some(width), Some(height)),
        (Some(plan), None) => upright_size(plan),
        (None, None) => (job.received.width, job.received.height),
    };
    let assets = store::list_assets(tx, media).await?.into_iter().map(|asset| asset.name).collect();
    let duration_ms =
        job.plan.as_ref().map(|plan| if duration_us > 0 { duration_us / 1000 } else { plan.duration_us / 1000 });
    let (thumbhash, pictures) = (last.thumbhash.clone(), last.pictures.clone());
    tx.publish(&Ready { id: media.clone(), width, height, duration_ms, thumbhash, assets, pictures }, now)?;
    Ok(dropped)
}

/// Counts the segments of each rendition, removes those behind a gap, and adds the renditions to what is published.
async fn total(tx: &Tx, media: &MediaId, published: &mut Published) -> Result<Totals, Error> {
    let segments = store::list_segments(tx, media).await?;
    let mut totals = Totals { dropped: Vec::new(), duration_us: 0 };
    for mut rendition in store::list_renditions(tx, media).await? {
        let own: Vec<&Segment> = segments.iter().filter(|segment| segment.rendition == rendition.name).collect();
        let (kept, unreachable) = rendition::split_at_gap(&own);
        for segment in unreachable {
            store::remove_segment(tx, media, segment).await?;
            totals.dropped.push(segment.object.clone());
        }
        totals.duration_us = totals.duration_us.max(rendition::duration_us(kept));
        rendition.total_segments = Some(u32::try_from(kept.len()).unwrap_or(u32::MAX));
        rendition.bandwidth = rendition.bandwidth.max(rendition::peak_bits_per_second(kept));
        let header =
            store::find_rendition(tx, media, &rendition.name).await?.map(|stored| stored.header).unwrap_or_default();
        store::upsert_rendition(tx, media, &StoredRendition { rendition: rendition.clone(), header }).await?;
        published.renditions.push(rendition);
    }
    Ok(totals)
}
