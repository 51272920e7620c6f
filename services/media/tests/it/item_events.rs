//! Events of an item during its conversion.

use bus::Envelope;
use contract::accounts::{AccountState, StandingChanged};
use contract::transcode::{Failed, Playable, Progress, Ready};
use contract::{AccountId, Event, MediaId};
use futures::StreamExt as _;
use serde_json::{Value, json};
use testkit::World;

use crate::fixtures::{png, send};
use crate::samples::video;

/// Publishes an event and waits until it was handled.
pub async fn publish<E: Event>(world: &World, event: &E) {
    let id = base::Random::system().id();
    let envelope = Envelope { id, subject: E::SUBJECT.into(), payload: serde_json::to_string(event).unwrap() };
    world.process.bus.engine().publish(&[envelope]).await.unwrap();
    world.settle().await;
}

/// Reads frames of an event stream until it ends, or until there are `enough`.
async fn frames(response: reqwest::Response, enough: usize) -> (Vec<(String, Value)>, bool) {
    let (frames, mut stream) = read_frames(response, enough).await;
    let ended = stream.next().await.is_none();
    (frames, ended)
}

/// Reads `enough` frames, or fewer if the stream ends before. Also returns the rest of the stream.
async fn read_frames(
    response: reqwest::Response,
    enough: usize,
) -> (Vec<(String, Value)>, impl futures::Stream<Item = ()> + Unpin) {
    let mut stream = response.bytes_stream().map(|chunk| chunk.unwrap()).fuse().boxed();
    let (mut text, mut frames) = (String::new(), Vec::new());
    while frames.len() < enough {
        let Some(chunk) = stream.next().await else { break };
        text.push_str(&String::from_utf8_lossy(&chunk));
        while let Some((frame, rest)) = text.split_once("\n\n") {
            let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
            if let (Some(event), Some(data)) = (field("event:"), field("data:")) {
                frames.push((event.to_owned(), serde_json::from_str(data).unwrap()));
            }
            text = rest.to_owned();
        }
    }
    (frames, stream.map(drop))
}

#[tokio::test]
async fn events_follow_an_item_from_received_to_ready() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let item = send(&ada, "", "video/mp4", video("v.mp4", &["-movflags", "+faststart"])).await.expect(201).json();
    let id: MediaId = item["id"].as_str().unwrap().parse().unwrap();
    assert_eq!((&item["kind"], &item["width"], &item["urls"]["hls"]), (&json!("video"), &json!(128), &Value::Null));
    // The URL alone is enough, as an EventSource needs it.
    let anonymous = world.anonymous();
    let events = anonymous.request(http::Method::GET, item["urls"]["events"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(events.status(), 200);
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    let story = tokio::spawn(frames(events, 100));
    publish(&world, &Progress { id: id.clone(), percent: 10, remaining_ms: Some(9000) }).await;
    publish(&world, &Playable { id: id.clone(), width: Some(128), height: Some(72), duration_ms: Some(1000) }).await;
    publish(&world, &Progress { id: id.clone(), percent: 5, remaining_ms: None }).await;
    publish(&world, &Progress { id: id.clone(), percent: 80, remaining_ms: Some(100) }).await;
    let playable = ada.get(&format!("/v1/media/{id}")).await.expect(200).json();
    assert_eq!(
        (&playable["state"], &playable["progress"]),
        (&json!("playable"), &json!({ "percent": 80, "remaining_ms": 100 }))
    );
    assert!(playable["urls"]["hls"].as_str().unwrap().contains("/hls/master.m3u8?t="));
    let ready = Ready {
        id: id.clone(),
        width: Some(128),
        height: Some(72),
        duration_ms: Some(1000),
        thumbhash: Some("0102ff".into()),
        assets: vec!["poster".into(), "storyboard".into()],
        pictures: vec![],
    };
    publish(&world, &ready).await;
    let (story, ended) = story.await.unwrap();
    assert!(ended);
    let seen: Vec<String> = story
        .iter()
        .map(|(event, data)| {
            if event == "state" { data["state"].as_str().unwrap().to_owned() } else { format!("{}%", data["percent"]) }
        })
        .collect();
    assert_eq!(seen, ["received", "10%", "playable", "80%", "ready"]);
    let last = &story.last().unwrap().1;
    assert_eq!(
        (&last["thumbhash"], &last["progress"], &last["duration_ms"]),
        (&json!("AQL/"), &Value::Null, &json!(1000))
    );
    assert!(
        last["urls"]["poster"].is_string()
            && last["urls"]["storyboard"].is_string()
            && last["urls"]["waveform"].is_null()
    );
    // Late and repeated events change nothing.
    publish(&world, &Playable { id: id.clone(), width: None, height: None, duration_ms: None }).await;
    publish(
        &world,
        &Failed { id: id.clone(), code: "transcode.late".into(), detail: "Too late to matter.".into(), retry: Some(0) },
    )
    .await;
    assert_eq!(ada.get(&format!("/v1/media/{id}")).await.json()["state"], "ready");
    world.end().await;
}

#[tokio::test]
async fn a_failure_is_reported_and_ends_the_stream() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let item = send(&ada, "", "image/png", png(9, 9, 3000, 1)).await.expect(201).json();
    let id: MediaId = item["id"].as_str().unwrap().parse().unwrap();
    publish(
        &world,
        &Failed {
            id: id.clone(),
            code: "transcode.no_picture".into(),
            detail: "There is no picture in it.".into(),
            retry: Some(0),
        },
    )
    .await;
    let events = ada.request(http::Method::GET, &format!("/v1/media/{id}/events")).send().await.unwrap();
    let (story, ended) = frames(events, 100).await;
    assert!(ended);
    assert_eq!(
        story[0].1["failure"],
        json!({ "code": "transcode.no_picture", "detail": "There is no picture in it." })
    );
    // An `EventSource` that connects again stops at this; one that has another id, or none, gets the end once more.
    let again = ada.request(http::Method::GET, &format!("/v1/media/{id}/events"));
    assert_eq!(again.header("last-event-id", "end").send().await.unwrap().status(), 204);
    let again = ada.request(http::Method::GET, &format!("/v1/media/{id}/events"));
    assert_eq!(again.header("last-event-id", "else").send().await.unwrap().status(), 200);
    world.end().await;
}

