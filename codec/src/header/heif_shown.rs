//! What a converter has to be told about a HEIF file: which of its images is shown, whether it is transparent, and what
//! its colours mean. ISO/IEC 23008-12 §6, 14496-12 §12.1.5.
//!
//! Does not own the `meta` box (`heif`). Invariant: a file without such a statement is opaque sRGB of one image.

use std::io::{Read, Seek};

use super::derived_images::{is_picture, references};
use super::heif::{Item, Items};
use crate::bytes::{Source, be16};
use crate::isobmff::{FormatError, MemoryBox};

/// The types of auxiliary images that hold transparency: of MIAF (ISO/IEC 23000-22 §7.3.5.2) and of HEVC (23008-12
/// §B.2.1.3).
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha", b"urn:mpeg:hevc:2015:auxid:1"];

/// The image that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeifShown {
    /// Its number, from 1, among the images that a converter writes, where there are several: those that are neither
    /// hidden nor belong to another one.
    pub number: Option<usize>,
    /// Whether it is transparent somewhere.
    pub has_alpha: bool,
    /// The primaries and the transfer characteristics of its colours (ITU-T H.273), where it has no profile.
    pub code_points: Option<(u8, u8)>,
}

/// Finds the image in a file of `len` bytes.
pub fn heif_shown<R: Read + Seek>(reader: &mut R, len: u64) -> Result<HeifShown, super::Error> {
    let mut source = Source::new(reader, len);
    Ok(shown(&Items::read(&mut source)?)?)
}

fn shown(items: &Items) -> Result<HeifShown, FormatError> {
    let primary = items.primary().ok_or(FormatError::Invalid("it has no primary image"))?;
    let (auxiliary, thumbnails) = (references(items, *b"auxl")?, references(items, *b"thmb")?);
    let belongs = |id: u32| auxiliary.contains_key(&id) || thumbnails.contains_key(&id);
    let listed = items.list()?;
    // No converter writes a gain map's result; all write images in the order of their numbers.
    let is_written = |item: &Item| is_picture(item) && &item.kind != b"tmap" && !item.hidden && !belongs(item.id);
    let mut written: Vec<u32> = listed.iter().filter(|item| is_written(item)).map(|item| item.id).collect();
    written.sort_unstable();
    let number = written.iter().position(|id| *id == primary).filter(|_| written.len() > 1).map(|at| at + 1);
    let has_alpha = auxiliary.iter().any(|(id, of)| of.contains(&primary) && is_alpha(items, *id));
    // The colours of a grid are those of its tiles, where it does not say.
    let tile = references(items, *b"dimg")?.get(&primary).and_then(|tiles| tiles.first().copied());
    let code_points = match colors(items, primary) {
        Colors::Unknown => tile.map_or(Colors::Unknown, |tile| colors(items, tile)),
        known => known,
    };
    let code_points =
        if let Colors::CodePoints(primaries, transfer) = code_points { Some((primaries, transfer)) } else { None };
    Ok(HeifShown { number, has_alpha, code_points })
}

fn is_alpha(items: &Items, id: u32) -> bool {
    // Version and flags, then the type, which ends with a zero byte.
    let kind = |body: &[u8]| body.get(4..).and_then(|rest| rest.split(|byte| *byte == 0).next().map(<[u8]>::to_vec));
    let properties = items.properties(id).unwrap_or_default();
    properties
        .iter()
        .filter(|property| &property.kind == b"auxC")
        .filter_map(|property| kind(property.body))
        .any(|kind| ALPHA.iter().any(|alpha| *alpha == kind))
}

enum Colors {
    Unknown,
    Profile,
    CodePoints(u8, u8),
}

fn colors(items: &Items, id: u32) -> Colors {
    let mut found = Colors::Unknown;
    for MemoryBox { kind, body, .. } in items.properties(id).unwrap_or_default() {
        match (&kind, body.get(..4)) {
            (b"colr", Some(b"prof" | b"rICC")) => return Colors::Profile,
            (b"colr", Some(b"nclx")) => {
                let point = |at: usize| be16(body, at).and_then(|value| u8::try_from(value).ok());
                if let Some((primaries, transfer)) = point(4).zip(point(6)) {
                    found = Colors::CodePoints(primaries, transfer);
                }
            }
            _ => {}
        }
    }
    found
}
