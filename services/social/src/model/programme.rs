//! A programme: the clips of a thread, end to end, as HLS playlists.
//!
//! Each playlist of it has all clips, with a discontinuity between them. A clip that has no rendition of a size is
//! played in the next smaller one, or the smallest that it has. The version in a playlist's URL is a hash of what is
//! missing from the thread for the reader, and of the target duration. A clip that is added at the end changes nothing
//! in it unless its segments are unusually long, and one that disappears does. So a URL can only grow: once a clip is
//! gone, it ends, and the master playlist has a new one.
//! Invariant: a clip is in a programme only when all of its segments exist.

use std::collections::BTreeSet;

use codec::digest::{Hasher, hex};
use codec::playlist::{Audio, Clip, Segment, Variant, master, programme};
use contract::MediaId;
use contract::delivery::{Stream, StreamRendition};
use contract::transcode::Track;

/// The nominal longest segment. Segments have some four seconds; those of a copied video may have up to 13.5. A growing
/// playlist must not change its target duration (RFC 8216, section 6.2.1), so a greater one is part of the version.
const NOMINAL_SEGMENT_US: u64 = 8_000_000;
/// The sizes of variants: short sides in pixels.
const SIZES: [u32; 6] = [240, 360, 480, 720, 1080, 2160];
/// Players should start with a bandwidth that most connections have.
const START_BANDWIDTH: u64 = 2_500_000;
/// The digits of a version.
const VERSION_DIGITS: usize = 24;

/// A playlist of a programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProgrammeList {
    /// Video of at most this size.
    Video(u32),
    /// Audio.
    Audio,
}

impl ProgrammeList {
    /// Returns the playlist with a name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('v') {
            Some(size) => SIZES.into_iter().find(|known| known.to_string() == size).map(Self::Video),
            None => (text == "audio").then_some(Self::Audio),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Video(size) => format!("v{size}"),
            Self::Audio => "audio".to_owned(),
        }
    }
}

/// A clip whose segments all exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProgrammeClip {
    /// The item.
    media: MediaId,
    /// Its video, from the largest down; at least one.
    videos: Vec<StreamRendition>,
    audio: Option<StreamRendition>,
}

impl ProgrammeClip {
    /// Returns the clip of a stream; `None` if it has no video, or some of its segments don't exist yet.
    pub(crate) fn of(stream: Stream) -> Option<Self> {
        if !stream.renditions.iter().all(|rendition| rendition.is_complete) {
            return None;
        }
        let (mut videos, audios): (Vec<_>, Vec<_>) =
            stream.renditions.into_iter().partition(|rendition| rendition.track == Track::Video);
        videos.sort_by_key(|rendition| std::cmp::Reverse(size_of(rendition)));
        let audio = audios.into_iter().next();
        (!videos.is_empty()).then_some(Self { media: stream.id, videos, audio })
    }

    /// Returns what a playlist carries of it; `None` if it has no audio.
    fn rendition(&self, list: ProgrammeList) -> Option<&StreamRendition> {
        match list {
            ProgrammeList::Audio => self.audio.as_ref(),
            ProgrammeList::Video(size) => {
                self.videos.iter().find(|rendition| size_of(rendition) <= size).or(self.videos.last())
            }
        }
    }

    fn smallest(&self) -> Option<&StreamRendition> {
        self.videos.last()
    }

    fn longest_segment_us(&self) -> u64 {
        let runs = self.videos.iter().chain(&self.audio).flat_map(|rendition| &rendition.segments);
        runs.map(|run| run.duration_us).max().unwrap_or(0)
    }
}

/// Returns the size of a variant that a rendition is for.
fn size_of(rendition: &StreamRendition) -> u32 {
    let short = rendition.width.min(rendition.height);
    SIZES.into_iter().find(|size| *size >= short).unwrap_or(2160)
}

/// The clips of a thread that a reader may see, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Programme {
    /// The clips.
    pub clips: Vec<ProgrammeClip>,
    /// Whether no clip will be added.
    pub is_complete: bool,
    /// The version of its playlists, from [`version_of`].
    pub version: String,
}

/// Returns the target duration of all playlists of clips in microseconds: their longest segment, or the nominal one.
pub(crate) fn target_us_of(clips: &[ProgrammeClip]) -> u64 {
    clips.iter().map(ProgrammeClip::longest_segment_us).max().unwrap_or(0).max(NOMINAL_SEGMENT_US)
}

