//! What cameras write into coded video itself is blanked in the shared file: ffmpeg decodes the same pictures.

use std::fs;
use std::path::Path;

use codec::scrub::Error;

use crate::scrubbing::{check, patches, scrubbed};
use crate::tools::{Fixtures, run};

fn has(path: &Path, text: &[u8]) -> bool {
    fs::read(path).unwrap().windows(text.len()).any(|window| window == text)
}

/// A dashcam's place and the encoder's own message, in a second of video.
const PLACE: &str = "-bsf:v h264_metadata=sei_user_data=086f3693-b7b3-4f2c-9653-21492feee5b8+SECRET_48.8584_2.2945";

#[test]
fn user_data_of_h264_is_blanked_in_every_container() {
    let fixtures = Fixtures::new();
    for (name, arguments) in [
        ("a.mp4", ""),
        ("a.mov", "-movflags faststart"),
        ("pieces.mp4", "-movflags frag_keyframe+empty_moov"),
        ("frames.mp4", "-movflags frag_every_frame+empty_moov+default_base_moof"),
        ("a.mkv", ""),
    ] {
        // The recovery points of intra refresh are messages too, which stay.
        let path = fixtures.video(&format!("-x264-params intra-refresh=1:keyint=25 {PLACE} {arguments}"), name);
        assert!(has(&path, b"SECRET_48") && has(&path, b"x264 - core"), "{name}");
        check(&path, &["0:v:0", "0:a"]);
        let output = scrubbed(&path);
        assert!(!has(output.path(), b"x264 - core"), "{name}");
        let key_frames = |path: &Path| {
            let path = path.display().to_string();
            run("ffprobe", &["-v", "error", "-select_streams", "v", "-show_entries", "frame=key_frame,pts", &path])
        };
        assert_eq!(key_frames(&path), key_frames(output.path()), "{name}");
    }
}

#[test]
fn a_recording_that_was_cut_off_loses_its_user_data_too() {
    let fixtures = Fixtures::new();
    let whole = fixtures.video(&format!("{PLACE} -movflags frag_keyframe+empty_moov"), "whole.mp4");
    let bytes = fs::read(whole).unwrap();
    let last = bytes.windows(6).rposition(|window| window == b"SECRET").unwrap();
    for end in [last + 3, last + 200] {
        let cut = fixtures.write("cut.mp4", &bytes[..end]);
        assert!(!has(scrubbed(&cut).path(), b"SEC"), "at {end}");
    }
}

#[test]
fn user_data_of_hevc_is_blanked_in_samples_and_in_the_configuration() {
    let fixtures = Fixtures::new();
    let source = "-f lavfi -i testsrc2=s=128x96:r=25:d=1 -c:v libx265 -preset ultrafast -x265-params log-level=error";
    for (name, arguments) in [("a.mp4", "-tag:v hvc1"), ("b.mp4", "-tag:v hev1"), ("a.mkv", "")] {
        let path = fixtures.ffmpeg(&format!("{source} {arguments}"), name);
        assert!(has(&path, b"x265 (build"), "{name}");
        check(&path, &["0:v:0"]);
        assert!(!has(scrubbed(&path).path(), b"x265 (build"), "{name}");
    }
}

#[test]
fn metadata_of_av1_is_blanked_in_samples_and_in_the_configuration() {
    let fixtures = Fixtures::new();
    let plain = fs::read(fixtures.image(5, "-c:v libaom-av1 -cpu-used 8 -f obu", "plain.obu")).unwrap();
    // Behind each temporal delimiter a unit of metadata: registered, of a country and a provider.
    let metadata = b"\x2a\x0f\x04\xb5\0\x3cSECRETSPOT\x80";
    let mut said = Vec::new();
    for (at, byte) in plain.iter().enumerate() {
        said.push(*byte);
        if *byte == 0 && at > 0 && plain[at - 1] == 0x12 {
            said.extend(metadata);
        }
    }
    fixtures.write("said.obu", &said);
    for name in ["a.mp4", "a.mkv", "a.webm"] {
        let path = fixtures.ffmpeg("-f obu -i @said.obu -c copy", name);
        assert!(has(&path, b"SECRETSPOT"), "{name}");
        check(&path, &["0:v:0"]);
    }
}

#[test]
fn a_place_in_more_pictures_than_there_are_patches_is_not_shared() {
    let fixtures = Fixtures::new();
    // Every picture has a parameter set, which is where ffmpeg writes the message.
    let many = format!("-f lavfi -i color=s=16x16:r=100:d=50 -c:v libx264 -preset ultrafast -g 1 {PLACE}");
    let path = fixtures.ffmpeg(&many.replace("-bsf:v ", "-bsf:v dump_extra=freq=k,"), "many.mp4");
    assert!(matches!(patches(&path), Err(Error::TooComplex)));
}
