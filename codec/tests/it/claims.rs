//! Reads what files claim, by their heads.
//!
//! Owns the inputs (`seeds`), not the limits (`media`'s). Invariant: no test here needs a tool, except those that
//! compare with real files.

use std::fs;
use std::io::Cursor;

use base64::Engine as _;
use codec::header::{self, Claims, Error};
use codec::sniff::{Format, Sniff, sniff};

use crate::seeds::*;
use crate::tools::Fixtures;

fn read(format: Format, file: &[u8]) -> Result<Claims, Error> {
    header::claims(format, &mut Cursor::new(file), file.len() as u64)
}

fn claims(format: Format, file: &[u8]) -> Claims {
    read(format, file).unwrap()
}

fn movie(movie: &Movie) -> Claims {
    claims(Format::Mp4, &movie.file())
}

#[test]
fn every_seed_is_detected_and_read() {
    for (format, file) in all() {
        assert!(
            matches!(sniff(&file, true), Sniff::Known(_)) || matches!(format, Format::Webp | Format::Png),
            "{format}"
        );
        if format.kind() == codec::sniff::Kind::Photo {
            header::image_in(format, &mut Cursor::new(&file), file.len() as u64).unwrap();
        } else {
            assert!(claims(format, &file).tracks > 0, "{format}");
        }
    }
}

#[test]
fn a_video_claims_what_its_table_heads_declare() {
    let plain = movie(&Movie::default());
    assert_eq!(
        (plain.tracks, plain.samples, plain.edits, plain.frame, plain.clock_ms),
        (1, 250, 1, Some((64, 48)), 10_000)
    );
    assert_eq!(
        movie(&Movie { samples: 40_000_000, handler: *b"text", ..Movie::default() }.with_room()).samples,
        40_000_000
    );
    assert_eq!(movie(&Movie { tracks: 3000, ..Movie::default() }).tracks, 3000);
    let cut = movie(&Movie { edits: 300_000, ..Movie::default() });
    assert_eq!((cut.edits, cut.edited_samples), (300_000, 75_000_000));
    assert_eq!(movie(&Movie { size: (8192, 8192), ..Movie::default() }).frame, Some((8192, 8192)));
    let audio = movie(&Movie { handler: *b"soun", rate: 1, channels: 255, ..Movie::default() });
    assert_eq!((audio.rates, audio.channels), (Some((1, 1)), 255));
}

impl Movie {
    /// Enough bytes follow that all samples of one byte could be present.
    fn with_room(self) -> Self {
        let behind = boxed(b"free", &vec![0; self.samples as usize]);
        Self { behind, ..self }
    }
}

#[test]
fn samples_that_the_file_cannot_hold_are_invalid() {
    let file = Movie { samples: 40_000_000, ..Movie::default() }.file();
    assert!(file.len() < 1200);
    assert!(matches!(read(Format::Mp4, &file), Err(Error::Invalid(_))));
}

#[test]
fn uncompressed_audio_counts_in_packets_as_in_a_demuxer() {
    // Four hours at 48 kHz, in chunks of a second: 691 million samples, none listed individually.
    let honest = movie(&Movie { handler: *b"soun", samples: 691_200_000, runs: (48_000, 14_400), ..Movie::default() });
    assert_eq!(honest.samples, 14_400 * 47);
    let hostile = movie(&Movie { handler: *b"soun", runs: (u32::MAX, 1000), ..Movie::default() });
    assert!(hostile.samples > 4_000_000_000, "{}", hostile.samples);
}

#[test]
fn fragments_claim_their_samples() {
    let fragments = |samples, count| Movie {
        samples: 0,
        runs: (0, 0),
        behind: fragment(samples).repeat(count),
        ..Movie::default()
    };
    assert_eq!(movie(&fragments(u32::MAX, 1)).samples, u64::from(u32::MAX));
    assert_eq!(movie(&fragments(1000, 5000)).samples, 5_000_000);
}

#[test]
fn tables_are_found_wherever_a_demuxer_reads_them() {
    // Tables inside `udta` inside `trak`, in a box that declares more bytes than its parent.
    let mut hidden = boxed(b"stsz", &words(&[0, 0, 9]));
    hidden[3] = 0xff;
    hidden[2] = 0xff;
    let file = Movie {
        in_moov: boxed(b"trak", &boxed(b"udta", &boxed(b"elst", &[words(&[0, 5000]), vec![0; 60_000]].concat()))),
        ..Movie::default()
    }
    .file();
    assert_eq!(claims(Format::Mp4, &file).edits, 5000);
    let packed = Movie { in_moov: boxed(b"cmov", b"dcom"), ..Movie::default() }.file();
    assert!(matches!(read(Format::Mp4, &packed), Err(Error::Invalid(_))));
    let mut deep = boxed(b"stbl", &hidden);
    for _ in 0..2000 {
        deep = boxed(b"udta", &deep);
    }
    assert!(matches!(read(Format::Mp4, &Movie { in_moov: deep, ..Movie::default() }.file()), Err(Error::Invalid(_))));
}

