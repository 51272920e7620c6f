//! Thousands of photos, each different, in the memory of a few.
//!
//! Owns the making of valid JPEGs of any size: some forty pictures made by ffmpeg, with EXIF as phones write it
//! (camera, time, orientation, place) and comment segments that fill them up to the size and make them unique.
//! Invariant: photo `n` has the same bytes in every run and for every server.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

use crate::clips::split_args;
use crate::{Error, process};

/// The sizes of the photos in bytes, drawn evenly.
pub const SIZES: Range<u64> = 96 * 1024..2_600_000;
/// The number of base pictures: their sizes are some 60 KB apart.
const BASES: u32 = 40;
/// Pixels of the largest base picture, 4:3. With its noise it has 0.27 bytes a pixel, about as much as a phone's photo.
const LARGEST: f64 = 9_000_000.0;
/// The maximum of a JPEG segment without its length, which counts itself and has two bytes (ITU-T T.81 §B.1.1.4).
const SEGMENT: usize = 65_533;

/// The parts of the photos.
#[derive(Debug)]
pub struct Photos {
    /// The base pictures, smallest first.
    bases: Vec<Base>,
    filler: Bytes,
}

#[derive(Debug)]
struct Base {
    /// Start of image, JFIF header, EXIF.
    opening: Vec<u8>,
    /// Everything else.
    rest: Bytes,
}

/// A photo as a list of chunks that share memory.
#[derive(Debug)]
pub struct Photo {
    /// The chunks, in order.
    pub pieces: Vec<Bytes>,
    /// Their total length.
    pub bytes: u64,
}

impl Photos {
    /// Makes the base pictures in `folder` with ffmpeg.
    pub async fn make(folder: &Path) -> Result<Self, Error> {
        Self::make_up_to(LARGEST, folder).await
    }

    /// Makes base pictures of at most so many pixels.
    async fn make_up_to(largest: f64, folder: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(folder)?;
        let mut graph = Vec::new();
        let mut outputs = Vec::new();
        for at in 0..BASES {
            // The first has 1/40 of the largest one's pixels, so that they are evenly spaced in bytes.
            let pixels = largest * f64::from(at + 1) / f64::from(BASES);
            let width = ((pixels * 4.0 / 3.0).sqrt() / 8.0).round() as u32 * 8;
            graph.push(format!("testsrc2=size={width}x{}:rate=1,noise=alls=20:all_seed={at}[o{at}]", width / 4 * 3));
            outputs.extend(split_args(&format!(
                "-map [o{at}] -frames:v 1 -c:v mjpeg -pix_fmt yuvj420p -q:v 3 -f image2 -update 1"
            )));
            outputs.push(folder.join(format!("{at}.jpg")).display().to_string());
        }
        let mut args = split_args("-nostdin -v error -y -filter_complex");
        args.push(graph.join(";"));
        args.extend(outputs);
        process::run("ffmpeg", args, Duration::from_mins(2)).await?;
        let mut bases = Vec::new();
        for at in 0..BASES {
            bases.push(Base::of(std::fs::read(folder.join(format!("{at}.jpg")))?)?);
        }
        bases.sort_by_key(Base::bytes);
        let mut random = Random(0x7475_7474_6921);
        let filler: Vec<u8> = (0..=SEGMENT / 8).flat_map(|_| random.next().to_le_bytes()).collect();
        Ok(Self { bases, filler: filler.into() })
    }

    /// Returns photo `number`.
    pub fn get(&self, number: usize) -> Photo {
        let mut random = Random(number as u64 + 1);
        self.sized(number, SIZES.start + random.next() % (SIZES.end - SIZES.start))
    }

    /// Returns photo `number` with this size in bytes, or that of the smallest base picture if that is larger.
    pub fn sized(&self, number: usize, wanted: u64) -> Photo {
        let mark = format!("tutti bench, photo {number:08}");
        // The largest base that leaves room for a comment with the mark.
        let room = |base: &&Base| base.bytes() + 4 + mark.len() as u64 <= wanted;
        let base = self.bases.iter().rev().find(room).unwrap_or(&self.bases[0]);
        let mut missing = usize::try_from(wanted.saturating_sub(base.bytes())).unwrap_or(0).max(4 + mark.len());
        let mut pieces = Vec::new();
        let mut opening = base.opening.clone();
        let mut text = mark.as_bytes();
        while missing > 4 {
            let comment = (missing - 4).min(SEGMENT);
            opening.extend([0xff, 0xfe]);
            opening.extend((comment as u16 + 2).to_be_bytes());
            opening.extend(text);
            pieces.push(std::mem::take(&mut opening).into());
            pieces.push(self.filler.slice(..comment - text.len()));
            text = b"";
            missing -= comment + 4;
        }
        pieces.push(base.rest.clone());
        let bytes = pieces.iter().map(|piece| piece.len() as u64).sum();
        Photo { pieces, bytes }
    }
}

impl Base {
    fn of(jpeg: Vec<u8>) -> Result<Self, Error> {
        // Start of image, then APP0 with its length.
        let [0xff, 0xd8, 0xff, 0xe0, high, low, ..] = jpeg[..] else {
            return Err("ffmpeg made something that is no JFIF".into());
        };
        let jfif = 4 + usize::from(u16::from_be_bytes([high, low]));
        let rest = Bytes::from(jpeg).split_off_at(jfif)?;
        let mut opening = rest.0;
        opening.extend(exif());
        Ok(Self { opening, rest: rest.1 })
    }

