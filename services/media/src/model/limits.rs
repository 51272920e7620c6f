//! Limits on the size, dimensions and duration of a file, by its kind.
//!
//! Invariant: a limit is the same whether it is checked before, during or after the upload.

use codec::header::{Claims, ImageHeader};
use codec::sniff::{Format, Kind};

use crate::config::Config;
use crate::error::Error;

/// The accepted sample rates: from telephones to studios. Below, a converter turns kilobytes into hours; above, no
/// recording exists.
const SAMPLE_RATE_HZ: (u32, u32) = (4_000, 384_000);
/// The largest number of channels: those of 22.2 surround sound.
const MAX_CHANNELS: u32 = 24;
/// The largest number of tracks and attached files.
const MAX_TRACKS: u32 = 32;
/// The largest number of samples per second of one track, as long as it is within that of the longest recording.
/// High-speed cameras and the shortest audio packets stay below. Converters keep 24 to 40 bytes for each sample.
const MAX_SAMPLES_PER_SECOND: u64 = 1_000;
const MAX_AVERAGE_SAMPLES_PER_SECOND: u64 = 300;
/// A very short recording may have this many samples, whatever its duration.
const MIN_SAMPLE_ALLOWANCE: u64 = 10_000;
/// The largest number of entries in an edit list.
const MAX_EDITS: u64 = 2_000;
/// The largest number of samples that edits may repeat: a converter copies its table for each.
const MAX_EDITED_SAMPLES: u64 = 20_000_000;
/// The largest size of tags, attachments and seek tables, which converters hold in memory.
const MAX_TAG_BYTES: u64 = 64 << 20;
/// The largest number of scans of a JPEG: a progressive photo has ten.
const MAX_SCANS: u32 = 100;
/// The largest decode cost of a photo that consists of several images, in photos of the largest size.
const MAX_DECODE_COST_PHOTOS: u64 = 4;
/// The longest side of a video.
const MAX_VIDEO_SIDE_PX: u32 = 8192;

/// Returns the largest size of a kind, and its name in a sentence.
fn max_bytes(config: &Config, kind: Kind) -> (u64, &'static str) {
    match kind {
        Kind::Photo => (config.photo_max_bytes, "a photo"),
        Kind::Audio => (config.audio_max_bytes, "an audio file"),
        Kind::Video => (config.video_max_bytes, "a video"),
    }
}

/// Refuses a size that no kind may have.
pub(crate) fn check_any_size(config: &Config, bytes: u64) -> Result<(), Error> {
    let largest = [Kind::Photo, Kind::Audio, Kind::Video]
        .map(|kind| max_bytes(config, kind))
        .into_iter()
        .max_by_key(|(max, _)| *max);
    match largest {
        Some((max, name)) if bytes > max => Err(Error::TooLarge { max, what: name }),
        _ => Ok(()),
    }
}

/// Refuses a size that this kind may not have.
pub(crate) fn check_size(config: &Config, kind: Kind, bytes: u64) -> Result<(), Error> {
    let (max, name) = max_bytes(config, kind);
    if bytes > max { Err(Error::TooLarge { max, what: name }) } else { Ok(()) }
}

/// Refuses an image with too many pixels or too long a side.
pub(crate) fn check_dimensions(config: &Config, width: u32, height: u32) -> Result<(), Error> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > config.photo_max_pixels || width.max(height) > config.photo_max_side_px {
        return Err(Error::TooManyPixels(width, height, config.photo_max_pixels / 1_000_000, config.photo_max_side_px));
    }
    Ok(())
}

/// Refuses a photo that consists of more images than decoding can bear.
pub(crate) fn check_decode_cost(config: &Config, image: &ImageHeader) -> Result<(), Error> {
    if image.decoded_pixels > config.photo_max_pixels.saturating_mul(MAX_DECODE_COST_PHOTOS) {
        Err(Error::TooManyPictures)
    } else {
        Ok(())
    }
}

/// Refuses a JPEG with too many scans.
pub(crate) fn check_scans(scans: u32) -> Result<(), Error> {
    if scans > MAX_SCANS { Err(Error::TooManyScans(MAX_SCANS)) } else { Ok(()) }
}

/// Refuses audio with a sample rate or a number of channels that no recording has.
pub(crate) fn check_audio(claims: &Claims) -> Result<(), Error> {
    let (min, max) = SAMPLE_RATE_HZ;
    if let Some((slowest, fastest)) = claims.rates {
        for rate in [slowest, fastest] {
            if !(min..=max).contains(&rate) {
                return Err(Error::SampleRate { rate, min, max });
            }
        }
    }
    if claims.channels > MAX_CHANNELS { Err(Error::TooManyChannels(claims.channels, MAX_CHANNELS)) } else { Ok(()) }
}

/// Refuses a recording whose headers claim what would cost a converter more than a recording does.
pub(crate) fn check_recording(config: &Config, claims: &Claims) -> Result<(), Error> {
    check_audio(claims)?;
    if claims.tracks > MAX_TRACKS {
        return Err(Error::TooManyTracks(claims.tracks, MAX_TRACKS));
    }
    if let Some((width, height)) = claims.frame
        && (u64::from(width) * u64::from(height) > config.video_max_pixels || width.max(height) > MAX_VIDEO_SIDE_PX)
    {
        return Err(Error::TooManyPixels(width, height, config.video_max_pixels / 1_000_000, MAX_VIDEO_SIDE_PX));
    }
    let cover = claims.cover.map_or(0, |(width, height)| u64::from(width) * u64::from(height));
    if cover > config.cover_max_pixels || claims.tag_bytes > MAX_TAG_BYTES {
        return Err(Error::CoverTooLarge(config.cover_max_pixels / 1_000_000, MAX_TAG_BYTES >> 20));
    }
    check_samples(config, claims)?;
    // One edit trims, two also shift; more repeat.
    if claims.edits > MAX_EDITS || (claims.edits > 2 && claims.edited_samples > MAX_EDITED_SAMPLES) {
        return Err(Error::TooManyEdits(claims.edits));
    }
    check_duration(config, claims.duration_ms)
}

