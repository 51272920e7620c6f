//! HLS: what players receive, and when.

use contract::MediaId;
use contract::delivery::FindStreams;
use contract::media::Visibility;
use contract::transcode::{Published, Track};
use m3u8_rs::{AlternativeMediaType, MasterPlaylist, MediaPlaylist, MediaPlaylistType, Playlist};
use testkit::TestResponse;

use crate::harness::{Harness, get_with, segment_bytes};

fn media(response: &TestResponse) -> MediaPlaylist {
    match m3u8_rs::parse_playlist_res(&response.body) {
        Ok(Playlist::MediaPlaylist(playlist)) => playlist,
        other => panic!("not a media playlist: {other:?} {response}"),
    }
}

fn master(response: &TestResponse) -> MasterPlaylist {
    match m3u8_rs::parse_playlist_res(&response.body) {
        Ok(Playlist::MasterPlaylist(playlist)) => playlist,
        other => panic!("not a master playlist: {other:?} {response}"),
    }
}

#[tokio::test]
async fn a_playlist_grows_and_ends() {
    let harness = Harness::new().await;
    let video = harness.file(b"video", Visibility::Public).await;
    let anonymous = harness.world.anonymous();
    let path = |file: &str| format!("/v1/media/{}/hls/v720/{file}", video.id);
    anonymous.get(&path("playlist.m3u8")).await.refused(404, "delivery.not_ready");
    let mut all = harness.rendition(&video.id, "v720", Track::Video, 5, None).await;
    let growing = anonymous.get(&path("playlist.m3u8")).await.expect(200);
    assert_eq!(growing.header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(growing.header("cache-control"), "public, max-age=1");
    let playlist = media(&growing);
    assert_eq!(playlist.playlist_type, Some(MediaPlaylistType::Event));
    assert_eq!((playlist.segments.len(), playlist.end_list, playlist.target_duration), (5, false, 4));
    get_with(&anonymous, &path("playlist.m3u8"), &[("if-none-match", growing.header("etag"))]).await.expect(304);
    all.renditions[0].total_segments = Some(6);
    let mut last = all.segments[4].clone();
    last.number = 5;
    harness.publish(&Published { segments: vec![last], ..all.clone() }).await;
    let response =
        get_with(&anonymous, &path("playlist.m3u8"), &[("if-none-match", growing.header("etag"))]).await.expect(200);
    let playlist = media(&response);
    assert_eq!(playlist.playlist_type, Some(MediaPlaylistType::Vod));
    assert_eq!((playlist.segments.len(), playlist.end_list), (6, true));
    harness.end().await;
}

#[tokio::test]
async fn segments_may_be_announced_in_any_order_and_twice() {
    let harness = Harness::new().await;
    let video = harness.file(b"video", Visibility::Public).await;
    let made = harness.rendition(&video.id, "v720", Track::Video, 0, Some(3)).await;
    let anonymous = harness.world.anonymous();
    let path = format!("/v1/media/{}/hls/v720/playlist.m3u8", video.id);
    let segment = async |number: u32| contract::transcode::Segment {
        rendition: "v720".into(),
        number,
        duration_us: 4_000_000,
        object: harness.store(b"bytes").await,
        bytes: 5,
    };
    for (number, seen) in [(2, None), (0, Some(1)), (0, Some(1)), (1, Some(3))] {
        harness
            .publish(&Published {
                id: video.id.clone(),
                renditions: vec![],
                segments: vec![segment(number).await],
                assets: vec![],
            })
            .await;
        match seen {
            Some(seen) => assert_eq!(media(&anonymous.get(&path).await.expect(200)).segments.len(), seen),
            None => drop(anonymous.get(&path).await.refused(404, "delivery.no_such_file")),
        }
    }
    // The first announcement of the rendition, which did not know the end yet, arrives late.
    let mut late = made;
    late.renditions[0].total_segments = None;
    harness.publish(&late).await;
    assert!(media(&anonymous.get(&path).await).end_list, "what is known stays known");
    harness.end().await;
}

#[tokio::test]
async fn a_master_names_what_can_be_played_now() {
    let harness = Harness::new().await;
    let video = harness.file(b"video", Visibility::Public).await;
    let path = format!("/v1/media/{}/hls/master.m3u8", video.id);
    harness.rendition(&video.id, "v360", Track::Video, 1, None).await;
    harness.rendition(&video.id, "v1080xx", Track::Video, 0, None).await;
    let anonymous = harness.world.anonymous();
    let first = anonymous.get(&path).await.expect(200);
    assert_eq!(first.header("cache-control"), "public, no-cache");
    assert_eq!(master(&first).variants.len(), 1);
    harness.rendition(&video.id, "v1080xx", Track::Video, 1, None).await;
    harness.rendition(&video.id, "audio", Track::Audio, 1, None).await;
    let full = master(&anonymous.get(&path).await.expect(200));
    let uris: Vec<&str> = full.variants.iter().map(|variant| variant.uri.as_str()).collect();
    assert_eq!(uris, ["v360/playlist.m3u8", "v1080xx/playlist.m3u8"], "the one to start with comes first");
    assert_eq!(full.alternatives.len(), 1);
    harness.end().await;
}

#[tokio::test]
async fn a_master_names_the_captions_that_the_item_has_now() {
    let harness = Harness::new().await;
    let video = harness.file(b"video", Visibility::Private).await;
    harness.rendition(&video.id, "v720", Track::Video, 1, Some(1)).await;
    let anonymous = harness.world.anonymous();
    let query = harness.signed_query("view", &video.id);
    let path = format!("/v1/media/{}/hls/master.m3u8?{query}", video.id);
    let read = async || master(&anonymous.get(&path).await.expect(200));
    let without = read().await;
    assert_eq!((without.alternatives.len(), without.variants[0].subtitles.clone()), (0, None));
    harness.caption(&video, &[("en", "English"), ("pt-BR", "Lyrics"), ("pt-PT", "Lyrics")], 2).await;
    let with = read().await;
    assert_eq!(with.variants[0].subtitles.as_deref(), Some("captions"));
    let names: Vec<&str> = with.alternatives.iter().map(|track| track.name.as_str()).collect();
    assert_eq!(names, ["English", "Lyrics (pt-BR)", "Lyrics (pt-PT)"]);
    let english = &with.alternatives[0];
    assert_eq!(
        (english.media_type.clone(), english.language.as_deref()),
        (AlternativeMediaType::Subtitles, Some("en"))
    );
    assert_eq!(english.uri.as_deref(), Some(format!("../captions/en/playlist.m3u8?{query}").as_str()));
    // A late event, about a time before them.
    harness.caption(&video, &[], 1).await;
    assert_eq!(read().await, with);
    harness.caption(&video, &[("de", "Deutsch")], 3).await;
    assert_eq!(read().await.alternatives.len(), 1);
    harness.caption(&video, &[], 4).await;
    assert_eq!(read().await, without);
    harness.end().await;
}

#[tokio::test]
async fn every_url_in_a_playlist_works_as_it_is() {
    let harness = Harness::new().await;
    let video = harness.file(b"video", Visibility::Private).await;
    harness.rendition(&video.id, "v720", Track::Video, 3, Some(3)).await;
    harness.rendition(&video.id, "audio", Track::Audio, 3, Some(3)).await;
    let anonymous = harness.world.anonymous();
    let base = format!("/v1/media/{}/hls", video.id);
    let response =
        anonymous.get(&format!("{base}/master.m3u8?{}", harness.signed_query("view", &video.id))).await.expect(200);
    let playlist = master(&response);
    let audio = playlist.alternatives[0].uri.clone().unwrap();
    for (uri, name) in [(playlist.variants[0].uri.clone(), "v720"), (audio, "audio")] {
        let response = anonymous.get(&format!("{base}/{uri}")).await.expect(200);
        let (folder, _) = uri.split_once('/').unwrap();
        let playlist = media(&response);
        for (number, segment) in playlist.segments.iter().enumerate() {
            let got = anonymous.get(&format!("{base}/{folder}/{}", segment.uri)).await.expect(200);
            assert_eq!(got.body, segment_bytes(name, number as u32));
            assert_eq!(got.header("content-type"), if name == "audio" { "audio/mp4" } else { "video/mp4" });
            anonymous.get(&format!("{base}/{folder}/{number}.m4s")).await.refused(404, "media.not_found");
        }
        let init = &playlist.segments[0].map.as_ref().unwrap().uri;
        assert_eq!(
            anonymous.get(&format!("{base}/{folder}/{init}")).await.expect(200).body,
            format!("init of {name}").into_bytes()
        );
    }
    harness.end().await;
}

#[tokio::test]
async fn a_storyboard_leads_to_its_sprites() {
    let harness = Harness::new().await;
    let video = harness.file(b"video", Visibility::Private).await;
    harness
        .asset(
            &video.id,
            "storyboard",
            "text/vtt",
            b"WEBVTT\n\n00:00.000 --> 00:02.000\nstoryboard/0.jpg#xywh=0,0,160,90\n",
        )
        .await;
    harness.asset(&video.id, "storyboard-0", "image/jpeg", b"sprite").await;
    let anonymous = harness.world.anonymous();
    let response = anonymous
        .get(&format!("/v1/media/{}/storyboard?{}", video.id, harness.signed_query("view", &video.id)))
        .await
        .expect(200);
    assert_eq!(response.header("content-type"), "text/vtt; charset=utf-8");
    let text = String::from_utf8(response.body).unwrap();
    let uri = text.lines().find_map(|line| line.split_once("#xywh=")).unwrap().0;
    let sprite = anonymous.get(&format!("/v1/media/{}/{uri}", video.id)).await.expect(200);
    assert_eq!(sprite.body, b"sprite");
    harness.end().await;
}

#[tokio::test]
async fn files_that_no_playlist_names_are_not_there() {
    let harness = Harness::new().await;
    let video = harness.file(b"video", Visibility::Public).await;
    harness.rendition(&video.id, "v720", Track::Video, 2, Some(2)).await;
    let anonymous = harness.world.anonymous();
    for file in [
        "v720/2.m4s",
        "v720/00.m4s",
        "v720/-1.m4s",
        "v720/4294967296.m4s",
        "v720/init",
        "v720/..%2finit.mp4",
        "v1080/0.m4s",
        "audio/playlist.m3u8",
    ] {
        anonymous.get(&format!("/v1/media/{}/hls/{file}", video.id)).await.refused(404, "delivery.no_such_file");
    }
    let response = get_with(&anonymous, &format!("/v1/media/{}/hls/v720/0.m4s", video.id), &[("range", "bytes=0-6")])
        .await
        .expect(206);
    assert_eq!(response.body, b"segment");
    harness.end().await;
}

#[tokio::test]
async fn playback_that_was_published_earlier_is_fetched_from_transcode() {
    let harness = Harness::new().await;
    let other = Harness::new().await;
    let video = harness.file(b"video", Visibility::Public).await;
    // Published elsewhere, so that its event never arrived here.
    let published = other.rendition(&video.id, "v720", Track::Video, 1, Some(1)).await;
    let bytes = segment_bytes("v720", 0);
    let object = harness.store(&bytes).await;
    let mut known = published.clone();
    known.segments[0].object = object;
    harness.transcode.lock().unwrap().insert(video.id.to_string(), serde_json::to_value(&known).unwrap());
    let response = harness.world.anonymous().get(&format!("/v1/media/{}/hls/v720/0.m4s", video.id)).await.expect(200);
    assert_eq!(response.body, bytes);
    harness.end().await;
    other.end().await;
}

#[tokio::test]
async fn other_roles_get_the_streams_that_a_signed_url_opens() {
    let harness = Harness::new().await;
    let whole = harness.file(b"one", Visibility::Private).await;
    let growing = harness.file(b"two", Visibility::Public).await;
    let trashed = harness.file(b"three", Visibility::Public).await;
    harness.rendition(&whole.id, "audio", Track::Audio, 2, Some(2)).await;
    harness.rendition(&whole.id, "v720", Track::Video, 2, Some(2)).await;
    harness.rendition(&growing.id, "v720", Track::Video, 1, None).await;
    harness.rendition(&trashed.id, "v720", Track::Video, 1, Some(1)).await;
    harness.trash(&trashed, 3).await;
    let ids = vec![growing.id.clone(), trashed.id, MediaId::random(), whole.id.clone()];
    let found = harness.world.process.peers.ask(&FindStreams(ids)).await.unwrap().unwrap();
    assert_eq!(found.iter().map(|stream| &stream.id).collect::<Vec<_>>(), [&growing.id, &whole.id]);
    assert!(!found[0].renditions[0].is_complete);
    let names: Vec<(&str, bool, u32)> = found[1]
        .renditions
        .iter()
        .map(|rendition| (rendition.name.as_str(), rendition.is_complete, rendition.segments[0].count))
        .collect();
    assert_eq!(names, [("v720", true, 2), ("audio", true, 2)]);
    harness.end().await;
}
