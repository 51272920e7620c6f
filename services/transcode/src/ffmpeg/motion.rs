//! The command line for the motion rendition of an animated picture: a muted video that a browser repeats.
//!
//! Invariant: the frames keep their times. Nothing is dropped or repeated to reach a constant rate, and the last frame
//! lasts as long as the file says.

use std::path::Path;

use super::{Args, Command, Input, Limits, Tools};

/// The file that [`encode_motion`] writes.
pub(crate) const MOTION: &str = "motion.mp4";

/// The parameters of the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Motion {
    /// Width and height of the video in pixels, upright; both are even.
    pub size: (u32, u32),
    /// The EXIF orientation 1–8 of the frames.
    pub orientation: u8,
    /// Whether frames may be transparent; they are blended with white.
    pub has_alpha: bool,
    /// The most frames, and the end of the last one in milliseconds.
    pub max_frames: u32,
    pub max_duration_ms: u64,
    /// The end of the last frame in milliseconds, where the file tells it and nothing is cut off.
    pub duration_ms: Option<u64>,
}

/// Encodes the animation `input` in `folder`. Times are in milliseconds, and there are no B-frames, so that frames are
/// in the order in which they are shown.
pub(crate) fn encode_motion(tools: &Tools, input: &Input, folder: &Path, limits: Limits, motion: &Motion) -> Command {
    let mut args = Args::ffmpeg()
        .all("-threads 1")
        .input(input)
        .pair("-filter_complex", graph(motion))
        .all("-map [o] -an -sn -dn")
        .no_metadata()
        .pair("-t", format!("{:.3}", motion.max_duration_ms as f64 / 1000.0))
        .pair("-frames:v", motion.max_frames.to_string())
        .all("-fps_mode passthrough -enc_time_base 1:1000 -video_track_timescale 1000")
        .all("-c:v libx264 -preset veryfast -bf 0 -crf 23 -threads 1 -flags +bitexact")
        .all("-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv");
    if let Some(duration_ms) = motion.duration_ms {
        // An encoder knows no durations, so the muxer would repeat that of the frame before the last one.
        let last = format!("max({}-PTS\\,1)", duration_ms.min(motion.max_duration_ms));
        args = args.pair("-bsf:v", format!("setts=duration=if(gt(NEXT_PTS\\,PTS)\\,NEXT_PTS-PTS\\,{last})"));
    }
    args.all("-movflags +faststart -f mp4").word(MOTION).command(&tools.ffmpeg, folder, limits)
}

/// Returns the filter graph: blend with white, turn upright, scale.
fn graph(motion: &Motion) -> String {
    // Not `drawbox`, which ends ffmpeg 5.1 with a segmentation fault where it replaces transparent pixels.
    let flatten = if motion.has_alpha {
        "format=rgba,split[picture][back];[back]lutrgb=r=255:g=255:b=255:a=255[white];\
         [white][picture]overlay=format=rgb,"
    } else {
        ""
    };
    let (width, height) = motion.size;
    format!(
        "[0:v:0]{flatten}{}scale={width}:{height}:flags=bicubic:out_color_matrix=bt709:out_range=tv,setsar=1,\
         format=yuv420p[o]",
        upright(motion.orientation)
    )
}

/// Returns the filters that turn a frame upright (EXIF 2.32, section 4.6.4, tag 0x0112).
fn upright(orientation: u8) -> &'static str {
    match orientation {
        2 => "hflip,",
        3 => "hflip,vflip,",
        4 => "vflip,",
        5 => "transpose=cclock_flip,",
        6 => "transpose=clock,",
        7 => "transpose=clock_flip,",
        8 => "transpose=cclock,",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_is_blended_before_the_frame_is_turned_and_scaled() {
        let motion = Motion {
            size: (320, 240),
            orientation: 6,
            has_alpha: true,
            max_frames: 10,
            max_duration_ms: 60_000,
            duration_ms: None,
        };
        let of_alpha = graph(&motion);
        assert!(
            of_alpha.starts_with("[0:v:0]format=rgba,split") && of_alpha.contains(",transpose=clock,scale=320:240:")
        );
        let opaque = graph(&Motion { has_alpha: false, orientation: 1, ..motion });
        assert!(opaque.starts_with("[0:v:0]scale=320:240:"), "{opaque}");
    }
}
