//! What members may publish who are limited, and what is shown of those who are suspended.

use bus::Envelope;
use chrono::TimeDelta;
use contract::accounts::{AccountState, Erased, PrivacyChanged, StandingChanged};
use contract::media::FindPreview;
use contract::{AccountId, Event as _};
use db::{FromQueryResult, Sql as _};
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{png, send};
use crate::item_events::publish;
use crate::public_items::make_ready;

/// Publishes the standing of a member.
async fn set_standing(world: &World, member: &TestClient, state: AccountState, hours: Option<i64>, version: u64) {
    let until = hours.map(|hours| world.clock().now() + TimeDelta::hours(hours));
    let changed = StandingChanged { account: AccountId(member.id), state, until, version };
    let payload = serde_json::to_string(&changed).unwrap();
    let event = Envelope { id: base::Random::system().id(), subject: StandingChanged::SUBJECT.into(), payload };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
}

async fn photo(member: &TestClient, query: &str, seed: u8) -> Value {
    send(member, query, "image/png", png(12, 34, 3000, seed)).await.expect(201).json()
}

fn path_of(item: &Value) -> String {
    format!("/v1/media/{}", item["id"].as_str().unwrap())
}

#[tokio::test]
async fn nothing_of_a_suspended_member_is_shown_until_the_suspension_ends() {
    let world = World::of(&[media::service()]).await;
    let (ada, visitor) = (world.ada(), world.anonymous());
    let item = photo(&ada, "?visibility=public", 1).await;
    let id = item["id"].as_str().unwrap().to_owned();
    make_ready(&world, &id).await;
    let album = ada.post("/v1/albums", &json!({"title": "Sea", "visibility": "public"})).await.expect(201).json();
    let album = format!("/v1/albums/{}", album["id"].as_str().unwrap());
    let link = ada.post(&format!("/v1/media/{id}/links"), &json!({"expires_in": 864_000})).await.expect(201).json();
    let link = format!("/v1/shared/{}", link["token"].as_str().unwrap());
    let list = format!("/v1/media?owner={}", ada.id);
    let preview = || FindPreview(id.parse().unwrap());
    let peers = &world.context("media").peers;
    let shown = async |is_shown: bool| {
        for (path, code) in [
            (path_of(&item), "media.not_found"),
            (album.clone(), "media.no_such_album"),
            (format!("{album}/items"), "media.no_such_album"),
            (link.clone(), "media.not_found"),
        ] {
            let response = visitor.get(&path).await;
            if is_shown {
                response.expect(200)
            } else {
                response.refused(404, code)
            };
        }
        let count = visitor.get(&list).await.expect(200).json()["items"].as_array().unwrap().len();
        assert_eq!(count, usize::from(is_shown));
        assert_eq!(peers.ask(&preview()).await.unwrap().is_some(), is_shown);
    };
    shown(true).await;
    set_standing(&world, &ada, AccountState::Suspended, Some(1), 1).await;
    shown(false).await;
    world.clock().advance(TimeDelta::hours(1));
    shown(true).await;
    set_standing(&world, &ada, AccountState::Banned, None, 2).await;
    shown(false).await;
    // An older event that arrives late changes nothing.
    set_standing(&world, &ada, AccountState::Active, None, 1).await;
    shown(false).await;
    set_standing(&world, &ada, AccountState::Active, None, 3).await;
    shown(true).await;
    world.end().await;
}

