//! Storyboards: small frames of a video at regular times, on sheets, and the WebVTT text that maps times to rectangles.
//!
//! Owns the layout and the text, no pixels. Invariant: a storyboard has at most [`MAX_TILES`] tiles, and its cues cover
//! the video from 0 to its end without gap or overlap.

use std::fmt::Write as _;

/// The longer side of a tile, in pixels.
const TILE_SIDE: u32 = 160;
/// Tiles on a sheet: 5 across, 5 down, about 60 KB as JPEG.
const COLUMNS: u32 = 5;
const ROWS: u32 = 5;
/// The most tiles of one video; 4 h have one every 57.6 s.
pub const MAX_TILES: u32 = 250;
/// The shortest interval between tiles, in milliseconds.
const MIN_INTERVAL_MS: u64 = 1000;

/// The layout of a storyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storyboard {
    /// A tile's width in pixels, even.
    pub tile_width: u32,
    /// A tile's height in pixels, even.
    pub tile_height: u32,
    /// The number of tiles across a sheet.
    pub columns: u32,
    /// The number of tiles down a sheet.
    pub rows: u32,
    /// The interval from one tile to the next, in milliseconds.
    pub interval_ms: u64,
    /// The number of tiles.
    pub tiles: u32,
    /// The video's duration in milliseconds.
    pub duration_ms: u64,
}

impl Storyboard {
    /// Returns the layout for a video of this upright size and duration. A video of duration 0 gets one tile.
    pub fn plan(width: u32, height: u32, duration_ms: u64) -> Self {
        let long = u64::from(width.max(height).max(1));
        let side = |side: u32| ((u64::from(side) * u64::from(TILE_SIDE) / long) as u32 & !1).max(2);
        // Whole seconds where possible, so that ffmpeg's `fps=1/n` hits them exactly.
        let interval_ms =
            duration_ms.div_ceil(MAX_TILES.into()).div_ceil(1000).saturating_mul(1000).max(MIN_INTERVAL_MS);
        let tiles = (duration_ms.div_ceil(interval_ms) as u32).clamp(1, MAX_TILES);
        let (tile_width, tile_height) = (side(width), side(height));
        Self { tile_width, tile_height, columns: COLUMNS, rows: ROWS, interval_ms, tiles, duration_ms }
    }

    /// Returns the number of sheets.
    pub fn sheets(&self) -> u32 {
        self.tiles.div_ceil(self.per_sheet())
    }

    fn per_sheet(&self) -> u32 {
        self.columns.saturating_mul(self.rows).max(1)
    }

    /// Returns the WebVTT text; `sheet` returns the URL of sheet n, from 0. Rectangles are media fragments (`#xywh=`,
    /// W3C Media Fragments §4.2.2), which players read as thumbnails.
    pub fn vtt(&self, sheet: impl Fn(u32) -> String) -> String {
        let mut text = "WEBVTT\n".to_owned();
        for tile in 0..self.tiles.min(MAX_TILES) {
            let start = u64::from(tile).saturating_mul(self.interval_ms);
            let last = tile + 1 == self.tiles;
            // A cue's duration must be above 0.
            let end = if last { self.duration_ms.max(start + 1) } else { start.saturating_add(self.interval_ms) };
            let on_sheet = tile % self.per_sheet();
            let (column, row) = (on_sheet % self.columns.max(1), on_sheet / self.columns.max(1));
            let (x, y) = (column.saturating_mul(self.tile_width), row.saturating_mul(self.tile_height));
            // A URL is one line without spaces; any other character would start another cue.
            let url: String = sheet(tile / self.per_sheet()).chars().filter(|c| matches!(c, '!'..='~')).collect();
            let size = format!("{},{}", self.tile_width, self.tile_height);
            let _ = writeln!(text, "\n{} --> {}\n{url}#xywh={x},{y},{size}", clock(start), clock(end));
        }
        text
    }
}

/// `HH:MM:SS.mmm`.
fn clock(ms: u64) -> String {
    let (seconds, minutes, hours) = (ms / 1000 % 60, ms / 60_000 % 60, ms / 3_600_000);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_minute() {
        let plan = Storyboard::plan(1920, 1080, 30_040);
        assert_eq!(
            (plan.tile_width, plan.tile_height, plan.interval_ms, plan.tiles, plan.sheets()),
            (160, 90, 1000, 31, 2)
        );
        let text = plan.vtt(|n| format!("storyboard/{n}.jpg?t=x"));
        let cues: Vec<_> = text.split("\n\n").collect();
        assert_eq!(cues[0], "WEBVTT");
        assert_eq!(cues[1], "00:00:00.000 --> 00:00:01.000\nstoryboard/0.jpg?t=x#xywh=0,0,160,90");
        assert_eq!(cues[8], "00:00:07.000 --> 00:00:08.000\nstoryboard/0.jpg?t=x#xywh=320,90,160,90");
        assert_eq!(cues[31].trim_end(), "00:00:30.000 --> 00:00:30.040\nstoryboard/1.jpg?t=x#xywh=0,90,160,90");
        assert_eq!(cues.len(), 32);
    }

    #[test]
    fn four_hours_and_zero_length() {
        let long = Storyboard::plan(1080, 1920, 4 * 3_600_000);
        assert_eq!((long.tile_width, long.tile_height, long.interval_ms, long.tiles), (90, 160, 58_000, 249));
        let none = Storyboard::plan(0, 0, 0);
        assert_eq!((none.tile_width, none.tiles, none.sheets()), (2, 1, 1));
        assert!(none.vtt(|_| "a b\n\n00:00".into()).ends_with("00:00:00.000 --> 00:00:00.001\nab00:00#xywh=0,0,2,2\n"));
    }

    proptest! {
        #[test]
        fn any_video_has_a_bounded_board(width: u32, height: u32, duration_ms in 0_u64..1_000_000_000_000) {
            let plan = Storyboard::plan(width, height, duration_ms);
            prop_assert!(plan.tiles <= MAX_TILES && plan.tile_width <= 160 && plan.tile_height <= 160);
            prop_assert!(u64::from(plan.tiles) * plan.interval_ms >= duration_ms);
            prop_assert_eq!(plan.vtt(|n| n.to_string()).matches("-->").count(), plan.tiles as usize);
        }

        #[test]
        fn any_numbers(width: u32, height: u32, duration_ms: u64) {
            let _ = Storyboard::plan(width, height, duration_ms).vtt(|_| String::new());
        }
    }
}
