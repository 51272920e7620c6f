//! Writes the media playlist of a programme: clips of several items, end to end.
//!
//! Owns the discontinuities between clips. Invariant: two playlists of the same clips, whatever they carry, have the
//! same number of discontinuities, so that players keep video and audio together (RFC 8216, section 6.2.4). A playlist
//! of more clips begins with the lines of one of fewer, below the same head.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::{Segment, seconds, uri_with_query};

/// The version that `EXT-X-GAP` needs.
const VERSION: u32 = 8;

/// A clip of a programme.
#[derive(Debug, Clone)]
pub struct Clip<'a> {
    /// The URL of its initialization segment; `None` where the clip lacks what the playlist carries, such as audio. Its
    /// segments then are gaps, which players do not load.
    pub init: Option<Cow<'a, str>>,
    /// Its segments.
    pub segments: Vec<Segment<'a>>,
}

/// Returns the media playlist of clips that are played one after the other: `EVENT` as long as clips may be added, with
/// the start at its beginning, and `VOD` with its end when `complete`. `target_us` is the nominal longest segment in
/// microseconds, of all clips that may ever be added.
pub fn programme<'a>(clips: impl IntoIterator<Item = Clip<'a>>, target_us: u64, complete: bool) -> String {
    let mut rows = String::new();
    let mut target = seconds(target_us);
    for (at, clip) in clips.into_iter().enumerate() {
        if at > 0 {
            rows.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if let Some(init) = &clip.init {
            let _ = writeln!(rows, "#EXT-X-MAP:URI=\"{}\"", uri_with_query(init, ""));
        }
        for segment in &clip.segments {
            target = target.max(seconds(segment.duration_us));
            let (whole, micros) = (segment.duration_us / 1_000_000, segment.duration_us % 1_000_000);
            let gap = if clip.init.is_none() { "#EXT-X-GAP\n" } else { "" };
            let _ = writeln!(rows, "{gap}#EXTINF:{whole}.{micros:06},\n{}", uri_with_query(&segment.uri, ""));
        }
    }
    let (kind, end) = if complete { ("VOD", "#EXT-X-ENDLIST\n") } else { ("EVENT", "") };
    // Without it, players begin a playlist that grows near its end.
    let start = if complete { "" } else { "#EXT-X-START:TIME-OFFSET=0,PRECISE=YES\n" };
    format!(
        "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{target}\n#EXT-X-MEDIA-SEQUENCE:0\n\
         #EXT-X-PLAYLIST-TYPE:{kind}\n#EXT-X-INDEPENDENT-SEGMENTS\n{start}{rows}{end}"
    )
}

#[cfg(test)]
mod tests {
    use m3u8_rs::{MediaPlaylistType, parse_media_playlist_res};

    use super::*;

    fn clip(name: &str, has_init: bool, count: usize) -> Clip<'static> {
        let segment =
            |number: usize| Segment { uri: format!("/{name}/{number}.m4s?t=x").into(), duration_us: 4_000_000 };
        Clip {
            init: has_init.then(|| format!("/{name}/init.mp4?t=x").into()),
            segments: (0..count).map(segment).collect(),
        }
    }

    #[test]
    fn clips_are_separated_and_each_has_its_own_head() {
        let clips = || vec![clip("a", true, 2), clip("b", true, 1), clip("c", true, 1)];
        let text = programme(clips(), 8_000_000, false);
        let read = parse_media_playlist_res(text.as_bytes()).unwrap();
        assert_eq!((read.playlist_type, read.end_list), (Some(MediaPlaylistType::Event), false));
        assert_eq!((read.target_duration, read.media_sequence), (8, 0));
        assert!(text.contains("#EXT-X-START:TIME-OFFSET=0"));
        let cuts: Vec<bool> = read.segments.iter().map(|segment| segment.discontinuity).collect();
        assert_eq!(cuts, [false, false, true, true]);
        let uris: Vec<&str> = read.segments.iter().map(|segment| segment.uri.as_str()).collect();
        assert_eq!(uris, ["/a/0.m4s?t=x", "/a/1.m4s?t=x", "/b/0.m4s?t=x", "/c/0.m4s?t=x"]);
        let maps: Vec<&str> =
            read.segments.iter().filter_map(|segment| segment.map.as_ref()).map(|map| map.uri.as_str()).collect();
        assert!(maps.contains(&"/a/init.mp4?t=x") && maps.contains(&"/c/init.mp4?t=x"), "{maps:?}");

        // A clip that is added changes no line above it; the end of the thread changes the head only.
        let fewer = programme(clips().into_iter().take(2), 8_000_000, false);
        assert!(text.starts_with(&fewer));
        let done = programme(clips(), 8_000_000, true);
        assert!(done.contains("#EXT-X-PLAYLIST-TYPE:VOD\n") && done.ends_with("#EXT-X-ENDLIST\n"));
        assert!(!done.contains("EXT-X-START"));
    }

    #[test]
    fn a_clip_without_sound_is_a_gap_of_its_length() {
        let text = programme([clip("a", true, 1), clip("b", false, 2), clip("c", true, 1)], 4_000_000, true);
        assert_eq!(text.matches("#EXT-X-GAP\n").count(), 2);
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 2);
        assert_eq!(text.matches("#EXTINF:4.000000,\n").count(), 4);
        assert_eq!(text.matches("#EXT-X-MAP:").count(), 2);
    }

    #[test]
    fn nothing_leaves_its_line() {
        let segment = Segment { uri: "x\n#EXT-X-ENDLIST".into(), duration_us: u64::MAX };
        let clip = Clip { init: Some("a\"\nb".into()), segments: vec![segment] };
        assert_eq!(programme([clip], u64::MAX, true).lines().count(), 10);
    }
}
