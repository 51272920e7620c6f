//! Authorization: every URL, every kind of caller.

use contract::MediaId;
use contract::media::{Kind, Received, Visibility};
use contract::transcode::Track;

use crate::harness::{Harness, jpeg};

/// Publishes a video with all its files. Returns it with their URLs.
async fn everything(harness: &Harness, visibility: Visibility) -> (Received, Vec<String>) {
    let video = harness.file(b"a video", visibility).await;
    let id = &video.id;
    harness.rendition(id, "v720", Track::Video, 2, Some(2)).await;
    harness.asset(id, "poster", "image/jpeg", &jpeg(64, 48)).await;
    harness
        .asset(id, "storyboard", "text/vtt", b"WEBVTT\n\n00:00.000 --> 00:02.000\nstoryboard/0.jpg#xywh=0,0,160,90\n")
        .await;
    harness.asset(id, "storyboard-0", "image/jpeg", &jpeg(64, 48)).await;
    harness.asset(id, "waveform", "application/json", b"{}").await;
    harness.asset(id, "motion", "video/mp4", b"a motion").await;
    let paths = [
        "poster",
        "storyboard",
        "storyboard/0.jpg",
        "waveform",
        "motion.mp4",
        "image",
        "image?w=64&format=webp",
        "hls/master.m3u8",
        "hls/v720/playlist.m3u8",
        "hls/v720/init.mp4",
        "hls/v720/1.m4s",
    ];
    let mut paths: Vec<String> = paths.iter().map(|path| format!("/v1/media/{id}/{path}")).collect();
    paths.push(format!("/v1/files/{id}.mp4"));
    (video, paths)
}

fn signed(path: &str, signature: &str) -> String {
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{path}{mark}{signature}")
}

#[tokio::test]
async fn what_is_in_the_trash_is_for_its_owner_alone_until_it_is_restored() {
    let harness = Harness::new().await;
    let (ada, bob, anonymous) = (harness.world.ada(), harness.world.bob(), harness.world.anonymous());
    for visibility in [Visibility::Public, Visibility::Private] {
        let (video, paths) = everything(&harness, visibility).await;
        let view = harness.signed_query("view", &video.id);
        let original =
            signed(&format!("/v1/media/{}/original", video.id), &harness.signed_query("original", &video.id));
        let trash = harness.signed_query("trash", &video.id);
        for path in &paths {
            anonymous.get(&signed(path, &view)).await.expect(200);
            if visibility == Visibility::Private {
                anonymous.get(&signed(path, &trash)).await.refused(404, "media.not_found");
            }
        }
        harness.trash(&video, 1).await;
        for path in &paths {
            for stranger in [&bob, &anonymous] {
                stranger.get(path).await.refused(404, "media.not_found");
                stranger.get(&signed(path, &view)).await.refused(404, "media.not_found");
            }
            ada.get(path).await.expect(200);
            // The owner's view of the trash has these.
            let response = anonymous.get(&signed(path, &trash)).await.expect(200);
            assert!(response.header("cache-control").starts_with("private"), "{path}: {response}");
        }
        anonymous.get(&original).await.refused(404, "media.not_found");
        harness.change(&video, visibility, 2).await;
        for path in &paths {
            anonymous.get(&signed(path, &view)).await.expect(200);
        }
        anonymous.get(&original).await.expect(200);
        // A late event does not remove it again.
        harness.trash(&video, 1).await;
        anonymous.get(&signed(&paths[0], &view)).await.expect(200);
    }
    harness.end().await;
}

