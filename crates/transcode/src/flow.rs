//! What follows from what: the transactions that move an item from received to ready.
//!
//! Owns the order of things; the SQL is `store`'s, the rules are `model`'s. Invariant: each function runs in one transaction together with
//! the events that it causes, and running it twice for the same cause changes nothing the second time.

use chrono::{DateTime, TimeDelta, Utc};
use contract::media::{Deleted, Kind, Received};
use contract::transcode::{Asset, Failed, Playable, Progress, Published, Ready, Segment};
use contract::{MediaId, ObjectKey};
use kit::db::Tx;
use kit::objects::orphans;

use crate::error::Error;
use crate::ffmpeg::sound;
use crate::model::{self, Piece, Plan, Refusal, State, can_play};
use crate::store::{self, DONE, Job, Kept, Known, QUEUED, READY, TileSet, WAITING};
use crate::turns::{self, offer};

/// How many pieces of one item may wait for their turn or be worked on at once. The next ones follow as these are done, so a
/// long item and a short one of the same member take turns.
const WINDOW: usize = 8;

/// What a worker made.
#[derive(Debug, Default, Clone)]
pub(crate) struct Made {
    pub renditions: Vec<Kept>,
    pub segments: Vec<Segment>,
    pub assets: Vec<Asset>,
    pub tiles: Option<TileSet>,
}

impl Made {
    fn objects(&self) -> Vec<ObjectKey> {
        let headers = self.renditions.iter().map(|kept| kept.rendition.init.clone());
        let segments = self.segments.iter().map(|segment| segment.object.clone());
        let assets = self.assets.iter().map(|asset| asset.object.clone());
        headers.chain(segments).chain(assets).chain(self.tiles.iter().map(|tiles| tiles.object.clone())).collect()
    }
}

/// An upload arrived: begin, unless it is known already (or erased already).
pub(crate) async fn accept(tx: &Tx, received: &Received, now: DateTime<Utc>) -> Result<(), Error> {
    if !store::insert_job(tx, received, State::Processing, now).await? {
        return Ok(());
    }
    let first = if received.kind == Kind::Photo { Piece::Photo } else { Piece::Start };
    store::insert_pieces(tx, &received.id, &[(first, 0)], now).await?;
    let job = Job { media: received.id.clone(), state: State::Processing, received: received.clone(), plan: None, percent: 0, started_at: None };
    offer(tx, &job, (first, 0), 0, now).await.map(drop)
}

/// The plan stands: record it and send what playing starts with.
pub(crate) async fn plan(tx: &Tx, media: &MediaId, plan: &Plan, now: DateTime<Utc>) -> Result<(), Error> {
    let mut job = open(tx, media).await?;
    if !store::mark_done(tx, media, Piece::Start, now).await? {
        return Ok(());
    }
    let known = Known {
        width: plan.picture.as_ref().map(|picture| picture.width),
        height: plan.picture.as_ref().map(|picture| picture.height),
        duration_ms: Some(plan.duration_us / 1000),
    };
    store::set_plan(tx, media, plan, known, now).await?;
    let pieces = plan.pieces();
    store::insert_pieces(tx, media, &pieces, now).await?;
    job.plan = Some(plan.clone());
    let opening = plan.opening();
    for piece in pieces.into_iter().filter(|(piece, _)| opening.contains(piece)) {
        offer(tx, &job, piece, 0, now).await?;
    }
    Ok(())
}

