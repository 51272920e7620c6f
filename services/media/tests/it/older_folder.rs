//! A data folder of an older schema: its items are listed and edited, and its uploads go on.

use contract::{MediaId, ObjectKey};
use db::Value as Column;
use serde_json::{Value, json};
use testkit::{World, insert_rows, older_role};

use crate::fixtures::png;
use crate::tus;

/// The schema before items had texts, and before operators saw them.
const VERSION: i64 = 10;

const ITEM: &str = "
    insert into item (
        id, owner, name, kind, format, content_type, state, visibility, bytes, sha256, object, width, height,
        orientation, tags, words, assets, failure_code, failure_detail, claimed, version, indexed_version, created_at,
        updated_at
    )
    values (
        $1, $2, 'cat.png', 'photo', 'png', 'image/png', $3, 'public', 3000, $1, $4, 12, 34, 1, '', '', '', $5, $5,
        $6, 1, 1, $7, $7
    )";

const UPLOAD: &str = "
    insert into upload (
        id, owner, length, name, tags, visibility, claim_later, received, engine_state, epoch, created_at, expires_at
    )
    values ('7Yw1Q8mPz3LdV0cXbN5KtA', $1, 3000, 'dog.png', '', 'private', $2, 0, '', 0, $3, $4)";

const USAGE: &str = "
    insert into usage (owner, bytes, items, hour_began_at, hour_uploads)
    values ($1, 6000, 2, $2, 2)";

#[tokio::test]
async fn the_items_of_an_older_folder_are_listed_and_edited_and_its_uploads_go_on() {
    let world = World::of(&[older_role(&media::service(), VERSION)]).await;
    let (owner, now) = (world.ada().id.to_string(), world.clock().now());
    let expires_at = now + chrono::TimeDelta::days(1);
    let (ready, failed) = (MediaId::random(), MediaId::random());
    let item = |id: &MediaId, object: &ObjectKey, state: &str, failure: Option<&str>| -> Vec<Column> {
        vec![
            id.as_str().into(),
            owner.clone().into(),
            state.into(),
            object.as_str().into(),
            failure.map(str::to_owned).into(),
            true.into(),
            now.into(),
        ]
    };
    let mut rows = Vec::new();
    for (id, state, failure) in [(&ready, "ready", None), (&failed, "failed", Some("transcode.gave_up"))] {
        let stored = world.process.objects.put(png(12, 34, 3000, 1).into()).await.unwrap();
        rows.push((ITEM, item(id, &stored.key, state, failure)));
    }
    rows.push((UPLOAD, vec![owner.clone().into(), false.into(), now.into(), expires_at.into()]));
    rows.push((USAGE, vec![owner.clone().into(), now.into()]));
    insert_rows(&world.context("media").db, rows).await;

    let world = World::builder().in_folder(world.crash().await).start(&[media::service()]).await;
    let (ada, moderator) = (world.ada(), world.operator("mia", &["moderator"]));
    let ids = |page: Value| -> Vec<String> {
        let mut ids: Vec<_> =
            page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    let mut both = vec![ready.to_string(), failed.to_string()];
    both.sort();
    for order in ["", "&sort=taken"] {
        assert_eq!(ids(ada.get(&format!("/v1/media?limit=10{order}")).await.expect(200).json()), both, "{order}");
    }
    let path = format!("/v1/media/{ready}");
    let shown = ada.get(&path).await.expect(200).json();
    assert_eq!((&shown["description"], &shown["alt"], &shown["state"]), (&json!(""), &json!(""), &json!("ready")));
    world.bob().get(&path).await.expect(200);
    let edited = ada.patch(&path, &json!({"alt": "A cat", "description": "On a mat"})).await.expect(200).json();
    assert_eq!((&edited["alt"], &edited["description"]), (&json!("A cat"), &json!("On a mat")));
    let page = moderator.get("/v1/admin/media?state=failed").await.expect(200).json();
    assert_eq!(page["items"][0]["attempts"], 1, "{page}");
    assert_eq!(ids(page), [failed.to_string()]);

    let location = "/v1/uploads/7Yw1Q8mPz3LdV0cXbN5KtA";
    assert_eq!(tus::head(&ada, location).await.expect(200).header("upload-offset"), "0");
    let done = tus::patch(&ada, location, 0, &png(12, 34, 3000, 2), None).await.expect(204);
    let sent = ada.get(&format!("/v1/media/{}", done.header("tutti-media-id"))).await.expect(200).json();
    assert_eq!((&sent["name"], &sent["description"], &sent["alt"]), (&json!("dog.png"), &json!(""), &json!("")));
    world.end().await;
}
