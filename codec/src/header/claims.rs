//! The properties that an audio or video file declares before anything of it is decoded: rates, channels, sizes,
//! lengths of tables. A declared value ("claim") need not be true.
//!
//! Owns the values; choosing the parser is `claims_of`'s, judging them is `media`'s. Invariant: tables are counted by
//! their heads, never expanded, so reading takes a few small reads and no more memory than one window of the file.

/// The claims of one file over all its tracks: for each property the value that costs most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claims {
    /// Duration in milliseconds, where it is declared.
    pub duration_ms: Option<u64>,
    /// The longest duration that any clock of the file declares, in milliseconds: an edited video has samples for more
    /// than it shows.
    pub clock_ms: u64,
    /// The number of tracks and attached files.
    pub tracks: u32,
    /// The lowest and the highest sampling rate, in hertz.
    pub rates: Option<(u32, u32)>,
    /// The highest number of channels.
    pub channels: u32,
    /// The largest coded picture, in pixels: as the container or the codec's own header declares it, whichever is
    /// larger.
    pub frame: Option<(u32, u32)>,
    /// The entries of the longest table that a demuxer builds from the file.
    pub samples: u64,
    /// The entries of the longest edit list.
    pub edits: u64,
    /// The entries that a demuxer's table may have after it has applied the edit list.
    pub edited_samples: u64,
    /// The largest image among tags and attachments, in pixels.
    pub cover: Option<(u32, u32)>,
    /// The bytes of the largest block of tags, seek tables or attachments: demuxers hold these in memory.
    pub tag_bytes: u64,
}

impl Claims {
    pub(super) fn rate(&mut self, rate: u32) {
        let (slowest, fastest) = self.rates.unwrap_or((rate, rate));
        self.rates = Some((slowest.min(rate), fastest.max(rate)));
    }

    pub(super) fn channels(&mut self, channels: u32) {
        self.channels = self.channels.max(channels);
    }

    pub(super) fn frame(&mut self, size: (u32, u32)) {
        self.frame = Some(self.frame.map_or(size, |frame| larger(frame, size)));
    }

    pub(super) fn cover(&mut self, size: (u32, u32)) {
        self.cover = Some(self.cover.map_or(size, |cover| larger(cover, size)));
    }

    pub(super) fn tags(&mut self, bytes: u64) {
        self.tag_bytes = self.tag_bytes.max(bytes);
    }

    pub(super) fn samples(&mut self, samples: u64) {
        self.samples = self.samples.max(samples);
    }

    pub(super) fn duration(&mut self, units: u64, per_second: u64) {
        if let Some(ms) = (u128::from(units) * 1000).checked_div(per_second.into()) {
            let ms = u64::try_from(ms).unwrap_or(u64::MAX);
            self.duration_ms = Some(self.duration_ms.unwrap_or(0).max(ms));
            self.clock_ms = self.clock_ms.max(ms);
        }
    }
}

fn larger(a: (u32, u32), b: (u32, u32)) -> (u32, u32) {
    let pixels = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    if pixels(b) > pixels(a) { b } else { a }
}