/// Something was made: record and announce it; if that completes `done`, send what comes next.
///
/// Answers objects that turned out not to be needed (a second make of what another attempt had made); they stay held.
pub(crate) async fn advance(tx: &Tx, media: &MediaId, made: &Made, done: Option<Piece>, now: DateTime<Utc>) -> Result<Vec<ObjectKey>, Error> {
    let job = open(tx, media).await?;
    let (mut unused, mut published) = (Vec::new(), Published { id: media.clone(), renditions: vec![], segments: vec![], assets: made.assets.clone() });
    for fresh in &made.renditions {
        match store::find_rendition(tx, media, &fresh.rendition.name).await? {
            Some(kept) if kept.header == fresh.header => unused.push(fresh.rendition.init.clone()),
            Some(_) => return Err(Error::HeadersDiffer(fresh.rendition.name.clone())),
            None => {
                store::upsert_rendition(tx, media, fresh).await?;
                published.renditions.push(fresh.rendition.clone());
            }
        }
    }
    let twice = store::insert_segments(tx, media, &made.segments).await?;
    published.segments = made.segments.iter().filter(|segment| !twice.contains(&segment.object)).cloned().collect();
    unused.extend(twice);
    for asset in &made.assets {
        if let Some(replaced) = store::upsert_asset(tx, media, asset).await? {
            orphans::orphan(tx, std::slice::from_ref(&replaced), now).await?;
        }
    }
    if let Some(tiles) = &made.tiles
        && !store::insert_tiles(tx, media, tiles).await?
    {
        unused.push(tiles.object.clone());
    }
    let named: Vec<ObjectKey> = made.objects().into_iter().filter(|object| !unused.contains(object)).collect();
    orphans::named_all(tx, &named).await?;
    if !(published.renditions.is_empty() && published.segments.is_empty() && published.assets.is_empty()) {
        tx.publish(&published, now)?;
    }
    let playable = job.state == State::Playable || play(tx, &job, now).await?;
    if let Some(piece) = done {
        store::mark_done(tx, media, piece, now).await?;
    }
    follow(tx, &job, playable, now).await?;
    Ok(unused)
}

/// The track of sound turned out to hold nothing: the item goes on as one without sound.
pub(crate) async fn mute(tx: &Tx, media: &MediaId, now: DateTime<Utc>) -> Result<(), Error> {
    let mut job = open(tx, media).await?;
    let Some(plan) = job.plan.as_mut() else { return Err(Error::Corrupt("plan")) };
    plan.sound = None;
    store::replace_plan(tx, media, plan, now).await?;
    let playable = job.state == State::Playable || play(tx, &job, now).await?;
    store::mark_done(tx, media, Piece::Sound, now).await?;
    follow(tx, &job, playable, now).await
}

/// A player can start, for the first time: say so.
async fn play(tx: &Tx, job: &Job, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(plan) = &job.plan else { return Ok(false) };
    let started = store::list_started(tx, &job.media).await?;
    let (sound, picture) = (started.iter().any(|name| name == sound::NAME), started.iter().any(|name| name != sound::NAME));
    if !can_play(plan, picture, sound) {
        return Ok(false);
    }
    store::set_state(tx, &job.media, State::Playable, None, now).await?;
    let (width, height) = seen(plan);
    tx.publish(&Playable { id: job.media.clone(), width, height, duration_ms: Some(plan.duration_us / 1000) }, now)?;
    Ok(true)
}

fn seen(plan: &Plan) -> (Option<u32>, Option<u32>) {
    plan.picture.as_ref().map_or((None, None), |picture| (Some(picture.width), Some(picture.height)))
}

/// Sends what can be worked on next, and `Finish` when nothing else is left.
async fn follow(tx: &Tx, job: &Job, playable: bool, now: DateTime<Utc>) -> Result<(), Error> {
    let pieces = store::list_pieces(tx, &job.media).await?;
    let opened = playable || pieces.iter().any(|stand| matches!(stand.piece, Piece::First | Piece::Copy) && stand.state == DONE);
    let (mut queued, mut left) = (0, 0);
    // Parts stay in their order, for who watches while they come: a short last one does not overtake those before it.
    let is_part = |piece: Piece| matches!(piece, Piece::Part(_));
    let mut after = pieces.iter().filter(|stand| is_part(stand.piece)).map(|stand| stand.due).max().unwrap_or(0);
    for stand in &pieces {
        queued += usize::from(stand.state == QUEUED || stand.state == READY);
        left += usize::from(stand.state != DONE);
    }
    if opened {
        for stand in pieces.iter().filter(|stand| stand.state == WAITING) {
            if queued >= WINDOW {
                break;
            }
            let part = is_part(stand.piece);
            let due = offer(tx, job, (stand.piece, stand.weight), if part { after } else { 0 }, now).await?;
            after = if part { due } else { after };
            queued += 1;
        }
    }
    if left == 0 && job.plan.is_some() && !pieces.iter().any(|stand| stand.piece == Piece::Finish) {
        store::insert_pieces(tx, &job.media, &[(Piece::Finish, 0)], now).await?;
        offer(tx, job, (Piece::Finish, 0), 0, now).await?;
    }
    let weighed: Vec<(u64, u32)> = pieces.iter().map(|stand| (stand.weight, stand.permille)).collect();
    tell_progress(tx, job, model::percent(&weighed), now).await
}

