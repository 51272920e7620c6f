//! Command lines for video: remuxing the source's own, and encoding one chunk in several renditions with one decode.
//!
//! Invariant: a chunk's frames depend only on the plan and the source. Time stamps stay absolute (`-copyts`), the
//! constant frame rate's grid starts at the file's start, and a chunk is cut out of that grid by frame number, so
//! chunks encoded independently join without a seam.

use std::fmt::Write as _;
use std::path::Path;

use codec::chunks::{Chunk, Chunks};

use super::{Args, Command, Input, Limits, Tools};
use crate::model::copied_segments::FILE_US;
use crate::model::media_info::Hdr;
use crate::model::plan::{Copied, FIELD_STEP, Rung, VideoPlan};

/// The storyboard tiles that a chunk produces beside its renditions: raw RGB frames in one file.
#[derive(Debug, Clone)]
pub(crate) struct Tiles {
    pub width: u32,
    pub height: u32,
    /// The frames to take, as numbers of the constant frame rate's grid.
    pub frames: Vec<u64>,
}

/// The file of a chunk's tiles.
pub(crate) const TILES: &str = "tiles.rgb";

/// How close a segment may be to its nominal length and still be cut there, in frames: absorbs the rounding of times.
const SLACK_FRAMES: f64 = 0.1;
/// The nominal length of the muxer's files where each keyframe begins one, in seconds.
const EVERY_KEYFRAME_SECONDS: f64 = 0.001;

/// The parameters of a chunk's command.
#[derive(Debug)]
pub(crate) struct ChunkEncode<'a> {
    pub video: &'a VideoPlan,
    pub chunk: &'a Chunk,
    /// Whether it is the last chunk, which continues to the source's real end whatever the container declares.
    pub last: bool,
    pub rungs: &'a [&'a Rung],
    pub tiles: Option<Tiles>,
    pub tonemap: bool,
    /// Threads for the decoder, and for each encoder.
    pub threads: usize,
}

/// Encodes `encode` in `folder`.
pub(crate) fn encode_chunk(
    tools: &Tools,
    input: &Input,
    folder: &Path,
    limits: Limits,
    encode: &ChunkEncode<'_>,
) -> Command {
    let (num, den) = (f64::from(encode.video.rate.num), f64::from(encode.video.rate.den));
    let start =
        first_frame(encode.video, encode.chunk.start_frame) as f64 * den / num - encode.video.lead_us as f64 / 1e6;
    let mut args = Args::ffmpeg().all("-copyts -start_at_zero -noaccurate_seek");
    if start > 0.0 {
        args = args.pair("-ss", format!("{start:.6}"));
    }
    if encode.video.canvas.is_some() {
        // A change on the way would start the graph anew, and with it the grid.
        args = args.all("-reinit_filter 0");
    }
    if upright_filter(encode.video).is_some() {
        // ffmpeg would turn frames before they are fitted into one size, which it does for one size only.
        args = args.all("-noautorotate");
    }
    args =
        args.pair("-filter_complex_threads", encode.threads.to_string()).pair("-threads", encode.threads.to_string());
    args = args.input(input).pair("-filter_complex", graph(encode)).all("-an -sn -dn");
    let division = encode.video.chunks();
    let is_regular = division.is_regular();
    // Where segments are those of a copy, each group of pictures is a file, and keyframes come where they are told to.
    let (gop, file_seconds, first_file) = if is_regular {
        let seconds = (division.segment_frames() as f64 - SLACK_FRAMES) * den / num;
        (division.gop_frames(), seconds, encode.chunk.first_segment)
    } else {
        (2 * division.gop_frames(), EVERY_KEYFRAME_SECONDS, 0)
    };
    let keyframes = if is_regular { String::new() } else { keyframe_times(&division, encode.chunk) };
    for (at, rung) in encode.rungs.iter().enumerate() {
        args = args
            .pair("-map", format!("[o{at}]"))
            .no_metadata()
            .all("-fps_mode passthrough -c:v libx264 -preset veryfast -sc_threshold 0 -flags +cgop+bitexact")
            .all("-color_primaries bt709 -color_trc bt709 -colorspace bt709 -color_range tv")
            .pair("-threads", encode.threads.to_string())
            .pair("-profile:v", &rung.profile)
            .pair("-level:v", format!("{}.{}", rung.level / 10, rung.level % 10))
            .pair("-crf", rung.crf.to_string())
            .pair("-maxrate", rung.max_rate.to_string())
            .pair("-bufsize", rung.buffer.to_string())
            .pair("-g", gop.to_string())
            .pair("-keyint_min", gop.to_string());
        if !keyframes.is_empty() {
            args = args.pair("-force_key_frames", &keyframes);
        }
        args = args.hls(&rung.name, file_seconds, first_file);
    }
    if encode.tiles.is_some() {
        args = args.all("-map [ot] -fps_mode passthrough -f rawvideo").word(TILES);
    }
    args.command(&tools.ffmpeg, folder, limits)
}

