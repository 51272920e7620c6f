//! Writes HLS playlists (RFC 8216).
//!
//! Owns the tags and their order, not where segments are stored. Invariant: whatever its arguments contain, each tag
//! and each URL stays on its own line and inside its own quotes.

mod programme;

use std::borrow::Cow;
use std::fmt::Write as _;

pub use programme::{Clip, programme};

/// The protocol version: `EXT-X-MAP` in a playlist with video needs 6, CMAF players expect 7.
const VERSION: u32 = 7;

/// The audio of a master playlist.
#[derive(Debug, Clone, Copy)]
pub struct Audio<'a> {
    /// The URL of its media playlist.
    pub uri: &'a str,
    /// RFC 6381 codec string, such as `mp4a.40.2`.
    pub codecs: &'a str,
    /// Peak bits per second.
    pub bandwidth: u64,
    /// The number of channels, where known.
    pub channels: Option<u32>,
}

/// One row of a master playlist: video only.
#[derive(Debug, Clone, Copy)]
pub struct Variant<'a> {
    /// The URL of its media playlist.
    pub uri: &'a str,
    /// Peak bits per second of the video alone; the audio's are added.
    pub bandwidth: u64,
    /// RFC 6381 codec string, such as `avc1.64001f`.
    pub codecs: &'a str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second times 1000.
    pub millifps: u32,
}

/// Captions of a master playlist, in one language.
#[derive(Debug, Clone, Copy)]
pub struct Captions<'a> {
    /// The URL of their media playlist.
    pub uri: &'a str,
    /// What a menu calls them. No two of a playlist have the same name.
    pub name: &'a str,
    /// A BCP 47 tag.
    pub language: &'a str,
}

/// One segment of a media playlist.
#[derive(Debug, Clone)]
pub struct Segment<'a> {
    /// Its URL.
    pub uri: Cow<'a, str>,
    /// Its duration in microseconds.
    pub duration_us: u64,
}

/// Returns a master playlist. Players start with the first variant that suits them, so the caller determines the order.
/// Without variants the audio is the only row. `query` (such as `t=…`, without `?`, or empty) is appended to every URL.
pub fn master(audio: Option<&Audio<'_>>, variants: &[Variant<'_>], captions: &[Captions<'_>], query: &str) -> String {
    let mut text = format!("#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-INDEPENDENT-SEGMENTS\n");
    for one in captions {
        let (name, language) = (quoted(one.name), plain(one.language));
        let _ =
            write!(text, "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"captions\",NAME=\"{name}\",LANGUAGE=\"{language}\"");
        let _ = writeln!(text, ",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI=\"{}\"", uri_with_query(one.uri, query));
    }
    let group = if captions.is_empty() { "" } else { ",SUBTITLES=\"captions\"" };
    if let Some(audio) = audio {
        if variants.is_empty() {
            let (bandwidth, codecs) = (audio.bandwidth, plain(audio.codecs));
            let _ = writeln!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS=\"{codecs}\"{group}");
            let _ = writeln!(text, "{}", uri_with_query(audio.uri, query));
            return text;
        }
        text.push_str("#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"Audio\",DEFAULT=YES,AUTOSELECT=YES");
        if let Some(channels) = audio.channels {
            let _ = write!(text, ",CHANNELS=\"{channels}\"");
        }
        let _ = writeln!(text, ",URI=\"{}\"", uri_with_query(audio.uri, query));
    }
    for variant in variants {
        let bandwidth = variant.bandwidth.saturating_add(audio.map_or(0, |audio| audio.bandwidth));
        let _ = write!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS=\"{}", plain(variant.codecs));
        if let Some(audio) = audio {
            let _ = write!(text, ",{}", plain(audio.codecs));
        }
        let _ = write!(text, "\",RESOLUTION={}x{}", variant.width, variant.height);
        if variant.millifps > 0 {
            let _ = write!(text, ",FRAME-RATE={}.{:03}", variant.millifps / 1000, variant.millifps % 1000);
        }
        if audio.is_some() {
            text.push_str(",AUDIO=\"audio\"");
        }
        let _ = writeln!(text, "{group}\n{}", uri_with_query(variant.uri, query));
    }
    text
}

