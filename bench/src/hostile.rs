//! Hostile files: small to send, expensive to process.
//!
//! Owns their bytes, which this module or ffmpeg makes; none is in the repository. Invariant: each file is valid enough
//! that a server has to parse it before it can refuse it, and each upload of one has other bytes.

#![allow(clippy::trivially_copy_pass_by_ref, reason = "four-character codes are written as b\"moov\"")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clips::split_args;
use crate::{Error, process};

const FFMPEG_TIMEOUT: Duration = Duration::from_mins(5);

/// A hostile file.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// Its description in the report.
    pub name: &'static str,
    /// The content type of its upload.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether bytes may follow its end, so that each upload can have its own.
    appends: bool,
}

impl Hostile {
    /// Returns the file's bytes, different for each `number`.
    pub fn unique(&self, number: u64) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        if self.appends {
            // A `free` box (ISO/IEC 14496-12 §8.1.2); in other formats, bytes after the end.
            bytes.extend(16_u32.to_be_bytes());
            bytes.extend(b"free");
            bytes.extend(number.to_be_bytes());
        } else if let Some(last) = bytes.last_chunk_mut::<8>() {
            *last = number.to_le_bytes();
        }
        bytes
    }
}

/// Returns the eight files. `folder` keeps those that ffmpeg makes, also between runs.
pub async fn files(folder: &Path) -> Result<Vec<Hostile>, Error> {
    std::fs::create_dir_all(folder)?;
    let mp3 = made(
        folder,
        "cover.mp3",
        &[
            "-f lavfi -i sine=d=5",
            "-f lavfi -i color=black:s=16000x16000:r=1:d=1",
            "-map 0:a -map 1:v -frames:v 1 -c:v png -disposition:v attached_pic",
        ],
    )
    .await?;
    let h264 = made(
        folder,
        "huge.mp4",
        &["-f lavfi -i testsrc2=s=8192x8192:r=2:d=2", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"],
    )
    .await?;
    let hevc = made(
        folder,
        "huge-hevc.mp4",
        &[
            "-f lavfi -i testsrc2=s=8192x8192:r=2:d=2",
            "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -tag:v hvc1 -x265-params log-level=error",
        ],
    )
    .await?;
    let file = |name, content_type, bytes, appends| Hostile { name, content_type, bytes, appends };
    Ok(vec![
        file("14 KB WAV at 1 Hz", "audio/wav", wav_at_1_hz(), false),
        file("MP4 of 40 million samples", "video/mp4", mp4(40_000_000, 1), true),
        file("MP4 with 300,000 edits", "video/mp4", mp4(100_000, 300_000), true),
        file("MP3 with a cover of 256 megapixels", "audio/mpeg", std::fs::read(mp3)?, true),
        file("GIF of 100 megapixels", "image/gif", gif(10_000, 10_000), true),
        file("Matroska with 255 channels", "video/x-matroska", mkv_with_channels(255), false),
        file("H.264 of 8192 × 8192", "video/mp4", std::fs::read(h264)?, true),
        file("HEVC of 8192 × 8192", "video/mp4", std::fs::read(hevc)?, true),
    ])
}

async fn made(folder: &Path, name: &str, arguments: &[&str]) -> Result<PathBuf, Error> {
    let path = folder.join(name);
    if path.exists() {
        return Ok(path);
    }
    let unfinished = folder.join(format!("unfinished-{name}"));
    let mut args = split_args("-nostdin -v error -y");
    args.extend(arguments.iter().flat_map(|part| split_args(part)));
    args.push(unfinished.display().to_string());
    eprintln!("making the hostile file {name} …");
    process::run("ffmpeg", args, FFMPEG_TIMEOUT).await?;
    std::fs::rename(&unfinished, &path)?;
    Ok(path)
}

/// Returns four hours of audio: PCM at one sample a second.
fn wav_at_1_hz() -> Vec<u8> {
    let samples: Vec<u8> = (0..14_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut body = b"WAVEfmt ".to_vec();
    body.extend(16_u32.to_le_bytes());
    body.extend([1_u16, 1].iter().flat_map(|value| value.to_le_bytes()));
    body.extend([1_u32, 1].iter().flat_map(|value| value.to_le_bytes()));
    body.extend([1_u16, 8].iter().flat_map(|value| value.to_le_bytes()));
    body.extend(b"data");
    body.extend((samples.len() as u32).to_le_bytes());
    body.extend(samples);
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.extend(body);
    file
}

fn four_cc(kind: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let len = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut whole = (len as u32).to_be_bytes().to_vec();
    whole.extend(kind);
    parts.iter().for_each(|part| whole.extend(*part));
    whole
}

fn full(kind: &[u8; 4], flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let head = flags.to_be_bytes();
    let mut all: Vec<&[u8]> = vec![&head];
    all.extend(parts);
    four_cc(kind, &all)
}

fn ints(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// Returns an MP4 (ISO/IEC 14496-12) of one MPEG-4 track of 640 × 360, whose sample table has `samples` samples of one
/// byte each, and whose edit list has `edits` entries.
fn mp4(samples: u32, edits: u32) -> Vec<u8> {
    let matrix = ints(&[65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30]);
    let entry = four_cc(
        b"mp4v",
        &[
            &[0; 6],
            &[0, 1],
            &[0; 16],
            &64_u16.to_be_bytes(),
            &64_u16.to_be_bytes(),
            &ints(&[0x48_0000, 0x48_0000, 0]),
            &[0, 1],
            &[0; 32],
            &24_u16.to_be_bytes(),
            &(-1_i16).to_be_bytes(),
        ],
    );
    let list: Vec<u8> = (0..edits).flat_map(|_| ints(&[1, 0, 65536])).collect();
    let edts = four_cc(b"edts", &[&full(b"elst", 0, &[&ints(&[edits]), &list])]);
    let stbl = four_cc(
        b"stbl",
        &[
            &full(b"stsd", 0, &[&ints(&[1]), &entry]),
            &full(b"stts", 0, &[&ints(&[1, samples, 1])]),
            &full(b"stsc", 0, &[&ints(&[1, 1, samples, 1])]),
            &full(b"stsz", 0, &[&ints(&[1, samples])]),
            &full(b"stco", 0, &[&ints(&[1, 900])]),
        ],
    );
    let dinf = four_cc(b"dinf", &[&full(b"dref", 0, &[&ints(&[1]), &full(b"url ", 1, &[])])]);
    let minf = four_cc(b"minf", &[&full(b"vmhd", 1, &[&[0; 8]]), &dinf, &stbl]);
    let mdia = four_cc(
        b"mdia",
        &[
            &full(b"mdhd", 0, &[&ints(&[0, 0, 90_000, 900_000]), &[0x55, 0xc4, 0, 0]]),
            &full(b"hdlr", 0, &[&[0; 4], b"vide", &[0; 12], b"x\0"]),
            &minf,
        ],
    );
    let track = four_cc(
        b"trak",
        &[
            &full(b"tkhd", 3, &[&ints(&[0, 0, 1, 0, 10_000]), &[0; 16], &matrix, &ints(&[640 << 16, 360 << 16])]),
            &edts,
            &mdia,
        ],
    );
    let movie =
        full(b"mvhd", 0, &[&ints(&[0, 0, 1000, 10_000, 65536]), &[1, 0], &[0; 10], &matrix, &[0; 24], &ints(&[9])]);
    let mut file = four_cc(b"ftyp", &[b"isom\0\0\x02\0isomiso2avc1mp41"]);
    file.extend(four_cc(b"moov", &[&movie, &track]));
    file.extend(four_cc(b"mdat", &[&[0; 64]]));
    file
}

/// Returns a GIF (GIF89a, LZW) of one frame of one colour. Its codes stand for ever longer runs, so it has a few bytes
/// for each thousand pixels.
fn gif(width: u16, height: u16) -> Vec<u8> {
    let pixels = u64::from(width) * u64::from(height);
    let (mut coded, mut bits, mut held) = (Vec::new(), 0_u64, 0);
    let mut put = |code: u64, size: u32| {
        bits |= code << held;
        held += size;
        while held >= 8 {
            coded.push(bits as u8);
            bits >>= 8;
            held -= 8;
        }
    };
    let mut out = 0;
    while out < pixels {
        put(4, 3);
        let (mut size, mut next, mut run) = (3, 6_u64, 1);
        put(0, size);
        out += 1;
        while next < 4095 && out < pixels {
            run += 1;
            put(next, size);
            out += run;
            next += 1;
            if next == 1 << size && size < 12 {
                size += 1;
            }
        }
    }
    put(5, 12);
    put(0, 8);
    let side = |value: u16| value.to_le_bytes();
    let mut file = b"GIF89a".to_vec();
    file.extend([side(width), side(height)].concat());
    file.extend([0x80, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x2c, 0, 0, 0, 0]);
    file.extend([side(width), side(height)].concat());
    file.extend([0, 2]);
    for block in coded.chunks(255) {
        file.push(block.len() as u8);
        file.extend(block);
    }
    file.extend(b"\0;");
    file
}

/// Returns a Matroska file (RFC 9559) of PCM in this many channels.
fn mkv_with_channels(channels: u8) -> Vec<u8> {
    let element = |id: &[u8], parts: &[&[u8]]| {
        let len = parts.iter().map(|part| part.len()).sum::<usize>() as u64;
        let mut whole = id.to_vec();
        whole.extend((1 << 56 | len).to_be_bytes());
        parts.iter().for_each(|part| whole.extend(*part));
        whole
    };
    let head = element(
        &[0x1a, 0x45, 0xdf, 0xa3],
        &[
            &element(&[0x42, 0x86], &[&[1]]),
            &element(&[0x42, 0xf7], &[&[1]]),
            &element(&[0x42, 0xf2], &[&[4]]),
            &element(&[0x42, 0xf3], &[&[8]]),
            &element(&[0x42, 0x82], &[b"matroska"]),
            &element(&[0x42, 0x87], &[&[4]]),
            &element(&[0x42, 0x85], &[&[2]]),
        ],
    );
    let info = element(
        &[0x15, 0x49, 0xa9, 0x66],
        &[
            &element(&[0x2a, 0xd7, 0xb1], &[&[0x0f, 0x42, 0x40]]),
            &element(&[0x44, 0x89], &[&10_000.0_f64.to_be_bytes()]),
        ],
    );
    let audio = element(
        &[0xe1],
        &[
            &element(&[0xb5], &[&8000.0_f64.to_be_bytes()]),
            &element(&[0x9f], &[&[channels]]),
            &element(&[0x62, 0x64], &[&[16]]),
        ],
    );
    let entry = element(
        &[0xae],
        &[
            &element(&[0xd7], &[&[1]]),
            &element(&[0x73, 0xc5], &[&[1]]),
            &element(&[0x83], &[&[2]]),
            &element(&[0x86], &[b"A_PCM/INT/LIT"]),
            &audio,
        ],
    );
    let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &[&entry]);
    let block = element(&[0xa3], &[b"\x81\0\0\x80", &[0; 1600]]);
    let cluster = element(&[0x1f, 0x43, 0xb6, 0x75], &[&element(&[0xe7], &[&[0]]), &block]);
    let mut file = head;
    file.extend(element(&[0x18, 0x53, 0x80, 0x67], &[&info, &tracks, &cluster]));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_small_and_no_two_uploads_are_alike() {
        assert!(wav_at_1_hz().len() < 15_000 && mp4(40_000_000, 1).len() < 800);
        assert!((60_000..80_000).contains(&gif(10_000, 10_000).len()));
        let file = Hostile { name: "", content_type: "", bytes: wav_at_1_hz(), appends: false };
        assert_ne!(file.unique(1), file.unique(2));
        assert_eq!(file.unique(1).len(), file.bytes.len());
    }
}
