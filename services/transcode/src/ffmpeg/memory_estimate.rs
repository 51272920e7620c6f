//! Estimates the memory of a child process from headers and probes.
//!
//! Owns the arithmetic and its constants, which were measured with ffmpeg 5.1 (`VmData`: private and writable, what the
//! limit counts) and include a third on top. Invariant: an estimate is a limit too, so a file that needs more than it
//! declared is rejected and never grows at others' cost.

/// A mebibyte.
pub(crate) const MB: u64 = 1 << 20;

/// Libraries' own data, buffers, a few threads' stacks: 40 MB are measured before anything is read.
const BASE: u64 = 72 * MB;
/// The index of a container in memory, per second of material: 60 frames and 50 packets of audio, 32 bytes each, twice.
const INDEX: u64 = 7_000;
/// The muxer's list of files while it copies, per second of material: one file of 13 KB (three paths of 4 KiB) in at
/// least two seconds.
const FILE_LIST: u64 = 7_000;
/// What a probe gets in addition, for files that do not declare their duration.
const PROBE: u64 = 64 * MB;
/// Audio of eight channels at 192 kHz through resampling, loudness and limiter.
const AUDIO: u64 = 64 * MB;
/// Bytes for each pixel of a rendition in x264's `veryfast` preset (lookahead, references and their half pixels), and
/// for each additional thread.
const ENCODE: u64 = 150;
const ENCODE_THREAD: u64 = 20;
/// A thread's stack counts whole. The decoder and the filters have as many threads as each encoder.
const STACK: u64 = 8 * MB;
/// What each thread of each encoder takes whatever the frame size: its stack, that of its share of the lookahead, its
/// buffers.
const ENCODER_THREAD: u64 = 20 * MB;
/// heif-convert holds the image decoded, rotated, as RGB and as rows of JPEG.
const PHOTO: u64 = 14;
/// Blending with white holds a few frames of four bytes a pixel.
const BLENDED: u64 = 20;
/// The index of an animation is shorter than that of a recording of so many seconds.
const ANIMATION_SECONDS: u64 = 60;
/// What each input of a command that extracts single frames holds besides its frames: a demuxer, a decoder and an
/// encoder of one thread each. With three of them 76 MB were measured.
const FRAME_GRAB_INPUT: u64 = 16 * MB;
/// The frame size that is assumed where no header declares it.
const ASSUMED: (u32, u32) = (3840, 2160);

/// A source's frame format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub width: u32,
    pub height: u32,
    /// Whether it has more than 8 bits per sample; where that is unknown, it counts as if.
    pub deep: bool,
}

/// The properties of a child process that determine its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemoryEstimate {
    bytes: u64,
}

impl MemoryEstimate {
    /// Probing a file: containers are read, and the first frames decoded on one thread.
    pub fn probe(frame: Option<Frame>, seconds: u64) -> Self {
        Self { bytes: BASE + PROBE + seconds * INDEX + frame.unwrap_or_default().decoded(1) }
    }

    /// Reading audio, with so many inputs open at once.
    pub fn audio(seconds: u64, inputs: u64) -> Self {
        Self { bytes: BASE + AUDIO + inputs.max(1) * seconds * INDEX }
    }

    /// Copying a video stream's packets.
    pub fn copy(frame: Frame, seconds: u64) -> Self {
        Self { bytes: Self::probe(Some(frame), seconds).bytes + seconds * FILE_LIST }
    }

    /// Decoding video and encoding so many renditions, which have so many pixels together.
    pub fn encode(frame: Frame, (renditions, rendered): (usize, u64), threads: usize, hdr: bool, seconds: u64) -> Self {
        let threads = threads as u64;
        // Tone mapping works on three floats a pixel, a few frames at a time.
        let floats = if hdr { rendered * 12 * 6 } else { 0 };
        let stacks = threads * (2 * STACK + renditions as u64 * ENCODER_THREAD);
        Self {
            bytes: BASE
                + stacks
                + seconds * INDEX
                + frame.decoded(threads)
                + rendered * (ENCODE + ENCODE_THREAD * threads)
                + floats,
        }
    }

    /// Extracting single frames from so many inputs, which are open side by side.
    pub fn frame_grabs(frame: Frame, inputs: u64, hdr: bool, seconds: u64) -> Self {
        let floats = if hdr { 1280 * 1280 * 12 * 6 } else { 0 };
        Self { bytes: BASE + inputs.max(1) * (FRAME_GRAB_INPUT + seconds * INDEX + frame.decoded(1) + floats) }
    }

    /// Decoding an animated picture and encoding one rendition with so many pixels.
    pub fn motion(frame: Frame, rendered: u64) -> Self {
        let blended = pixels(frame.width, frame.height) * BLENDED;
        Self { bytes: Self::encode(frame, (1, rendered), 1, false, ANIMATION_SECONDS).bytes + blended }
    }

