//! The transitions of an item: the transactions that move it from received to ready.
//!
//! Owns the order of the steps; the SQL is `store`'s, the rules are `model`'s. Invariant: each function runs in one
//! transaction together with the events that it causes, and a second call for the same cause changes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use contract::media::{Deleted, Kind, Received};
use contract::transcode::{Asset, Failed, Playable, Progress, Published, Ready, Segment};
use contract::{MediaId, ObjectKey};
use kit::db::Tx;
use kit::objects::orphans;

use crate::error::Error;
use crate::fair_queue::{self, enqueue};
use crate::ffmpeg::audio;
use crate::model::{self, Plan, RejectReason, State, Task, can_play};
use crate::store::{self, CLAIMED, DONE, Job, KnownProperties, READY, StoredRendition, TileSet, WAITING};

/// How many tasks of one item may be ready or running at once. The next ones follow as these complete, so a long item
/// and a short one of the same member alternate.
const WINDOW: usize = 8;

/// What a worker produced.
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

/// Starts an item after an upload, unless it is known already (or deleted already).
pub(crate) async fn accept(tx: &Tx, received: &Received, now: DateTime<Utc>) -> Result<(), Error> {
    if !store::insert_job(tx, received, State::Processing, now).await? {
        return Ok(());
    }
    let first = if received.kind == Kind::Photo { Task::Photo } else { Task::Probe };
    store::insert_tasks(tx, &received.id, &[(first, 0)], now).await?;
    let job = Job {
        media: received.id.clone(),
        state: State::Processing,
        received: received.clone(),
        plan: None,
        percent: 0,
        started_at: None,
    };
    enqueue(tx, &job, (first, 0), 0, now).await.map(drop)
}

/// Stores the plan and enqueues the tasks that playback starts with.
pub(crate) async fn plan(tx: &Tx, media: &MediaId, plan: &Plan, now: DateTime<Utc>) -> Result<(), Error> {
    let mut job = find_open(tx, media).await?;
    if !store::mark_done(tx, media, Task::Probe, now).await? {
        return Ok(());
    }
    let known = KnownProperties {
        width: plan.video.as_ref().map(|video| video.width),
        height: plan.video.as_ref().map(|video| video.height),
        duration_ms: Some(plan.duration_us / 1000),
    };
    store::set_plan(tx, media, plan, known, now).await?;
    let tasks = plan.tasks();
    store::insert_tasks(tx, media, &tasks, now).await?;
    job.plan = Some(plan.clone());
    let opening = plan.opening();
    for task in tasks.into_iter().filter(|(task, _)| opening.contains(task)) {
        enqueue(tx, &job, task, 0, now).await?;
    }
    Ok(())
}

/// Records and announces outputs; if that completes the task `done`, enqueues the next ones.
///
/// Returns objects that turned out to be redundant (produced again after another attempt); they stay on hold.
pub(crate) async fn advance(
    tx: &Tx,
    media: &MediaId,
    outputs: &Outputs,
    done: Option<Task>,
    now: DateTime<Utc>,
) -> Result<Vec<ObjectKey>, Error> {
    let job = find_open(tx, media).await?;
    let (mut redundant_keys, mut published) = (
        Vec::new(),
        Published { id: media.clone(), renditions: vec![], segments: vec![], assets: outputs.assets.clone() },
    );
    for new in &outputs.renditions {
        match store::find_rendition(tx, media, &new.rendition.name).await? {
            Some(stored) if stored.header == new.header => redundant_keys.push(new.rendition.init.clone()),
            Some(_) => return Err(Error::HeadersDiffer(new.rendition.name.clone())),
            None => {
                store::upsert_rendition(tx, media, new).await?;
                published.renditions.push(new.rendition.clone());
            }
        }
    }
    let redundant = store::insert_segments(tx, media, &outputs.segments).await?;
    published.segments =
        outputs.segments.iter().filter(|segment| !redundant.contains(&segment.object)).cloned().collect();
    redundant_keys.extend(redundant);
    for asset in &outputs.assets {
        if let Some(replaced) = store::upsert_asset(tx, media, asset).await? {
            orphans::mark_orphaned(tx, std::slice::from_ref(&replaced), now).await?;
        }
    }
    if let Some(tiles) = &outputs.tiles
        && !store::insert_tiles(tx, media, tiles).await?
    {
        redundant_keys.push(tiles.object.clone());
    }
    let referenced: Vec<ObjectKey> =
        outputs.objects().into_iter().filter(|object| !redundant_keys.contains(object)).collect();
    orphans::mark_all_referenced(tx, &referenced).await?;
    if !(published.renditions.is_empty() && published.segments.is_empty() && published.assets.is_empty()) {
        tx.publish(&published, now)?;
    }
    let playable = job.state == State::Playable || announce_playable(tx, &job, now).await?;
    if let Some(task) = done {
        store::mark_done(tx, media, task, now).await?;
    }
    enqueue_next(tx, &job, playable, now).await?;
    Ok(redundant_keys)
}

