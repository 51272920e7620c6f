//! What a member shows to everyone, and previews of it.

use bus::Envelope;
use contract::accounts::PrivacyChanged;
use contract::media::{AlbumPreview, FindAlbumOwner, FindAlbumPreview, FindPreview, Preview};
use contract::transcode::Ready;
use contract::{AccountId, Event as _, MediaId};
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{png, send};

/// Publishes that the conversion of an item is complete.
pub async fn make_ready(world: &World, id: &str) {
    let id: MediaId = id.parse().unwrap();
    let ready =
        Ready { id, width: None, height: None, duration_ms: None, thumbhash: None, assets: vec![], pictures: vec![] };
    let payload = serde_json::to_string(&ready).unwrap();
    let envelope = Envelope { id: base::Random::system().id(), subject: Ready::SUBJECT.into(), payload };
    world.process.bus.engine().publish(&[envelope]).await.unwrap();
    world.settle().await;
}

async fn photo(member: &TestClient, query: &str, seed: u8) -> String {
    let item = send(member, query, "image/png", png(12, 34, 3000, seed)).await.expect(201).json();
    item["id"].as_str().unwrap().to_owned()
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn everyone_sees_the_public_items_of_a_member_that_are_ready_and_no_others() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, visitor) = (world.ada(), world.bob(), world.anonymous());
    let mut public = Vec::new();
    for seed in 0..3 {
        world.clock().advance(chrono::TimeDelta::seconds(1));
        public.push(photo(&ada, "?visibility=public", seed).await);
    }
    let hidden = [
        photo(&ada, "?visibility=unlisted", 10).await,
        photo(&ada, "", 11).await,
        photo(&bob, "?visibility=public", 12).await,
    ];
    for id in public.iter().chain(&hidden) {
        make_ready(&world, id).await;
    }
    photo(&ada, "?visibility=public", 13).await;
    photo(&ada, "?visibility=public&claim=later", 14).await;
    public.reverse();

    let url = format!("/v1/media?owner={}", ada.id);
    let first = visitor.get(&format!("{url}&limit=2")).await.expect(200).json();
    let rest = visitor.get(&format!("{url}&limit=2&after={}", first["next"].as_str().unwrap())).await.json();
    assert_eq!([ids(&first), ids(&rest)].concat(), public);
    assert_eq!(rest["next"], Value::Null);
    // The owner sees what everyone sees: nothing of it is signed, nor for the owner alone.
    let own = ada.get(&url).await.expect(200).json();
    assert_eq!(own, visitor.get(&url).await.json());
    assert!(!own.to_string().contains("t=") && own["items"][0]["sha256"].is_null(), "{own:#}");
    assert!(ids(&visitor.get(&format!("{url}&kind=video")).await.json()).is_empty());
    visitor.get(&format!("/v1/media?owner={}", uuid::Uuid::nil())).await.expect(200);
    // A cursor of the order `taken` would tell when an item was taken, which is for its owner only.
    let of_owner =
        ["&q=a", "&tag=a", "&state=ready", "&visibility=private", "&staged=true", "&subject=a", "&sort=taken"];
    for refused in of_owner.iter().chain(&["&after=x"]) {
        visitor.get(&format!("{url}{refused}")).await.refused(422, "request.invalid");
    }
    visitor.get("/v1/media?owner=ada").await.refused(400, "request.invalid");
    world.end().await;
}

