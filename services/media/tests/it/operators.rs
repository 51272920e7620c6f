//! What operators see of items, and what they do when a conversion has failed.

use contract::accounts::{AccountState, FindAccounts, FoundAccount, Profile, StandingChanged};
use contract::media::Retried;
use contract::transcode::{Conversion, Failed, FindConversion, Task};
use contract::{AccountId, MediaId};
use http::Method;
use http_server::operators::OperatorRole;
use serde_json::{Value, json};
use testkit::{TestClient, World, fake_role};

use crate::fixtures::{png, send};
use crate::item_events::publish;
use crate::public_items::make_ready;

async fn photo(member: &TestClient, query: &str, seed: u8) -> MediaId {
    let item = send(member, query, "image/png", png(12, 34, 3000, seed)).await.expect(201).json();
    item["id"].as_str().unwrap().parse().unwrap()
}

async fn fail(world: &World, id: &MediaId, retry: Option<u32>) {
    let (code, detail) = ("transcode.gave_up".to_owned(), "It could not be converted.".to_owned());
    publish(world, &Failed { id: id.clone(), code, detail, retry }).await;
}

fn ids(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn only_operators_with_the_role_of_an_operation_may_call_it_here_too() {
    let world = World::of(&[media::service()]).await;
    let part = serde_json::to_value((media::service().openapi)()).unwrap();
    let mut walked = 0;
    for (path, item) in part["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(required) = operation["x-admin-role"].as_str() else { continue };
            let required = OperatorRole::from_name(required).unwrap();
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", MediaId::random().as_str());
            let send = async |client: &TestClient| client.send(client.request(method.clone(), &path)).await;
            for role in ["member", "curator", "viewer", "developer", "moderator", "operator"] {
                let response = send(&world.operator("grace", &[role])).await;
                if required.is_fulfilled_by(&[role.to_owned()]) {
                    assert!(![401, 403].contains(&response.status.as_u16()), "{role}: {method} {path}: {response}");
                } else {
                    response.refused(403, "auth.role_required");
                }
            }
            send(&world.anonymous()).await.refused(401, "auth.required");
            send(&world.member_with("grace", &["operator"])).await.refused(403, "auth.operators_session_required");
            walked += 1;
        }
    }
    assert_eq!(walked, 8);
    world.end().await;
}

#[tokio::test]
async fn a_moderator_sees_the_items_of_a_member_in_every_state_and_no_private_picture() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, moderator) = (world.ada(), world.bob(), world.operator("mia", &["moderator"]));
    let account = AccountId(ada.id);
    let found = FoundAccount {
        profile: Profile {
            account,
            handle: "ada".into(),
            display_name: "Ada".into(),
            avatar: None,
            is_private: false,
            at: world.clock().now(),
        },
        standing: StandingChanged { account, state: AccountState::Active, until: None, version: 0 },
    };
    let accounts = fake_role("accounts").answer::<FindAccounts>(move |path| {
        let is_named = path.get("names").split(',').any(|name| name == "ada");
        Some(is_named.then(|| found.clone()).into_iter().collect())
    });
    accounts.join(&world).await;
    let mut items = Vec::new();
    for (seed, query) in (0..).zip(["", "?visibility=public", "?claim=later", "?visibility=public"]) {
        world.clock().advance(chrono::TimeDelta::seconds(1));
        items.push(photo(&ada, query, seed).await);
    }
    let [private, public, staged, trashed] = &items[..] else { panic!("{items:?}") };
    let bobs = photo(&bob, "?visibility=public", 9).await;
    for id in [private, public, trashed] {
        make_ready(&world, id.as_str()).await;
    }
    ada.delete(&format!("/v1/media/{trashed}")).await.expect(204);
    fail(&world, staged, Some(0)).await;
    fail(&world, &bobs, Some(0)).await;

    let newest_first: Vec<&str> = items.iter().rev().map(MediaId::as_str).collect();
    for owner in ["ada".to_owned(), ada.id.to_string()] {
        let url = format!("/v1/admin/media?owner={owner}&limit=3");
        let first = moderator.get(&url).await.expect(200).json();
        let next = first["next"].as_str().unwrap();
        let rest = moderator.get(&format!("{url}&after={next}")).await.expect(200).json();
        assert_eq!([ids(&first), ids(&rest)].concat(), newest_first);
        assert_eq!(rest["next"], Value::Null);
        let shown = first["items"].as_array().unwrap().iter().chain(rest["items"].as_array().unwrap());
        for item in shown {
            let id = item["id"].as_str().unwrap();
            assert_eq!(item["poster_url"].is_string(), id == public.as_str(), "{item}");
            assert_eq!(item["in_trash"], json!(id == trashed.as_str()));
            assert_eq!(item["error"]["code"].is_string(), id == staged.as_str());
            assert_eq!(item["attempts"], 1);
        }
    }
    let shown = moderator.get(&format!("/v1/admin/media/{public}")).await.expect(200).json();
    assert_eq!(shown["poster_url"], json!(format!("http://localhost:8080/v1/media/{public}/image")));
    let failed = moderator.get(&format!("/v1/admin/media?owner={}&state=failed", ada.id)).await.expect(200).json();
    assert_eq!(ids(&failed), [staged.as_str()]);
    let all_failed = moderator.get("/v1/admin/media?state=failed").await.expect(200).json();
    assert_eq!(ids(&all_failed), [bobs.as_str(), staged.as_str()]);
    for refused in ["", "?state=ready", "?state=failed&after=x"] {
        moderator.get(&format!("/v1/admin/media{refused}")).await.refused(422, "request.invalid");
    }
    moderator.get("/v1/admin/media?state=lost").await.refused(400, "request.invalid");
    for unknown in ["eve", "eve%2Cada", "a%2F..%2Fb", "%00"] {
        moderator.get(&format!("/v1/admin/media?owner={unknown}")).await.refused(404, "media.no_such_member");
    }
    world.end().await;
}