#[tokio::test]
async fn private_files_are_for_their_owner_and_holders_of_a_signed_url() {
    let harness = Harness::new().await;
    let (video, paths) = everything(&harness, Visibility::Private).await;
    let (ada, bob, anonymous) = (harness.world.ada(), harness.world.bob(), harness.world.anonymous());
    let signature = harness.signed_query("view", &video.id);
    let others = [
        harness.signed_query("view", &MediaId::random()),
        harness.signed_query("original", &video.id),
        harness.signed_query("events", &video.id),
        signature.replace("t=", "t=1"),
        "t=".into(),
        "t=%00".into(),
    ];
    for path in &paths {
        let response = ada.get(path).await.expect(200);
        assert!(response.header("cache-control").starts_with("private"), "{path}: {response}");
        let response = anonymous.get(&signed(path, &signature)).await.expect(200);
        assert!(response.header("cache-control").starts_with("private"), "{path}: {response}");
        assert_eq!(response.header("x-content-type-options"), "nosniff", "{path}");
        assert!(response.header("etag").starts_with('"'), "{path}");
        anonymous.get(path).await.refused(404, "media.not_found");
        bob.get(path).await.refused(404, "media.not_found");
        for other in &others {
            anonymous.get(&signed(path, other)).await.refused(404, "media.not_found");
        }
    }
    harness.world.clock().advance(chrono::TimeDelta::hours(8));
    anonymous.get(&signed(&paths[0], &signature)).await.refused(404, "media.not_found");
    harness.end().await;
}

#[tokio::test]
async fn public_and_unlisted_files_are_for_everyone_and_shared_caches_store_only_public_ones() {
    let harness = Harness::new().await;
    let (_, public) = everything(&harness, Visibility::Public).await;
    let (_, unlisted) = everything(&harness, Visibility::Unlisted).await;
    for (path, cache_scope) in
        public.iter().map(|path| (path, "public")).chain(unlisted.iter().map(|path| (path, "private")))
    {
        let response = harness.world.anonymous().get(path).await.expect(200);
        assert!(response.header("cache-control").starts_with(cache_scope), "{path}: {response}");
        harness.world.bob().get(path).await.expect(200);
    }
    harness.end().await;
}

#[tokio::test]
async fn a_stranger_cannot_tell_a_private_item_from_none() {
    let harness = Harness::new().await;
    let video = harness.file(b"private", Visibility::Private).await;
    let none = MediaId::random();
    let bad = harness.world.anonymous().with_token("not.a.token");
    for suffix in ["original", "poster", "image", "hls/master.m3u8", "waveform"] {
        let path = |id: &MediaId| format!("/v1/media/{id}/{suffix}");
        for member in [harness.world.bob(), harness.world.anonymous()] {
            let (one, other) = (member.get(&path(&video.id)).await, member.get(&path(&none)).await);
            assert_eq!(
                (one.status, &one.json()["code"], &one.json()["detail"]),
                (other.status, &other.json()["code"], &other.json()["detail"])
            );
        }
        bad.get(&path(&video.id)).await.refused(401, "auth.invalid_token");
        bad.get(&path(&none)).await.refused(401, "auth.invalid_token");
    }
    for path in [
        "/v1/media/x/image",
        "/v1/media/..%2f..%2fetc%2fpasswd/original",
        "/v1/files/x",
        "/v1/files/.mp4",
        "/v1/files/%00",
    ] {
        harness.world.anonymous().get(path).await.refused(404, "media.not_found");
    }
    harness.end().await;
}