/// Returns the version of a programme of a thread that has given the numbers 1 to `last_number` to parts; 0 is the
/// opening. `kept` are those of clips that are played or will be, ascending: the version is a hash of the others, and
/// of `target_us` from [`target_us_of`] where that is above the nominal one.
pub(crate) fn version_of(kept: &[i64], last_number: i64, target_us: u64) -> String {
    let mut hasher = Hasher::new();
    let mut next = 0;
    for number in kept.iter().copied().chain([last_number.saturating_add(1)]) {
        if number > next {
            hasher.update(format!("{next}-{number}\n").as_bytes());
        }
        next = next.max(number.saturating_add(1));
    }
    if target_us > NOMINAL_SEGMENT_US {
        hasher.update(format!("target {target_us}\n").as_bytes());
    }
    let digits = hex(&hasher.finish().sha256);
    digits.get(..VERSION_DIGITS).unwrap_or(&digits).to_owned()
}

impl Programme {
    /// Returns the master playlist. `query` goes along in every URL of it.
    pub(crate) fn master(&self, query: &str) -> String {
        let has_audio = self.clips.iter().any(|clip| clip.audio.is_some());
        let uri = |list: ProgrammeList| format!("programme.m3u8?list={}&v={}", list.name(), self.version);
        let (audio_uri, audio_codecs) = (uri(ProgrammeList::Audio), self.codecs(ProgrammeList::Audio));
        let audio = has_audio.then_some(Audio {
            uri: &audio_uri,
            codecs: &audio_codecs,
            bandwidth: self.bandwidth(ProgrammeList::Audio),
            channels: None,
        });
        let sizes: BTreeSet<u32> = self.clips.iter().flat_map(|clip| clip.videos.iter().map(size_of)).collect();
        let lists: Vec<ProgrammeList> = sizes.into_iter().rev().map(ProgrammeList::Video).collect();
        let texts: Vec<(String, String)> = lists.iter().map(|list| (uri(*list), self.codecs(*list))).collect();
        let mut variants: Vec<Variant<'_>> =
            lists.iter().zip(&texts).map(|(list, (uri, codecs))| self.variant(*list, uri, codecs)).collect();
        if let Some(start) = variants.iter().position(|variant| variant.bandwidth <= START_BANDWIDTH) {
            // From the highest bandwidth down, but the one to start with comes first.
            variants[..=start].rotate_right(1);
        }
        master(audio.as_ref(), &variants, &[], query)
    }

    fn variant<'a>(&self, list: ProgrammeList, uri: &'a str, codecs: &'a str) -> Variant<'a> {
        let largest = self.renditions(list).max_by_key(|one| u64::from(one.width) * u64::from(one.height));
        Variant {
            uri,
            bandwidth: self.bandwidth(list),
            codecs,
            width: largest.map_or(0, |one| one.width),
            height: largest.map_or(0, |one| one.height),
            millifps: self.renditions(list).map(|one| one.millifps).max().unwrap_or(0),
        }
    }

    fn renditions(&self, list: ProgrammeList) -> impl Iterator<Item = &StreamRendition> {
        self.clips.iter().filter_map(move |clip| clip.rendition(list))
    }

    fn bandwidth(&self, list: ProgrammeList) -> u64 {
        self.renditions(list).map(|rendition| rendition.bandwidth).max().unwrap_or(0)
    }

    /// Returns every codec of a playlist, each once.
    fn codecs(&self, list: ProgrammeList) -> String {
        let codecs: BTreeSet<&str> = self.renditions(list).map(|rendition| rendition.codecs.as_str()).collect();
        codecs.into_iter().collect::<Vec<_>>().join(",")
    }

    /// Returns a playlist. `signature` returns the signature that opens an item.
    pub(crate) fn playlist(&self, list: ProgrammeList, signature: impl Fn(&MediaId) -> String) -> String {
        let clips = self.clips.iter().filter_map(|clip| {
            let found = clip.rendition(list);
            // Without audio, the clip is a gap of the length that its video has.
            let timeline = found.or(clip.smallest())?;
            let (id, query) = (&clip.media, signature(&clip.media));
            let url = |file: &str| format!("/v1/media/{id}/hls/{}/{file}?t={query}", timeline.name);
            let durations =
                timeline.segments.iter().flat_map(|run| std::iter::repeat_n(run.duration_us, run.count as usize));
            let segments = durations
                .enumerate()
                .map(|(number, duration_us)| Segment { uri: url(&format!("{number}.m4s")).into(), duration_us });
            Some(Clip { init: found.map(|_| url("init.mp4").into()), segments: segments.collect() })
        });
        programme(clips, target_us_of(&self.clips), self.is_complete)
    }
}

#[cfg(test)]
mod tests {
    use contract::delivery::SegmentRun;

    use super::*;

    fn rendition(name: &str, size: (u32, u32), count: u32) -> StreamRendition {
        let track = if name == "audio" { Track::Audio } else { Track::Video };
        StreamRendition {
            name: name.into(),
            track,
            bandwidth: u64::from(size.0) * 1000 + 128_000,
            codecs: if track == Track::Audio { "mp4a.40.2".into() } else { format!("avc1.{:06}", size.1) },
            width: size.0,
            height: size.1,
            millifps: 30_000,
            is_complete: true,
            segments: vec![SegmentRun { duration_us: 4_000_000, count }],
        }
    }

