//! The last task: the storyboard is assembled, the poster is checked, and the item is ready.
//!
//! Invariant: it runs after every other task is done, and only assembles their outputs.

use bytes::Bytes;
use codec::storyboard::Storyboard;
use contract::ObjectKey;
use contract::transcode::{Asset, MAX_PICTURES, PictureHashes};
use futures::TryStreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::pictures;
use super::poster::{self, ImageStats, MAX_BYTES, MIN_CONTRAST};
use super::task_context::TaskContext;
use crate::commands::{self, FinishOutputs};
use crate::error::Error;
use crate::ffmpeg::image;
use crate::ffmpeg::memory_estimate::{Frame, MemoryEstimate};
use crate::ffmpeg::video::TILES;
use crate::model::Plan;
use crate::store;

/// The largest sheet of a storyboard, in bytes.
const SHEET: Frame = Frame { width: 2048, height: 2048, deep: true };

pub(super) async fn finish(task: &TaskContext) -> Result<(), Error> {
    let plan = task.plan()?;
    let mut last = FinishOutputs::default();
    if let Some(board) = plan.storyboard() {
        last.assets = storyboard(task, board).await?;
    }
    if let Some(poster) = choose_poster(task, plan, &mut last.assets).await? {
        last.thumbhash = poster.thumbhash;
        last.pictures.extend(poster.hashes);
    }
    last.pictures.extend(frame_hashes(task, plan).await);
    commands::finish(&task.worker, &task.job.media, last).await?;
    task.clear_leases();
    Ok(())
}

/// Arranges the chunks' tiles on sheets and records where each is.
async fn storyboard(task: &TaskContext, mut board: Storyboard) -> Result<Vec<Asset>, Error> {
    let sets = store::list_tiles(task.worker.context.db.read(), &task.job.media).await?;
    let count: u32 = sets.iter().map(|set| set.count).sum::<u32>().min(board.tiles);
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut file = tokio::fs::File::create(task.folder().join(TILES)).await.map_err(Error::Scratch)?;
    for set in &sets {
        append(task, &set.object, &mut file).await?;
    }
    file.flush().await.map_err(Error::Scratch)?;
    drop(file);
    if count < board.tiles {
        // The source ended before its declared end.
        board.duration_ms = board.duration_ms.min(u64::from(count) * board.interval_ms);
        board.tiles = count;
    }
    task.run_without_progress(&image::sheets(
        &task.tools,
        task.folder(),
        task.limits(60_000_000, MemoryEstimate::frame_grabs(SHEET, 1, false, 0)),
        &board,
    ))
    .await?;
    let mut assets = Vec::new();
    for sheet in 0..board.sheets() {
        let stored = task.store_file(&image::sheet(sheet)).await?;
        assets.push(Asset {
            name: format!("storyboard-{sheet}"),
            content_type: "image/jpeg".into(),
            object: stored.key,
            bytes: stored.bytes,
        });
    }
    let stored = task.store_bytes(board.vtt(|sheet| format!("storyboard/{sheet}.jpg"))).await?;
    assets.push(Asset {
        name: "storyboard".into(),
        content_type: "text/vtt".into(),
        object: stored.key,
        bytes: stored.bytes,
    });
    Ok(assets)
}

async fn append(task: &TaskContext, object: &ObjectKey, file: &mut tokio::fs::File) -> Result<(), Error> {
    let objects = &task.worker.context.objects;
    let mut chunks = objects.read(object, 0..objects.len(object).await?).await?;
    while let Some(chunk) = chunks.try_next().await? {
        file.write_all(&chunk).await.map_err(Error::Scratch)?;
    }
    Ok(())
}

/// Returns the hashes of frames of the storyboard, which leave room for that of the poster.
async fn frame_hashes(task: &TaskContext, plan: &Plan) -> Vec<PictureHashes> {
    let Some(board) = plan.storyboard() else { return Vec::new() };
    let Ok(tiles) = tokio::fs::read(task.folder().join(TILES)).await else { return Vec::new() };
    let work = move || pictures::of_tiles(&tiles, board.tile_width, board.tile_height, MAX_PICTURES - 1);
    base::tasks::in_background(work).await.unwrap_or_default()
}

/// Checks the poster; a dull one is replaced by the frame at [`highest_contrast_us`]. Returns what it is like.
async fn choose_poster(task: &TaskContext, plan: &Plan, assets: &mut Vec<Asset>) -> Result<Option<ImageStats>, Error> {
    let known = store::list_assets(task.worker.context.db.read(), &task.job.media).await?;
    let current = match known.iter().find(|asset| asset.name == "poster") {
        Some(asset) => poster::measure(task.worker.context.objects.get(&asset.object, MAX_BYTES).await?).await,
        None => None,
    };
    let dull = current.as_ref().is_none_or(|stats| stats.contrast < MIN_CONTRAST);
    if let (true, Some(video), Some(at_us)) = (dull, &plan.video, highest_contrast_us(task, plan).await) {
        let input = task.input().await?;
        let command = image::posters(
            &task.tools,
            &input,
            task.folder(),
            task.limits(
                60_000_000,
                MemoryEstimate::frame_grabs(video.frame(), 1, video.hdr.is_some(), task.index_seconds()),
            ),
            video,
            &[at_us],
            true,
        );
        if task.run_without_progress(&command).await.is_ok()
            && let Some(better) = poster::best(task).await?
        {
            let stats = poster::measure(task.worker.context.objects.get(&better.object, MAX_BYTES).await?).await;
            assets.push(better);
            return Ok(stats);
        }
    }
    Ok(current)
}

/// Returns the time of the tile with the most contrast, in microseconds, if there is one that is not dull.
async fn highest_contrast_us(task: &TaskContext, plan: &Plan) -> Option<u64> {
    let board = plan.storyboard()?;
    let bytes = Bytes::from(tokio::fs::read(task.folder().join(TILES)).await.ok()?);
    let tile_bytes = board.tile_width as usize * board.tile_height as usize * 3;
    let contrast = |tile: &[u8]| {
        let count = tile.len().max(1) as f64;
        let mean = tile.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        (tile.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count).sqrt()
    };
    let best =
        bytes.chunks_exact(tile_bytes.max(1)).map(contrast).enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (best.1 >= MIN_CONTRAST).then(|| (best.0 as u64 * board.interval_ms + board.interval_ms / 2) * 1000)
}
