//! Queries ffprobe for the properties of a file.
//!
//! Owns ffprobe's command lines and the parsing of what it says of a file's streams; `packets` parses its list of
//! packets. Invariant: any output becomes [`MediaInfo`] or "broken", never a panic, and an output larger than
//! [`MAX_OUTPUT_BYTES`] is not read to its end.

use serde::Deserialize;

use super::codecs::{decodes_audio, decodes_video};
use super::{Args, Command, Input, Limits, Tools};
use crate::model::media_info::{AudioStream, MediaInfo, Ratio, VideoStream};

/// The longest output that is read, in bytes.
pub(crate) const MAX_OUTPUT_BYTES: usize = 8 << 20;

const STREAM_FIELDS: &str = "stream=index,codec_type,codec_name,codec_tag_string,profile,pix_fmt,width,height,\
    sample_aspect_ratio,r_frame_rate,avg_frame_rate,start_time,duration,bit_rate,nb_frames,field_order,color_range,\
    color_space,color_transfer,channels,sample_rate";
const FORMAT_FIELDS: &str = "format=start_time,duration,bit_rate:stream_disposition=attached_pic,default:\
    stream_side_data=rotation,displaymatrix:stream_tags=DURATION";

/// The command that describes the file and its streams.
pub(crate) fn streams(tools: &Tools, input: &Input, folder: &std::path::Path, limits: Limits) -> Command {
    let args =
        Args::ffprobe().all("-of json -show_entries").word(format!("{STREAM_FIELDS}:{FORMAT_FIELDS}")).input(input);
    args.command(&tools.ffprobe, folder, limits)
}