/// Returns the times of a chunk's keyframes in seconds, except the first, which is one anyway: a little before each, so
/// that rounding makes no later frame of it.
fn keyframe_times(division: &Chunks, chunk: &Chunk) -> String {
    let rate = division.rate();
    let segments = chunk.first_segment..chunk.first_segment.saturating_add(chunk.segments);
    let frames = segments.flat_map(|segment| division.groups(segment)).skip(1);
    let seconds = |frame: u64| (frame as f64 - SLACK_FRAMES) * rate.den() as f64 / rate.num() as f64;
    frames.map(|frame| format!("{:.6}", seconds(frame))).collect::<Vec<_>>().join(",")
}

/// Copies the source's own video into files, without its SEI messages (H.264 §7.3.2.3), where cameras write places, and
/// without units that decoders skip: filler and unspecified types.
pub(crate) fn copy(
    tools: &Tools,
    input: &Input,
    folder: &Path,
    limits: Limits,
    stream: u32,
    copied: &Copied,
) -> Command {
    // Plans of the previous release have a file for each segment.
    let file_us = if copied.segments.is_empty() { 3_999_000 } else { FILE_US };
    let args = Args::ffmpeg()
        .all("-copyts -start_at_zero")
        .input(input)
        .pair("-map", format!("0:{stream}"))
        .all("-an -sn -dn -c copy -bsf:v filter_units=remove_types=0|6|12|22-31")
        .no_metadata()
        .hls(&copied.name, file_us as f64 / 1e6, 0);
    args.command(&tools.ffmpeg, folder, limits)
}

/// Returns the filter graph: convert to the frame rate, cut the chunk out, then split into renditions and tiles.
fn graph(encode: &ChunkEncode<'_>) -> String {
    let video = encode.video;
    let outputs = encode.rungs.len() + usize::from(encode.tiles.is_some());
    let (start, first) = (encode.chunk.start_frame, first_frame(video, encode.chunk.start_frame));
    let mut graph = format!("[0:{}]{}", video.stream, constant_rate_filter(video, first));
    let end = start + encode.chunk.frames;
    if video.held_from_us.is_some() {
        let _ = write!(graph, ",tpad=stop=-1:stop_mode=clone,trim=start_pts={start}:end_pts={end}");
    } else if !encode.last {
        let _ = write!(graph, ",trim=end_pts={end}");
    }
    if let Some(upright) = upright_filter(video) {
        // ffmpeg 9 writes a matrix that frames still have into the header, and players would turn them again.
        let _ = write!(graph, ",{upright},sidedata=mode=delete:type=DISPLAYMATRIX");
    }
    // The largest size that any output needs: process HDR only once, and not on more pixels than necessary.
    if let (Some(hdr), Some(largest)) = (video.hdr, encode.rungs.first()) {
        let _ = write!(
            graph,
            ",scale={}:{}:flags=bicubic{}",
            largest.width,
            largest.height,
            tonemap_filter(hdr, encode.tonemap)
        );
    }
    let _ = write!(graph, ",split={outputs}");
    for at in 0..encode.rungs.len() {
        let _ = write!(graph, "[s{at}]");
    }
    if encode.tiles.is_some() {
        graph.push_str("[st]");
    }
    for (at, rung) in encode.rungs.iter().enumerate() {
        let _ = write!(
            graph,
            ";[s{at}]{},setsar=1,format=yuv420p[o{at}]",
            scale_filter(video, rung.width, rung.height, encode.tonemap)
        );
    }
    if let Some(tiles) = &encode.tiles {
        let chosen: Vec<String> = tiles.frames.iter().map(|frame| format!("eq(pts,{frame})")).collect();
        let chosen = if chosen.is_empty() { "0".to_owned() } else { chosen.join("+") };
        let _ = write!(
            graph,
            ";[st]select='{chosen}',scale={}:{}:flags=area,setsar=1,format=rgb24[ot]",
            tiles.width, tiles.height
        );
    }
    graph
}