    fn bytes(&self) -> u64 {
        (self.opening.len() + self.rest.len()) as u64
    }
}

trait SplitAt {
    fn split_off_at(self, at: usize) -> Result<(Vec<u8>, Bytes), Error>;
}

impl SplitAt for Bytes {
    fn split_off_at(mut self, at: usize) -> Result<(Vec<u8>, Bytes), Error> {
        if at > self.len() {
            return Err("ffmpeg made a JPEG that ends in its first segment".into());
        }
        let rest = self.split_off(at);
        Ok((self.to_vec(), rest))
    }
}

/// Returns an APP1 segment with a camera, a time, an orientation and a place.
fn exif() -> Vec<u8> {
    const ASCII: u16 = 2;
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    const RATIONAL: u16 = 5;
    // Little-endian TIFF: header, IFD0 of five entries, GPS IFD of four, then the values that don't fit an entry.
    const GPS: u32 = 8 + 2 + 5 * 12 + 4;
    const VALUES: u32 = GPS + 2 + 4 * 12 + 4;
    let entry = |tag: u16, kind: u16, count: u32, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let mut tiff = b"II\x2a\0\x08\0\0\0".to_vec();
    tiff.extend(5_u16.to_le_bytes());
    tiff.extend(entry(0x010f, ASCII, 6, VALUES));
    tiff.extend(entry(0x0110, ASCII, 6, VALUES + 6));
    tiff.extend(entry(0x0112, SHORT, 1, 6));
    tiff.extend(entry(0x0132, ASCII, 20, VALUES + 12));
    tiff.extend(entry(0x8825, LONG, 1, GPS));
    tiff.extend(0_u32.to_le_bytes());
    tiff.extend(4_u16.to_le_bytes());
    tiff.extend(entry(1, ASCII, 2, u32::from(b'N')));
    tiff.extend(entry(2, RATIONAL, 3, VALUES + 32));
    tiff.extend(entry(3, ASCII, 2, u32::from(b'E')));
    tiff.extend(entry(4, RATIONAL, 3, VALUES + 56));
    tiff.extend(0_u32.to_le_bytes());
    tiff.extend(b"Tutti\0Bench\x002026:01:02 03:04:05\0");
    for part in [52_u32, 1, 31, 1, 12, 1, 13, 1, 24, 1, 18, 1] {
        tiff.extend(part.to_le_bytes());
    }
    let mut segment = vec![0xff, 0xe1];
    segment.extend((tiff.len() as u16 + 8).to_be_bytes());
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    segment
}

/// SplitMix64 (Steele, Lea, Flood 2014): evenly distributed numbers from any seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photos() -> Photos {
        let jpeg = |bytes: usize| {
            let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0, 0, 16];
            jpeg.resize(bytes - 2, 1);
            jpeg.extend([0xff, 0xd9]);
            jpeg
        };
        let bases = [60_000, 1_000_000, 2_000_000].map(|bytes| Base::of(jpeg(bytes)).unwrap()).into();
        Photos { bases, filler: vec![7; SEGMENT].into() }
    }

    #[test]
    fn photos_have_the_size_that_was_drawn_and_are_unique() {
        let photos = photos();
        let mut seen = std::collections::HashSet::new();
        for number in 0..300 {
            let photo = photos.get(number);
            assert!((SIZES.start - 4..SIZES.end).contains(&photo.bytes), "{}", photo.bytes);
            // The mark is in the first kilobyte.
            assert!(seen.insert(photo.pieces.iter().flatten().take(1000).copied().collect::<Vec<u8>>()));
        }
    }

    #[tokio::test]
    async fn the_photos_are_pictures() {
        let folder = std::env::temp_dir().join(format!("tutti-bench-photos-{}", std::process::id()));
        // A twentieth of the pixels, and of the bytes: what is drawn is the same.
        let photos = Photos::make_up_to(LARGEST / 20.0, &folder).await.unwrap();
        for (number, bytes) in [20_000, 50_000, 80_000, 110_000].into_iter().enumerate() {
            let file = folder.join("photo.jpg");
            std::fs::write(&file, photos.sized(number, bytes).pieces.concat()).unwrap();
            let mut args = split_args("-v error -show_entries stream=codec_name,width:stream_tags -of csv=p=0");
            args.push(file.display().to_string());
            let output = process::run("ffprobe", args, Duration::from_secs(20)).await.unwrap().output;
            assert!(output.starts_with("mjpeg,"), "{output}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn segments_follow_each_other_to_the_picture() {
        let photos = photos();
        let jpeg = photos.get(5).pieces.concat();
        let mut at = 2;
        while matches!(jpeg[at..], [0xff, 0xe0 | 0xe1 | 0xfe, ..]) {
            at += 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        }
        assert_eq!(jpeg[at], 1, "the base picture's own bytes follow");
        assert_eq!(jpeg[jpeg.len() - 2..], [0xff, 0xd9]);
    }
}
