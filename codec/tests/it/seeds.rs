//! Small files of every format, built byte by byte: valid ones, and ones that claim far more than they hold.
//!
//! Owns no assertion. The fuzz targets begin with the same files. Invariant: no tool and no codec is needed to make
//! them.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "four-character codes are written as b\"moov\"")]
// Each user of these files needs some of them.
#![allow(dead_code)]

// With paths, because the tests of `media` include this file by its own path.
#[path = "seeds/audio.rs"]
mod audio;
#[path = "seeds/heif.rs"]
mod heif;
#[path = "seeds/image.rs"]
mod image;
#[path = "seeds/matroska.rs"]
mod matroska;
#[path = "seeds/movie.rs"]
mod movie;

pub use audio::*;
pub use heif::*;
pub use image::*;
pub use matroska::*;
pub use movie::*;

use codec::sniff::Format;

/// A valid file of every format, and some of each that claim too much.
pub fn all() -> Vec<(Format, Vec<u8>)> {
    let comment = |text: &[u8]| {
        [&4_u32.to_le_bytes()[..], b"test", &1_u32.to_le_bytes(), &(text.len() as u32).to_le_bytes(), text].concat()
    };
    let location = boxed(
        b"udta",
        &[
            boxed(b"\xa9xyz", b"\0\x12\x15\xc7+48.1372+011.5755/"),
            boxed(b"meta", &[vec![0; 4], boxed(b"ilst", &boxed(b"covr", &png_head(9, 9)))].concat()),
        ]
        .concat(),
    );
    vec![
        (Format::Jpeg, jpeg(40, 30, 10)),
        (Format::Jpeg, jpeg_with_exif()),
        (Format::Png, png(40, 30, 3)),
        (Format::Gif, gif(40, 30, 3)),
        (Format::Webp, webp(40, 3)),
        (Format::Heic, heic(&[grid(1, (128, 64), &[2, 3]), tile(2, 64), tile(3, 64)])),
        (Format::Avif, heic(&[overlay(1, (64, 64), &[2, 2]), grid(2, (64, 64), &[3]), tile(3, 64)])),
        (Format::Mp4, Movie { in_moov: location, ..Movie::default() }.file()),
        (
            Format::Mp4,
            Movie {
                samples: 0,
                runs: (0, 0),
                in_moov: boxed(b"mvex", &full(b"trex", &[1, 1, 0, 0, 0])),
                behind: fragment(3),
                ..Movie::default()
            }
            .file(),
        ),
        (Format::Mov, Movie { handler: *b"soun", ..Movie::default() }.file()),
        (Format::M4a, Movie { handler: *b"soun", edits: 3, ..Movie::default() }.file()),
        (
            Format::Mkv,
            matroska(&[
                element(0x1549_a966, &element(0x4461, &[0; 8])),
                tracks(&[picture_track(64, 48), sound_track(8000.0, 2)]),
                element(0x1254_c367, b"tags"),
            ]),
        ),
        (
            Format::Webm,
            matroska(&[
                element(0x114d_9b74, &element(0x4dbb, &element(0x53ac, &[60]))),
                tracks(&[sound_track(48_000.0, 1)]),
            ]),
        ),
        (
            Format::Mp3,
            mp3(3, 0, &[id3_frame(b"TIT2", [0; 2], b"\0Song"), id3_frame(b"APIC", [0; 2], &png_head(9, 9))].concat()),
        ),
        (Format::Wav, wav(8000, 1, 1, &[0; 200])),
        (Format::Flac, flac(44_100, 2, &[(4, comment(b"TITLE=Song")), (6, png_head(9, 9))])),
        (Format::Ogg, opus(2, &[b"TITLE=Song", b"METADATA_BLOCK_PICTURE=AAAA"])),
    ]
}
