//! Queries ffprobe for the properties of a file.
//!
//! Owns ffprobe's command lines and the parsing of its output. Invariant: any output becomes [`MediaInfo`] or "broken",
//! never a panic, and an output larger than [`MAX_OUTPUT_BYTES`] is not read to its end.

use serde::Deserialize;

use super::codecs::{decodes_audio, decodes_video};
use super::{Args, Command, Input, Limits, Tools};
use crate::model::media_info::{AudioStream, Keyframes, MediaInfo, Ratio, VideoStream};

/// The longest output that is read, in bytes.
pub(crate) const MAX_OUTPUT_BYTES: usize = 8 << 20;

const STREAM_FIELDS: &str = "stream=index,codec_type,codec_name,codec_tag_string,profile,pix_fmt,width,height,sample_aspect_ratio,r_frame_rate,avg_frame_rate,start_time,duration,bit_rate,nb_frames,field_order,color_range,color_space,color_transfer,channels,sample_rate";
const FORMAT_FIELDS: &str =
    "format=start_time,duration,bit_rate:stream_disposition=attached_pic,default:stream_side_data=rotation";

/// The command that describes the file and its streams.
pub(crate) fn streams(tools: &Tools, input: &Input, folder: &std::path::Path, limits: Limits) -> Command {
    let args =
        Args::ffprobe().all("-of json -show_entries").word(format!("{STREAM_FIELDS}:{FORMAT_FIELDS}")).input(input);
    args.command(&tools.ffprobe, folder, limits)
}

/// The command that lists every packet of the video (the first video stream where `stream` is not known yet), one a
/// line.
pub(crate) fn packets(
    tools: &Tools,
    input: &Input,
    folder: &std::path::Path,
    limits: Limits,
    stream: Option<u32>,
) -> Command {
    let stream = stream.map_or_else(|| "V:0".to_owned(), |stream| stream.to_string());
    let args = Args::ffprobe()
        .all("-of csv=p=0 -show_entries packet=pts_time,dts_time,duration_time,flags")
        .pair("-select_streams", stream)
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
        start_us: micros(output.format.start_time.as_ref()).unwrap_or(0),
        duration_us: micros(output.format.duration.as_ref()).and_then(|us| u64::try_from(us).ok()).unwrap_or(0),
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
        base_rate: ratio(stream.r_frame_rate.as_ref(), '/'),
        average_rate: ratio(stream.avg_frame_rate.as_ref(), '/'),
        start_us: micros(stream.start_time.as_ref()).unwrap_or(0),
        duration_us: micros(stream.duration.as_ref()).and_then(|us| u64::try_from(us).ok()).unwrap_or(0),
        bits_per_second: if bits > 0 { bits } else { format_bits },
        frames: number(stream.nb_frames.as_ref()),
        interlaced: stream.field_order.as_deref().is_some_and(|order| ["tt", "bb", "tb", "bt"].contains(&order)),
        transfer: text(&stream.color_transfer),
        matrix: text(&stream.color_space),
        full_range: stream.color_range.as_deref() == Some("pc")
            || stream.pix_fmt.as_deref().is_some_and(|format| format.starts_with("yuvj")),
        keyframes: None,
    }
}

fn audio(stream: &Stream) -> AudioStream {
    AudioStream {
        stream: stream.index,
        codec: stream.codec_name.clone(),
        channels: stream.channels,
        sample_rate: u32::try_from(number(stream.sample_rate.as_ref())).unwrap_or(0),
        start_us: micros(stream.start_time.as_ref()).unwrap_or(0),
        duration_us: micros(stream.duration.as_ref()).and_then(|us| u64::try_from(us).ok()).unwrap_or(0),
    }
}

