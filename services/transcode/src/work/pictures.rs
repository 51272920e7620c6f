//! The perceptual hashes of what an item shows: of a photo, of a poster or cover, and of frames of a video.
//!
//! Owns which pictures are hashed; the hash is `screening`'s. Invariant: a picture with too little detail to be
//! compared has none, and an item has at most [`MAX_PICTURES`].

use codec::pixels::{Fit, Frame, Image};
use contract::transcode::{MAX_PICTURES, PictureHashes};
use screening::pdq::{MAX_DISTANCE, MIN_QUALITY, Plane, Variants};

/// The frame into which a picture is rendered before it is hashed: that of the reference implementation.
pub(super) const PICTURE_FRAME: Frame = Frame { width: 512, height: 512, fit: Fit::Contain };

/// Returns the hashes of a picture that was rendered within [`PICTURE_FRAME`].
pub(super) fn of_image(image: &Image) -> Option<PictureHashes> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let plane = if image.has_alpha() {
        Plane::of_rgba(width, height, image.pixels())
    } else {
        Plane::of_rgb(width, height, image.pixels())
    };
    to_hashes(&plane?.hash_variants())
}

/// Returns the hashes of frames of three bytes a pixel, one after the other, at even distances from the first to the
/// last, at most `limit` of them. One that is the same as the one before to a reader is left out.
pub(super) fn of_tiles(tiles: &[u8], width: u32, height: u32, limit: usize) -> Vec<PictureHashes> {
    let (width, height) = (width as usize, height as usize);
    let tiles: Vec<&[u8]> = tiles.chunks_exact((width * height * 3).max(1)).collect();
    let chosen = limit.min(MAX_PICTURES).min(tiles.len());
    let mut last: Option<Variants> = None;
    let mut pictures = Vec::with_capacity(chosen);
    for number in 0..chosen {
        let tile = tiles[number * tiles.len() / chosen];
        let Some(variants) = Plane::of_rgb(width, height, tile).map(Plane::hash_variants) else { continue };
        let is_same = last.is_some_and(|last| last.hashes[0].distance(variants.hashes[0]) <= MAX_DISTANCE / 4);
        if !is_same && let Some(hashes) = to_hashes(&variants) {
            pictures.push(hashes);
            last = Some(variants);
        }
    }
    pictures
}

fn to_hashes(variants: &Variants) -> Option<PictureHashes> {
    (variants.quality >= MIN_QUALITY).then(|| PictureHashes {
        hashes: variants.hashes.iter().map(ToString::to_string).collect(),
        quality: variants.quality,
    })
}

#[cfg(test)]
mod tests {
    use screening::pdq::Pdq;

    use super::*;

    const WIDTH: usize = 160;
    const HEIGHT: usize = 90;

    /// Returns a frame with detail, brighter by `light`; another seed makes another one.
    fn frame(seed: usize, light: u8) -> Vec<u8> {
        let value = |x: usize, y: usize| ((x / 8) * 73 + (y / 8) * (151 + seed) + (x / 8) * (y / 8) * 29) as u8;
        let pixel = |at: usize| [(value(at % WIDTH, at / WIDTH) / 2).saturating_add(light); 3];
        (0..WIDTH * HEIGHT).flat_map(pixel).collect()
    }

    fn of(frames: &[Vec<u8>], limit: usize) -> Vec<PictureHashes> {
        of_tiles(&frames.concat(), WIDTH as u32, HEIGHT as u32, limit)
    }

    fn distance(one: &PictureHashes, other: &PictureHashes) -> u32 {
        let first = |hashes: &PictureHashes| hashes.hashes[0].parse::<Pdq>().unwrap();
        first(one).distance(first(other))
    }

    #[test]
    fn frames_are_hashed_once_each_and_flat_ones_not_at_all() {
        let flat = vec![90; WIDTH * HEIGHT * 3];
        let found = of(&[frame(0, 0), frame(0, 9), flat.clone(), frame(57, 0)], MAX_PICTURES);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().all(|picture| picture.quality >= MIN_QUALITY && picture.hashes.len() == 8));
        assert!(distance(&found[0], &found[1]) > MAX_DISTANCE);
        assert!(of(&[flat], MAX_PICTURES).is_empty() && of(&[], MAX_PICTURES).is_empty());
    }

    #[test]
    fn frames_are_chosen_from_the_whole_video() {
        let video: Vec<Vec<u8>> = (0..40).map(|seed| frame(seed * 13, 0)).collect();
        let found = of(&video, 4);
        assert!(found.len() <= 4 && of(&video, 100).len() <= MAX_PICTURES);
        let last = of(&video[30..31], 1);
        assert!(distance(&last[0], found.last().unwrap()) == 0, "the last of four begins at three quarters");
    }
}