/// Returns a media playlist: `EVENT` while it grows, `VOD` with its end when `complete`. `target_us` is the nominal
/// longest segment in microseconds and must stay the same while the playlist grows (RFC 8216 §6.2.1).
pub fn media<'a>(
    init: &str,
    segments: impl IntoIterator<Item = Segment<'a>>,
    target_us: u64,
    complete: bool,
    query: &str,
) -> String {
    let mut rows = String::new();
    let mut target = seconds(target_us);
    for segment in segments {
        // "The EXTINF duration, when rounded to the nearest integer, MUST be less than or equal to the target"
        // (§4.3.3.1).
        target = target.max(seconds(segment.duration_us));
        let (whole, micros) = (segment.duration_us / 1_000_000, segment.duration_us % 1_000_000);
        let _ = writeln!(rows, "#EXTINF:{whole}.{micros:06},\n{}", uri_with_query(&segment.uri, query));
    }
    let kind = if complete { "VOD" } else { "EVENT" };
    let end = if complete { "#EXT-X-ENDLIST\n" } else { "" };
    format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:{kind}\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI=\"{}\"\n{rows}{end}",
        uri_with_query(init, query)
    )
}

/// Returns the media playlist of captions: all of their text is one segment.
pub fn captions(segment: &Segment<'_>, query: &str) -> String {
    let (whole, micros) = (segment.duration_us / 1_000_000, segment.duration_us % 1_000_000);
    format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:{whole}.{micros:06},\n{}\n#EXT-X-ENDLIST\n",
        seconds(segment.duration_us),
        uri_with_query(&segment.uri, query)
    )
}

/// Whole seconds, rounded to the nearest, at least 1.
fn seconds(micros: u64) -> u64 {
    (micros.saturating_add(500_000) / 1_000_000).max(1)
}

/// Removes characters that would end the quotes or the line.
fn plain(text: &str) -> Cow<'_, str> {
    let bad = |c: char| !matches!(c, '!'..='~') || c == '"';
    if text.contains(bad) { Cow::Owned(text.replace(bad, "")) } else { Cow::Borrowed(text) }
}

/// Removes characters that a quoted string may not have (RFC 8216, section 4.2).
fn quoted(text: &str) -> String {
    text.chars().filter(|letter| *letter != '"' && !letter.is_control()).collect()
}

fn uri_with_query(uri: &str, query: &str) -> String {
    let joint = match query {
        "" => "",
        _ if uri.contains('?') => "&",
        _ => "?",
    };
    // A line that starts with `#` would be a tag.
    format!("{}{joint}{}", plain(uri).trim_start_matches('#'), plain(query))
}

#[cfg(test)]
mod tests {
    use m3u8_rs::{
        AlternativeMediaType, MasterPlaylist, MediaPlaylist, MediaPlaylistType, parse_master_playlist_res,
        parse_media_playlist_res,
    };
    use proptest::prelude::*;

    use super::*;

    const AUDIO: Audio<'_> =
        Audio { uri: "audio/playlist.m3u8", codecs: "mp4a.40.2", bandwidth: 160_000, channels: Some(2) };

