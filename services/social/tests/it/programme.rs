//! The programme of a thread: what it plays, how it grows, and when it ends.

use contract::media::{Changed, Conversion, Deleted, Kind, Visibility};
use contract::transcode::{Failed, Ready};
use contract::{AccountId, MediaId};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse};

use crate::fixtures::{Harness, follow, join, open, part_url, parts_url, remove};

fn text(response: &TestResponse) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}

/// Returns the URLs of the playlists of a programme: of the first variant, and of the audio.
async fn lists(reader: &TestClient, programme: &str) -> (String, Option<String>) {
    let master = reader.get(programme).await.expect(200);
    assert_eq!(master.header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!(master.header("cache-control"), "private, no-store");
    let text = text(&master);
    let (folder, _) = programme.split_once("programme.m3u8").unwrap();
    let variant = text.lines().find(|line| line.starts_with("programme.m3u8?list=v")).unwrap();
    let audio = text.split('"').find(|part| part.starts_with("programme.m3u8?list=audio"));
    (format!("{folder}{variant}"), audio.map(|audio| format!("{folder}{audio}")))
}

fn programme_of(thread: &Value) -> String {
    thread["programme"].as_str().unwrap().to_owned()
}

/// Returns the items that a playlist plays, in order.
fn items(playlist: &str) -> Vec<&str> {
    let maps = playlist.lines().filter_map(|line| line.strip_prefix("#EXT-X-MAP:URI=\"/v1/media/"));
    maps.map(|rest| rest.split('/').next().unwrap()).collect()
}

fn clip_of(part: &Value) -> &str {
    part["post"]["media"][0]["id"].as_str().unwrap()
}

#[tokio::test]
async fn a_programme_grows_and_a_removal_gives_it_a_new_url() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let thread = open(&harness, &ada, "open", 3, "followers").await;
    for member in [&bob, &eve] {
        follow(member, "ada").await;
    }
    // A player sends no token: the URL is signed for one reader, and plays what this reader may see.
    let player = harness.world.anonymous();
    let own = programme_of(&bob.get(&format!("/v1/threads/{}", thread["id"].as_str().unwrap())).await.json());
    let (video, audio) = lists(&player, &own).await;
    let opening = thread["opening"]["media"][0]["id"].as_str().unwrap();
    let playlist = text(&player.get(&video).await.expect(200));
    assert_eq!(items(&playlist), [opening]);
    assert!(playlist.contains("#EXT-X-PLAYLIST-TYPE:EVENT") && !playlist.contains("#EXT-X-ENDLIST"));
    player.get(&own.replace("&t=", "&t=x")).await.refused(404, "social.not_found");
    let (address, _) = own.split_once('?').unwrap();
    player.get(address).await.refused(404, "social.not_found");

    let first = join(&harness, &bob, &thread).await.expect(201).json();
    let second = join(&harness, &eve, &thread).await.expect(201).json();
    let grown = text(&player.get(&video).await.expect(200));
    assert!(grown.starts_with(&playlist), "what was there has not changed");
    assert_eq!(items(&grown), [opening, clip_of(&first), clip_of(&second)]);
    assert_eq!(grown.matches("#EXT-X-DISCONTINUITY\n").count(), 2);
    let sound = text(&player.get(&audio.unwrap()).await.expect(200));
    assert_eq!(sound.matches("#EXT-X-DISCONTINUITY\n").count(), 2);
    assert!(sound.contains(&format!("/v1/media/{}/hls/audio/1.m4s?t=", clip_of(&second))), "{sound}");
    // The signatures of the segments are those of delivery, and end within the hour.
    let signature = grown.lines().find_map(|line| line.split_once(".m4s?t=")).unwrap().1;
    let (signer, now) = (&harness.world.context("social").url_signer, harness.world.clock().now());
    let ends_at = signer.verify(signature, "view", opening, now).unwrap().ends_at();
    assert!(ends_at <= now + chrono::TimeDelta::hours(1));

    remove(&ada, &first, "Off topic.").await.expect(204);
    player.get(&video).await.refused(410, "social.programme_changed");
    let (renewed, _) = lists(&player, &own).await;
    assert_ne!(renewed, video);
    assert_eq!(items(&text(&player.get(&renewed).await.expect(200))), [opening, clip_of(&second)]);
    // Once nobody may join any more, it has an end.
    ada.patch(&format!("/v1/threads/{}", thread["id"].as_str().unwrap()), &json!({"rule": "closed"})).await.expect(200);
    let whole = text(&player.get(&renewed).await.expect(200));
    assert!(whole.contains("#EXT-X-PLAYLIST-TYPE:VOD") && whole.ends_with("#EXT-X-ENDLIST\n"));
    // Whoever loses the thread loses the URL.
    ada.send(ada.request(Method::PUT, "/v1/accounts/bob/block")).await.expect(200);
    for ended in [&own, &renewed] {
        player.get(ended).await.refused(404, "social.not_found");
    }
    harness.world.end().await;
}

