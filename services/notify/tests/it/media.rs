//! Converted files are told to their owners.

use contract::MediaId;
use contract::media::{Deleted, Kind};
use contract::transcode::{Failed, Ready};
use serde_json::json;

use crate::fixtures::{publish_all, world_of};
use crate::happenings::{account, exact, kinds, upload};

fn ready(id: &MediaId) -> Ready {
    Ready {
        id: id.clone(),
        width: None,
        height: None,
        duration_ms: None,
        thumbhash: None,
        assets: Vec::new(),
        pictures: Vec::new(),
    }
}

#[tokio::test]
async fn the_owner_of_a_file_is_told_how_its_conversion_ended_until_it_is_deleted() {
    let (world, [ada]) = world_of(["ada"]).await;
    let ids = [Kind::Video, Kind::Photo, Kind::Audio].map(|kind| (MediaId::random(), kind));
    for (id, kind) in &ids {
        publish_all(&world, &[upload(&world, &ada, id, *kind)]).await;
    }
    let [(video, _), (photo, _), (song, _)] = &ids;
    let failed = Failed { id: song.clone(), code: String::new(), detail: String::new(), retry: None };
    for _ in 0..2 {
        publish_all(&world, &[ready(video), ready(photo)]).await;
        publish_all(&world, std::slice::from_ref(&failed)).await;
    }
    let notices = exact(&world, &ada).await;
    assert_eq!(kinds(&notices), ["media_failed", "media_ready"]);
    assert_eq!((&notices["items"][1]["subject"], &notices["items"][1]["count"]), (&json!(video), &json!(0)));
    publish_all(&world, &[ready(song)]).await;
    assert_eq!(exact(&world, &ada).await["unread"], 3, "an operator had it tried again");
    publish_all(&world, &[Deleted { id: video.clone(), owner: account(&ada) }]).await;
    let notices = exact(&world, &ada).await;
    assert!(notices["items"].as_array().unwrap().iter().all(|item| item["subject"] == json!(song)), "{notices:#}");
    world.end().await;
}