/// A piece got on: announce it if that moves the percentage.
pub(crate) async fn progress(tx: &Tx, media: &MediaId, piece: Piece, permille: u32, now: DateTime<Utc>) -> Result<(), Error> {
    let job = open(tx, media).await?;
    store::set_permille(tx, media, piece, permille, now).await?;
    let weighed: Vec<(u64, u32)> = store::list_pieces(tx, media).await?.iter().map(|stand| (stand.weight, stand.permille)).collect();
    tell_progress(tx, &job, model::percent(&weighed), now).await
}

async fn tell_progress(tx: &Tx, job: &Job, percent: u8, now: DateTime<Utc>) -> Result<(), Error> {
    if percent > job.percent && store::raise_percent(tx, &job.media, percent, now).await? {
        let worked = job.started_at.map_or(TimeDelta::zero(), |since| now - since);
        let remaining_ms = model::remaining_ms(percent, u64::try_from(worked.num_milliseconds()).unwrap_or(0));
        tx.publish(&Progress { id: job.media.clone(), percent, remaining_ms }, now)?;
    }
    Ok(())
}

/// What the last piece found and made.
#[derive(Debug, Default)]
pub(crate) struct Last {
    pub assets: Vec<Asset>,
    pub thumbhash: Option<String>,
    /// For photos, whose size no plan knows.
    pub size: Option<(u32, u32)>,
}

/// All is made: count the segments, drop what lies behind a gap, and call it ready. Answers the objects that nothing names any more.
pub(crate) async fn finish(tx: &Tx, media: &MediaId, last: &Last, now: DateTime<Utc>) -> Result<Vec<ObjectKey>, Error> {
    let job = open(tx, media).await?;
    let segments = store::list_segments(tx, media).await?;
    let mut published = Published { id: media.clone(), renditions: vec![], segments: vec![], assets: last.assets.clone() };
    let (mut dropped, mut duration_us) = (Vec::new(), 0);
    for mut rendition in store::list_renditions(tx, media).await? {
        let own: Vec<&Segment> = segments.iter().filter(|segment| segment.rendition == rendition.name).collect();
        let run = own.iter().enumerate().take_while(|(at, segment)| segment.number as usize == *at).count();
        for segment in own.iter().skip(run) {
            // A damaged source can end early for one part and go on in the next: what can't be reached is not kept.
            store::remove_segment(tx, media, segment).await?;
            dropped.push(segment.object.clone());
        }
        duration_us = duration_us.max(own.iter().take(run).map(|segment| segment.duration_us).sum());
        rendition.total_segments = Some(u32::try_from(run).unwrap_or(u32::MAX));
        rendition.bandwidth = rendition.bandwidth.max(own.iter().take(run).map(|segment| peak(segment)).max().unwrap_or(0));
        let header = store::find_rendition(tx, media, &rendition.name).await?.map(|kept| kept.header).unwrap_or_default();
        store::upsert_rendition(tx, media, &Kept { rendition: rendition.clone(), header }).await?;
        published.renditions.push(rendition);
    }
    for asset in &last.assets {
        dropped.extend(store::upsert_asset(tx, media, asset).await?);
    }
    dropped.extend(store::list_tiles(tx, media).await?.into_iter().map(|tiles| tiles.object));
    store::remove_tiles(tx, media).await?;
    orphans::orphan(tx, &dropped, now).await?;
    let named: Vec<ObjectKey> = last.assets.iter().map(|asset| asset.object.clone()).collect();
    orphans::named_all(tx, &named).await?;
    let done = if job.plan.is_some() { Piece::Finish } else { Piece::Photo };
    store::mark_done(tx, media, done, now).await?;
    store::raise_percent(tx, media, 100, now).await?;
    store::set_state(tx, media, State::Ready, None, now).await?;
    if !(published.renditions.is_empty() && published.assets.is_empty()) {
        tx.publish(&published, now)?;
    }
    let (width, height) = match (&job.plan, last.size) {
        (_, Some((width, height))) => (Some(width), Some(height)),
        (Some(plan), None) => seen(plan),
        (None, None) => (job.received.width, job.received.height),
    };
    let assets = store::list_assets(tx, media).await?.into_iter().map(|asset| asset.name).collect();
    let duration_ms = job.plan.as_ref().map(|plan| if duration_us > 0 { duration_us / 1000 } else { plan.duration_us / 1000 });
    tx.publish(&Ready { id: media.clone(), width, height, duration_ms, thumbhash: last.thumbhash.clone(), assets }, now)?;
    Ok(dropped)
}