    /// Decoding a photo.
    pub fn photo(width: u32, height: u32) -> Self {
        Self { bytes: BASE + pixels(width, height) * PHOTO }
    }

    /// Returns the estimate in bytes.
    pub fn bytes(self) -> u64 {
        self.bytes
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self { width: ASSUMED.0, height: ASSUMED.1, deep: true }
    }
}

impl Frame {
    /// Returns the memory of decoding: the reference frames, and the frames in progress on each thread.
    fn decoded(self, threads: u64) -> u64 {
        let pixels = pixels(self.width, self.height);
        // 4:2:0: one and a half samples a pixel.
        let bytes = if self.deep { pixels * 3 } else { pixels * 3 / 2 };
        bytes * (references(pixels) + 3 + 3 * threads.max(1))
    }
}

/// A header may declare anything; no side of a frame is longer than this.
fn pixels(width: u32, height: u32) -> u64 {
    u64::from(width.min(1 << 16)) * u64::from(height.min(1 << 16))
}

/// Returns the most reference frames of a stream of this size at the highest common level (5.2; HEVC, table A.8 and
/// section A.4.2); H.264 has no more.
fn references(pixels: u64) -> u64 {
    const LARGEST: u64 = 8_912_896;
    match pixels {
        small if small <= LARGEST / 4 => 16,
        middle if middle <= LARGEST / 2 => 12,
        large if large <= LARGEST * 3 / 4 => 8,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ladder of Full HD: 1080, 720, 480 and 360 lines.
    const LADDER: u64 = 1920 * 1080 + 1280 * 720 + 854 * 480 + 640 * 360;
    const FULL_HD: Frame = Frame { width: 1920, height: 1080, deep: false };
    const SMALL: Frame = Frame { width: 160, height: 90, deep: false };
    const UHD: Frame = Frame { width: 3840, height: 2160, deep: false };

    /// The peak `VmData` of ffmpeg 5.1 in megabytes, on two cores.
    #[test]
    fn estimates_exceed_the_measurements_by_a_bounded_margin() {
        let rows = [
            ("probe of Full HD", MemoryEstimate::probe(Some(FULL_HD), 6), 40),
            ("probe of 8K", MemoryEstimate::probe(Some(Frame { width: 8192, height: 4320, deep: false }), 1), 119),
            ("ladder of Full HD, two threads", MemoryEstimate::encode(FULL_HD, (4, LADDER), 2, false, 6), 631),
            ("ladder of Full HD, three threads", MemoryEstimate::encode(FULL_HD, (4, LADDER), 3, false, 6), 709),
            ("ladder of 4K, three threads", MemoryEstimate::encode(UHD, (4, LADDER), 3, false, 4), 774),
            (
                "ladder of 4K HEVC of 10 bits",
                MemoryEstimate::encode(Frame { deep: true, ..UHD }, (4, LADDER), 3, false, 4),
                933,
            ),
            (
                "ladder of 8K",
                MemoryEstimate::encode(Frame { width: 8192, height: 4320, deep: false }, (4, LADDER), 3, false, 1),
                1231,
            ),
            (
                "poster of a small clip, three inputs",
                MemoryEstimate::frame_grabs(Frame { width: 128, height: 72, deep: false }, 3, false, 1),
                76,
            ),
            (
                "two renditions of a small clip, three threads",
                MemoryEstimate::encode(SMALL, (2, 160 * 92 + 80 * 46), 3, false, 6),
                200,
            ),
            (
                "four renditions of a small clip, three threads",
                MemoryEstimate::encode(SMALL, (4, 4 * 320 * 184), 3, false, 6),
                320,
            ),
            ("animated GIF of 4K", MemoryEstimate::motion(UHD, 1280 * 720), 260),
            (
                "animated GIF of 1280 × 1280",
                MemoryEstimate::motion(Frame { width: 1280, height: 1280, deep: false }, 1280 * 1280),
                200,
            ),
            (
                "animated GIF of 480 × 270",
                MemoryEstimate::motion(Frame { width: 480, height: 270, deep: false }, 480 * 270),
                51,
            ),
            ("first seconds of 4K", MemoryEstimate::encode(UHD, (1, 640 * 360), 2, false, 4), 216),
        ];
        for (what, cost, measured) in rows {
            let estimate = cost.bytes() / MB;
            assert!(estimate > measured * 11 / 10, "{what}: {estimate} MB for {measured}");
            assert!(estimate < measured * 2 + 600, "{what}: {estimate} MB for {measured}");
        }
    }

    #[test]
    fn larger_frames_have_fewer_references() {
        assert_eq!((references(1920 * 1080), references(3840 * 2160), references(8192 * 8192)), (16, 6, 6));
    }
}
