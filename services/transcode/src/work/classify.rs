//! Has a classifier look at what was converted: the photo, or the poster and frames along the video.
//!
//! Comes after the item is ready, from an event of its own, so an item is ready whether or not a classifier answers.
//! Invariant: one item at a time is looked at in this process, on reduced pictures; without a score, nothing is said
//! about the item, and it is shown as one that none has looked at.

use std::time::Duration;

use base::Transient as _;
use bus::HandlerError;
use bytes::Bytes;
use codec::pixels::{Encoding, Fit, Frame, Image, Limits, render};
use codec::storyboard::Storyboard;
use contract::media::Kind;
use contract::transcode::Asset;
use contract::{MediaId, ObjectKey};
use screening::classifier::{Classifier, NoScore, Picture, Score};

use super::poster;
use crate::commands;
use crate::error::Error;
use crate::model::{Plan, RejectReason};
use crate::state::Worker;
use crate::store::{self, Job};

/// What a classifier sees of a photo or a poster: a model reduces it further, one outside may want more.
const SMALL: Frame = Frame { width: 512, height: 512, fit: Fit::Contain };
/// A sheet of a storyboard is not reduced.
const SHEET: Frame = Frame { width: 2048, height: 2048, fit: Fit::Contain };
/// The largest photo that is read into memory, in bytes: well above what `media` accepts.
const MAX_BYTES: u64 = 256 << 20;
/// How many frames along a video are looked at, besides its poster.
const FRAMES: u32 = 6;
/// How often a classifier is asked about an item before it stays without a score.
const MAX_ATTEMPTS: u32 = 4;
/// Nothing waits for it.
const NICE: i32 = 10;

/// Has an item scored, if there is a classifier.
pub(crate) async fn classify(worker: &Worker, media: &MediaId, attempt: u32) -> Result<(), HandlerError> {
    let Some(classifier) = worker.pictures().await else { return Ok(()) };
    let Some(job) = store::find_job(worker.context.db.read(), media).await? else { return Ok(()) };
    let pictures = match pictures_of(worker, &job).await {
        Ok(pictures) => pictures,
        // A deleted or replaced item, or pixels that a decoder refuses: there is nothing to look at.
        Err(Error::Objects(objects::Error::Missing) | Error::Rejected(_)) => return Ok(()),
        Err(error) if error.is_transient() || attempt < MAX_ATTEMPTS => return Err(error.into()),
        Err(error) => {
            tracing::warn!(media.id = %media, %error, "a picture could not be read for the classifier");
            return Ok(());
        }
    };
    let deadline = worker.classifiers.options.picture_deadline();
    let (highest, missing) = score_all(classifier.as_ref(), &pictures, deadline).await;
    match (highest, missing) {
        (_, Some(cause)) if attempt < MAX_ATTEMPTS => Err(HandlerError::Retry(cause.to_string())),
        (Some(score), _) => {
            commands::record_score(worker, media, score, classifier.model()).await?;
            worker.metrics.scored("scored");
            Ok(())
        }
        (None, Some(cause)) => {
            worker.metrics.scored("missing");
            tracing::warn!(media.id = %media, %cause, "an item stays without a score");
            Ok(())
        }
        // A song without a cover.
        (None, None) => Ok(()),
    }
}

/// Returns the highest score of these pictures, and why one of them has none.
async fn score_all(
    classifier: &dyn Classifier<Picture>,
    pictures: &[Picture],
    deadline: Duration,
) -> (Option<Score>, Option<NoScore>) {
    let (mut highest, mut missing) = (None, None);
    for picture in pictures {
        match classifier.score(picture, deadline).await {
            Ok(score) => highest = highest.max(Some(score)),
            Err(cause) => missing = Some(cause),
        }
    }
    (highest, missing)
}

/// Returns what a classifier sees of an item.
async fn pictures_of(worker: &Worker, job: &Job) -> Result<Vec<Picture>, Error> {
    let assets = store::list_assets(worker.context.db.read(), &job.media).await?;
    let asset = |name: &str| assets.iter().find(|asset| asset.name == name);
    if job.received.kind == Kind::Photo {
        let (object, orientation) = match asset("base") {
            Some(base) => (&base.object, 1),
            None => (&job.received.object, job.received.orientation),
        };
        return Ok(vec![picture(worker, object, MAX_BYTES, orientation).await?]);
    }
    let mut pictures = Vec::new();
    if let Some(poster) = asset("poster") {
        pictures.push(picture(worker, &poster.object, poster::MAX_BYTES, 1).await?);
    }
    if let Some(board) = job.plan.as_ref().and_then(Plan::storyboard) {
        pictures.extend(frames(worker, board, &assets).await?);
    }
    Ok(pictures)
}