/// Bits a second of a segment.
fn peak(segment: &Segment) -> u64 {
    let us = u128::from(segment.duration_us.max(1));
    // A last segment of a frame or two says little about what a player must be able to fetch.
    if segment.duration_us < 1_000_000 { 0 } else { u64::try_from(u128::from(segment.bytes) * 8_000_000 / us).unwrap_or(u64::MAX) }
}

/// It can't be converted: say so, once.
pub(crate) async fn fail(tx: &Tx, media: &MediaId, refusal: &Refusal, now: DateTime<Utc>) -> Result<(), Error> {
    open(tx, media).await?;
    let detail = refusal.to_string();
    turns::withdraw(tx, media).await?;
    store::set_state(tx, media, State::Failed, Some((refusal.code(), &detail)), now).await?;
    tx.publish(&Failed { id: media.clone(), code: refusal.code().to_owned(), detail }, now)?;
    Ok(())
}

/// Its owner erased it: every row goes, and every object an orphan. Answers those objects.
pub(crate) async fn erase(tx: &Tx, deleted: &Deleted, now: DateTime<Utc>) -> Result<Vec<ObjectKey>, Error> {
    let media = &deleted.id;
    let made = store::snapshot(tx, media).await?;
    let tiles = store::list_tiles(tx, media).await?;
    let objects: Vec<ObjectKey> = made
        .renditions
        .into_iter()
        .map(|rendition| rendition.init)
        .chain(made.segments.into_iter().map(|segment| segment.object))
        .chain(made.assets.into_iter().map(|asset| asset.object))
        .chain(tiles.into_iter().map(|tiles| tiles.object))
        .collect();
    orphans::orphan(tx, &objects, now).await?;
    turns::withdraw(tx, media).await?;
    store::remove_made(tx, media).await?;
    store::mark_deleted(tx, media, now).await?;
    Ok(objects)
}

/// Sends a piece again of which nothing has been heard.
pub(crate) async fn resend(tx: &Tx, media: &MediaId, piece: Piece, now: DateTime<Utc>) -> Result<(), Error> {
    let job = open(tx, media).await?;
    let weight = store::list_pieces(tx, media).await?.into_iter().find(|stand| stand.piece == piece).map_or(0, |stand| stand.weight);
    offer(tx, &job, (piece, weight), 0, now).await.map(drop)
}

/// The item, if work on it is still wanted.
async fn open(tx: &Tx, media: &MediaId) -> Result<Job, Error> {
    store::find_job(tx, media).await?.filter(|job| job.state.is_open()).ok_or(Error::Gone)
}
