//! Recent proofs for what is dangerous, and what tokens say of them.

use super::factors::{add_app, current_code, sign_in_with};
use super::passkeys::add_passkey;
use super::*;
use chrono::TimeDelta;
use http_server::auth::Claims;

async fn claims(world: &World, person: &Person) -> Claims {
    world.process.verifier.verify(person.member.token().unwrap()).await.unwrap()
}

/// Exchanges the refresh token of a session after eleven minutes, when its proof is not recent any more.
async fn eleven_minutes_later(world: &World, person: &Person) -> Person {
    world.clock().advance(TimeDelta::minutes(11));
    Person::of(world, &refresh(world, &person.refresh).await.expect(200))
}

#[tokio::test]
async fn what_is_dangerous_needs_a_recent_proof() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let secret = add_app(&world, &ada).await;
    let path = {
        let list = ada.member.get("/v1/me/factors").await.expect(200).json();
        format!("/v1/me/factors/{}", list["items"][0]["id"].as_str().unwrap())
    };
    let ada = eleven_minutes_later(&world, &ada).await;
    let change = json!({"email": "ada@example.net", "password": PASSWORD});
    let acts = async |proofs: Value, person: &Person| {
        for response in [
            person.member.post("/v1/me/email", &change).await,
            person.member.post("/v1/me/factors", &json!({"kind": "passkey"})).await,
            person.member.post("/v1/me/recovery-codes", &json!({})).await,
            person.member.delete(&path).await,
        ] {
            assert_eq!(response.refused(403, "auth.proof_required").json()["proofs"], proofs);
        }
    };
    acts(json!(["totp"]), &ada).await;
    let problem = ada.member.delete("/v1/me").await.refused(403, "auth.proof_required").json();
    assert_eq!(problem["proofs"], json!(["password", "totp"]));
    // A password alone does not take the factors away.
    ada.member.post("/v1/me/proof", &json!({"password": PASSWORD})).await.expect(204);
    acts(json!(["totp"]), &ada).await;
    let proof = json!({"factor": {"kind": "totp", "code": current_code(&world, &secret)}});
    ada.member.post("/v1/me/proof", &proof).await.expect(204);
    ada.member.post("/v1/me/proof", &proof).await.refused(403, "auth.factor_refused");
    ada.member.post("/v1/me/email", &change).await.expect(202);
    ada.member.post("/v1/me/factors", &json!({"kind": "passkey"})).await.expect(201);
    ada.member.post("/v1/me/recovery-codes", &json!({})).await.expect(201);
    ada.member.delete(&path).await.expect(204);
    ada.member.delete("/v1/me").await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn without_a_factor_the_password_is_the_proof() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let ada = eleven_minutes_later(&world, &ada).await;
    let begin = json!({"kind": "totp"});
    let problem = ada.member.post("/v1/me/factors", &begin).await.refused(403, "auth.proof_required").json();
    assert_eq!(problem["proofs"], json!(["password"]));
    let asked = ada.member.post("/v1/me/proof", &json!({})).await.refused(403, "auth.proof_required").json();
    assert_eq!(asked["proofs"], json!(["password"]));
    let wrong = json!({"password": "a wrong password"});
    ada.member.post("/v1/me/proof", &wrong).await.refused(403, "auth.wrong_password");
    ada.member.post("/v1/me/factors", &begin).await.refused(403, "auth.proof_required");
    ada.member.post("/v1/me/proof", &json!({"password": PASSWORD})).await.expect(204);
    ada.member.post("/v1/me/factors", &begin).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_proof_counts_for_its_session_only() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let (ada, phone) = {
        world.clock().advance(TimeDelta::minutes(11));
        let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
        (ada, Person::of(&world, &refresh(&world, &phone.refresh).await.expect(200)))
    };
    ada.member.post("/v1/me/proof", &json!({"password": PASSWORD})).await.expect(204);
    phone.member.delete("/v1/me").await.refused(403, "auth.proof_required");
    ada.member.delete("/v1/me").await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn tokens_say_how_and_when_also_after_a_refresh() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let start = world.clock().now().timestamp();
    let first = claims(&world, &ada).await;
    assert_eq!((first.amr, first.auth_time), (vec!["pwd".to_owned()], start));
    let secret = add_app(&world, &ada).await;
    let factor = json!({"kind": "totp", "code": current_code(&world, &secret)});
    let signed_in = Person::of(&world, &sign_in_with(&world, &factor).await.expect(201));
    let at = world.clock().now().timestamp();
    let signed_in = eleven_minutes_later(&world, &signed_in).await;
    let later = claims(&world, &signed_in).await;
    assert_eq!((later.amr.join(" ").as_str(), later.auth_time), ("pwd otp mfa", at));
    // A proof of the first session reaches its next token.
    let proof = json!({"factor": {"kind": "totp", "code": current_code(&world, &secret)}});
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    ada.member.post("/v1/me/proof", &proof).await.expect(204);
    let at = world.clock().now().timestamp();
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    let proven = claims(&world, &ada).await;
    assert_eq!((proven.amr.join(" ").as_str(), proven.auth_time), ("pwd otp mfa", at));
    world.end().await;
}

#[tokio::test]
async fn what_was_begun_with_a_password_alone_is_not_confirmed_beside_a_factor() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let thief = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let begun = thief.member.post("/v1/me/factors", &json!({"kind": "totp"})).await.expect(201).json();
    let secret = begun["secret"].as_str().unwrap();
    // An account has one begun app at most, so the owner's first factor is a passkey.
    add_passkey(&ada, 1).await;
    let path = format!("/v1/me/factors/{}/confirm", begun["id"].as_str().unwrap());
    let code = json!({"code": current_code(&world, secret)});
    thief.member.post(&path, &code).await.refused(404, "accounts.factor_not_found");
    let list = ada.member.get("/v1/me/factors").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    // The session that has proven a factor since then confirms what it began before.
    ada.member.post(&path, &code).await.expect(200);
    world.end().await;
}