    fn variant(uri: &str, bandwidth: u64) -> Variant<'_> {
        Variant { uri, bandwidth, codecs: "avc1.64001f", width: 1280, height: 720, millifps: 29_970 }
    }

    fn parse_master(text: &str) -> MasterPlaylist {
        parse_master_playlist_res(text.as_bytes()).unwrap()
    }

    fn parse_media(text: &str) -> MediaPlaylist {
        parse_media_playlist_res(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_master_playlist_lists_the_renditions() {
        let text = master(Some(&AUDIO), &[variant("v720/playlist.m3u8", 3_000_000)], &[], "t=abc");
        let read = parse_master(&text);
        assert!(read.independent_segments);
        let row = &read.variants[0];
        assert_eq!((row.uri.as_str(), row.bandwidth), ("v720/playlist.m3u8?t=abc", 3_160_000));
        assert_eq!(row.codecs.as_deref(), Some("avc1.64001f,mp4a.40.2"));
        assert_eq!(row.resolution.unwrap().to_string(), "1280x720");
        assert_eq!((row.frame_rate, row.audio.as_deref()), (Some(29.97), Some("audio")));
        let audio = &read.alternatives[0];
        assert_eq!((audio.media_type.clone(), audio.group_id.as_str()), (AlternativeMediaType::Audio, "audio"));
        assert_eq!(audio.uri.as_deref(), Some("audio/playlist.m3u8?t=abc"));
        assert!(audio.default && audio.autoselect);
    }

    #[test]
    fn video_without_audio_and_audio_without_video() {
        let read = parse_master(&master(None, &[variant("a", 1), variant("b", 2)], &[], ""));
        assert_eq!((read.variants.len(), read.alternatives.len()), (2, 0));
        assert_eq!((read.variants[1].uri.as_str(), read.variants[1].audio.as_deref()), ("b", None));
        let read = parse_master(&master(Some(&AUDIO), &[], &[], "t=1"));
        assert_eq!((read.variants[0].bandwidth, read.variants[0].resolution), (160_000, None));
        assert_eq!(read.variants[0].uri, "audio/playlist.m3u8?t=1");
    }

    #[test]
    fn captions_are_a_group_of_every_row() {
        let english = Captions { uri: "../captions/en/playlist.m3u8", name: "English (US)", language: "en-US" };
        let japanese = Captions { uri: "../captions/ja/playlist.m3u8", name: "日本語\"\n", language: "ja" };
        for (audio, variants) in [(Some(&AUDIO), vec![variant("a", 1), variant("b", 2)]), (Some(&AUDIO), vec![])] {
            let read = parse_master(&master(audio, &variants, &[english, japanese], "t=abc"));
            assert!(read.variants.iter().all(|row| row.subtitles.as_deref() == Some("captions")), "{read:?}");
            let tracks: Vec<_> = read
                .alternatives
                .iter()
                .filter(|one| one.media_type == AlternativeMediaType::Subtitles)
                .map(|one| {
                    (one.name.as_str(), one.language.as_deref(), one.uri.as_deref(), one.default, one.autoselect)
                })
                .collect();
            assert_eq!(tracks[0].0, "English (US)");
            assert_eq!(tracks[1].0, "日本語");
            assert_eq!(tracks[0].1, Some("en-US"));
            assert_eq!(tracks[0].2, Some("../captions/en/playlist.m3u8?t=abc"));
            assert!(tracks.len() == 2 && tracks.iter().all(|(_, _, _, default, autoselect)| !default && *autoselect));
        }
        let whole = Segment { uri: "segment.vtt".into(), duration_us: 61_500_000 };
        let read = parse_media(&captions(&whole, "t=abc"));
        assert_eq!((read.target_duration, read.end_list, read.segments.len()), (62, true, 1));
        assert_eq!(read.segments[0].uri, "segment.vtt?t=abc");
        assert!((read.segments[0].duration - 61.5).abs() < 1e-6 && read.segments[0].map.is_none());
    }

    fn segments(durations: &[u64]) -> Vec<Segment<'static>> {
        let segment = |(n, us): (usize, &u64)| Segment { uri: format!("{n}.m4s").into(), duration_us: *us };
        durations.iter().enumerate().map(segment).collect()
    }

    #[test]
    fn a_growing_playlist_becomes_complete() {
        let growing = parse_media(&media("init.mp4", segments(&[4_004_000, 4_004_000]), 4_004_000, false, "t=x"));
        assert_eq!(growing.playlist_type, Some(MediaPlaylistType::Event));
        assert!(!growing.end_list);
        assert_eq!(growing.target_duration, 4);
        assert_eq!(growing.segments[0].map.as_ref().unwrap().uri, "init.mp4?t=x");
        assert_eq!(growing.segments[1].uri, "1.m4s?t=x");
        let done = parse_media(&media("init.mp4", segments(&[4_004_000, 4_004_000, 10]), 4_004_000, true, ""));
        assert_eq!((done.playlist_type, done.end_list), (Some(MediaPlaylistType::Vod), true));
        assert_eq!((done.target_duration, done.segments.len(), done.segments[2].uri.as_str()), (4, 3, "2.m4s"));
        assert!((done.segments[0].duration - 4.004).abs() < 1e-6);
    }

    #[test]
    fn the_target_covers_every_segment() {
        let target = |us: &[u64], nominal| parse_media(&media("i", segments(us), nominal, true, "")).target_duration;
        assert_eq!(target(&[4_499_999], 1), 4);
        assert_eq!(target(&[4_500_000], 1), 5);
        assert_eq!(target(&[100], 100), 1);
        assert_eq!(target(&[], 9_600_000), 10);
    }

    proptest! {
        #[test]
        fn nothing_leaves_its_line(
            uri in "\\PC*|[\"\n\r#a-z?]*",
            codecs in "\\PC*|[\"\n,=]*",
            query in "\\PC*|[\"\n&=]*",
        ) {
            let audio = Audio { uri: &uri, codecs: &codecs, bandwidth: 1, channels: None };
            let variants = [Variant { uri: &uri, bandwidth: 1, codecs: &codecs, width: 2, height: 2, millifps: 1 }];
            let captions = [Captions { uri: &uri, name: &codecs, language: &codecs }];
            let text = master(Some(&audio), &variants, &captions, &query);
            prop_assert_eq!(text.lines().count(), 7);
            prop_assert_eq!(text.lines().filter(|line| line.starts_with('#')).count(), 6);
            let rows = [Segment { uri: uri.as_str().into(), duration_us: u64::MAX }];
            prop_assert_eq!(media(&uri, rows, u64::MAX, true, &query).lines().count(), 10);
        }
    }
}