#[tokio::test]
async fn strangers_receive_no_events_of_private_items_and_few_fields_of_public_ones() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let item = send(&ada, "", "image/png", png(9, 9, 3000, 1)).await.expect(201).json();
    let path = format!("/v1/media/{}/events", item["id"].as_str().unwrap());
    bob.get(&path).await.refused(404, "media.not_found");
    world.anonymous().get(&path).await.refused(404, "media.not_found");
    world.anonymous().get(&format!("{path}?t=zzzzzz.AAAA")).await.refused(404, "media.not_found");
    let view = item["urls"]["image"].as_str().unwrap().split_once("?t=").unwrap().1;
    world.anonymous().get(&format!("{path}?t={view}")).await.refused(404, "media.not_found");
    ada.patch(path.strip_suffix("/events").unwrap(), &json!({ "visibility": "public" })).await.expect(200);
    let events = bob.request(http::Method::GET, &path).send().await.unwrap();
    let (story, _) =
        tokio::time::timeout(std::time::Duration::from_secs(1), frames(events, 1)).await.unwrap_or_default();
    assert!(story.first().is_none_or(|(_, data)| data["sha256"].is_null()));
    assert!(world.process.stop(std::time::Duration::from_secs(20)).await);
}

#[tokio::test]
async fn a_signed_url_shows_no_more_than_it_says_and_ends_when_it_says() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let item = send(&ada, "", "video/mp4", video("v.mp4", &["-movflags", "+faststart"])).await.expect(201).json();
    let id: MediaId = item["id"].as_str().unwrap().parse().unwrap();
    let (url, own) = (item["urls"]["events"].as_str().unwrap(), format!("/v1/media/{id}/events"));
    let open =
        async |member: &testkit::TestClient, url: &str| member.request(http::Method::GET, url).send().await.unwrap();
    for stranger in [world.anonymous(), world.bob()] {
        let (story, _) = read_frames(open(&stranger, url).await, 1).await;
        let seen = &story[0].1;
        for hidden in ["sha256", "taken_at", "camera", "subject"] {
            assert_eq!(seen[hidden], Value::Null, "{hidden}");
        }
        assert_eq!((&seen["urls"]["original"], &seen["urls"]["events"]), (&Value::Null, &json!(url)));
        assert_eq!(seen.to_string().matches("t=").count(), 1, "{seen}");
    }
    let (story, _) = read_frames(open(&ada, url).await, 1).await;
    assert_eq!(story[0].1["sha256"], item["sha256"], "a token says more than the signature beside it");
    // Two clients follow when the signature expires: one by the signature, one by token.
    let granted = tokio::spawn(frames(open(&world.anonymous(), url).await, 100));
    let owner = open(&ada, &own).await;
    world.clock().advance(chrono::TimeDelta::hours(19));
    publish(&world, &Progress { id: id.clone(), percent: 10, remaining_ms: None }).await;
    let (story, ended) = granted.await.unwrap();
    assert!(ended && story.len() == 1, "nothing is told after the end: {story:?}");
    assert_eq!(read_frames(owner, 2).await.0.len(), 2);
    world.anonymous().get(url).await.refused(404, "media.not_found");
    assert!(world.process.stop(std::time::Duration::from_secs(20)).await);
}

