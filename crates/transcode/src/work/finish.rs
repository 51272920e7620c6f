//! The last piece: the storyboard is put together, the poster looked at once more, and the item is ready.
//!
//! Invariant: it runs after every other piece is done, and only puts together what they made.

use bytes::Bytes;
use codec::storyboard::Storyboard;
use contract::ObjectKey;
use contract::transcode::Asset;
use futures::TryStreamExt as _;
use tokio::io::AsyncWriteExt as _;

use super::Desk;
use super::poster::{self, DULL, MOST_BYTES};
use crate::error::Error;
use crate::ffmpeg::cost::{Cost, Frame};
use crate::ffmpeg::still;
use crate::ffmpeg::video::TILES;
use crate::flow::{self, Last};
use crate::model::Plan;
use crate::store;

/// A sheet of the storyboard is smaller than this.
const SHEET: Frame = Frame { width: 2048, height: 2048, deep: true };

pub(super) async fn finish(desk: &Desk) -> Result<(), Error> {
    let plan = desk.plan()?;
    let mut last = Last::default();
    if let Some(board) = plan.storyboard() {
        last.assets = storyboard(desk, board).await?;
    }
    let thumbhash = settle_poster(desk, plan, &mut last.assets).await?;
    last.thumbhash = thumbhash;
    let (media, now) = (desk.job.media.clone(), desk.worker.context.clock.now());
    let dropped = desk.worker.context.db.write(move |tx| Box::pin(async move { flow::finish(tx, &media, &last, now).await })).await?;
    desk.named();
    desk.worker.discard(&dropped).await;
    Ok(())
}

/// Lays the parts' tiles out on sheets and says which is where.
async fn storyboard(desk: &Desk, mut board: Storyboard) -> Result<Vec<Asset>, Error> {
    let sets = store::list_tiles(desk.worker.context.db.read(), &desk.job.media).await?;
    let count: u32 = sets.iter().map(|set| set.count).sum::<u32>().min(board.tiles);
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut file = tokio::fs::File::create(desk.folder().join(TILES)).await.map_err(Error::Scratch)?;
    for set in &sets {
        append(desk, &set.object, &mut file).await?;
    }
    file.flush().await.map_err(Error::Scratch)?;
    drop(file);
    if count < board.tiles {
        // The source ended before its container said so.
        board.duration_ms = board.duration_ms.min(u64::from(count) * board.interval_ms);
        board.tiles = count;
    }
    desk.run_quietly(&still::sheets(&desk.tools, desk.folder(), desk.limits(60_000_000, Cost::stills(SHEET, 1, false, 0)), &board)).await?;
    let mut assets = Vec::new();
    for sheet in 0..board.sheets() {
        let stored = desk.keep_file(&still::sheet(sheet)).await?;
        assets.push(Asset { name: format!("storyboard-{sheet}"), content_type: "image/jpeg".into(), object: stored.key, bytes: stored.bytes });
    }
    let stored = desk.keep_bytes(board.vtt(|sheet| format!("storyboard/{sheet}.jpg"))).await?;
    assets.push(Asset { name: "storyboard".into(), content_type: "text/vtt".into(), object: stored.key, bytes: stored.bytes });
    Ok(assets)
}

async fn append(desk: &Desk, object: &ObjectKey, file: &mut tokio::fs::File) -> Result<(), Error> {
    let objects = &desk.worker.context.objects;
    let mut chunks = objects.read(object, 0..objects.len(object).await?).await?;
    while let Some(chunk) = chunks.try_next().await? {
        file.write_all(&chunk).await.map_err(Error::Scratch)?;
    }
    Ok(())
}

/// Looks at the poster; a dull one is replaced by the moment that the liveliest tile shows. Answers the thumbhash.
async fn settle_poster(desk: &Desk, plan: &Plan, assets: &mut Vec<Asset>) -> Result<Option<String>, Error> {
    let known = store::list_assets(desk.worker.context.db.read(), &desk.job.media).await?;
    let current = match known.iter().find(|asset| asset.name == "poster") {
        Some(asset) => poster::look(desk.worker.context.objects.get(&asset.object, MOST_BYTES).await?).await,
        None => None,
    };
    let dull = current.as_ref().is_none_or(|look| look.contrast < DULL);
    if let (true, Some(picture), Some(at_us)) = (dull, &plan.picture, liveliest(desk, plan).await) {
        let input = desk.input().await?;
        let command = still::posters(
            &desk.tools,
            &input,
            desk.folder(),
            desk.limits(60_000_000, Cost::stills(picture.frame(), 1, picture.hdr.is_some(), desk.seconds())),
            picture,
            &[at_us],
            true,
        );
        if desk.run_quietly(&command).await.is_ok()
            && let Some(better) = poster::best(desk).await?
        {
            let look = poster::look(desk.worker.context.objects.get(&better.object, MOST_BYTES).await?).await;
            assets.push(better);
            return Ok(look.and_then(|look| look.thumbhash));
        }
    }
    Ok(current.and_then(|look| look.thumbhash))
}

/// The moment of the tile with the most contrast, in microseconds, if there is one that isn't dull.
async fn liveliest(desk: &Desk, plan: &Plan) -> Option<u64> {
    let board = plan.storyboard()?;
    let bytes = Bytes::from(tokio::fs::read(desk.folder().join(TILES)).await.ok()?);
    let tile_bytes = board.tile_width as usize * board.tile_height as usize * 3;
    let contrast = |tile: &[u8]| {
        let count = tile.len().max(1) as f64;
        let mean = tile.iter().map(|&value| f64::from(value)).sum::<f64>() / count;
        (tile.iter().map(|&value| (f64::from(value) - mean).powi(2)).sum::<f64>() / count).sqrt()
    };
    let best = bytes.chunks_exact(tile_bytes.max(1)).map(contrast).enumerate().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    (best.1 >= DULL).then(|| (best.0 as u64 * board.interval_ms + board.interval_ms / 2) * 1000)
}