/// The command that lists every packet, one a line, for [`super::packets::PacketReader`].
pub(crate) fn packets(tools: &Tools, input: &Input, folder: &std::path::Path, limits: Limits) -> Command {
    let args = Args::ffprobe()
        .all("-of csv=p=0 -show_entries packet=stream_index,pts_time,dts_time,duration_time,pos,flags")
        .input(input);
    args.command(&tools.ffprobe, folder, limits)
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct ProbeOutput {
    streams: Vec<Stream>,
    format: Format,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Format {
    start_time: Option<String>,
    duration: Option<String>,
    bit_rate: Option<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Stream {
    index: u32,
    codec_type: String,
    codec_name: String,
    codec_tag_string: String,
    profile: Option<String>,
    pix_fmt: Option<String>,
    width: u32,
    height: u32,
    sample_aspect_ratio: Option<String>,
    r_frame_rate: Option<String>,
    avg_frame_rate: Option<String>,
    start_time: Option<String>,
    duration: Option<String>,
    bit_rate: Option<String>,
    nb_frames: Option<String>,
    field_order: Option<String>,
    color_range: Option<String>,
    color_space: Option<String>,
    color_transfer: Option<String>,
    channels: u32,
    sample_rate: Option<String>,
    disposition: Disposition,
    side_data_list: Vec<SideData>,
    tags: Tags,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Disposition {
    attached_pic: u8,
    default: u8,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct SideData {
    rotation: Option<f64>,
    displaymatrix: Option<String>,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
struct Tags {
    /// Matroska has no length of a track; writers put its end here, as `00:00:03.500000000`.
    #[serde(rename = "DURATION")]
    duration: Option<String>,
}

impl Stream {
    /// Its length in microseconds; 0 where it is unknown.
    fn duration_us(&self) -> u64 {
        let declared = micros(self.duration.as_deref());
        let tagged = || {
            let mut parts = self.tags.duration.as_ref()?.splitn(3, ':');
            let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
            let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
            let end = micros(Some(seconds))? + (i64::from(hours) * 3600 + i64::from(minutes) * 60) * 1_000_000;
            Some(end - micros(self.start_time.as_deref()).unwrap_or(0))
        };
        declared.or_else(tagged).and_then(|us| u64::try_from(us).ok()).unwrap_or(0)
    }

    /// Whether its display matrix mirrors it: the determinant of the upper left 2 × 2 is negative.
    fn is_mirrored(&self) -> bool {
        let matrix = self.side_data_list.iter().find_map(|data| data.displaymatrix.as_ref());
        // Three lines of `00000000:  65536  0  0`.
        let numbers = matrix.map(|text| {
            text.lines()
                .filter_map(|line| line.split_once(':'))
                .flat_map(|(_, row)| row.split_whitespace().take(2))
                .filter_map(|number| number.parse::<f64>().ok())
                .collect::<Vec<f64>>()
        });
        matches!(numbers.as_deref(), Some([a, b, c, d, ..]) if a * d - b * c < 0.0)
    }
}

/// Why an output could not be converted to media info.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ProbeError {
    /// It is not ffprobe's format.
    Malformed,
    /// The streams are encrypted.
    Protected,
}

/// Parses the output of [`streams`].
pub(crate) fn parse(output: &[u8]) -> Result<MediaInfo, ProbeError> {
    let output: ProbeOutput = serde_json::from_slice(output).map_err(|_| ProbeError::Malformed)?;
    if output.streams.iter().any(|stream| ["encv", "enca", "drms", "drmi"].contains(&stream.codec_tag_string.as_str()))
    {
        return Err(ProbeError::Protected);
    }
    let (videos, covers): (Vec<&Stream>, Vec<&Stream>) = output
        .streams
        .iter()
        .filter(|stream| stream.codec_type == "video")
        .partition(|stream| stream.disposition.attached_pic == 0);
    // The first stream that can be played; if none can, the first one, so that the rejection can name it.
    let audios: Vec<&Stream> = output.streams.iter().filter(|stream| stream.codec_type == "audio").collect();
    let picked = |streams: &[&Stream], plays: fn(&str) -> bool| {
        let usable = |stream: &&&Stream| plays(&stream.codec_name);
        streams
            .iter()
            .filter(usable)
            .find(|stream| stream.disposition.default == 1)
            .or_else(|| streams.iter().find(usable))
            .or(streams.first())
            .copied()
            .map(|s| s.index)
    };
    let find = |index: Option<u32>| index.and_then(|index| output.streams.iter().find(|stream| stream.index == index));
    let format_bits = number(output.format.bit_rate.as_ref());
    Ok(MediaInfo {
        start_us: micros(output.format.start_time.as_deref()).unwrap_or(0),
        duration_us: micros(output.format.duration.as_deref()).and_then(|us| u64::try_from(us).ok()).unwrap_or(0),
        streams: u32::try_from(output.streams.len()).unwrap_or(u32::MAX),
        video: find(picked(&videos, decodes_video)).map(|stream| video(stream, format_bits)),
        audio: find(picked(&audios, decodes_audio)).map(audio),
        cover: covers.first().map(|stream| stream.index),
    })
}

fn video(stream: &Stream, format_bits: u64) -> VideoStream {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let bits = number(stream.bit_rate.as_ref());
    VideoStream {
        stream: stream.index,
        codec: stream.codec_name.clone(),
        profile: text(&stream.profile),
        pixels: text(&stream.pix_fmt),
        width: stream.width,
        height: stream.height,
        pixel_shape: ratio(stream.sample_aspect_ratio.as_ref(), ':'),
        rotation: stream
            .side_data_list
            .iter()
            .find_map(|data| data.rotation)
            .map_or(0, |degrees| degrees.clamp(-360.0, 360.0).round() as i32),
        mirrored: stream.is_mirrored(),
        base_rate: ratio(stream.r_frame_rate.as_ref(), '/'),
        average_rate: ratio(stream.avg_frame_rate.as_ref(), '/'),
        start_us: micros(stream.start_time.as_deref()).unwrap_or(0),
        duration_us: stream.duration_us(),
        bits_per_second: if bits > 0 { bits } else { format_bits },
        frames: number(stream.nb_frames.as_ref()),
        interlaced: stream.field_order.as_deref().is_some_and(|order| ["tt", "bb", "tb", "bt"].contains(&order)),
        transfer: text(&stream.color_transfer),
        matrix: text(&stream.color_space),
        full_range: stream.color_range.as_deref() == Some("pc")
            || stream.pix_fmt.as_deref().is_some_and(|format| format.starts_with("yuvj")),
        packets: None,
        segments: Vec::new(),
    }
}

fn audio(stream: &Stream) -> AudioStream {
    AudioStream {
        stream: stream.index,
        codec: stream.codec_name.clone(),
        channels: stream.channels,
        sample_rate: u32::try_from(number(stream.sample_rate.as_ref())).unwrap_or(0),
        start_us: micros(stream.start_time.as_deref()).unwrap_or(0),
        duration_us: stream.duration_us(),
        packets: None,
    }
}

/// Seconds as ffprobe prints them (`12.345000`, `N/A`), in microseconds.
pub(super) fn micros(text: Option<&str>) -> Option<i64> {
    let seconds: f64 = text?.parse().ok()?;
    (seconds.is_finite() && seconds.abs() < 1e9).then(|| (seconds * 1e6).round() as i64)
}

fn number(text: Option<&String>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn ratio(text: Option<&String>, between: char) -> Ratio {
    let parts = text
        .and_then(|text| text.split_once(between))
        .and_then(|(num, den)| Some((num.parse().ok()?, den.parse().ok()?)));
    parts.map_or(Ratio::default(), |(num, den)| Ratio::new(num, den))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_image_is_not_a_video() {
        let info = parse(
            br#"{"streams":[{"index":0,"codec_type":"audio","codec_name":"mp3","channels":2},
            {"index":1,"codec_type":"video","codec_name":"mjpeg","disposition":{"attached_pic":1}}],
            "format":{"duration":"3.5"}}"#,
        )
        .unwrap();
        assert!(info.video.is_none() && info.audio.is_some());
        assert_eq!((info.cover, info.duration_us), (Some(1), 3_500_000));
    }

    #[test]
    fn the_first_playable_audio_stream_is_selected() {
        let info = parse(
            br#"{"streams":[{"index":1,"codec_type":"audio","codec_name":"apac","disposition":{"default":1}},
            {"index":2,"codec_type":"audio","codec_name":"aac"}]}"#,
        )
        .unwrap();
        assert_eq!(info.audio.unwrap().stream, 2);
    }

    #[test]
    fn encrypted_streams_and_invalid_output_are_distinguished() {
        assert_eq!(
            parse(br#"{"streams":[{"codec_type":"video","codec_tag_string":"encv"}]}"#),
            Err(ProbeError::Protected)
        );
        assert_eq!(parse(b"no"), Err(ProbeError::Malformed));
        assert!(parse(b"{}").unwrap().video.is_none());
    }

    #[test]
    fn a_mirrored_picture_and_the_length_of_a_matroska_track_are_read() {
        let stream = |matrix: &str| {
            let text = serde_json::json!({"streams": [{
                "codec_type": "video", "codec_name": "vp9", "start_time": "0.500000",
                "tags": {"DURATION": "00:01:03.500000000"},
                "side_data_list": [{"displaymatrix": matrix, "rotation": 0}]
            }]});
            parse(text.to_string().as_bytes()).unwrap().video.unwrap()
        };
        let rows = |a: i32, b: i32, c: i32, d: i32| {
            format!("\n00000000: {a:>11} {b:>11} 0\n00000001: {c:>11} {d:>11} 0\n00000002: 0 31457280 1073741824\n")
        };
        let one = 65536;
        let upright = [rows(one, 0, 0, one), rows(0, one, -one, 0), rows(-one, 0, 0, -one), rows(0, -one, one, 0)];
        assert!(upright.iter().all(|matrix| !stream(matrix).mirrored));
        let mirrored = [rows(-one, 0, 0, one), rows(one, 0, 0, -one), rows(0, one, one, 0), rows(0, -one, -one, 0)];
        assert!(mirrored.iter().all(|matrix| stream(matrix).mirrored));
        assert_eq!(stream("nonsense").duration_us, 63_000_000);
    }
}
