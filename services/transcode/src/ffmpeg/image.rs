//! Command lines for still images: the poster, a cover, the storyboard's sheets, and photos in HEIC and AVIF.
//!
//! Invariant: the written files contain pixels only, none of the source's metadata (`heif-convert` copies EXIF;
//! `work::photo` removes it).

use std::path::Path;

use codec::storyboard::Storyboard;

use super::video::{TILES, frame_grab_filter};
use super::{Args, Command, Input, Limits, Tools};
use crate::model::plan::VideoPlan;

/// The poster's longer side, in pixels.
const POSTER_SIDE: u32 = 1280;
/// ffmpeg's scale of JPEG quality, 2 (best) to 31.
const JPEG_QUALITY: &str = "3";

/// The file of a candidate for the poster.
pub(crate) fn candidate(number: usize) -> String {
    format!("poster-{number}.jpg")
}

/// Takes a frame near each of `times_us`. `exact` decodes up to the exact time; otherwise the keyframe before it is
/// taken, which is quick.
pub(crate) fn posters(
    tools: &Tools,
    input: &Input,
    folder: &Path,
    limits: Limits,
    video: &VideoPlan,
    times_us: &[u64],
    exact: bool,
) -> Command {
    let mut args = Args::ffmpeg();
    for time in times_us {
        args = args.pair("-ss", format!("{:.6}", *time as f64 / 1e6));
        if !exact {
            args = args.all("-noaccurate_seek -skip_frame nokey");
        }
        args = args.all("-threads 1").input(input);
    }
    for (number, _) in times_us.iter().enumerate() {
        args = args
            .pair("-map", format!("{number}:{}", video.stream))
            .all("-an -sn -dn -frames:v 1")
            .pair("-vf", frame_grab_filter(video, POSTER_SIDE, tools.tonemap))
            .no_metadata()
            .pair("-q:v", JPEG_QUALITY)
            .all("-c:v mjpeg -threads 1 -f image2 -update 1")
            .word(candidate(number));
    }
    args.command(&tools.ffmpeg, folder, limits)
}

/// Extracts the cover image of an audio file.
pub(crate) fn cover(tools: &Tools, input: &Input, folder: &Path, limits: Limits, stream: u32) -> Command {
    let args = Args::ffmpeg()
        .all("-threads 1")
        .input(input)
        .pair("-map", format!("0:{stream}"))
        .all("-an -sn -dn -frames:v 1")
        .pair(
            "-vf",
            format!(
                "scale='min({POSTER_SIDE},iw)':'min({POSTER_SIDE},ih)':force_original_aspect_ratio=decrease:\
                 out_range=pc,setsar=1,format=yuvj420p"
            ),
        )
        .no_metadata()
        .pair("-q:v", JPEG_QUALITY)
        .all("-c:v mjpeg -threads 1 -f image2 -update 1")
        .word(candidate(0));
    args.command(&tools.ffmpeg, folder, limits)
}

/// The file of a storyboard sheet; numbers start at 0.
pub(crate) fn sheet(number: u32) -> String {
    format!("sheet-{number}.jpg")
}

/// Arranges the raw tiles in [`TILES`] on sheets.
pub(crate) fn sheets(tools: &Tools, folder: &Path, limits: Limits, board: &Storyboard) -> Command {
    let args = Args::ffmpeg()
        .all("-protocol_whitelist file,pipe -f rawvideo -pixel_format rgb24 -framerate 1")
        .pair("-video_size", format!("{}x{}", board.tile_width, board.tile_height))
        .pair("-i", format!("file:{TILES}"))
        .pair(
            "-vf",
            format!("tile={}x{},scale=out_color_matrix=bt601:out_range=pc,format=yuvj420p", board.columns, board.rows),
        )
        .no_metadata()
        .all("-fps_mode passthrough -q:v 5 -c:v mjpeg -threads 1 -f image2 -start_number 0 sheet-%d.jpg");
    args.command(&tools.ffmpeg, folder, limits)
}

/// Converts the images of `photo.heic` or `photo.avif` in `folder` to `base.jpg` or `base.png`, upright; several to
/// `base-1.jpg` and so on.
pub(crate) fn heif(tools: &Tools, folder: &Path, limits: Limits, name: &str, extension: &str) -> Command {
    let args = Args::default().all("--quiet -q 92").word(name).word(format!("base.{extension}"));
    args.command(&tools.heif_convert, folder, limits)
}