#[test]
fn matroska_claims_tracks_rates_sizes_and_tables() {
    let file = |elements: &[Vec<u8>]| claims(Format::Mkv, &matroska(elements));
    let plain = file(&[tracks(&[picture_track(7680, 4320), sound_track(8000.0, 255)])]);
    assert_eq!(
        (plain.tracks, plain.frame, plain.rates, plain.channels),
        (2, Some((7680, 4320)), Some((8000, 8000)), 255)
    );
    assert_eq!(file(&[tracks(&vec![sound_track(1.0, 1); 1000])]).tracks, 1000);
    assert_eq!(file(&[tracks(&[sound_track(f64::NAN, 1)])]).rates, Some((0, 0)));
    let attached =
        element(0x61a7, &[element(0x4660, b"image/png"), element(0x465c, &png_head(16_000, 16_000))].concat());
    let attached = file(&[tracks(&[sound_track(8000.0, 1)]), element(0x1941_a469, &attached.repeat(50))]);
    assert_eq!((attached.tracks, attached.cover), (51, Some((16_000, 16_000))));
    let cues = file(&[tracks(&[sound_track(8000.0, 1)]), element(0x1c53_bb6b, &vec![0xec; 3_000_000])]);
    assert_eq!(cues.tag_bytes, 3_000_000);
    let many = matroska(&[tracks(&vec![vec![0xec, 0x80]; 1_000_000])]);
    assert!(matches!(read(Format::Mkv, &many), Err(Error::Invalid(_))), "a million elements");
    assert!(matches!(read(Format::Mkv, &matroska(&[])), Err(Error::Invalid(_))), "no tracks");
    // Nested masters: each is skipped by its head.
    let deep = (0..3000).fold(Vec::new(), |inside, _| element(0x1254_c367, &inside));
    assert_eq!(file(&[tracks(&[sound_track(8000.0, 1)]), deep]).tracks, 1);
    // Found by fuzzing: the head of a track's last element is half outside of it.
    let cut = tracks(&[sound_track(8000.0, 1), element(0xae, &[0x86])]);
    assert_eq!(file(&[cut]).tracks, 2);
    // The seek head points to itself.
    let ring = element(0x114d_9b74, &element(0x4dbb, &element(0x53ac, &[0])).repeat(1000));
    assert_eq!(file(&[ring, tracks(&[sound_track(8000.0, 1)])]).tracks, 1);
}

#[test]
fn audio_claims_its_rate_channels_and_duration() {
    let wave = claims(Format::Wav, &wav(1, 1, 1, &[0; 14_000]));
    assert_eq!((wave.rates, wave.duration_ms), (Some((1, 1)), Some(14_000_000)));
    assert_eq!(claims(Format::Wav, &wav(48_000, u16::MAX, 2, &[0; 100])).channels, 65_535);
    assert!(matches!(read(Format::Wav, &wav(48_000, 2, 0, &[0; 100])), Err(Error::Invalid(_))));
    assert_eq!(header::claims_so_far(Format::Wav, &wav(1, 1, 1, &[0; 14_000])[..44]).rates, Some((1, 1)));
    // RF64 with lengths near 2^64.
    let mut long = wav(8000, 1, 1, &[]);
    long[40..44].fill(0xff);
    long.splice(12..12, [&b"ds64\x1c\0\0\0"[..], &[0xff; 28]].concat());
    long[..4].copy_from_slice(b"RF64");
    assert!(claims(Format::Wav, &long).rates.is_some());
    let stream = claims(Format::Flac, &flac(1_048_575, 8, &[]));
    assert_eq!((stream.rates, stream.channels, stream.duration_ms), (Some((1_048_575, 1_048_575)), 8, Some(45)));
    let mut own_rate = flac(44_100, 2, &[]);
    let frame = own_rate.len() - 20;
    own_rate[frame + 2..frame + 7].copy_from_slice(&[0x1d, 0x18, 0, 0, 1]);
    assert_eq!(claims(Format::Flac, &own_rate).rates, Some((1, 44_100)), "a frame says its own");
    assert!(matches!(read(Format::Flac, &flac(44_100, 2, &vec![(2, Vec::new()); 2000])), Err(Error::Invalid(_))));
    assert_eq!(claims(Format::Ogg, &opus(255, &[])).channels, 255);
    let vorbis = page(2, &[b"\x01vorbis\0\0\0\0\xff\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb8\x01"]);
    assert_eq!(claims(Format::Ogg, &vorbis).rates, Some((1, 1)));
    assert_eq!(claims(Format::Ogg, &vec![page(2, &[b"OpusHead\x01\x02"]); 1000].concat()).tracks, 1000);
}

