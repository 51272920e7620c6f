//! Records what a task has produced, for the commands that announce it.

use chrono::{DateTime, Utc};
use contract::transcode::{Asset, Playable, Published, Segment};
use contract::{MediaId, ObjectKey};
use db::Tx;
use objects::orphans;

use crate::error::Error;
use crate::ffmpeg::audio;
use crate::model::{Plan, State, can_play};
use crate::store::{self, Job, StoredRendition, TileSet};

/// What a task has produced.
#[derive(Debug, Default, Clone)]
pub(crate) struct Outputs {
    pub renditions: Vec<StoredRendition>,
    pub segments: Vec<Segment>,
    pub assets: Vec<Asset>,
    pub tiles: Option<TileSet>,
}

impl Outputs {
    fn objects(&self) -> Vec<ObjectKey> {
        let headers = self.renditions.iter().map(|stored| stored.rendition.init.clone());
        let segments = self.segments.iter().map(|segment| segment.object.clone());
        let assets = self.assets.iter().map(|asset| asset.object.clone());
        headers.chain(segments).chain(assets).chain(self.tiles.iter().map(|tiles| tiles.object.clone())).collect()
    }
}

impl std::ops::AddAssign for Outputs {
    fn add_assign(&mut self, more: Self) {
        self.renditions.extend(more.renditions);
        self.segments.extend(more.segments);
        self.assets.extend(more.assets);
        self.tiles = self.tiles.take().or(more.tiles);
    }
}

/// Records and announces outputs. Returns objects that turned out to be redundant (produced again after another
/// attempt); they stay on hold.
pub(super) async fn record(
    tx: &Tx,
    media: &MediaId,
    outputs: &Outputs,
    now: DateTime<Utc>,
) -> Result<Vec<ObjectKey>, Error> {
    let mut published =
        Published { id: media.clone(), renditions: vec![], segments: vec![], assets: outputs.assets.clone() };
    let mut redundant = Vec::new();
    for new in &outputs.renditions {
        match store::find_rendition(tx, media, &new.rendition.name).await? {
            Some(stored) if stored.header == new.header => redundant.push(new.rendition.init.clone()),
            Some(_) => return Err(Error::HeadersDiffer(new.rendition.name.clone())),
            None => {
                store::upsert_rendition(tx, media, new).await?;
                published.renditions.push(new.rendition.clone());
            }
        }
    }
    let repeated = store::insert_segments(tx, media, &outputs.segments).await?;
    published.segments =
        outputs.segments.iter().filter(|segment| !repeated.contains(&segment.object)).cloned().collect();
    redundant.extend(repeated);
    for asset in &outputs.assets {
        if let Some(replaced) = store::upsert_asset(tx, media, asset).await? {
            orphans::mark_orphaned(tx, std::slice::from_ref(&replaced), now).await?;
        }
    }
    if let Some(tiles) = &outputs.tiles
        && !store::insert_tiles(tx, media, tiles).await?
    {
        redundant.push(tiles.object.clone());
    }
    let referenced: Vec<ObjectKey> =
        outputs.objects().into_iter().filter(|object| !redundant.contains(object)).collect();
    orphans::mark_all_referenced(tx, &referenced).await?;
    if !(published.renditions.is_empty() && published.segments.is_empty() && published.assets.is_empty()) {
        tx.publish(&published, now)?;
    }
    Ok(redundant)
}

/// Announces that a player can start, the first time that it can. Returns whether it can.
pub(super) async fn announce_playable(tx: &Tx, job: &Job, now: DateTime<Utc>) -> Result<bool, Error> {
    if job.state == State::Playable {
        return Ok(true);
    }
    let Some(plan) = &job.plan else { return Ok(false) };
    let started = store::list_started(tx, &job.media).await?;
    let (audio, video) =
        (started.iter().any(|name| name == audio::NAME), started.iter().any(|name| name != audio::NAME));
    if !can_play(plan, video, audio) {
        return Ok(false);
    }
    store::set_state(tx, &job.media, State::Playable, None, now).await?;
    let (width, height) = upright_size(plan);
    tx.publish(&Playable { id: job.media.clone(), width, height, duration_ms: Some(plan.duration_us / 1000) }, now)?;
    Ok(true)
}

/// Returns the upright width and height of a plan's video.
pub(super) fn upright_size(plan: &Plan) -> (Option<u32>, Option<u32>) {
    plan.video.as_ref().map_or((None, None), |video| (Some(video.width), Some(video.height)))
}