/// Reads an object as a picture.
async fn picture(worker: &Worker, object: &ObjectKey, max_bytes: u64, orientation: u8) -> Result<Picture, Error> {
    let bytes = worker.context.objects.get(object, max_bytes).await?;
    on_pixels(move || to_picture(&render(&bytes, orientation, SMALL, Limits::default())?)).await
}

/// Returns frames along a video, cut from the sheets of its storyboard. A source that ended early has fewer.
async fn frames(worker: &Worker, board: Storyboard, assets: &[Asset]) -> Result<Vec<Picture>, Error> {
    let mut found = Vec::new();
    for (number, tiles) in tiles_by_sheet(board) {
        let name = format!("storyboard-{number}");
        let Some(sheet) = assets.iter().find(|asset| asset.name == name) else { continue };
        let bytes = worker.context.objects.get(&sheet.object, poster::MAX_BYTES).await?;
        found.extend(on_pixels(move || cut(&bytes, board, &tiles)).await?);
    }
    Ok(found)
}

/// Returns the places of the frames that are looked at, evenly spread, by the sheet that they are on.
fn tiles_by_sheet(board: Storyboard) -> Vec<(u32, Vec<u32>)> {
    let count = FRAMES.min(board.tiles).max(1);
    let per_sheet = board.columns.saturating_mul(board.rows).max(1);
    let mut sheets: Vec<(u32, Vec<u32>)> = Vec::new();
    for number in 0..count {
        // The middle of each of `count` equal parts.
        let tile = (2 * number + 1) * board.tiles / (2 * count);
        match sheets.last_mut() {
            Some((sheet, tiles)) if *sheet == tile / per_sheet => tiles.push(tile % per_sheet),
            _ => sheets.push((tile / per_sheet, vec![tile % per_sheet])),
        }
    }
    sheets
}

/// Cuts tiles from a sheet.
fn cut(sheet: &Bytes, board: Storyboard, tiles: &[u32]) -> Result<Vec<Picture>, codec::pixels::Error> {
    let image = render(sheet, 1, SHEET, Limits::default())?;
    let size = (board.tile_width, board.tile_height);
    let columns = board.columns.max(1);
    let cut = |tile: &u32| image.excerpt(((tile % columns) * size.0, (tile / columns) * size.1), size);
    tiles.iter().filter_map(cut).map(|tile| to_picture(&tile)).collect()
}

fn to_picture(image: &Image) -> Result<Picture, codec::pixels::Error> {
    let jpeg = image.encode(Encoding::Jpeg)?;
    Ok(Picture { width: image.width(), height: image.height(), rgb: image.rgb(), jpeg })
}

/// Processes pixels on a thread of its own; its errors are the file's fault.
async fn on_pixels<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, codec::pixels::Error> + Send + 'static,
) -> Result<T, Error> {
    let done = base::tasks::on_thread(NICE, work)
        .await
        .ok_or_else(|| Error::Scratch(std::io::Error::other("the thread that works on pixels ended early")))?;
    done.map_err(|error| RejectReason::Photo(error.to_string()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spread_over_a_video_and_each_sheet_is_read_once() {
        let long = Storyboard::plan(1920, 1080, 250_000);
        assert_eq!(long.tiles, 250);
        let places: Vec<u32> = tiles_by_sheet(long)
            .into_iter()
            .flat_map(|(sheet, tiles)| tiles.into_iter().map(move |tile| sheet * 25 + tile))
            .collect();
        assert_eq!(places, [20, 62, 104, 145, 187, 229]);
        assert_eq!(tiles_by_sheet(Storyboard::plan(64, 64, 2500)), [(0, vec![0, 1, 2])]);
        assert_eq!(tiles_by_sheet(Storyboard::plan(64, 64, 0)), [(0, vec![0])]);
    }
}
