//! The few boxes of a fragmented MP4 that matter when chunks are joined.
//!
//! Owns reading a header's codec and edit list, moving a segment in time, and joining files. Does not own MP4 in
//! general (`codec` does). Invariant: invalid bytes result in `None`, and nothing is ever written outside the slice.

/// The values of an initialisation segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// Profile, constraints and level of its H.264 stream.
    pub avc: Option<(u8, u8, u8)>,
    /// What the edit list skips at the start, in the track's ticks: the encoder's delay.
    pub delay: i64,
    delay_at: Option<usize>,
}

/// The boxes whose children are read.
const CONTAINERS: [&[u8; 4]; 9] = [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex"];

/// Calls `each` with the type and the content's range of every box, at any depth in [`CONTAINERS`].
fn walk(bytes: &[u8], from: usize, to: usize, depth: u8, each: &mut impl FnMut(&[u8], usize, usize)) {
    let mut at = from;
    while let Some(head) = bytes.get(at..at + 8).filter(|_| at + 8 <= to) {
        let (Some(size), Some(kind)) = (be32(head, 0), head.get(4..8)) else { return };
        let size = size as usize;
        let Some(end) = at.checked_add(size).filter(|end| size >= 8 && *end <= to) else { return };
        each(kind, at + 8, end);
        if depth < 8 && CONTAINERS.iter().any(|folder| kind == *folder) {
            walk(bytes, at + 8, end, depth + 1, each);
        } else if kind == b"stsd" {
            // A full box with a count of entries before the first entry.
            walk(bytes, at + 16, end, depth + 1, each);
        } else if kind == b"avc1" || kind == b"avc3" {
            // A visual sample entry: 78 bytes before its own boxes (ISO/IEC 14496-12 §12.1.3).
            walk(bytes, at + 8 + 78, end, depth + 1, each);
        }
        at = end;
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Reads a header (an initialisation segment).
pub(crate) fn header(bytes: &[u8]) -> Header {
    let mut header = Header { avc: None, delay: 0, delay_at: None };
    walk(bytes, 0, bytes.len(), 0, &mut |kind, from, _| match kind {
        b"avcC" => {
            header.avc = bytes
                .get(from + 1..from + 4)
                .and_then(|three| <[u8; 3]>::try_from(three).ok())
                .map(|[profile, constraints, level]| (profile, constraints, level));
        }
        // One entry of version 0: duration, then media time (ISO/IEC 14496-12 §8.6.6).
        b"elst" if bytes.get(from) == Some(&0) && be32(bytes, from + 4) == Some(1) => {
            if let Some(time) = be32(bytes, from + 12) {
                header.delay = i64::from(time as i32);
                header.delay_at = Some(from + 12);
            }
        }
        _ => {}
    });
    header
}

/// Returns the header without its delay, which must be the same for all chunks of a rendition, as hexadecimal text.
pub(crate) fn fingerprint(bytes: &[u8]) -> String {
    let mut same = bytes.to_vec();
    if let Some(place) = header(bytes).delay_at.and_then(|at| same.get_mut(at..at + 4)) {
        place.fill(0);
    }
    hex::encode(same)
}

/// Moves a segment by `ticks`; returns `None` if its times are not found or would become negative.
pub(crate) fn shift(segment: &mut [u8], ticks: i64) -> Option<()> {
    let mut places = Vec::new();
    walk(segment, 0, segment.len(), 0, &mut |kind, from, _| {
        if kind == b"tfdt" {
            places.push(from);
        }
    });
    if places.is_empty() {
        return None;
    }
    for from in places {
        if segment.get(from) == Some(&1) {
            let moved = be64(segment, from + 4)?.checked_add_signed(ticks)?;
            segment.get_mut(from + 4..from + 12)?.copy_from_slice(&moved.to_be_bytes());
        } else {
            let moved = u32::try_from(u64::from(be32(segment, from + 4)?).checked_add_signed(ticks)?).ok()?;
            segment.get_mut(from + 4..from + 8)?.copy_from_slice(&moved.to_be_bytes());
        }
    }
    Some(())
}

/// Returns the boxes of a file that is one of several that become one segment: without its index (`sidx`), which counts
/// one fragment, and without its type (`styp`) unless it is the first. `None` where boxes are not as long as they say.
pub(crate) fn fragments(file: &[u8], is_first: bool) -> Option<Vec<u8>> {
    let (mut kept, mut rest) = (Vec::with_capacity(file.len()), file);
    while !rest.is_empty() {
        let size = be32(rest, 0)? as usize;
        let (first, others) = rest.split_at_checked(size).filter(|_| size >= 8)?;
        match first.get(4..8)? {
            b"sidx" => {}
            b"styp" if !is_first => {}
            _ => kept.extend_from_slice(first),
        }
        rest = others;
    }
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: [u8; 4], content: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(content.len() + 8).unwrap().to_be_bytes().to_vec();
        bytes.extend(kind);
        bytes.extend(content);
        bytes
    }

    fn a_header(delay: u32) -> Vec<u8> {
        let mut elst = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];
        elst.extend(delay.to_be_bytes());
        elst.extend([0, 1, 0, 0]);
        let avcc = boxed(*b"avcC", &[1, 0x64, 0, 0x1f, 0xff]);
        let entry = boxed(*b"avc1", &[vec![0; 78], avcc].concat());
        let stsd = boxed(*b"stsd", &[vec![0, 0, 0, 0, 0, 0, 0, 1], entry].concat());
        let mdia = boxed(*b"mdia", &boxed(*b"minf", &boxed(*b"stbl", &stsd)));
        boxed(*b"moov", &boxed(*b"trak", &[boxed(*b"edts", &boxed(*b"elst", &elst)), mdia].concat()))
    }

    #[test]
    fn codec_and_delay_are_found() {
        let header = header(&a_header(1024));
        assert_eq!((header.avc, header.delay), (Some((0x64, 0, 0x1f)), 1024));
    }

    #[test]
    fn headers_that_differ_in_delay_alone_are_the_same() {
        assert_eq!(fingerprint(&a_header(1024)), fingerprint(&a_header(0)));
        let mut other = a_header(0);
        let last = other.len() - 2;
        other[last] ^= 1;
        assert_ne!(fingerprint(&a_header(0)), fingerprint(&other));
    }

    #[test]
    fn segments_move_in_time_but_never_before_the_start() {
        let tfdt = |time: u64| boxed(*b"tfdt", &[vec![1, 0, 0, 0], time.to_be_bytes().to_vec()].concat());
        let mut segment = [boxed(*b"styp", b"msdh"), boxed(*b"moof", &boxed(*b"traf", &tfdt(5000)))].concat();
        assert_eq!(shift(&mut segment, 1024), Some(()));
        assert!(segment.ends_with(&6024_u64.to_be_bytes()));
        assert_eq!(shift(&mut segment, -7000), None);
        assert_eq!(shift(&mut b"nothing".to_vec(), 1), None);
    }

    #[test]
    fn files_are_joined_without_their_indexes() {
        let [kind, index] = [boxed(*b"styp", b"msdh"), boxed(*b"sidx", b"1")];
        let fragment = |time: u8| [boxed(*b"moof", &[time]), boxed(*b"mdat", &[time; 3])].concat();
        let segment = |time: u8| [&kind[..], &index, &fragment(time)].concat();
        let joined = [fragments(&segment(1), true).unwrap(), fragments(&segment(2), false).unwrap()].concat();
        assert_eq!(joined, [&kind[..], &fragment(1), &fragment(2)].concat());
        let whole = segment(2);
        assert_eq!(whole.split_last().and_then(|(_, cut)| fragments(cut, false)), None);
    }

    #[test]
    fn invalid_output_never_panics() {
        for length in 0..64_usize {
            let noise: Vec<u8> = (0..length).map(|at| (at * 37 % 251) as u8).collect();
            let _ = (header(&noise), fingerprint(&noise), shift(&mut noise.clone(), 1), fragments(&noise, true));
        }
    }
}