#[tokio::test]
async fn the_public_items_of_a_private_member_are_not_listed_but_each_can_be_read() {
    let world = World::of(&[media::service()]).await;
    let (ada, visitor) = (world.ada(), world.anonymous());
    let id = photo(&ada, "?visibility=public", 1).await;
    make_ready(&world, &id).await;
    let now = world.clock().now();
    let publish = async |is_private: bool, at| {
        let changed = PrivacyChanged { account: AccountId(ada.id), is_private, at };
        let payload = serde_json::to_string(&changed).unwrap();
        let envelope = Envelope { id: base::Random::system().id(), subject: PrivacyChanged::SUBJECT.into(), payload };
        world.process.bus.engine().publish(&[envelope]).await.unwrap();
        world.settle().await;
    };
    let url = format!("/v1/media?owner={}", ada.id);
    publish(true, now).await;
    for reader in [&visitor, &world.bob(), &ada] {
        let page = reader.get(&url).await.expect(200).json();
        assert_eq!((ids(&page).len(), &page["next"]), (0, &Value::Null));
    }
    visitor.get(&format!("/v1/media/{id}")).await.expect(200);
    assert_eq!(ids(&ada.get("/v1/media").await.expect(200).json()), [id.as_str()]);
    // An older event that arrives late changes nothing.
    publish(false, now - chrono::TimeDelta::seconds(1)).await;
    assert!(ids(&visitor.get(&url).await.json()).is_empty());
    publish(false, now + chrono::TimeDelta::seconds(1)).await;
    assert_eq!(ids(&visitor.get(&url).await.expect(200).json()), [id.as_str()]);
    world.end().await;
}

#[tokio::test]
async fn a_preview_exists_for_what_everyone_may_read() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let preview = async |id: &str| -> Option<Preview> {
        world.context("media").peers.ask(&FindPreview(id.parse().unwrap())).await.unwrap()
    };
    let shared = photo(&ada, "?visibility=unlisted&name=a.png", 1).await;
    assert_eq!(preview(&shared).await.unwrap().image, None, "it is not converted yet");
    make_ready(&world, &shared).await;
    let found = preview(&shared).await.unwrap();
    assert_eq!((found.image, found.width), (Some(format!("/v1/media/{shared}/image")), Some(12)));
    for hidden in [
        photo(&ada, "", 2).await,
        photo(&ada, "?visibility=public&claim=later", 3).await,
        MediaId::random().to_string(),
    ] {
        assert_eq!(preview(&hidden).await, None);
    }
    world.end().await;
}

#[tokio::test]
async fn a_preview_of_an_album_shows_and_counts_what_everyone_may_read() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let (hidden, unlisted, public) = (
        photo(&ada, "?name=hidden.png", 1).await,
        photo(&ada, "?visibility=unlisted", 2).await,
        photo(&ada, "?visibility=public", 3).await,
    );
    for id in [&hidden, &unlisted, &public] {
        make_ready(&world, id).await;
    }
    let created = ada.post("/v1/albums", &json!({ "title": "Sea" })).await.expect(201).json();
    let (id, path) = (created["id"].as_str().unwrap(), format!("/v1/albums/{}", created["id"].as_str().unwrap()));
    ada.post(&format!("{path}/items"), &json!({ "ids": [hidden, unlisted, public] })).await.expect(200);
    ada.patch(&path, &json!({ "cover": hidden })).await.expect(200);
    let preview = async |id: &str| -> Option<AlbumPreview> {
        world.context("media").peers.ask(&FindAlbumPreview(id.parse().unwrap())).await.unwrap()
    };
    assert_eq!(preview(id).await, None, "the album is private");
    let peers = &world.context("media").peers;
    let owner = peers.ask(&FindAlbumOwner(id.parse().unwrap())).await.unwrap();
    assert_eq!(owner, Some(AccountId(ada.id)));
    assert_eq!(peers.ask(&FindAlbumOwner(MediaId::random())).await.unwrap(), None);
    assert_eq!(preview(&MediaId::random().to_string()).await, None);
    for (visibility, item_count, cover) in [("unlisted", 2, &unlisted), ("public", 1, &public)] {
        ada.patch(&path, &json!({ "visibility": visibility })).await.expect(200);
        let found = preview(id).await.unwrap();
        assert_eq!(
            (found.title.as_str(), found.visibility.as_str(), found.item_count),
            ("Sea", visibility, item_count)
        );
        let shown = found.cover.unwrap();
        assert_eq!((shown.id.as_str(), shown.image), (cover.as_str(), Some(format!("/v1/media/{cover}/image"))));
    }
    ada.delete(&format!("/v1/media/{public}")).await.expect(204);
    let emptied = preview(id).await.unwrap();
    assert_eq!((emptied.item_count, emptied.cover), (0, None));
    world.end().await;
}