/// Seconds as ffprobe prints them (`12.345000`, `N/A`), in microseconds.
fn micros(text: Option<&String>) -> Option<i64> {
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

/// Collects keyframes from the lines of [`packets`], without storing them.
#[derive(Debug, Default)]
pub(crate) struct PacketReader {
    rest: String,
    found: Keyframes,
    last_key: Option<i64>,
    open: bool,
}

impl PacketReader {
    /// Adds output.
    pub fn feed(&mut self, printed: &[u8]) -> bool {
        self.rest.push_str(&String::from_utf8_lossy(printed));
        let Some(end) = self.rest.rfind('\n') else {
            // None of our lines is this long.
            if self.rest.len() > 4096 {
                self.rest.clear();
            }
            return false;
        };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        whole.lines().for_each(|line| self.line(line));
        true
    }

    fn line(&mut self, line: &str) {
        let mut fields = line.split(',');
        let (pts, dts, length, flags) = (fields.next(), fields.next(), fields.next(), fields.next());
        let us = |field: Option<&str>| micros(field.map(str::to_owned).as_ref());
        let Some(at) = us(pts).or_else(|| us(dts)) else { return };
        let is_key = flags.is_some_and(|flags| flags.contains('K'));
        if is_key {
            if let Some(last) = self.last_key {
                self.found.max_interval_us = self.found.max_interval_us.max(u64::try_from(at - last).unwrap_or(0));
            } else {
                self.found.starts_with_one = self.found.packets == 0;
            }
            self.last_key = Some(at);
        } else if self.last_key.is_some_and(|key| at < key) {
            self.open = true;
        }
        // Cut off by an edit list, but in the file: a copy would show it again.
        self.open |= flags.is_some_and(|flags| flags.contains('D'));
        self.found.packets += 1;
        self.found.end_us = self.found.end_us.max(at + us(length).unwrap_or(0));
    }

    /// Returns the result of all lines.
    pub fn finish(mut self) -> Keyframes {
        let last = std::mem::take(&mut self.rest);
        if !last.is_empty() {
            self.line(&last);
        }
        if let Some(key) = self.last_key {
            self.found.max_interval_us =
                self.found.max_interval_us.max(u64::try_from(self.found.end_us - key).unwrap_or(0));
        }
        self.found.closed = !self.open && self.last_key.is_some();
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cover_image_is_not_a_video() {
        let info = parse(
            br#"{"streams":[{"index":0,"codec_type":"audio","codec_name":"mp3","channels":2},
            {"index":1,"codec_type":"video","codec_name":"mjpeg","disposition":{"attached_pic":1}}],"format":{"duration":"3.5"}}"#,
        )
        .unwrap();
        assert!(info.video.is_none() && info.audio.is_some());
        assert_eq!((info.cover, info.duration_us), (Some(1), 3_500_000));
    }

    #[test]
    fn the_first_playable_audio_stream_is_selected() {
        let info = parse(br#"{"streams":[{"index":1,"codec_type":"audio","codec_name":"apac","disposition":{"default":1}},{"index":2,"codec_type":"audio","codec_name":"aac"}]}"#)
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

    fn keyframes(lines: &str) -> Keyframes {
        let mut reader = PacketReader::default();
        for piece in lines.as_bytes().chunks(7) {
            reader.feed(piece);
        }
        reader.finish()
    }

    #[test]
    fn the_interval_between_keyframes_is_measured() {
        let closed =
            keyframes("0.0,-0.08,0.04,K_\n0.08,-0.04,0.04,__\n0.04,0.0,0.04,__\n2.0,1.9,0.04,K_\n2.04,1.96,0.04,__");
        assert_eq!(
            closed,
            Keyframes {
                max_interval_us: 2_000_000,
                closed: true,
                starts_with_one: true,
                packets: 5,
                end_us: 2_080_000
            }
        );
        assert!(!keyframes("0.0,0.0,0.04,KD\n0.04,0.04,0.04,__\n").closed, "hidden pictures");
        // A frame that comes after a keyframe but is shown before it: the group is open.
        assert!(!keyframes("0.0,0.0,0.04,K_\n2.0,1.9,0.04,K_\n1.96,1.94,0.04,__\n").closed);
    }
}
