//! A file that cannot be converted is rejected with a clear reason, reads no other file, and leaves nothing behind.

use contract::AccountId;
use contract::media::{Kind, Retried};
use contract::transcode::Failed;

use crate::harness::{Harness, frame_times};

#[tokio::test(flavor = "multi_thread")]
async fn playlists_that_reference_other_files_are_never_followed() {
    let harness = Harness::new().await;
    // If any of these were followed, the item would become ready with this image.
    let secret = harness.make(
        "secret.mp4",
        "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v libx264 -preset ultrafast -pix_fmt yuv420p",
    );
    let secret = secret.display();
    let tricks = [
        format!("ffconcat version 1.0\nfile '{secret}'\nduration 1\n"),
        format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n"),
        format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nconcat:{secret}|{secret}\n#EXT-X-ENDLIST\n"),
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n".to_owned(),
        format!("<?xml version=\"1.0\"?><MPD><BaseURL>file://{secret}</BaseURL></MPD>"),
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\"><image href=\"file://{secret}\"/></svg>"),
        "%PDF-1.4\n1 0 obj\n".to_owned(),
    ];
    let mut sent = Vec::new();
    for (at, trick) in tricks.iter().enumerate() {
        for (format, kind) in [("mp4", Kind::Video), ("mkv", Kind::Video), ("mp3", Kind::Audio), ("ogg", Kind::Audio)] {
            // Bare, and behind bytes that look like an MP4 at first.
            let head: &[u8] = if format == "mp4" { b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2" } else { b"" };
            let path = harness.file(&format!("trick-{at}.{format}"));
            std::fs::write(&path, [head, trick.as_bytes()].concat()).unwrap();
            sent.push((trick, harness.upload(&path, kind, format).await));
        }
    }
    for (trick, media) in sent {
        let failed = harness.failed(&media).await;
        assert!(
            ["transcode.broken_file", "transcode.no_audio_or_video", "transcode.no_audio"]
                .contains(&failed.code.as_str()),
            "{trick}: {failed:?}"
        );
        assert!(!failed.detail.contains('/') && failed.detail.len() > 20, "{failed:?}");
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_to_another_file_is_not_followed() {
    let harness = Harness::new().await;
    let secret =
        harness.make("secret.mov", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v mjpeg -pix_fmt yuvj420p");
    // The same index, without the bytes, and with a data reference (`url `, not self-contained) to the other file.
    let bytes = std::fs::read(&secret).unwrap();
    let at = bytes.windows(4).position(|window| window == b"moov").unwrap() - 4;
    let moov = bytes[at..].to_vec();
    let url = format!("file://{}\0", secret.display());
    let dref = moov.windows(4).position(|window| window == b"dref").unwrap() - 4;
    let old = u32::from_be_bytes(moov[dref..dref + 4].try_into().unwrap()) as usize;
    let entry = [&u32::try_from(12 + url.len()).unwrap().to_be_bytes()[..], b"url ", &[0; 4], url.as_bytes()].concat();
    let fresh =
        [&u32::try_from(16 + entry.len()).unwrap().to_be_bytes()[..], b"dref", &[0, 0, 0, 0, 0, 0, 0, 1], &entry]
            .concat();
    let grown = i64::try_from(fresh.len()).unwrap() - i64::try_from(old).unwrap();
    let mut forged = [&moov[..dref], &fresh, &moov[dref + old..]].concat();
    for folder in [&b"moov"[..], b"trak", b"mdia", b"minf", b"dinf"] {
        let place = forged.windows(4).position(|window| window == folder).unwrap() - 4;
        let size = i64::from(u32::from_be_bytes(forged[place..place + 4].try_into().unwrap())) + grown;
        forged[place..place + 4].copy_from_slice(&u32::try_from(size).unwrap().to_be_bytes());
    }
    let path = harness.file("forged.mov");
    std::fs::write(&path, [&b"\0\0\0\x14ftypqt  \0\0\x02\0qt  "[..], &forged].concat()).unwrap();
    let media = harness.upload(&path, Kind::Video, "mov").await;
    let failed = harness.failed(&media).await;
    assert_eq!(failed.code, "transcode.broken_file", "{failed:?}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rejection_has_a_code() {
    let harness = Harness::with(&["transcode.max_duration_hours=1"]).await;
    let clip = harness.make("clip.mp4", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 4 -c:v mpeg4");
    let bytes = std::fs::read(&clip).unwrap();
    // The index is at the end, so it is lost.
    let (cut, empty, noise) = (harness.file("cut.mp4"), harness.file("empty.mp4"), harness.file("noise.mp4"));
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(&empty, b"").unwrap();
    std::fs::write(&noise, (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect::<Vec<_>>())
        .unwrap();
    let subtitles = harness.file("words.srt");
    std::fs::write(&subtitles, "1\n00:00:00,000 --> 00:00:02,000\nhello\n").unwrap();
    let rows = [
        (cut, Kind::Video, "mp4", "transcode.broken_file"),
        (empty, Kind::Video, "mp4", "transcode.broken_file"),
        (noise.clone(), Kind::Video, "mp4", "transcode.broken_file"),
        (noise, Kind::Audio, "flac", "transcode.broken_file"),
        // Mislabelled: it is an MP4.
        (clip, Kind::Video, "webm", "transcode.broken_file"),
        (
            harness.make("words.mkv", &format!("-i {} -c:s srt", subtitles.display())),
            Kind::Video,
            "mkv",
            "transcode.no_audio_or_video",
        ),
        (
            harness.make("old.mkv", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v flv1"),
            Kind::Video,
            "mkv",
            "transcode.unsupported_codec",
        ),
        (harness.make("rare.mkv", "-f lavfi -i sine -t 1 -c:a tta"), Kind::Video, "mkv", "transcode.unsupported_codec"),
        (
            harness.make("long.flac", "-f lavfi -i anullsrc=sample_rate=8000:cl=mono -t 3700"),
            Kind::Audio,
            "flac",
            "transcode.too_long",
        ),
    ];
    for (path, kind, format, code) in rows {
        let media = harness.upload(&path, kind, format).await;
        assert_eq!(harness.failed(&media).await.code, code, "{}", path.display());
        harness.world.anonymous().get(&format!("/internal/playback/{media}")).await.expect(200);
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_clip_is_playable_to_its_end() {
    let harness = Harness::new().await;
    for (name, codec) in
        [("encoded.mp4", "mpeg4 -q:v 5"), ("copied.mp4", "libx264 -preset ultrafast -g 25 -pix_fmt yuv420p")]
    {
        let whole = harness.make(
            name,
            &format!(
                "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -t 14 \
                 -c:v {codec} -c:a aac -movflags +faststart"
            ),
        );
        let bytes = std::fs::read(&whole).unwrap();
        std::fs::write(&whole, &bytes[..bytes.len() * 6 / 10]).unwrap();
        let out = harness.convert(&whole, Kind::Video, "mp4").await;
        for (rendition, path) in out.videos() {
            let frames = frame_times(path, "v").len();
            assert!((150..=300).contains(&frames), "{name} {rendition}: {frames}");
        }
        assert!(out.ready.duration_ms.unwrap() < 12_000, "{name}: {:?}", out.ready);
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_item_is_not_found() {
    let harness = Harness::new().await;
    harness.world.anonymous().get("/internal/playback/5kT0vYq8Zb3mXw1RcHs9Ga").await.refused(404, "media.not_found");
    harness.world.anonymous().get("/internal/playback/nonsense").await.refused(404, "media.not_found");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_is_retried_is_probed_again_once_and_its_failure_says_of_which_attempt_it_is() {
    let harness = Harness::new().await;
    let path = harness.file("broken.mp4");
    std::fs::write(&path, b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2").unwrap();
    let media = harness.upload(&path, Kind::Video, "mp4").await;
    assert_eq!(harness.failed(&media).await.retry, Some(0));
    let retried = Retried { id: media.clone(), owner: AccountId(uuid::Uuid::from_u128(7)), retry: 1 };
    harness.publish(retried.clone()).await;
    harness.publish(retried).await;
    let attempts = async || harness.published::<Failed>().await.iter().map(|failed| failed.retry).collect::<Vec<_>>();
    harness.world.wait_for("it fails again", async || (attempts().await.len() > 1).then_some(())).await;
    harness.world.settle().await;
    assert_eq!(attempts().await, [Some(0), Some(1)]);
    let url = format!("/internal/conversions/{media}");
    let conversion = harness.world.anonymous().get(&url).await.expect(200).json();
    assert_eq!(conversion["tasks"], serde_json::json!([{"name": "probe", "state": "waiting", "percent": 0}]));
    harness.world.anonymous().get("/internal/conversions/0000000000000000000000").await.refused(404, "media.not_found");
    harness.end().await;
}