#[tokio::test]
async fn a_failed_conversion_is_retried_once_and_a_late_failure_of_the_first_attempt_counts_no_more() {
    let world = World::of(&[media::service()]).await;
    let (ada, moderator) = (world.ada(), world.operator("mia", &["moderator"]));
    let conversion = Conversion {
        tasks: vec![Task { name: "photo".into(), state: "waiting".into(), percent: 0 }],
        renditions: Vec::new(),
    };
    let transcode =
        fake_role("transcode").answer::<FindConversion>(move |_| Some(conversion.clone())).records::<Retried>();
    transcode.join(&world).await;
    let id = photo(&ada, "", 1).await;
    let (path, body) = (format!("/v1/admin/media/{id}/retry"), json!({"reason": "The disk was full."}));
    moderator.post(&path, &body).await.refused(409, "media.not_failed");
    // It returns the item, which developers do not see.
    let developer = world.operator("dora", &["developer"]);
    developer.post(&path, &body).await.refused(403, "auth.role_required");
    let unknown = format!("/v1/admin/media/{}/retry", MediaId::random());
    moderator.post(&unknown, &body).await.refused(404, "media.not_found");
    fail(&world, &id, Some(0)).await;
    for body in [json!({}), json!({"reason": " "})] {
        moderator.post(&path, &body).await.refused(422, "request.invalid");
    }
    let view = moderator.post(&path, &body).await.expect(202).json();
    assert_eq!((&view["state"], &view["attempts"], &view["error"]), (&json!("received"), &json!(2), &json!(null)));
    moderator.post(&path, &body).await.refused(409, "media.not_failed");
    world.settle().await;
    let retried = Retried { id: id.clone(), owner: AccountId(ada.id), retry: 1 };
    assert_eq!(transcode.events::<Retried>(), [retried]);
    let stored = world.stored_bytes("media").await;
    let stored = String::from_utf8_lossy(&stored);
    assert!(stored.contains("media.retried") && stored.contains("The disk was full."), "there is no act");

    let state = async || ada.get(&format!("/v1/media/{id}")).await.expect(200).json()["state"].clone();
    fail(&world, &id, Some(0)).await;
    assert_eq!(state().await, "received");
    fail(&world, &id, Some(1)).await;
    assert_eq!(state().await, "failed");
    let shown = moderator.get(&format!("/v1/admin/media/{id}")).await.expect(200).json();
    assert_eq!((&shown["attempts"], &shown["error"]["code"]), (&json!(2), &json!("transcode.gave_up")));
    assert_eq!((&shown["tasks"][0]["name"], &shown["renditions"]), (&json!("photo"), &json!([])));
    // A process of a release that did not count the attempts fails it: it can be retried, and does not wait for ever.
    moderator.post(&path, &body).await.expect(202);
    fail(&world, &id, None).await;
    assert_eq!(state().await, "failed");
    world.end().await;
}