/// Returns the first frame of the grid that a chunk has to decode: its own, or the last one there is where that is held
/// until the chunk's start.
fn first_frame(video: &VideoPlan, start_frame: u64) -> u64 {
    video.held_from_us.map_or(start_frame, |us| {
        let frame = u128::from(us) * u128::from(video.rate.num) / (1_000_000 * u128::from(video.rate.den.max(1)));
        start_frame.min(u64::try_from(frame).unwrap_or(u64::MAX))
    })
}

/// Fits all frames into one size, deinterlaces where needed, and converts to the frame rate; the first frame
/// replaces what is missing before it. Frames that have the size already are not touched.
fn constant_rate_filter(video: &VideoPlan, start_frame: u64) -> String {
    let start = start_frame as f64 * f64::from(video.rate.den) / f64::from(video.rate.num);
    let fields = if video.interlaced { "yadif=mode=send_field:deint=all," } else { "" };
    // The fields of a frame that has another size are scaled each for itself.
    let apart = if video.interlaced { format!(":force_divisible_by={FIELD_STEP}:interl=1") } else { String::new() };
    let canvas = video.canvas.map_or(String::new(), |(width, height)| {
        format!(
            "scale={width}:{height}:force_original_aspect_ratio=decrease{apart},\
             pad={width}:{height}:(ow-iw)/2:(oh-ih)/2:eval=frame,"
        )
    });
    format!("{canvas}{fields}fps=fps={}/{}:round=near:start_time={start:.9}", video.rate.num, video.rate.den)
}

/// Returns the filters that make frames of one size upright. `None` where they are, or where ffmpeg inserts its own: it
/// does so in front of the graph, so only what has no canvas is left to it.
fn upright_filter(video: &VideoPlan) -> Option<&'static str> {
    video.canvas?;
    match (video.rotation.rem_euclid(360), video.mirrored) {
        (0, true) => Some("vflip"),
        (90, false) => Some("transpose=cclock"),
        (90, true) => Some("transpose=clock_flip"),
        (180, false) => Some("hflip,vflip"),
        (180, true) => Some("hflip"),
        (270, false) => Some("transpose=clock"),
        (270, true) => Some("transpose=cclock_flip"),
        _ => None,
    }
}

/// Scales to a rendition, in BT.709.
fn scale_filter(video: &VideoPlan, width: u32, height: u32, tonemap: bool) -> String {
    // After tone mapping the video is BT.709 already.
    let from = if video.hdr.is_some() && tonemap { "bt709" } else { color_matrix(video) };
    let range = if video.full_range { "pc" } else { "tv" };
    format!(
        "scale={width}:{height}:flags=bicubic:in_color_matrix={from}:out_color_matrix=bt709:\
         in_range={range}:out_range=tv"
    )
}

/// Returns the source's colour matrix in the scaler's terms; where it is unknown, the one that its size makes likely.
fn color_matrix(video: &VideoPlan) -> &'static str {
    match video.matrix.as_str() {
        "bt709" => "bt709",
        "bt470bg" | "smpte170m" => "bt601",
        "bt2020nc" | "bt2020c" => "bt2020",
        "fcc" => "fcc",
        "smpte240m" => "smpte240m",
        _ if video.width.max(video.height) >= 1280 => "bt709",
        _ => "bt601",
    }
}

/// Returns the filters from HDR to SDR, to be placed behind a scaler; only a change of format where this ffmpeg cannot
/// tone-map.
fn tonemap_filter(hdr: Hdr, tonemap: bool) -> String {
    if !tonemap {
        return ",format=yuv420p".to_owned();
    }
    let transfer = match hdr {
        Hdr::Pq => "smpte2084",
        Hdr::Hlg => "arib-std-b67",
    };
    // 203 cd/m² is where ITU-R BT.2408 puts SDR white.
    format!(
        ",zscale=tin={transfer}:min=bt2020nc:pin=bt2020:t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,\
         tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p"
    )
}

/// Returns the poster's filter: a single upright frame with the right colours for a JPEG, at most `longest` pixels
/// long.
pub(crate) fn frame_grab_filter(video: &VideoPlan, longest: u32, tonemap: bool) -> String {
    let (width, height) = fit_within(video.width, video.height, longest);
    let fields = if video.interlaced { "yadif=mode=send_frame:deint=all," } else { "" };
    let range = if video.full_range { "pc" } else { "tv" };
    match video.hdr {
        Some(hdr) if tonemap => {
            format!(
                "{fields}scale={width}:{height}:flags=bicubic{},\
                 scale=in_color_matrix=bt709:out_color_matrix=bt601:out_range=pc,setsar=1,format=yuvj420p",
                tonemap_filter(hdr, true)
            )
        }
        _ => format!(
            "{fields}scale={width}:{height}:flags=bicubic:in_color_matrix={}:out_color_matrix=bt601:\
             in_range={range}:out_range=pc,setsar=1,format=yuvj420p",
            color_matrix(video)
        ),
    }
}

