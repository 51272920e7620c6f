//! A suspension reaches every role within seconds, without a call per request.
//!
//! The roles run behind one listener without the gateway, which does not route to the operators' operations.

use std::time::Duration;

use chrono::TimeDelta;
use http_server::operators::Actor;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World, app_code};

use crate::wav::wave;

const PASSWORD: &str = "a fine long password";

/// Signs up. Returns a client, and the account's id.
async fn member(world: &World, name: &str) -> (TestClient, Value) {
    let body = json!({"handle": name, "email": format!("{name}@example.org"), "password": PASSWORD});
    let signed_in = world.anonymous().post("/v1/accounts", &body).await.expect(201).json();
    let client = world.anonymous().with_token(signed_in["access_token"].as_str().unwrap());
    (client, signed_in["account"]["id"].clone())
}

/// Signs up an operator with an authenticator app, and signs in as the operators' listener forwards it.
pub(crate) async fn operator(world: &World, name: &str) -> TestClient {
    let (member, _) = member(world, name).await;
    let app = member.post("/v1/me/factors", &json!({"kind": "totp"})).await.expect(201).json();
    let code = || app_code(app["secret"].as_str().unwrap(), world.clock().now().timestamp());
    let confirm = format!("/v1/me/factors/{}/confirm", app["id"].as_str().unwrap());
    member.post(&confirm, &json!({"code": code()})).await.expect(200);
    let (db, now) = (world.context("accounts").db.clone(), world.clock().now());
    accounts::assign(&db, name, "operator", Actor::machine("root"), "", now).await.unwrap();
    // Each code is accepted once.
    world.clock().advance(TimeDelta::seconds(30));
    let login = json!({"login": name, "password": PASSWORD, "factor": {"kind": "totp", "code": code()}});
    let request = world.anonymous().request(Method::POST, "/v1/sessions").header("x-tutti-listener", "operators");
    let signed_in = world.anonymous().send(request.json(&login)).await.expect(201).json();
    member.with_token(signed_in["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn every_role_refuses_a_suspended_member_and_hides_what_they_published_until_they_are_restored() {
    let cheap = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1"];
    let builder = cheap.into_iter().fold(World::builder().with_real_accounts(), testkit::WorldBuilder::set);
    let world = builder.start(&[accounts::service(), media::service(), delivery::service()]).await;
    let (operator, (bob, bob_id)) = (operator(&world, "olga").await, member(&world, "bob").await);
    let upload = bob.request(Method::POST, "/v1/media?visibility=public").header("content-type", "audio/wav");
    let item = bob.send(upload.body(wave(&vec![0; 88_200]))).await.expect(201).json();
    let id = item["id"].as_str().unwrap();
    let own = ["/v1/me".to_owned(), "/v1/media".to_owned(), format!("/v1/media/{id}/original")];
    let public = [format!("/v1/media/{id}"), format!("/v1/files/{id}.wav"), "/v1/accounts/bob".to_owned()];
    let visitor = world.anonymous();
    let all_respond = async |member: u16, everyone: u16| {
        for path in &own {
            if bob.get(path).await.status != member {
                return None;
            }
        }
        for path in &public {
            if visitor.get(path).await.status != everyone {
                return None;
            }
        }
        Some(())
    };
    world.settle().await;
    world.wait_for("the item is shown", async || all_respond(200, 200).await).await;

    // Nothing converts the item, so the stream stays open.
    let stream = bob.request(Method::GET, &format!("/v1/media/{id}/events")).send().await.unwrap();
    assert_eq!(stream.status(), 200);

    let admin = format!("/v1/admin/accounts/{}", bob_id.as_str().unwrap());
    let sanction = json!({"state": "suspended", "reason": "Spam."});
    operator.post(&format!("{admin}/suspend"), &sanction).await.expect(200);
    world.wait_for("every role refuses", async || all_respond(403, 404).await).await;
    let ended = tokio::time::timeout(Duration::from_secs(60), stream.bytes()).await;
    assert!(ended.is_ok(), "the stream of a suspended member stays open");
    for path in &own {
        let refused = bob.get(path).await.refused(403, "auth.suspended").json();
        assert!(refused["detail"].as_str().unwrap().contains("Spam."), "{refused}");
    }
    operator.post(&format!("{admin}/restore"), &json!({"reason": "A mistake."})).await.expect(200);
    world.wait_for("every role accepts", async || all_respond(200, 200).await).await;
    world.end().await;
}
