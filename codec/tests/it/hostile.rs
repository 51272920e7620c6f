//! Every parser on mutated and hostile files: no panic, and bounded time and memory.
//!
//! Owns the mutations, not the inputs (`seeds`). Invariant: a mutation depends on its number only, so a failure can be
//! repeated.

use std::fs;
use std::io::Cursor;

use codec::header;
use codec::sniff::Format;

use crate::seeds::*;

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns the peak memory of this process, in KiB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Returns a seed with a few bytes changed, moved, duplicated or cut off, always the same for the same number.
fn mutated(seed: &[u8], number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below.max(1) as u64) as usize
    };
    let mut file = seed.to_vec();
    for _ in 0..=next(4) {
        let at = next(file.len());
        let some = (at + 1 + next(8)).min(file.len());
        match next(6) {
            0 => file[at] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][next(6)],
            1 => file[at] ^= 1 << next(8),
            2 => file[at..some].fill(0xff),
            3 => drop(file.drain(at..some)),
            4 => {
                let piece = file[at..some].to_vec();
                let to = next(file.len());
                file.splice(to..to, piece);
            }
            _ => file.truncate(at.max(20)),
        }
        if file.is_empty() {
            break;
        }
    }
    file
}

#[test]
fn mutated_seeds_panic_no_parser() {
    for (format, seed) in all() {
        for number in 0..60 {
            let file = mutated(&seed, number);
            for (name, parser) in crate::parsers::ALL {
                if let Err(panic) = std::panic::catch_unwind(|| parser(&file)) {
                    let shown = hex(&file);
                    panic!("{name}, {format} number {number}: {panic:?}\n{shown}");
                }
            }
        }
    }
}

#[test]
fn hostile_files_are_read_in_a_few_megabytes() {
    let cover = [png_head(100, 100), vec![0xff; 8 << 20]].concat();
    let files = [
        (Format::Mp4, Movie { edits: 300_000, ..Movie::default() }.file()),
        (Format::Mp4, Movie { tracks: 20_000, ..Movie::default() }.file()),
        (Format::Mp4, Movie { handler: *b"soun", runs: (3, 900_000), samples: 300, ..Movie::default() }.file()),
        (Format::Mp4, Movie { behind: fragment(0).repeat(100_000), ..Movie::default() }.file()),
        (Format::Mkv, matroska(&[tracks(&vec![sound_track(8000.0, 2); 10_000])])),
        (
            Format::Mkv,
            matroska(&[
                tracks(&[sound_track(8000.0, 2)]),
                element(0x1941_a469, &element(0x61a7, &element(0x465c, &cover))),
            ]),
        ),
        (Format::Mp3, mp3(3, 0, &id3_frame(b"APIC", [0; 2], &cover))),
        (Format::Flac, flac(44_100, 2, &[(6, cover[..8 << 20].to_vec())])),
        (Format::Ogg, opus_with_tags(4_000_000)),
        (Format::Ogg, opus_with_tags(40_000_000)),
        (Format::Heic, heic(&(1..9000).map(|id| tile(id, 64)).collect::<Vec<_>>())),
        (Format::Heic, heic(&[grid(1, (10, 10), &vec![2; 65_535]), tile(2, 1)])),
        (Format::Jpeg, jpeg(400, 300, 500_000)),
        (Format::Png, png(40, 30, 100_000)),
        (Format::Gif, gif(40, 30, 300_000)),
        (Format::Webp, webp(40, 100_000)),
    ];
    for (format, file) in files {
        // Resets the peak.
        let _ = fs::write("/proc/self/clear_refs", "5");
        let before = peak();
        let began = std::time::Instant::now();
        let _ = header::claims(format, &mut Cursor::new(&file), file.len() as u64);
        let _ = header::image_in(format, &mut Cursor::new(&file), file.len() as u64);
        let _ = codec::exif::read(format, &mut Cursor::new(&file), file.len() as u64);
        let _ = codec::scrub::scrub(format, &mut Cursor::new(&file), file.len() as u64);
        let grown = peak().saturating_sub(before) / 1024;
        println!("{format} of {} KiB: {grown} MiB, {:?}", file.len() / 1024, began.elapsed());
        assert!(grown <= 16, "{format} of {} bytes took {grown} MiB", file.len());
        assert!(
            began.elapsed() < std::time::Duration::from_secs(20),
            "{format} of {} bytes took {:?}",
            file.len(),
            began.elapsed()
        );
    }
}
