//! Signing keys and their rotation.

use super::*;
use chrono::TimeDelta;

/// Returns the ids of the published keys.
async fn published_keys(world: &World) -> Vec<String> {
    let response = world.anonymous().get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(response.header("content-type"), "application/json");
    assert!(response.header("cache-control").starts_with("public, max-age=300"), "{response}");
    let set = response.json();
    let keys = set["keys"].as_array().unwrap();
    for key in keys {
        assert_eq!(
            (key["kty"].as_str(), key["crv"].as_str(), key["use"].as_str(), key["alg"].as_str()),
            (Some("OKP"), Some("Ed25519"), Some("sig"), Some("EdDSA"))
        );
        assert_eq!(key.get("d"), None, "a private key is published");
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Returns the id of the key that a token was signed with.
fn signing_key_of(person: &Person) -> String {
    jsonwebtoken::decode_header(person.member.token().unwrap()).unwrap().kid.unwrap()
}

#[tokio::test]
async fn keys_rotate_and_no_session_ends() {
    let world = builder()
        .set("accounts.key_rotation_days=30")
        .set("accounts.maintenance_seconds=1")
        .start(&[accounts::service()])
        .await;
    let ada = sign_up(&world, "ada").await;
    let old = published_keys(&world).await;
    assert_eq!(old, [signing_key_of(&ada)]);

    // A day before it signs, the next key is published. The old one still signs.
    world.clock().advance(TimeDelta::days(29));
    let both = world
        .wait_for("the next key is published", async || {
            Some(published_keys(&world).await).filter(|keys| keys.len() == 2)
        })
        .await;
    assert_eq!(both[..1], old[..]);
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(signing_key_of(&ada), old[0]);

    // Then it signs, and tokens of the old key are still valid.
    world.clock().advance(TimeDelta::days(1) - TimeDelta::minutes(1));
    let last = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(signing_key_of(&last), old[0]);
    world.clock().advance(TimeDelta::minutes(1));
    let bob = sign_up(&world, "bob").await;
    assert_eq!(signing_key_of(&bob), both[1]);
    last.member.get("/v1/me").await.expect(200);
    bob.member.get("/v1/me").await.expect(200);
    assert_eq!(published_keys(&world).await, both);

    // When the last token of the old key has expired, the key is removed. Sessions stay.
    world.clock().advance(TimeDelta::hours(1));
    let left = world
        .wait_for("the old key is removed", async || Some(published_keys(&world).await).filter(|keys| keys.len() == 1))
        .await;
    assert_eq!(left, both[1..]);
    let ada = Person::of(&world, &refresh(&world, &last.refresh).await.expect(200));
    ada.member.get("/v1/me").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_restart_signs_with_the_same_key() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let keys = published_keys(&world).await;
    let folder = world.crash().await;
    let world = builder().in_folder(folder).start(&[accounts::service()]).await;
    assert_eq!(published_keys(&world).await, keys);
    let again = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(signing_key_of(&again), keys[0]);
    world.end().await;
}

#[tokio::test]
async fn keys_rotate_after_a_year_of_downtime() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let folder = world.crash().await;
    let world = builder()
        .set("accounts.session_idle_days=400")
        .set("accounts.maintenance_seconds=1")
        .in_folder(folder)
        .start(&[accounts::service()])
        .await;
    world.clock().advance(TimeDelta::days(365));
    world
        .wait_for("a new key is published", async || Some(published_keys(&world).await).filter(|keys| keys.len() == 2))
        .await;
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(
        signing_key_of(&ada),
        published_keys(&world).await[0],
        "a key signs only after it was published for a day"
    );
    ada.member.get("/v1/me").await.expect(200);
    world.end().await;
}