fn check_samples(config: &Config, claims: &Claims) -> Result<(), Error> {
    let in_longest = config.max_duration_ms() / 1000 * MAX_AVERAGE_SAMPLES_PER_SECOND;
    let max = match claims.clock_ms {
        0 => in_longest,
        ms => (ms.saturating_mul(MAX_SAMPLES_PER_SECOND) / 1000 + MIN_SAMPLE_ALLOWANCE).min(in_longest),
    };
    if claims.samples > max { Err(Error::TooManySamples) } else { Ok(()) }
}

/// Refuses an animation with too many frames, or too many pixels in all of them.
pub(crate) fn check_frames(config: &Config, frames: u32, pixels: u64) -> Result<(), Error> {
    if frames > config.animation_max_frames
        || (frames > 1 && pixels.saturating_mul(frames.into()) > config.animation_max_pixels)
    {
        let fitting = config
            .animation_max_pixels
            .checked_div(pixels)
            .map_or(u32::MAX, |max| u32::try_from(max).unwrap_or(u32::MAX));
        return Err(Error::TooManyFrames(config.animation_max_frames.min(fitting)));
    }
    Ok(())
}

/// Refuses a recording that is too long.
pub(crate) fn check_duration(config: &Config, duration_ms: Option<u64>) -> Result<(), Error> {
    if duration_ms.is_some_and(|ms| ms > config.max_duration_ms()) {
        Err(Error::TooLong(config.max_duration_minutes))
    } else {
        Ok(())
    }
}

/// Returns whether a format is an image, whose header states its size.
pub(crate) fn is_image(format: Format) -> bool {
    format.kind() == Kind::Photo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_met_exactly() {
        let config = Config::default();
        assert!(check_size(&config, Kind::Photo, 25 << 20).is_ok());
        assert!(matches!(check_size(&config, Kind::Photo, (25 << 20) + 1), Err(Error::TooLarge { .. })));
        assert!(check_any_size(&config, 4 << 30).is_ok());
        assert!(check_any_size(&config, (4 << 30) + 1).is_err());
        assert!(check_dimensions(&config, 10_000, 10_000).is_ok());
        assert!(check_dimensions(&config, 10_001, 10_000).is_err());
        assert!(check_dimensions(&config, 65_500, 1).is_err());
        assert!(check_frames(&config, 2_000, 1_000_000).is_ok());
        assert!(check_frames(&config, 2_001, 1).is_err());
        assert!(check_frames(&config, 100, 100_000_000).is_err());
        assert!(check_scans(100).is_ok() && check_scans(101).is_err());
        assert!(check_duration(&config, Some(4 * 3_600_000)).is_ok());
        assert!(check_duration(&config, Some(4 * 3_600_000 + 1)).is_err());
    }

    fn code(claims: Claims) -> Option<String> {
        check_recording(&Config::default(), &claims).err().map(|error| error.problem().code.to_string())
    }

    #[test]
    fn claims_beyond_any_recording_are_refused_with_their_codes() {
        let hour = Claims {
            duration_ms: Some(3_600_000),
            clock_ms: 3_600_000,
            tracks: 2,
            rates: Some((4_000, 384_000)),
            channels: 24,
            frame: Some((7680, 4320)),
            ..Claims::default()
        };
        let honest = Claims {
            samples: 1_080_000,
            edits: 2,
            edited_samples: 2_160_000,
            cover: Some((5000, 5000)),
            tag_bytes: 20 << 20,
            ..hour
        };
        assert_eq!(code(honest), None);
        for (claims, expected) in [
            (Claims { rates: Some((1, 48_000)), ..honest }, "media.bad_sample_rate"),
            (Claims { rates: Some((44_100, 2_822_400)), ..honest }, "media.bad_sample_rate"),
            (Claims { channels: 255, ..honest }, "media.too_many_channels"),
            (Claims { tracks: 1_000_000, ..honest }, "media.too_many_tracks"),
            (Claims { frame: Some((8192, 8192)), ..honest }, "media.too_many_pixels"),
            (Claims { frame: Some((16_384, 16)), ..honest }, "media.too_many_pixels"),
            (Claims { cover: Some((16_000, 16_000)), ..honest }, "media.cover_too_large"),
            (Claims { tag_bytes: u64::MAX, ..honest }, "media.cover_too_large"),
            (Claims { samples: 40_000_000, ..honest }, "media.too_many_samples"),
            (Claims { samples: 40_000, clock_ms: 10_000, ..honest }, "media.too_many_samples"),
            (Claims { samples: u64::MAX, clock_ms: 0, ..honest }, "media.too_many_samples"),
            (Claims { edits: 300_000, ..honest }, "media.too_many_edits"),
            (Claims { edits: 1_900, edited_samples: 190_000_000, ..honest }, "media.too_many_edits"),
            (Claims { duration_ms: Some(15_000_000), ..honest }, "media.too_long"),
        ] {
            assert_eq!(code(claims).as_deref(), Some(expected), "{claims:?}");
        }
    }
}