#[test]
fn the_size_of_covers_is_found_in_every_kind_of_tag() {
    let cover = png_head(16_000, 16_000);
    let mut frame = b"\0\0\0\x11\x08\x3e\x80\x3e\x80\x03\x01\x22\0\x02\x11\x01\x03\x11\x01".to_vec();
    frame.splice(0..2, [0xff, 0xd8, 0xff, 0xc0]);
    let block = base64::engine::general_purpose::STANDARD.encode([&[0; 42][..], &cover, &[0; 40]].concat());
    let comment = [b"metadata_block_picture=", block.as_bytes()].concat();
    let in_moov = boxed(
        b"udta",
        &boxed(
            b"meta",
            &[
                vec![0; 4],
                boxed(b"ilst", &boxed(b"covr", &boxed(b"data", &[&[0, 0, 0, 14, 0, 0, 0, 0], &cover[..]].concat()))),
            ]
            .concat(),
        ),
    );
    let mut with_tag = wav(8000, 1, 1, &[0; 100]);
    with_tag.extend([b"id3 ", &(cover.len() as u32).to_le_bytes()[..], &cover].concat());
    for (format, file) in [
        (Format::Mp3, mp3(3, 0, &id3_frame(b"APIC", [0; 2], &cover))),
        (Format::Mp3, mp3(3, 0x80, &id3_frame(b"APIC", [0; 2], &frame))),
        (Format::Mp3, mp3(4, 0, &id3_frame(b"APIC", [0; 2], &frame))),
        (Format::Flac, flac(44_100, 2, &[(6, cover.clone())])),
        (Format::Ogg, opus(2, &[&comment])),
        (Format::Wav, with_tag),
        (Format::M4a, Movie { handler: *b"soun", in_moov, ..Movie::default() }.file()),
    ] {
        assert_eq!(claims(format, &file).cover, Some((16_000, 16_000)), "{format}");
    }
    let packed = mp3(3, 0, &id3_frame(b"APIC", [0, 0x80], b"\x40\0\0\0zlib"));
    assert_eq!(claims(Format::Mp3, &packed).tag_bytes, u64::MAX, "a packed frame of a gigabyte");
    let small = mp3(3, 0, &id3_frame(b"TXXX", [0, 0x80], b"\0\0\x10\0zlib"));
    assert!(claims(Format::Mp3, &small).tag_bytes < 100);
}

#[test]
fn derived_images_cost_what_is_decoded() {
    let cost = |items: &[Item]| {
        header::image_in(Format::Heic, &mut Cursor::new(&heic(items)), heic(items).len() as u64)
            .map(|picture| picture.decoded_pixels)
    };
    let phone = |tiles: u16| {
        [
            vec![grid(1, (4032, 3024), &(2..2 + tiles).collect::<Vec<_>>())],
            (2..2 + tiles).map(|id| tile(id, 512)).collect(),
        ]
        .concat()
    };
    assert_eq!(cost(&phone(48)).unwrap(), 4032 * 3024 + 48 * 512 * 512);
    // 65,535 uses of one tiny tile.
    assert!(cost(&[grid(1, (10, 10), &vec![2; 65_535]), tile(2, 1)]).unwrap() > 1_000_000_000);
    // The property says 100 × 100, the grid itself 60,000 × 60,000.
    assert!(cost(&[grid(1, (60_000, 60_000), &[2]), tile(2, 64)]).unwrap() > 3_000_000_000);
    // Each overlay uses the next one ten times: 10^7 decodings in a kilobyte.
    let nested: Vec<Item> = (1..8).map(|id| overlay(id, (64, 64), &[id + 1; 10])).chain([tile(8, 64)]).collect();
    assert!(cost(&nested).unwrap() > 1_000_000_000_000 / 10);
    for ring in [
        vec![overlay(1, (64, 64), &[1])],
        vec![overlay(1, (64, 64), &[2]), grid(2, (64, 64), &[1])],
        vec![tile(1, 64), overlay(2, (64, 64), &[3]), overlay(3, (64, 64), &[2])],
    ] {
        assert!(matches!(cost(&ring), Err(Error::Invalid(_))), "an image derived from itself");
    }
    let deep: Vec<Item> = (1..500).map(|id| grid(id, (64, 64), &[id + 1])).chain([tile(500, 64)]).collect();
    assert!(matches!(cost(&deep), Err(Error::Invalid(_))), "derived from each other without end");
    let many: Vec<Item> = (1..9000).map(|id| tile(id, 64)).collect();
    assert_eq!(cost(&many).unwrap(), 8999 * 16 * 1024);
}