#[tokio::test]
async fn a_limited_member_reads_and_uploads_but_publishes_nothing() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let public = photo(&ada, "?visibility=public", 1).await;
    let private = photo(&ada, "", 2).await;
    let staged = photo(&ada, "?visibility=public&claim=later", 3).await;
    set_standing(&world, &ada, AccountState::Limited, None, 1).await;
    let sent = photo(&ada, "?visibility=public", 4).await;
    assert_eq!(sent["visibility"], "private", "what is sent stays private");
    for visibility in ["public", "unlisted"] {
        let change = json!({"visibility": visibility});
        ada.patch(&path_of(&private), &change).await.refused(403, "media.account_limited");
        let album = json!({"title": "Sea", "visibility": visibility});
        ada.post("/v1/albums", &album).await.refused(403, "media.account_limited");
    }
    let links = format!("{}/links", path_of(&private));
    ada.post(&links, &json!({"expires_in": 3600})).await.refused(403, "media.account_limited");
    let claim = json!({"ids": [staged["id"]], "subject": "post:1", "tags": []});
    ada.post("/v1/media/claims", &claim).await.refused(403, "media.account_limited");
    // What was public stays so, and can be hidden; nothing else changes.
    bob.get(&path_of(&public)).await.expect(200);
    bob.get(&path_of(&private)).await.refused(404, "media.not_found");
    ada.patch(&path_of(&private), &json!({"name": "quiet.png"})).await.expect(200);
    ada.patch(&path_of(&public), &json!({"visibility": "unlisted"})).await.expect(200);
    let album = ada.post("/v1/albums", &json!({"title": "Mine"})).await.expect(201).json();
    let album = format!("/v1/albums/{}", album["id"].as_str().unwrap());
    ada.patch(&album, &json!({"visibility": "public"})).await.refused(403, "media.account_limited");
    set_standing(&world, &ada, AccountState::Active, None, 2).await;
    ada.patch(&path_of(&private), &json!({"visibility": "public"})).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn what_a_limited_member_restores_from_the_trash_is_private() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let (limited, active) = (photo(&ada, "?visibility=public", 1).await, photo(&ada, "?visibility=public", 2).await);
    for item in [&limited, &active] {
        ada.delete(&path_of(item)).await.expect(204);
    }
    set_standing(&world, &ada, AccountState::Limited, Some(1), 1).await;
    let restored = ada.post(&format!("{}/restore", path_of(&limited)), &json!({})).await.expect(200).json();
    assert_eq!(restored["visibility"], "private");
    assert_eq!(ada.get(&path_of(&limited)).await.expect(200).json()["visibility"], "private");
    bob.get(&path_of(&limited)).await.refused(404, "media.not_found");
    // A second request finds it restored already.
    ada.post(&format!("{}/restore", path_of(&limited)), &json!({})).await.expect(200);
    ada.patch(&path_of(&limited), &json!({"visibility": "public"})).await.refused(403, "media.account_limited");
    world.clock().advance(TimeDelta::hours(1));
    let restored = ada.post(&format!("{}/restore", path_of(&active)), &json!({})).await.expect(200).json();
    assert_eq!(restored["visibility"], "public", "after the limit, it comes back as it was");
    bob.get(&path_of(&active)).await.expect(200);
    bob.get(&path_of(&limited)).await.refused(404, "media.not_found");
    world.end().await;
}

#[tokio::test]
async fn an_erased_member_leaves_no_standing_and_no_privacy_however_late_the_events_arrive() {
    #[derive(FromQueryResult)]
    struct Row {
        owner: String,
    }
    const LEFT: &str = "select owner from member_standing union all select owner from private_member";
    let world = World::of(&[media::service()]).await;
    let (ada, at) = (world.ada(), world.clock().now());
    let account = AccountId(ada.id);
    let left = async || {
        let rows: Vec<Row> = world.context("media").db.read().rows(LEFT, vec![]).await.unwrap();
        rows.into_iter().map(|row| row.owner).collect::<Vec<_>>()
    };
    let privacy = PrivacyChanged { account, is_private: true, at };
    set_standing(&world, &ada, AccountState::Banned, None, 1).await;
    publish(&world, &privacy).await;
    assert_eq!(left().await, [account.to_string(), account.to_string()]);
    publish(&world, &Erased { account, handle: "ada".into(), at }).await;
    assert!(left().await.is_empty());
    set_standing(&world, &ada, AccountState::Suspended, None, 2).await;
    publish(&world, &privacy).await;
    assert!(left().await.is_empty(), "what arrives late leaves nothing");
    world.end().await;
}
