//! Damaged and hostile files: no panic, patches in order, and bounded work.
//!
//! Owns no file format. Invariant: every patch lies inside its file.

use std::io::Cursor;

use proptest::prelude::*;

use super::files::*;
use super::patches;
use crate::scrub::{Error, apply, scrub};
use crate::sniff::Format;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn mutations_upset_nothing(
        which in 0_usize..12,
        at in 0_usize..1500,
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
        cut in 0_usize..1500,
    ) {
        let (format, mut file) = samples().swap_remove(which);
        let at = at % file.len();
        file.splice(at..(at + bytes.len()).min(file.len()), bytes);
        for file in [&file[..], &file[..cut.min(file.len())]] {
            for format in [format, Format::ALL[cut % 15]] {
                if let Ok(found) = patches(format, file) {
                    let mut end = 0;
                    for patch in &found {
                        prop_assert!(patch.offset >= end && patch.fill.len() as u64 <= patch.bytes && patch.bytes > 0);
                        end = patch.offset + patch.bytes;
                    }
                    prop_assert!(end <= file.len() as u64);
                    apply(&found, 0, &mut file.to_vec());
                }
                let _ = scrub(format, &mut Cursor::new(file), u64::MAX);
            }
        }
    }

    #[test]
    fn random_bytes_upset_nothing(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in Format::ALL {
            let _ = patches(format, &data);
        }
    }
}

#[test]
fn the_work_is_bounded_whatever_is_claimed() {
    // Pages without packets inside header packets that never end.
    let mut file = ogg();
    file.truncate(27 + 1 + 10);
    let page = [&b"OggS\0\0"[..], &[0; 8], &7_u32.to_le_bytes(), &[0; 9]].concat();
    file.extend(page.repeat(300_000));
    assert!(matches!(patches(Format::Ogg, &file), Err(Error::TooComplex)));
    // A video in which each byte is a chunk of its own, with another byte between them.
    let numbers = |numbers: Vec<u32>| numbers.into_iter().flat_map(u32::to_be_bytes).collect::<Vec<u8>>();
    let count = 100_000_u32;
    let table = [
        boxed(b"stsc", &numbers(vec![0, 1, 1, 1, 1])),
        boxed(b"stsz", &numbers(vec![0, 1, count])),
        boxed(b"stco", &numbers([0, count].into_iter().chain((0..count).map(|n| 24 + n * 3)).collect())),
    ];
    let media = [boxed(b"hdlr", b"\0\0\0\0\0\0\0\0vide"), boxed(b"minf", &boxed(b"stbl", &table.concat()))];
    let moov = boxed(b"moov", &boxed(b"trak", &boxed(b"mdia", &media.concat())));
    for data in [b"x\0\0", b"xyz"] {
        let file =
            [boxed(b"ftyp", b"isom\0\0\0\0"), boxed(b"mdat", &data.repeat(count as usize)), moov.clone()].concat();
        // Empty gaps are recognized up to a number; above it there are too many of them.
        assert!(matches!(patches(Format::Mp4, &file), Err(Error::TooComplex)));
    }
}
