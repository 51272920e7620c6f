//! Metadata of MP4, MOV and M4A: the date in `mvhd`, and the `udta` and `meta` boxes of `moov`.
//!
//! Owns reading Apple's and Android's keys. Invariant: at most [`MAX_BOX_BYTES`] bytes of any box are in memory.

use std::io::{Read, Seek};

use chrono::{NaiveDate, NaiveDateTime};

use super::{Metadata, TakenAt};
use crate::bytes::{Source, be32, be64};
use crate::isobmff::{self, FormatError};

/// The most bytes of one metadata box that are read.
const MAX_BOX_BYTES: u64 = 256 * 1024;
const MAX_BOXES: usize = 10_000;

#[derive(Default)]
struct Tags {
    make: Option<Vec<u8>>,
    model: Option<Vec<u8>>,
    date: Option<TakenAt>,
    created: Option<TakenAt>,
    has_location: bool,
}

pub(super) fn read<R: Read + Seek>(source: &mut Source<'_, R>, metadata: &mut Metadata) -> Result<(), FormatError> {
    let mut tags = Tags::default();
    let walked = walk(source, &mut tags);
    metadata.taken_at = tags.date.or(tags.created);
    metadata.camera = super::camera(tags.make.as_deref(), tags.model.as_deref());
    metadata.has_gps = tags.has_location;
    walked
}

fn walk<R: Read + Seek>(source: &mut Source<'_, R>, tags: &mut Tags) -> Result<(), FormatError> {
    let mut moov = None;
    let mut at = 0;
    for _ in 0..MAX_BOXES {
        let Some(next) = isobmff::next_box(source, at, source.len())? else { break };
        at = next.end;
        if &next.kind == b"moov" {
            moov = Some(next);
            break;
        }
    }
    let Some(moov) = moov else { return Ok(()) };
    at = moov.body;
    for _ in 0..MAX_BOXES {
        let Some(child) = isobmff::next_box(source, at, moov.end)? else { break };
        at = child.end;
        match &child.kind {
            b"mvhd" => {
                let data = source.some(child.body, child.body_len().min(12) as usize)?;
                let seconds = if data.first() == Some(&1) { be64(data, 4) } else { be32(data, 4).map(u64::from) };
                // Seconds since 1904; 0 means unknown. ISO/IEC 14496-12 §8.2.2.3.
                let epoch = NaiveDate::from_ymd_opt(1904, 1, 1);
                // Writers that count from 1970 by mistake would result in a date before 1990: such dates are ignored.
                let seconds = seconds.filter(|seconds| *seconds > 86 * 365 * 86_400);
                tags.created = epoch.zip(seconds).and_then(|(epoch, seconds)| TakenAt::after(epoch, seconds));
            }
            b"udta" if child.body_len() <= MAX_BOX_BYTES => {
                user_data(&source.vector(child.body, child.body_len())?, tags);
            }
            b"meta" if child.body_len() <= MAX_BOX_BYTES => {
                read_keys(&source.vector(child.body, child.body_len())?, tags);
            }
            _ => {}
        }
    }
    Ok(())
}

/// `udta`: boxes named `©xyz` and so on, each with a length, a language and a text.
fn user_data(data: &[u8], tags: &mut Tags) {
    for child in isobmff::boxes(data).map_while(Result::ok).take(MAX_BOXES) {
        let text = || child.body.get(4..).filter(|text| !text.is_empty()).map(<[u8]>::to_vec);
        match &child.kind {
            b"\xa9xyz" | b"loci" => tags.has_location = true,
            b"\xa9mak" => tags.make = text(),
            b"\xa9mod" => tags.model = text(),
            b"meta" => read_keys(child.body, tags),
            _ => {}
        }
    }
}

/// `meta` with `keys` and `ilst`: the n-th item of the list belongs to the n-th key.
fn read_keys(data: &[u8], tags: &mut Tags) {
    // ISO's `meta` begins with version and flags, QuickTime's does not.
    let data = if data.get(4..8) == Some(b"hdlr") { data } else { data.get(4..).unwrap_or_default() };
    let (Some(keys), Some(list)) = (isobmff::find(data, *b"keys"), isobmff::find(data, *b"ilst")) else { return };
    // Each key has the layout of a box: size, namespace, name.
    let keys: Vec<_> = isobmff::boxes(keys.get(8..).unwrap_or_default()).map_while(Result::ok).take(1000).collect();
    for item in isobmff::boxes(list).map_while(Result::ok).take(1000) {
        let index = u32::from_be_bytes(item.kind) as usize;
        let Some(key) = index.checked_sub(1).and_then(|index| keys.get(index)) else { continue };
        // A `data` box: type and language first.
        let Some(value) = isobmff::find(item.body, *b"data").and_then(|data| data.get(8..)) else { continue };
        match key.body {
            b"com.apple.quicktime.make" | b"com.android.manufacturer" => tags.make = Some(value.to_vec()),
            b"com.apple.quicktime.model" | b"com.android.model" => tags.model = Some(value.to_vec()),
            b"com.apple.quicktime.creationdate" => tags.date = date(value),
            name => tags.has_location |= name.windows(8).any(|window| window == b"location"),
        }
    }
}

/// `2019-12-20T17:08:32-0300`.
fn date(text: &[u8]) -> Option<TakenAt> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let (local, rest) = text.split_at_checked(19)?;
    let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%dT%H:%M:%S").ok()?;
    let sign = rest.find(['+', '-', 'Z']);
    TakenAt::new(local, sign.and_then(|sign| super::offset(&rest[sign..])))
}
