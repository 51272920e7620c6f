//! Sample entries of MP4 and MOV (`stsd`): the coded size of video, the rate and channels of audio.
//!
//! Owns the fields that determine a decoder's memory, in the entry itself and in the codec's configuration inside.
//! Invariant: at most [`MAX_ENTRIES`] entries are read, each from one window.

use std::io::{Read, Seek};

use super::claims::Claims;
use super::parameter_sets::{av1_configuration, avc_configuration, hevc_configuration};
use crate::bytes::{Source, WINDOW, be16, be32, be64};
use crate::isobmff::{self, BoxHeader, FormatError};

/// ffmpeg reads at most 1024 entries of a track; a recording has no more than a few.
const MAX_ENTRIES: usize = 64;
/// Entries that are video whatever their track's handler says (a demuxer uses these names then).
const VIDEO_ENTRIES: [&[u8; 4]; 16] = [
    b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"vp08", b"vp09", b"mp4v", b"jpeg", b"mjpa", b"mjpb", b"png ",
    b"raw ", b"apch", b"apcn", b"ap4h",
];

/// Reads a track's entries. `handler` is the track's handler type.
pub(super) fn read<R: Read + Seek>(
    source: &mut Source<'_, R>,
    table: &BoxHeader,
    handler: [u8; 4],
    claims: &mut Claims,
) -> Result<(), FormatError> {
    let mut at = table.body + 8;
    for _ in 0..MAX_ENTRIES {
        let Some(entry) = isobmff::next_box(source, at, table.end)? else { return Ok(()) };
        at = entry.end;
        let data = source.some(entry.body, usize::try_from(entry.body_len()).unwrap_or(usize::MAX).min(WINDOW))?;
        match &handler {
            b"vide" => video_entry(data, claims),
            b"soun" => audio_entry(data, claims),
            _ if VIDEO_ENTRIES.contains(&&entry.kind) => video_entry(data, claims),
            _ => {}
        }
    }
    Err(FormatError::Invalid("a track has too many kinds of samples"))
}

/// ISO/IEC 14496-12 §12.1.3; the configuration boxes follow 78 bytes of fields.
fn video_entry(entry: &[u8], claims: &mut Claims) {
    if let Some((width, height)) = be16(entry, 24).zip(be16(entry, 26)) {
        claims.frame((width.into(), height.into()));
    }
    for child in isobmff::boxes(entry.get(78..).unwrap_or_default()).map_while(Result::ok).take(MAX_ENTRIES) {
        let coded = match &child.kind {
            b"avcC" => avc_configuration(child.body),
            b"hvcC" => hevc_configuration(child.body),
            b"av1C" => av1_configuration(child.body),
            _ => None,
        };
        if let Some(size) = coded {
            claims.frame(size);
        }
    }
}

/// §12.2.3, and QuickTime's versions 1 and 2 of it. A rate of 0 means that the codec's configuration has it: 16 bits
/// cannot hold 96 kHz.
fn audio_entry(entry: &[u8], claims: &mut Claims) {
    let version = be16(entry, 8).unwrap_or(0);
    let fields = match version {
        1 => 28 + 16,
        2 => 28 + 36,
        _ => 28,
    };
    if version == 2 {
        let rate = be64(entry, 32).map_or(0.0, f64::from_bits);
        claims.rate(whole_rate(rate));
        claims.channels(be32(entry, 40).unwrap_or(0));
    } else {
        if let Some(rate) = be32(entry, 24).map(|fixed| fixed >> 16).filter(|rate| *rate > 0) {
            claims.rate(rate);
        }
        claims.channels(be16(entry, 16).unwrap_or(0).into());
    }
    for child in isobmff::boxes(entry.get(fields..).unwrap_or_default()).map_while(Result::ok).take(MAX_ENTRIES) {
        match &child.kind {
            b"alac" => alac(child.body, claims),
            b"dfLa" => super::audio::stream_information(child.body.get(8..).unwrap_or_default(), claims),
            // Version, then the number of channels. Opus in ISOBMFF §4.3.2.
            b"dOps" => claims.channels(child.body.get(1).copied().unwrap_or(0).into()),
            // QuickTime adds one more wrapper around the configuration.
            b"wave" => isobmff::boxes(child.body)
                .map_while(Result::ok)
                .take(MAX_ENTRIES)
                .filter(|child| &child.kind == b"alac")
                .for_each(|child| alac(child.body, claims)),
            _ => {}
        }
    }
}

/// The configuration of Apple Lossless, behind version and flags: its channels and its rate.
fn alac(body: &[u8], claims: &mut Claims) {
    if let Some(rate) = be32(body, 24) {
        claims.rate(rate);
        claims.channels(body.get(13).copied().unwrap_or(0).into());
    }
}

/// Returns a rate as a whole number; 0 if it is not a number.
pub(super) fn whole_rate(rate: f64) -> u32 {
    if rate.is_finite() { rate.clamp(0.0, f64::from(u32::MAX)) as u32 } else { 0 }
}