    fn clip(renditions: Vec<StreamRendition>) -> ProgrammeClip {
        ProgrammeClip::of(Stream { id: MediaId::random(), renditions }).unwrap()
    }

    fn version(kept: &[i64], last_number: i64) -> String {
        version_of(kept, last_number, NOMINAL_SEGMENT_US)
    }

    fn thread() -> Programme {
        let wide =
            vec![rendition("v720", (1280, 720), 3), rendition("v360", (640, 360), 3), rendition("audio", (0, 0), 3)];
        let tall = vec![rendition("v480", (480, 854), 2)];
        Programme { clips: vec![clip(wide), clip(tall)], is_complete: false, version: version(&[0, 1], 1) }
    }

    #[test]
    fn every_size_has_every_clip() {
        let programme = thread();
        let text = programme.master("reader=a&t=b");
        for (size, names) in [(720, ["v720", "v480"]), (480, ["v360", "v480"]), (360, ["v360", "v480"])] {
            let list = ProgrammeList::parse(&format!("v{size}")).unwrap();
            let found: Vec<&str> = programme.renditions(list).map(|rendition| rendition.name.as_str()).collect();
            assert_eq!(found, names, "{size}");
            assert!(text.contains(&format!("programme.m3u8?list=v{size}&v={}", programme.version)), "{text}");
        }
        assert_eq!(text.matches("&reader=a&t=b").count(), 4);
        assert!(text.contains("CODECS=\"avc1.000720,avc1.000854,mp4a.40.2\",RESOLUTION=1280x720"), "{text}");
        assert_eq!(ProgrammeList::parse("v100"), None);
        assert_eq!(ProgrammeList::parse("v0720"), None);
    }

    #[test]
    fn video_and_audio_have_the_same_timeline() {
        let programme = thread();
        let video = programme.playlist(ProgrammeList::Video(720), |_| "x.y".to_owned());
        let audio = programme.playlist(ProgrammeList::Audio, |_| "x.y".to_owned());
        for text in [&video, &audio] {
            assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
            assert_eq!(text.matches("#EXTINF:4.000000,").count(), 5);
        }
        let first = &programme.clips[0].media;
        assert!(video.contains(&format!("#EXT-X-MAP:URI=\"/v1/media/{first}/hls/v720/init.mp4?t=x.y\"")), "{video}");
        assert!(audio.contains(&format!("/v1/media/{first}/hls/audio/2.m4s?t=x.y")), "{audio}");
        assert_eq!((audio.matches("#EXT-X-GAP").count(), video.matches("#EXT-X-GAP").count()), (2, 0));
    }

    #[test]
    fn a_version_outlives_an_addition_and_ends_with_a_removal() {
        let early = version(&[0], 0);
        assert_eq!(early, version(&[0, 1, 2], 2), "two were added");
        let removed = version(&[0, 2], 2);
        assert_ne!(early, removed, "one was removed");
        assert_eq!(removed, version(&[0, 2, 3], 3), "and another one added");
        for other in [vec![0, 1], vec![0], vec![1, 2], vec![2]] {
            assert_ne!(early, version(&other, 2), "{other:?}");
            assert_ne!(removed, version(&other, 2), "{other:?}");
        }
        // A number that was given while the parts were read.
        assert_eq!(version(&[0, 1, 2], 1), early);
        assert_eq!(early.len(), VERSION_DIGITS);
    }

    #[test]
    fn all_playlists_have_the_target_of_the_longest_segment_and_another_one_has_another_url() {
        let mut programme = thread();
        assert_eq!(target_us_of(&programme.clips), NOMINAL_SEGMENT_US);
        programme.clips[1].videos[0].segments[0].duration_us = 10_500_000;
        let target_us = target_us_of(&programme.clips);
        for list in [ProgrammeList::Video(720), ProgrammeList::Audio] {
            let text = programme.playlist(list, |_| "x.y".to_owned());
            assert!(text.contains("#EXT-X-TARGETDURATION:11\n"), "{text}");
        }
        assert_ne!(version_of(&[0, 1], 1, target_us), version(&[0, 1], 1));
        assert_eq!(version_of(&[0, 1], 1, target_us), version_of(&[0, 1, 2], 2, target_us), "one was added");
    }

    #[test]
    fn a_clip_is_complete_and_has_video() {
        let growing = StreamRendition { is_complete: false, ..rendition("v720", (1280, 720), 1) };
        let of = |renditions| ProgrammeClip::of(Stream { id: MediaId::random(), renditions });
        assert!(
            of(vec![growing]).is_none() && of(vec![]).is_none() && of(vec![rendition("audio", (0, 0), 1)]).is_none()
        );
    }
}
