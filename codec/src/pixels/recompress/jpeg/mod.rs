//! Writes a sequential JPEG again with fewer bits for the same coefficients.
//!
//! Written here: libjpeg's own way to do it is no part of its safe interface. Invariant: every segment but those of the
//! coding is kept byte for byte and in order, so metadata and tables of steps are what they were.

mod bits;
mod coefficients;
mod huffman;
mod markers;
mod plan;
mod read;
mod scans;

use super::MAX_PROGRESSIVE_PIXELS;
use crate::pixels::{Error, Interrupt};
use markers::{EOI, SOF0, SOF1, SOF2, SOI};
use read::{Segment, Source};
use scans::Scan;

/// Returns a file with the same coefficients: a progressive one, if the picture is small enough for one, and if that is
/// shorter.
pub(super) fn recompress(bytes: &[u8], interrupt: &Interrupt) -> Result<Vec<u8>, Error> {
    let source = read::read(bytes, interrupt)?;
    let is_progressive = source.frame.pixels() as u64 <= MAX_PROGRESSIVE_PIXELS;
    let scans = if is_progressive { plan::shortest(&source.frame, interrupt)? } else { vec![Scan::Sequential] };
    write(&source, &scans, interrupt)
}

fn write(source: &Source<'_>, scans: &[Scan], interrupt: &Interrupt) -> Result<Vec<u8>, Error> {
    let is_sequential = scans == [Scan::Sequential];
    let mut out = vec![0xff, SOI];
    for Segment { marker, body } in &source.segments {
        let marker = match *marker {
            SOF0 | SOF1 if !is_sequential => SOF2,
            marker => marker,
        };
        push_segment(&mut out, marker, body)?;
    }
    for scan in scans {
        interrupt.check()?;
        scan.write(&source.frame, &mut out)?;
    }
    out.extend([0xff, EOI]);
    Ok(out)
}

/// Appends a segment. Fails if it is longer than its length can say.
fn push_segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) -> Result<(), Error> {
    let length = u16::try_from(body.len() + 2).map_err(|_| Error::Encode("JPEG"))?;
    out.extend([0xff, marker]);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(body);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::recompress::compare::same_jpeg;
    use crate::pixels::recompress::tests::{jpeg, with_comment};

    #[test]
    fn sequential_and_progressive_files_have_the_same_pixels_and_segments() {
        let interrupt = Interrupt::default();
        // Sides that are no multiples of a block or an MCU, with and without halved colours, and without colours.
        for (width, height, sampling) in [(61, 43, Some(2)), (40, 33, Some(1)), (57, 20, None), (8, 8, Some(2))] {
            let original = with_comment(&jpeg((width, height), sampling), b"a comment");
            let source = read::read(&original, &interrupt).unwrap();
            let (_, progressive) = plan::progressive(&source.frame, &interrupt).unwrap();
            for scans in [vec![Scan::Sequential], progressive] {
                let new = write(&source, &scans, &interrupt).unwrap();
                assert!(same_jpeg(&original, &new, &interrupt).unwrap(), "{width} × {height}, {sampling:?}: {scans:?}");
                let again = read::read(&new, &interrupt);
                assert_eq!(again.is_ok(), scans == [Scan::Sequential], "{scans:?}");
                assert!(new.windows(9).any(|text| text == b"a comment"));
            }
        }
    }

    #[test]
    fn every_list_of_scans_has_the_same_pixels() {
        let interrupt = Interrupt::default();
        let original = jpeg((61, 43), Some(2));
        let source = read::read(&original, &interrupt).unwrap();
        for shift in 0..=2 {
            for ends in [&[63][..], &[2, 63], &[8, 63], &[2, 9, 63]] {
                let of = |component: usize| plan::scans(component, ends, shift);
                let scans = [vec![Scan::First], of(0), of(1), of(2)].concat();
                let new = write(&source, &scans, &interrupt).unwrap();
                assert!(same_jpeg(&original, &new, &interrupt).unwrap(), "{ends:?}, {shift}");
            }
        }
    }
}
