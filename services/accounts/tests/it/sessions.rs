//! The list of sessions, and ending them.

use super::*;

#[tokio::test]
async fn a_member_sees_their_devices_newest_first() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    sign_up(&world, "bob").await;
    // Ids sort by the millisecond.
    world.clock().advance(chrono::TimeDelta::milliseconds(1));
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    let list = ada.member.get("/v1/sessions").await.expect(200).json();
    let items = list["items"].as_array().unwrap();
    assert_eq!(
        items.iter().map(|item| item["device"].as_str().unwrap()).collect::<Vec<_>>(),
        ["Phone", "Unknown device"]
    );
    assert_eq!(items.iter().map(|item| item["current"].as_bool().unwrap()).collect::<Vec<_>>(), [false, true]);
    assert!(items.iter().all(|item| item["created_at"].is_string() && item["last_seen_at"].is_string()));
    assert_eq!(list["next"], Value::Null);
    world.end().await;
}

#[tokio::test]
async fn a_long_list_is_paged_without_gaps() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for _ in 0..6 {
        sign_in(&world, "ada", PASSWORD).await.expect(201);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let page = ada.member.get(&format!("/v1/sessions?limit=3{after}")).await.expect(200).json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 7);
    assert!(seen.windows(2).all(|pair| pair[0] > pair[1]));
    ada.member.get("/v1/sessions?after=7").await.refused(400, "request.invalid");
    ada.member.get("/v1/sessions?limit=x").await.refused(400, "request.invalid");
    world.anonymous().get("/v1/sessions").await.refused(401, "auth.required");
    world.end().await;
}

#[tokio::test]
async fn signing_out_ends_this_session_alone() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    phone.member.delete("/v1/sessions/current").await.expect(204);
    phone.member.get("/v1/me").await.refused(401, "auth.session_ended");
    phone.member.delete("/v1/sessions/current").await.refused(401, "auth.session_ended");
    refresh(&world, &phone.refresh).await.refused(401, "auth.invalid_refresh");
    ada.member.get("/v1/me").await.expect(200);
    world.anonymous().delete("/v1/sessions/current").await.refused(401, "auth.required");
    world.end().await;
}

#[tokio::test]
async fn a_lost_phone_can_be_signed_out_from_elsewhere_but_not_by_strangers() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let bob = sign_up(&world, "bob").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let path = format!("/v1/sessions/{}", phone.session().await);
    bob.member.delete(&path).await.refused(404, "accounts.session_not_found");
    world.anonymous().delete(&path).await.refused(401, "auth.required");
    ada.member.delete("/v1/sessions/nonsense").await.refused(404, "accounts.session_not_found");
    phone.member.get("/v1/me").await.expect(200);
    ada.member.delete(&path).await.expect(204);
    ada.member.delete(&path).await.refused(404, "accounts.session_not_found");
    phone.member.get("/v1/me").await.refused(401, "auth.session_ended");
    refresh(&world, &phone.refresh).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test]
async fn every_process_learns_which_sessions_have_ended_and_refuses_their_tokens() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let tablet = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let verifier = &world.process.verifier;
    let state =
        async |person: &Person| verifier.verify(person.member.token().unwrap()).await.map_err(|problem| problem.code);
    let others_read = async || verifier.read_ended_sessions().await.unwrap();
    others_read().await;
    assert!(state(&phone).await.is_ok() && state(&tablet).await.is_ok());
    ada.member.delete(&format!("/v1/sessions/{}", phone.session().await)).await.expect(204);
    others_read().await;
    assert_eq!(state(&phone).await.unwrap_err(), "auth.session_ended");
    assert!(state(&tablet).await.is_ok() && state(&ada).await.is_ok());
    // A new password ends the others, and the account's end all.
    let change = json!({"current": PASSWORD, "new": "another long password"});
    ada.member.post("/v1/me/password", &change).await.expect(204);
    others_read().await;
    assert!(state(&tablet).await.is_err() && state(&ada).await.is_ok());
    ada.member.send(ada.member.request(http::Method::DELETE, "/v1/me")).await.expect(204);
    others_read().await;
    assert!(state(&ada).await.is_err());
    world.end().await;
}

#[tokio::test]
async fn the_session_unused_for_longest_ends_at_the_limit() {
    let world = builder().set("accounts.sessions_per_account=3").start(&[accounts::service()]).await;
    let first = sign_up(&world, "ada").await;
    let second = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    world.clock().advance(chrono::TimeDelta::minutes(1));
    let first = Person::of(&world, &refresh(&world, &first.refresh).await.expect(200));
    for _ in 0..2 {
        sign_in(&world, "ada", PASSWORD).await.expect(201);
    }
    first.member.get("/v1/me").await.expect(200);
    second.member.get("/v1/me").await.refused(401, "auth.session_ended");
    world.end().await;
}

#[tokio::test]
async fn a_token_of_another_installation_is_refused() {
    let world = world().await;
    sign_up(&world, "ada").await;
    for path in ["/v1/me", "/v1/sessions"] {
        world.ada().get(path).await.refused(401, "auth.invalid_token");
    }
    world.end().await;
}
