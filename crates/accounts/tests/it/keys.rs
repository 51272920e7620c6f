//! Signing keys.

use super::*;
use chrono::TimeDelta;

/// The names of the keys that are announced.
async fn announced(world: &World) -> Vec<String> {
    let answer = world.anonymous().get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("cache-control").starts_with("public, max-age=300"), "{answer}");
    let set = answer.json();
    let keys = set["keys"].as_array().unwrap();
    for key in keys {
        assert_eq!((key["kty"].as_str(), key["crv"].as_str(), key["use"].as_str(), key["alg"].as_str()), (Some("OKP"), Some("Ed25519"), Some("sig"), Some("EdDSA")));
        assert_eq!(key.get("d"), None, "a private key is out");
    }
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// The key that a token was signed with.
fn signer(person: &Person) -> String {
    jsonwebtoken::decode_header(person.member.token().unwrap()).unwrap().kid.unwrap()
}

#[tokio::test]
async fn keys_turn_over_and_nobody_is_logged_out() {
    let world = builder().set("accounts.key_days=30").set("accounts.upkeep_seconds=1").start(&[accounts::service()]).await;
    let ada = join(&world, "ada").await;
    let old = announced(&world).await;
    assert_eq!(old, [signer(&ada)]);

    // A day before its turn the next key is announced; the old one still signs.
    world.clock().advance(TimeDelta::days(29));
    let both = world.wait_for("the next key is announced", async || Some(announced(&world).await).filter(|keys| keys.len() == 2)).await;
    assert_eq!(both[..1], old[..]);
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(signer(&ada), old[0]);

    // At its turn it signs, and tokens of the old key still hold.
    world.clock().advance(TimeDelta::days(1) - TimeDelta::minutes(1));
    let last = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(signer(&last), old[0]);
    world.clock().advance(TimeDelta::minutes(1));
    let bob = join(&world, "bob").await;
    assert_eq!(signer(&bob), both[1]);
    last.member.get("/v1/me").await.expect(200);
    bob.member.get("/v1/me").await.expect(200);
    assert_eq!(announced(&world).await, both);

    // When the last token of the old key has expired, the key goes; sessions stay.
    world.clock().advance(TimeDelta::hours(1));
    let left = world.wait_for("the old key is retired", async || Some(announced(&world).await).filter(|keys| keys.len() == 1)).await;
    assert_eq!(left, both[1..]);
    let ada = Person::of(&world, &refresh(&world, &last.refresh).await.expect(200));
    ada.member.get("/v1/me").await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_restart_signs_with_the_same_key() {
    let world = world().await;
    let ada = join(&world, "ada").await;
    let keys = announced(&world).await;
    let folder = world.crash().await;
    let world = builder().in_folder(folder).start(&[accounts::service()]).await;
    assert_eq!(announced(&world).await, keys);
    let again = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(signer(&again), keys[0]);
    world.end().await;
}

#[tokio::test]
async fn a_process_that_slept_for_a_year_wakes_up_well() {
    let world = world().await;
    let ada = join(&world, "ada").await;
    let folder = world.crash().await;
    let world = builder().set("accounts.session_idle_days=400").set("accounts.upkeep_seconds=1").in_folder(folder).start(&[accounts::service()]).await;
    world.clock().advance(TimeDelta::days(365));
    world.wait_for("a new key is announced", async || Some(announced(&world).await).filter(|keys| keys.len() == 2)).await;
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(signer(&ada), announced(&world).await[0], "not before it was announced for a day");
    ada.member.get("/v1/me").await.expect(200);
    world.end().await;
}
