//! Detects containers by their first box or element: ISO base media (MP4, MOV, M4A, HEIC, AVIF) and Matroska.
//!
//! Owns the table of `ftyp` brands. Invariant: a brand that is not in the table decides nothing.

use super::{Format, Sniff};
use crate::bytes::{be32, take};
use crate::ebml;

/// Brands (MP4 registration authority's list). `None` is a known but unsupported brand, which refuses the file whatever
/// other brands it has.
const BRANDS: [(&[u8; 4], Option<Format>); 60] = [
    (b"crx ", None), // Canon raw
    (b"jxl ", None),
    (b"jp2 ", None),
    (b"j2ki", None),
    (b"avci", None), // HEIF with AVC images
    (b"avcs", None),
    (b"avif", Some(Format::Avif)),
    (b"avis", Some(Format::Avif)),
    (b"heic", Some(Format::Heic)),
    (b"heix", Some(Format::Heic)),
    (b"heim", Some(Format::Heic)),
    (b"heis", Some(Format::Heic)),
    (b"hevc", Some(Format::Heic)),
    (b"hevx", Some(Format::Heic)),
    (b"hevm", Some(Format::Heic)),
    (b"hevs", Some(Format::Heic)),
    (b"qt  ", Some(Format::Mov)),
    (b"M4A ", Some(Format::M4a)),
    (b"M4B ", Some(Format::M4a)),
    (b"M4P ", Some(Format::M4a)),
    (b"M4V ", Some(Format::Mp4)),
    (b"M4VH", Some(Format::Mp4)),
    (b"M4VP", Some(Format::Mp4)),
    (b"isom", Some(Format::Mp4)),
    (b"iso2", Some(Format::Mp4)),
    (b"iso3", Some(Format::Mp4)),
    (b"iso4", Some(Format::Mp4)),
    (b"iso5", Some(Format::Mp4)),
    (b"iso6", Some(Format::Mp4)),
    (b"iso7", Some(Format::Mp4)),
    (b"iso8", Some(Format::Mp4)),
    (b"iso9", Some(Format::Mp4)),
    (b"isoa", Some(Format::Mp4)),
    (b"isob", Some(Format::Mp4)),
    (b"isoc", Some(Format::Mp4)),
    (b"mp41", Some(Format::Mp4)),
    (b"mp42", Some(Format::Mp4)),
    (b"mp71", Some(Format::Mp4)),
    (b"avc1", Some(Format::Mp4)),
    (b"hvc1", Some(Format::Mp4)),
    (b"av01", Some(Format::Mp4)),
    (b"mmp4", Some(Format::Mp4)),
    (b"MSNV", Some(Format::Mp4)),
    (b"NDAS", Some(Format::Mp4)),
    (b"XAVC", Some(Format::Mp4)),
    (b"dash", Some(Format::Mp4)),
    (b"msdh", Some(Format::Mp4)),
    (b"cmfc", Some(Format::Mp4)),
    (b"cmf2", Some(Format::Mp4)),
    (b"cmff", Some(Format::Mp4)),
    (b"f4v ", Some(Format::Mp4)),
    (b"3gp4", Some(Format::Mp4)),
    (b"3gp5", Some(Format::Mp4)),
    (b"3gp6", Some(Format::Mp4)),
    (b"3gp7", Some(Format::Mp4)),
    (b"3gs7", Some(Format::Mp4)),
    (b"3ge6", Some(Format::Mp4)),
    (b"3g2a", Some(Format::Mp4)),
    (b"3g2b", Some(Format::Mp4)),
    (b"3g2c", Some(Format::Mp4)),
];

/// The most brands in one `ftyp`.
const MAX_BRANDS: usize = 64;

pub(super) fn sniff(head: &[u8]) -> Option<Sniff> {
    if head.get(4..8) == Some(b"ftyp") {
        return Some(file_type(head));
    }
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        return Some(matroska(head));
    }
    classic_quicktime(head)
}

fn file_type(head: &[u8]) -> Sniff {
    let size = be32(head, 0).unwrap_or(0) as usize;
    if size < 16 || !size.is_multiple_of(4) || size > 16 + 4 * MAX_BRANDS {
        return Sniff::Unknown;
    }
    let Some(ftyp) = head.get(..size) else { return Sniff::NeedMore };
    let known = |brand: [u8; 4]| BRANDS.iter().find(|(name, _)| **name == brand).map(|row| row.1);
    let compatible = || ftyp.get(16..).unwrap_or_default().chunks_exact(4).filter_map(|b| known(b.try_into().ok()?));
    match take(ftyp, 8).and_then(known) {
        Some(None) => Sniff::Unknown,
        Some(Some(format)) => Sniff::Known(format),
        // An unregistered or generic major brand (`mif1`, `msf1`): the first image brand beside it decides, otherwise
        // the first known one.
        None => {
            let picture = compatible().flatten().find(|f| matches!(f, Format::Avif | Format::Heic));
            let refused = compatible().any(|row| row.is_none());
            match picture.or_else(|| compatible().flatten().next()) {
                Some(format) if !refused => Sniff::Known(format),
                _ => Sniff::Unknown,
            }
        }
    }
}

/// QuickTime files from before `ftyp` start with `moov` or `mdat`, perhaps after filler.
fn classic_quicktime(head: &[u8]) -> Option<Sniff> {
    let mut at = 0_usize;
    for _ in 0..8 {
        let (Some(size), Some(kind)) = (be32(head, at), take::<4>(head, at + 4)) else {
            return (at > 0).then_some(Sniff::NeedMore);
        };
        let size = size as usize;
        match &kind {
            b"moov" if be32(head, at + 12).is_none() => return Some(Sniff::NeedMore),
            b"moov" => {
                let inside = matches!(head.get(at + 12..at + 16), Some(b"mvhd" | b"cmov" | b"rmra"));
                return Some(if inside && size >= 16 { Sniff::Known(Format::Mov) } else { Sniff::Unknown });
            }
            b"mdat" if size == 1 || size >= 16 => return Some(Sniff::Known(Format::Mov)),
            b"wide" | b"free" | b"skip" | b"pnot" if (8..=super::HEAD_BYTES).contains(&size) => at += size,
            _ => return (at > 0).then_some(Sniff::Unknown),
        }
    }
    Some(Sniff::Unknown)
}

fn matroska(head: &[u8]) -> Sniff {
    let Some(header) = ebml::element(head, 0) else { return Sniff::NeedMore };
    // EBML header: a handful of small fields. RFC 8794 §11.2.
    let Some(size) = header.size.filter(|&size| size <= 4096) else { return Sniff::Unknown };
    let Some(fields) = head.get(header.bytes..header.bytes + size as usize) else { return Sniff::NeedMore };
    let doc_type = ebml::children(fields).find(|e| e.id == ebml::DOC_TYPE).map(|e| e.data);
    match doc_type.map(|text| text.split(|&b| b == 0).next().unwrap_or_default()) {
        Some(b"webm") => Sniff::Known(Format::Webm),
        Some(b"matroska") => Sniff::Known(Format::Mkv),
        _ => Sniff::Unknown,
    }
}