/// Continues an item without audio: its audio track turned out to be empty.
pub(crate) async fn drop_audio(tx: &Tx, media: &MediaId, now: DateTime<Utc>) -> Result<(), Error> {
    let mut job = find_open(tx, media).await?;
    let Some(plan) = job.plan.as_mut() else { return Err(Error::Corrupt("plan")) };
    plan.audio = None;
    store::replace_plan(tx, media, plan, now).await?;
    let playable = job.state == State::Playable || announce_playable(tx, &job, now).await?;
    store::mark_done(tx, media, Task::Audio, now).await?;
    enqueue_next(tx, &job, playable, now).await
}

/// Announces that a player can start, the first time that it can.
async fn announce_playable(tx: &Tx, job: &Job, now: DateTime<Utc>) -> Result<bool, Error> {
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

fn upright_size(plan: &Plan) -> (Option<u32>, Option<u32>) {
    plan.video.as_ref().map_or((None, None), |video| (Some(video.width), Some(video.height)))
}

/// Enqueues the tasks that can run next, and `Finish` when nothing else is left.
async fn enqueue_next(tx: &Tx, job: &Job, playable: bool, now: DateTime<Utc>) -> Result<(), Error> {
    let tasks = store::list_tasks(tx, &job.media).await?;
    let opened = playable || tasks.iter().any(|row| matches!(row.task, Task::First | Task::Copy) && row.state == DONE);
    let (mut in_flight, mut left) = (0, 0);
    // Chunks stay in their order, for viewers who watch while they arrive: a short last one does not overtake those
    // before it.
    let is_chunk = |task: Task| matches!(task, Task::Chunk(_));
    let mut after = tasks.iter().filter(|row| is_chunk(row.task)).map(|row| row.due).max().unwrap_or(0);
    for row in &tasks {
        in_flight += usize::from(row.state == CLAIMED || row.state == READY);
        left += usize::from(row.state != DONE);
    }
    if opened {
        for row in tasks.iter().filter(|row| row.state == WAITING) {
            if in_flight >= WINDOW {
                break;
            }
            let chunk = is_chunk(row.task);
            let due = enqueue(tx, job, (row.task, row.weight), if chunk { after } else { 0 }, now).await?;
            after = if chunk { due } else { after };
            in_flight += 1;
        }
    }
    if left == 0 && job.plan.is_some() && !tasks.iter().any(|row| row.task == Task::Finish) {
        store::insert_tasks(tx, &job.media, &[(Task::Finish, 0)], now).await?;
        enqueue(tx, job, (Task::Finish, 0), 0, now).await?;
    }
    let weighed: Vec<(u64, u32)> = tasks.iter().map(|row| (row.weight, row.permille)).collect();
    publish_progress(tx, job, model::percent(&weighed), now).await
}

/// Records the progress of a task; announces it if that changes the percentage.
pub(crate) async fn progress(
    tx: &Tx,
    media: &MediaId,
    task: Task,
    permille: u32,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let job = find_open(tx, media).await?;
    store::set_permille(tx, media, task, permille, now).await?;
    let weighed: Vec<(u64, u32)> =
        store::list_tasks(tx, media).await?.iter().map(|row| (row.weight, row.permille)).collect();
    publish_progress(tx, &job, model::percent(&weighed), now).await
}

async fn publish_progress(tx: &Tx, job: &Job, percent: u8, now: DateTime<Utc>) -> Result<(), Error> {
    if percent > job.percent && store::raise_percent(tx, &job.media, percent, now).await? {
        let worked = job.started_at.map_or(TimeDelta::zero(), |since| now - since);
        let remaining_ms = model::remaining_ms(percent, u64::try_from(worked.num_milliseconds()).unwrap_or(0));
        tx.publish(&Progress { id: job.media.clone(), percent, remaining_ms }, now)?;
    }
    Ok(())
}

/// What the last task determined and produced.
#[derive(Debug, Default)]
pub(crate) struct FinishOutputs {
    pub assets: Vec<Asset>,
    pub thumbhash: Option<String>,
    /// For photos, whose size is not in a plan.
    pub size: Option<(u32, u32)>,
}

/// Completes an item: counts the segments, drops those behind a gap, and announces that it is ready. Returns the
/// objects that are no longer referenced.
pub(crate) async fn finish(
    tx: &Tx,
    media: &MediaId,
    last: &FinishOutputs,
    now: DateTime<Utc>,
) -> Result<Vec<ObjectKey>, Error> {
    let job = find_open(tx, media).await?;
    let segments = store::list_segments(tx, media).await?;
    let mut published =
        Published { id: media.clone(), renditions: vec![], segments: vec![], assets: last.assets.clone() };
    let (mut dropped, mut duration_us) = (Vec::new(), 0);
    for mut rendition in store::list_renditions(tx, media).await? {
        let own: Vec<&Segment> = segments.iter().filter(|segment| segment.rendition == rendition.name).collect();
        let run = own.iter().enumerate().take_while(|(at, segment)| segment.number as usize == *at).count();
        for segment in own.iter().skip(run) {
            // A damaged source can end early for one chunk and continue in the next: segments that cannot be reached
            // are not kept.
            store::remove_segment(tx, media, segment).await?;
            dropped.push(segment.object.clone());
        }
        duration_us = duration_us.max(own.iter().take(run).map(|segment| segment.duration_us).sum());
        rendition.total_segments = Some(u32::try_from(run).unwrap_or(u32::MAX));
        rendition.bandwidth = rendition
            .bandwidth
            .max(own.iter().take(run).map(|segment| peak_bits_per_second(segment)).max().unwrap_or(0));
        let header =
            store::find_rendition(tx, media, &rendition.name).await?.map(|stored| stored.header).unwrap_or_default();
        store::upsert_rendition(tx, media, &StoredRendition { rendition: rendition.clone(), header }).await?;
        published.renditions.push(rendition);
    }
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
    tx.publish(
        &Ready { id: media.clone(), width, height, duration_ms, thumbhash: last.thumbhash.clone(), assets },
        now,
    )?;
    Ok(dropped)
}

/// Returns the bits per second of a segment.
fn peak_bits_per_second(segment: &Segment) -> u64 {
    let us = u128::from(segment.duration_us.max(1));
    // A last segment of a frame or two says little about the bandwidth that a player needs.
    if segment.duration_us < 1_000_000 {
        0
    } else {
        u64::try_from(u128::from(segment.bytes) * 8_000_000 / us).unwrap_or(u64::MAX)
    }
}

/// Fails an item and announces it, once.
pub(crate) async fn fail(tx: &Tx, media: &MediaId, reason: &RejectReason, now: DateTime<Utc>) -> Result<(), Error> {
    find_open(tx, media).await?;
    let detail = reason.to_string();
    fair_queue::dequeue(tx, media).await?;
    store::set_state(tx, media, State::Failed, Some((reason.code(), &detail)), now).await?;
    tx.publish(&Failed { id: media.clone(), code: reason.code().to_owned(), detail }, now)?;
    Ok(())
}

/// Deletes an item: its rows are removed and its objects become orphans. Returns those objects.
pub(crate) async fn delete(tx: &Tx, deleted: &Deleted, now: DateTime<Utc>) -> Result<Vec<ObjectKey>, Error> {
    let media = &deleted.id;
    let outputs = store::snapshot(tx, media).await?;
    let tiles = store::list_tiles(tx, media).await?;
    let objects: Vec<ObjectKey> = outputs
        .renditions
        .into_iter()
        .map(|rendition| rendition.init)
        .chain(outputs.segments.into_iter().map(|segment| segment.object))
        .chain(outputs.assets.into_iter().map(|asset| asset.object))
        .chain(tiles.into_iter().map(|tiles| tiles.object))
        .collect();
    orphans::mark_orphaned(tx, &objects, now).await?;
    fair_queue::dequeue(tx, media).await?;
    store::remove_outputs(tx, media).await?;
    store::mark_deleted(tx, media, now).await?;
    Ok(objects)
}

/// Sends the ticket of an unresponsive task again.
pub(crate) async fn resend(tx: &Tx, media: &MediaId, task: Task, now: DateTime<Utc>) -> Result<(), Error> {
    let job = find_open(tx, media).await?;
    let weight =
        store::list_tasks(tx, media).await?.into_iter().find(|row| row.task == task).map_or(0, |row| row.weight);
    enqueue(tx, &job, (task, weight), 0, now).await.map(drop)
}

/// Returns the item if it is still open.
async fn find_open(tx: &Tx, media: &MediaId) -> Result<Job, Error> {
    store::find_job(tx, media).await?.filter(|job| job.state.is_open()).ok_or(Error::Gone)
}