#[tokio::test]
async fn others_follow_no_item_of_a_suspended_member() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let item = send(&ada, "?visibility=public", "video/mp4", video("v.mp4", &["-movflags", "+faststart"])).await;
    let id: MediaId = item.expect(201).json()["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/v1/media/{id}/events");
    let open = async |client: &testkit::TestClient| client.request(http::Method::GET, &path).send().await.unwrap();
    let visitor = tokio::spawn(frames(open(&world.anonymous()).await, 100));
    let owner = open(&ada).await;
    let (account, state) = (AccountId(ada.id), AccountState::Suspended);
    publish(&world, &StandingChanged { account, state, until: None, version: 1 }).await;
    ada.patch(&format!("/v1/media/{id}"), &json!({ "name": "later.mp4" })).await.expect(200);
    let (story, ended) = visitor.await.unwrap();
    assert!(ended && story.len() == 1, "nothing is told after the suspension: {story:?}");
    assert_eq!(read_frames(owner, 2).await.0.len(), 2, "its owner sees the change");
    assert!(world.process.stop(std::time::Duration::from_secs(20)).await);
}

#[tokio::test]
async fn a_stream_ends_with_the_access_token_that_opened_it() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let item = send(&ada, "?visibility=public", "video/mp4", video("v.mp4", &["-movflags", "+faststart"])).await;
    let id: MediaId = item.expect(201).json()["id"].as_str().unwrap().parse().unwrap();
    let path = format!("/v1/media/{id}/events");
    let open = async |client: &testkit::TestClient| client.request(http::Method::GET, &path).send().await.unwrap();
    // The owner and a stranger follow by token, and one client without: the item is public.
    let by_token = [ada.clone(), world.bob()];
    let mut ended = Vec::new();
    for client in &by_token {
        ended.push(tokio::spawn(frames(open(client).await, 100)));
    }
    let anonymous = open(&world.anonymous()).await;
    // The tokens of a world last for thirty days.
    world.clock().advance(chrono::TimeDelta::days(30) - chrono::TimeDelta::seconds(1));
    publish(&world, &Progress { id: id.clone(), percent: 10, remaining_ms: None }).await;
    world.clock().advance(chrono::TimeDelta::seconds(1));
    publish(&world, &Progress { id: id.clone(), percent: 20, remaining_ms: None }).await;
    for followed in ended {
        let (story, ended) = followed.await.unwrap();
        let events: Vec<&str> = story.iter().map(|(event, _)| event.as_str()).collect();
        assert!(ended && events == ["state", "progress"], "nothing is told after the token's end: {story:?}");
    }
    assert_eq!(read_frames(anonymous, 3).await.0.len(), 3, "a stream without a token goes on");
    // The client comes back with a fresh token.
    for client in &by_token {
        assert_eq!(open(client).await.status(), 401);
    }
    assert_eq!(read_frames(open(&world.ada()).await, 1).await.0.len(), 1);
    assert!(world.process.stop(std::time::Duration::from_secs(20)).await);
}