#[tokio::test]
async fn the_original_is_for_its_owner_alone() {
    let harness = Harness::new().await;
    let public = harness.file(b"the untouched bytes", Visibility::Public).await;
    let path = format!("/v1/media/{}/original", public.id);
    let response = harness.world.ada().get(&path).await.expect(200);
    assert_eq!(response.body, b"the untouched bytes");
    assert!(response.header("cache-control").starts_with("private"));
    assert!(response.header("content-disposition").starts_with("attachment"), "{response}");
    assert!(response.header("content-security-policy").starts_with("sandbox"), "{response}");
    let given = harness
        .world
        .anonymous()
        .get(&format!("{path}?{}", harness.signed_query("original", &public.id)))
        .await
        .expect(200);
    assert_eq!(given.body, b"the untouched bytes");
    harness.world.bob().get(&path).await.refused(403, "auth.not_owner");
    harness.world.anonymous().get(&path).await.refused(401, "auth.required");
    harness
        .world
        .anonymous()
        .get(&format!("{path}?{}", harness.signed_query("view", &public.id)))
        .await
        .refused(401, "auth.required");
    let private = harness.file(b"private", Visibility::Private).await;
    let path = format!("/v1/media/{}/original", private.id);
    harness.world.bob().get(&path).await.refused(404, "media.not_found");
    harness.world.anonymous().get(&path).await.refused(404, "media.not_found");
    harness
        .world
        .bob()
        .get(&format!("{path}?{}", harness.signed_query("view", &private.id)))
        .await
        .refused(403, "auth.not_owner");
    harness.end().await;
}

#[tokio::test]
async fn other_methods_are_refused() {
    let harness = Harness::new().await;
    let public = harness.file(b"bytes", Visibility::Public).await;
    let anonymous = harness.world.anonymous();
    for method in [http::Method::PUT, http::Method::DELETE, http::Method::POST] {
        let request = anonymous.request(method, &format!("/v1/media/{}/original", public.id));
        anonymous.send(request).await.refused(405, "request.method_not_allowed");
    }
    harness.end().await;
}

#[tokio::test]
async fn an_item_of_another_kind_has_no_such_parts() {
    let harness = Harness::new().await;
    let song = harness.item(Kind::Audio, "mp3", b"a song", Visibility::Public).await;
    harness.publish(&song).await;
    let anonymous = harness.world.anonymous();
    let parts =
        ["image", "poster", "storyboard", "waveform", "motion.mp4", "hls/master.m3u8", "hls/v720/playlist.m3u8"];
    for part in parts {
        anonymous.get(&format!("/v1/media/{}/{part}", song.id)).await.refused(404, "delivery.not_ready");
    }
    harness.asset(&song.id, "waveform", "application/json", b"{\"peaks\":[1]}").await;
    assert_eq!(
        anonymous.get(&format!("/v1/media/{}/waveform", song.id)).await.expect(200).header("content-type"),
        "application/json"
    );
    anonymous.get(&format!("/v1/media/{}/poster", song.id)).await.refused(404, "delivery.no_such_file");
    anonymous.get(&format!("/v1/media/{}/storyboard/0.jpg", song.id)).await.refused(404, "delivery.no_such_file");
    harness.end().await;
}

#[tokio::test]
async fn nothing_is_kept_for_longer_than_the_signature_holds() {
    let harness = Harness::new().await;
    let (video, paths) = everything(&harness, Visibility::Private).await;
    let signature = harness.signed_query("view", &video.id);
    let anonymous = harness.world.anonymous();
    for path in &paths {
        let response = anonymous.get(&signed(path, &signature)).await.expect(200);
        assert!(response.header("content-security-policy").starts_with("sandbox"), "{path}: {response}");
        if String::from_utf8_lossy(&response.body).contains("t=") {
            assert_eq!(response.header("cache-control"), "private, no-store", "{path}");
        }
    }
    // A minute before it expires.
    let (now, end) = (
        harness.world.clock().now(),
        i64::from_str_radix(signature.trim_start_matches("t=").split('.').next().unwrap(), 36).unwrap(),
    );
    harness
        .world
        .clock()
        .advance(chrono::TimeDelta::seconds(end - 60) - chrono::TimeDelta::milliseconds(now.timestamp_millis()));
    for path in &paths {
        let response = anonymous.get(&signed(path, &signature)).await.expect(200);
        let seconds = response
            .header("cache-control")
            .split("max-age=")
            .nth(1)
            .and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
        assert!(seconds.is_none_or(|seconds| seconds <= 60), "{path}: {response}");
    }
    harness.end().await;
}