/// Joins with a clip that is still converted but can be shown.
async fn join_playable(harness: &Harness, member: &TestClient, thread: &Value) -> (MediaId, Value) {
    let media = harness.item(member, Kind::Video, Conversion::Playable);
    let part = member.post(&parts_url(thread), &json!({"media": media})).await.expect(201).json();
    (media, part)
}

#[tokio::test]
async fn what_is_converted_ends_a_programme_and_what_fails_or_is_deleted_leaves_it() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let thread = open(&harness, &ada, "open", 4, "public").await;
    let programme = programme_of(&thread);
    let played = async || {
        let (video, _) = lists(&ada, &programme).await;
        text(&ada.get(&video).await.expect(200))
    };
    let (converting, _) = join_playable(&harness, &bob, &thread).await;
    let last = join(&harness, &bob, &thread).await.expect(201).json();
    let (failing, _) = join_playable(&harness, &bob, &thread).await;
    let opening = thread["opening"]["media"][0]["id"].as_str().unwrap();
    assert_eq!(items(&played().await), [opening], "the next one is still converted");
    harness.make_playable(&converting);
    let ready = Ready {
        id: converting.clone(),
        width: None,
        height: None,
        duration_ms: None,
        thumbhash: None,
        assets: vec![],
        pictures: vec![],
    };
    harness.publish(&ready).await;
    assert_eq!(items(&played().await), [opening, converting.as_str(), clip_of(&last)]);
    // The cap is reached, but one is still converted; then it fails, and the programme has its end.
    let silent = join(&harness, &ada, &thread).await.expect(201).json();
    assert!(!played().await.contains("#EXT-X-ENDLIST"));
    let failed =
        Failed { id: failing, code: "transcode.no_picture".into(), detail: "No picture.".into(), retry: Some(0) };
    harness.publish(&failed).await;
    assert!(played().await.ends_with("#EXT-X-ENDLIST\n"));
    // One without audio has a gap in the audio, and the same length.
    let id: MediaId = clip_of(&silent).parse().unwrap();
    harness.streams.lock().get_mut(&id).unwrap().renditions.retain(|rendition| rendition.name != "audio");
    let (video, audio) = lists(&ada, &programme).await;
    let sound = text(&ada.get(&audio.unwrap()).await.expect(200));
    let lengths = |playlist: &str| playlist.matches("#EXTINF:").count();
    assert_eq!(sound.matches("#EXT-X-GAP\n").count(), 2);
    assert_eq!(lengths(&sound), lengths(&text(&ada.get(&video).await.expect(200))));

    let trashed = Changed {
        id: converting.clone(),
        name: "a".into(),
        tags: vec![],
        visibility: Visibility::Private,
        trashed: true,
        captions: vec![],
        version: 5,
    };
    harness.publish(&trashed).await;
    assert_eq!(items(&played().await), [opening, clip_of(&last), clip_of(&silent)]);
    let deleted = Deleted { id: clip_of(&last).parse().unwrap(), owner: AccountId(bob.id) };
    harness.publish(&deleted).await;
    assert_eq!(items(&played().await), [opening, clip_of(&silent)]);
    bob.get(&part_url(&last)).await.refused(404, "social.not_found");
    // A thread without a video that can be played has no programme yet.
    let body = json!({"text": "words only", "audience": "public"});
    let words = ada.post("/v1/posts", &body).await.expect(201).json();
    let url = format!("/v1/threads/{}/programme.m3u8", words["id"].as_str().unwrap());
    ada.get(&url).await.refused(404, "social.programme_not_ready");
    harness.assert_no_drift().await;
    harness.world.end().await;
}