#[test]
fn claims_of_real_recordings_are_true() {
    let fixtures = Fixtures::new();
    let of = |name: &str, format| {
        let file = fs::read(fixtures.path(name)).unwrap();
        claims(format, &file)
    };
    let source = "-f lavfi -i testsrc2=s=334x210:r=25:d=1 -f lavfi -i sine=440:duration=1:sample_rate=48000 -c:a aac \
        -pix_fmt yuv420p";
    for (codec, coded) in [
        ("libx264 -preset ultrafast", (336, 224)),
        ("libx265 -preset ultrafast -x265-params log-level=error", (336, 216)),
        ("libaom-av1 -cpu-used 8 -usage realtime", (334, 210)),
    ] {
        for (name, format) in [("a.mp4", Format::Mp4), ("a.mkv", Format::Mkv)] {
            fixtures.ffmpeg(&format!("{source} -c:v {codec}"), name);
            let claims = of(name, format);
            assert_eq!((claims.tracks, claims.rates), (2, Some((48_000, 48_000))), "{codec} {name}");
            let frame = claims.frame.unwrap();
            assert!(frame.0 == coded.0 && frame.1.abs_diff(coded.1) <= 16, "{codec} {name}: {frame:?}");
            assert!((900..=1200).contains(&claims.duration_ms.unwrap()), "{codec} {name}: {claims:?}");
        }
    }
    fixtures.ffmpeg(&format!("{source} -c:v libx264 -movflags frag_keyframe+empty_moov -g 5"), "f.mp4");
    let fragments = of("f.mp4", Format::Mp4).samples;
    assert!((70..=80).contains(&fragments), "25 pictures and 48 frames of sound: {fragments}");
    for (name, codec, format) in [
        ("a.wav", "", Format::Wav),
        ("a.flac", "", Format::Flac),
        ("a.ogg", "-c:a libvorbis", Format::Ogg),
        ("a.mov", "-c:a pcm_s16le", Format::Mov),
        ("l.m4a", "-c:a alac", Format::M4a),
        ("a.mka", "-c:a flac", Format::Mkv),
    ] {
        fixtures.audio(codec, name);
        let claims = of(name, format);
        assert_eq!((claims.tracks, claims.rates), (1, Some((48_000, 48_000))), "{name}");
        // An MP4 declares two channels where it has one.
        assert!(claims.samples < 1000 && (1..=2).contains(&claims.channels), "{name}: {claims:?}");
    }
}

#[test]
fn seeds_for_fuzzing_can_be_written() {
    // `dev/fuzz` sets the folder; otherwise they are not kept.
    let folder = std::env::var_os("TUTTI_FUZZ_SEEDS").map(std::path::PathBuf::from);
    let kept = tempfile::tempdir().unwrap();
    let folder = folder.unwrap_or_else(|| kept.path().to_owned());
    fs::create_dir_all(&folder).unwrap();
    for (number, (format, file)) in all().into_iter().enumerate() {
        fs::write(folder.join(format!("{number}.{format}")), file).unwrap();
    }
    let fixtures = Fixtures::new();
    let output = [
        fixtures.image(1, "", "a.jpg"),
        fixtures.image(2, "", "a.gif"),
        fixtures.image(2, "-c:v libwebp_anim", "a.webp"),
        fixtures.image(2, "-f apng", "a.png"),
        fixtures.video("-s 16x16 -c:a aac", "a.mp4"),
        fixtures.video("-s 16x16 -movflags frag_keyframe+empty_moov", "f.mp4"),
        fixtures.video("-s 16x16 -c:a pcm_s16le -ar 8000", "a.mov"),
        fixtures.video("-s 16x16", "a.mkv"),
        fixtures.audio("-t 0.1", "a.mp3"),
        fixtures.audio("-t 0.1", "a.flac"),
        fixtures.audio("-t 0.1 -c:a libvorbis", "a.ogg"),
        fixtures.audio("-t 0.1 -metadata title=x", "a.wav"),
    ];
    for path in output {
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    assert!(fs::read_dir(&folder).unwrap().count() > 25);
}