/// Fits a size into a square of `longest`, even on both sides, never enlarged.
pub(crate) fn fit_within(width: u32, height: u32, longest: u32) -> (u32, u32) {
    let side = width.max(height).max(1);
    let factor = (f64::from(longest) / f64::from(side)).min(1.0);
    let even = |side: u32| (((f64::from(side) * factor) / 2.0).round() as u32 * 2).max(2);
    (even(width), even(height))
}

#[cfg(test)]
mod tests {
    use codec::ladder::FrameRate;

    use super::*;
    use crate::model::media_info::Ratio;

    fn video() -> VideoPlan {
        VideoPlan {
            stream: 0,
            width: 1280,
            height: 720,
            rate: Ratio::new(30_000, 1001),
            frames: 900,
            copy: None,
            rungs: vec![],
            interlaced: true,
            hdr: None,
            matrix: String::new(),
            full_range: false,
            deep: false,
            canvas: None,
            rotation: 0,
            mirrored: false,
            held_from_us: None,
            lead_us: 0,
            sparse: false,
        }
    }

    #[test]
    fn a_chunk_is_cut_by_frame_number_on_the_whole_grid() {
        let video = video();
        let chunk = Chunk { number: 1, start_frame: 120, frames: 240, first_segment: 1, segments: 2 };
        let tiles = Some(Tiles { width: 160, height: 90, frames: vec![150, 180] });
        let graph = graph(&ChunkEncode {
            video: &video,
            chunk: &chunk,
            last: false,
            rungs: &[],
            tiles,
            tonemap: true,
            threads: 2,
        });
        let start = "[0:0]yadif=mode=send_field:deint=all,fps=fps=30000/1001:round=near:start_time=4.004000000,\
                     trim=end_pts=360,split=1[st]";
        assert!(graph.starts_with(start), "{graph}");
        assert!(graph.contains("select='eq(pts,150)+eq(pts,180)'"), "{graph}");
    }

    #[test]
    fn keyframes_are_told_where_the_segments_of_a_copy_begin() {
        let division = Chunks::along(&[0, 100, 350], 400, FrameRate::new(25, 1).unwrap());
        let times = |number| keyframe_times(&division, &division.get(number).unwrap());
        assert_eq!(times(0), "1.996000");
        assert_eq!(times(1), "5.996000,7.996000,9.996000,11.996000,13.996000");
    }

    #[test]
    fn frames_are_fitted_then_deinterlaced_then_turned() {
        let chunk = Chunk { number: 0, start_frame: 0, frames: 60, first_segment: 0, segments: 1 };
        let turned = |rotation, canvas| {
            let video = VideoPlan { canvas, rotation, ..video() };
            graph(&ChunkEncode {
                video: &video,
                chunk: &chunk,
                last: false,
                rungs: &[],
                tiles: None,
                tonemap: true,
                threads: 2,
            })
        };
        assert_eq!(
            turned(-90, Some((1280, 720))),
            "[0:0]scale=1280:720:force_original_aspect_ratio=decrease:force_divisible_by=8:interl=1,\
             pad=1280:720:(ow-iw)/2:(oh-ih)/2:eval=frame,yadif=mode=send_field:deint=all,\
             fps=fps=30000/1001:round=near:start_time=0.000000000,trim=end_pts=60,transpose=clock,\
             sidedata=mode=delete:type=DISPLAYMATRIX,split=0"
        );
        assert!(!turned(-90, None).contains("transpose"), "ffmpeg inserts its own");
        assert!(!turned(0, Some((1280, 720))).contains("sidedata"));
    }

    #[test]
    fn a_frame_fits_within_and_stays_even() {
        assert_eq!(fit_within(1920, 1080, 1280), (1280, 720));
        assert_eq!(fit_within(1080, 1920, 1280), (720, 1280));
        assert_eq!(fit_within(321, 181, 1280), (322, 182));
        assert_eq!(fit_within(1, 1, 1280), (2, 2));
    }
}
