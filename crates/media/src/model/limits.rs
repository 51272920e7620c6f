//! How large, wide and long a file may be, by what it is.
//!
//! Invariant: a limit is the same whether it is met before, during or after the bytes arrive.

use codec::sniff::{Format, Kind};

use crate::config::Config;
use crate::error::Error;

/// What a kind may weigh, and its name in a sentence.
fn most(config: &Config, kind: Kind) -> (u64, &'static str) {
    match kind {
        Kind::Photo => (config.photo_max_bytes, "a photo"),
        Kind::Audio => (config.audio_max_bytes, "a sound"),
        Kind::Video => (config.video_max_bytes, "a video"),
    }
}

/// Refuses a size that no kind may have.
pub(crate) fn any_size(config: &Config, bytes: u64) -> Result<(), Error> {
    let largest = [Kind::Photo, Kind::Audio, Kind::Video].map(|kind| most(config, kind)).into_iter().max_by_key(|(most, _)| *most);
    match largest {
        Some((most, name)) if bytes > most => Err(Error::TooLarge { most, what: name }),
        _ => Ok(()),
    }
}

/// Refuses a size that this kind may not have.
pub(crate) fn size(config: &Config, kind: Kind, bytes: u64) -> Result<(), Error> {
    let (most, name) = most(config, kind);
    if bytes > most { Err(Error::TooLarge { most, what: name }) } else { Ok(()) }
}

/// Refuses a picture with too many pixels or too long a side.
pub(crate) fn picture(config: &Config, width: u32, height: u32) -> Result<(), Error> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels > config.photo_max_pixels || width.max(height) > config.photo_max_side {
        return Err(Error::TooManyPixels(width, height, config.photo_max_pixels / 1_000_000, config.photo_max_side));
    }
    Ok(())
}

/// Refuses an animation with too many frames, or too many pixels in all of them.
pub(crate) fn frames(config: &Config, frames: u32, pixels: u64) -> Result<(), Error> {
    if frames > config.animation_max_frames || (frames > 1 && pixels.saturating_mul(frames.into()) > config.animation_max_pixels) {
        let fitting = config.animation_max_pixels.checked_div(pixels).map_or(u32::MAX, |most| u32::try_from(most).unwrap_or(u32::MAX));
        return Err(Error::TooManyFrames(config.animation_max_frames.min(fitting)));
    }
    Ok(())
}

/// Refuses a recording that lasts too long.
pub(crate) fn duration(config: &Config, duration_ms: Option<u64>) -> Result<(), Error> {
    if duration_ms.is_some_and(|ms| ms > config.longest_ms()) { Err(Error::TooLong(config.max_minutes)) } else { Ok(()) }
}

/// Whether a format is a picture, so that its header says how large it is.
pub(crate) fn is_picture(format: Format) -> bool {
    format.kind() == Kind::Photo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_met_exactly() {
        let config = Config::default();
        assert!(size(&config, Kind::Photo, 25 << 20).is_ok());
        assert!(matches!(size(&config, Kind::Photo, (25 << 20) + 1), Err(Error::TooLarge { .. })));
        assert!(any_size(&config, 4 << 30).is_ok());
        assert!(any_size(&config, (4 << 30) + 1).is_err());
        assert!(picture(&config, 10_000, 10_000).is_ok());
        assert!(picture(&config, 10_001, 10_000).is_err());
        assert!(picture(&config, 65_500, 1).is_err());
        assert!(frames(&config, 2_000, 1_000_000).is_ok());
        assert!(frames(&config, 2_001, 1).is_err());
        assert!(frames(&config, 100, 100_000_000).is_err());
        assert!(duration(&config, Some(4 * 3_600_000)).is_ok());
        assert!(duration(&config, Some(4 * 3_600_000 + 1)).is_err());
    }
}
