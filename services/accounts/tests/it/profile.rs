//! The member's own account: profile, password, erasure.

use super::*;
use chrono::TimeDelta;

#[tokio::test]
async fn a_profile_is_edited_field_by_field() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let edited = ada
        .member
        .patch("/v1/me", &json!({"display_name": " Ada Lovelace ", "bio": "Numbers.\r\nMusic."}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (edited["display_name"].as_str(), edited["bio"].as_str()),
        (Some("Ada Lovelace"), Some("Numbers.\nMusic."))
    );
    let folded =
        ada.member.patch("/v1/me", &json!({"display_name": "Zoe\u{308}\u{3000}\u{2003}李"})).await.expect(200).json();
    assert_eq!(folded["display_name"], "Zo\u{eb} 李", "normalized, with one space");
    ada.member.patch("/v1/me", &json!({"display_name": "Ada Lovelace"})).await.expect(200);
    let edited = ada.member.patch("/v1/me", &json!({"bio": null})).await.expect(200).json();
    assert_eq!((edited["display_name"].as_str(), edited["bio"].as_str()), (Some("Ada Lovelace"), Some("")));
    let edited = ada
        .member
        .patch("/v1/me", &json!({"display_name": null, "avatar": "5kT0vYq8Zb3mXw1RcHs9Ga"}))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (edited["display_name"].as_str(), edited["avatar"].as_str()),
        (Some("ada"), Some("5kT0vYq8Zb3mXw1RcHs9Ga"))
    );
    assert_eq!(ada.member.patch("/v1/me", &json!({})).await.expect(200).json(), edited);
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json(), edited);
    assert_eq!(ada.member.patch("/v1/me", &json!({"avatar": null})).await.expect(200).json()["avatar"], Value::Null);
    world.end().await;
}

#[tokio::test]
async fn invalid_profiles_are_refused() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for body in [
        json!({"display_name": ""}),
        json!({"display_name": "x".repeat(61)}),
        json!({"display_name": "a\nb"}),
        json!({"display_name": "\u{202e}abc"}),
        json!({"display_name": "\u{200b}\u{2060}\u{feff}"}),
        json!({"display_name": "\u{3164}"}),
        json!({"display_name": "\u{2800}\u{2800}"}),
        json!({"display_name": "\u{a0}\u{3000}"}),
        json!({"display_name": "\u{301}\u{302}"}),
        json!({"display_name": format!("Z{}", "\u{310}\u{311}".repeat(20))}),
        json!({"display_name": "Ada\u{e0041}"}),
        json!({"bio": "\u{2066}abc"}),
        json!({"bio": "\u{200b}"}),
        json!({"bio": "x".repeat(501)}),
        json!({"bio": "bell\u{7}"}),
    ] {
        ada.member.patch("/v1/me", &body).await.refused(422, "accounts.invalid_profile");
    }
    ada.member.patch("/v1/me", &json!({"avatar": "../../etc/passwd"})).await.refused(422, "accounts.invalid_avatar");
    for body in [
        json!({"place": ""}),
        json!({"place": "x".repeat(81)}),
        json!({"place": "\u{2067}abc"}),
        json!({"links": ["javascript:alert(1)"]}),
        json!({"links": ["data:text/html,<b>"]}),
        json!({"links": ["https://ada:secret@example.org/"]}),
        json!({"links": ["https://example.org/", "not a link"]}),
        json!({"links": [format!("https://example.org/{}", "x".repeat(300))]}),
        json!({"links": (0..6).map(|at| format!("https://example.org/{at}")).collect::<Vec<_>>()}),
    ] {
        ada.member.patch("/v1/me", &body).await.refused(422, "accounts.invalid_profile");
    }
    for body in [
        json!({"roles": ["operator"]}),
        json!({"handle": "eve"}),
        json!({"bio": 7}),
        json!({"kind": "king"}),
        json!({"links": "https://example.org/"}),
        json!({"is_private": "yes"}),
        json!("x"),
    ] {
        ada.member.patch("/v1/me", &body).await.refused(422, "request.invalid");
    }
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json(), ada.account);
    world.anonymous().get("/v1/me").await.refused(401, "auth.required");
    world.anonymous().patch("/v1/me", &json!({"bio": "x"})).await.refused(401, "auth.required");
    world.end().await;
}

#[tokio::test]
async fn a_public_profile_has_no_email() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let bob = sign_up(&world, "bob").await;
    let mut expected = ada.account.clone();
    for own in ["email", "email_confirmed", "locale", "time_zone"] {
        assert!(expected.as_object_mut().unwrap().remove(own).is_some(), "{own}");
    }
    for reader in [world.anonymous(), bob.member, ada.member] {
        assert_eq!(reader.get("/v1/accounts/ada").await.expect(200).json(), expected);
        assert_eq!(reader.get("/v1/accounts/ADA").await.expect(200).json(), expected);
        let by_id = format!("/v1/accounts/{}", expected["id"].as_str().unwrap());
        assert_eq!(reader.get(&by_id).await.expect(200).json(), expected);
        let unknown = format!("/v1/accounts/{}", uuid::Uuid::nil());
        reader.get(&unknown).await.refused(404, "accounts.not_found");
        reader.get("/v1/accounts/nobody-at-all").await.refused(404, "accounts.not_found");
        reader.get("/v1/accounts/ada@example.org").await.refused(404, "accounts.not_found");
        reader.get("/v1/accounts/..%2fme").await.refused(404, "accounts.not_found");
    }
    world.end().await;
}

#[tokio::test]
async fn a_profile_says_what_a_member_is_here_for_and_where_to_find_them() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let account = &ada.account;
    assert_eq!((account["kind"].as_str(), &account["place"]), (Some("member"), &Value::Null));
    assert_eq!((&account["links"], &account["is_private"]), (&json!([]), &json!(false)));
    let links = json!(["HTTPS://Example.org", "http://p\u{430}ypal.example/Ada", "https://example.org/"]);
    let body = json!({"kind": "artist", "place": " S\u{e3}o  Paulo ", "links": links});
    let edited = ada.member.patch("/v1/me", &body).await.expect(200).json();
    assert_eq!((edited["kind"].as_str(), edited["place"].as_str()), (Some("artist"), Some("S\u{e3}o Paulo")));
    // A domain that imitates another one is shown as what it is, and a link is kept once.
    assert_eq!(edited["links"], json!(["https://example.org/", "http://xn--pypal-4ve.example/Ada"]));
    let public = world.anonymous().get("/v1/accounts/ada").await.expect(200).json();
    for field in ["kind", "place", "links", "is_private"] {
        assert_eq!(public[field], edited[field], "{field}");
    }
    let nothing = json!({"kind": null, "place": null, "links": null, "is_private": null});
    assert_eq!(ada.member.patch("/v1/me", &nothing).await.expect(200).json(), ada.account);
    world.end().await;
}

#[tokio::test]
async fn a_private_profile_shows_others_a_name_and_no_more() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let bob = sign_up(&world, "bob").await;
    let body = json!({
        "bio": "Numbers.",
        "place": "London",
        "links": ["https://example.org/"],
        "kind": "artist",
        "is_private": true,
    });
    let own = ada.member.patch("/v1/me", &body).await.expect(200).json();
    assert_eq!((own["bio"].as_str(), own["place"].as_str()), (Some("Numbers."), Some("London")));
    for reader in [&world.anonymous(), &bob.member, &ada.member] {
        let seen = reader.get("/v1/accounts/ada").await.expect(200).json();
        assert_eq!((seen["bio"].as_str(), &seen["place"], &seen["links"]), (Some(""), &Value::Null, &json!([])));
        assert_eq!((seen["kind"].as_str(), &seen["is_private"]), (Some("artist"), &json!(true)));
        assert_eq!(seen["display_name"], "ada");
    }
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json(), own);
    ada.member.patch("/v1/me", &json!({"is_private": false})).await.expect(200);
    assert_eq!(world.anonymous().get("/v1/accounts/ada").await.expect(200).json()["bio"], "Numbers.");
    world.end().await;
}

#[tokio::test]
async fn a_new_password_ends_every_other_session() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    ada.member.post("/v1/me/password", &json!({"current": PASSWORD, "new": "another fine password"})).await.expect(204);
    phone.member.get("/v1/me").await.refused(401, "auth.session_ended");
    refresh(&world, &phone.refresh).await.refused(401, "auth.invalid_refresh");
    ada.member.get("/v1/me").await.expect(200);
    refresh(&world, &ada.refresh).await.expect(200);
    sign_in(&world, "ada", PASSWORD).await.refused(401, "auth.wrong_login");
    sign_in(&world, "ada", "another fine password").await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn a_password_change_needs_the_current_password_and_a_strong_new_one() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let change = |current: &str, new: &str| json!({"current": current, "new": new});
    ada.member
        .post("/v1/me/password", &change("a wrong password", "another fine password"))
        .await
        .refused(403, "auth.wrong_password");
    for weak in ["short", "ada@example.org", "qwertyuiop"] {
        ada.member.post("/v1/me/password", &change(PASSWORD, weak)).await.refused(422, "accounts.weak_password");
    }
    ada.member.post("/v1/me/password", &json!({"current": PASSWORD})).await.refused(422, "request.invalid");
    world
        .anonymous()
        .post("/v1/me/password", &change(PASSWORD, "another fine password"))
        .await
        .refused(401, "auth.required");
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    world.end().await;
}

/// Erases the account with a body.
async fn erase(person: &Person, body: &Value) -> TestResponse {
    person.member.send(person.member.request(http::Method::DELETE, "/v1/me").json(body)).await
}

#[tokio::test]
async fn erasing_needs_the_password_or_a_recent_sign_in() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    world.clock().advance(TimeDelta::minutes(11));
    ada.member.delete("/v1/me").await.refused(403, "auth.proof_required");
    erase(&ada, &json!({"password": "a wrong password"})).await.refused(403, "auth.wrong_password");
    erase(&ada, &json!({})).await.refused(422, "request.invalid");
    erase(&ada, &json!({"password": "x".repeat(70_000)})).await.refused(413, "request.too_large");
    world.anonymous().delete("/v1/me").await.refused(401, "auth.required");
    ada.member.get("/v1/me").await.expect(200);
    erase(&ada, &json!({"password": PASSWORD})).await.expect(204);

    let bob = sign_up(&world, "bob").await;
    world.clock().advance(TimeDelta::minutes(9));
    // A refresh does not make a session younger.
    let bob = Person::of(&world, &refresh(&world, &bob.refresh).await.expect(200));
    bob.member.delete("/v1/me").await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn nothing_is_left_of_an_erased_account() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    assert!(!world.mails_to("ada@example.org").await.is_empty());
    erase(&ada, &json!({"password": PASSWORD})).await.expect(204);
    world
        .wait_for("the mails to the account are forgotten, also as files", async || {
            world.mails_to("ada@example.org").await.is_empty().then_some(())
        })
        .await;
    for person in [&ada, &phone] {
        person.member.get("/v1/me").await.refused(401, "auth.session_ended");
        person.member.delete("/v1/me").await.refused(401, "auth.session_ended");
        refresh(&world, &person.refresh).await.refused(401, "auth.invalid_refresh");
    }
    world.anonymous().get("/v1/accounts/ada").await.refused(404, "accounts.not_found");
    sign_in(&world, "ada", PASSWORD).await.refused(401, "auth.wrong_login");
    sign_in(&world, "ada@example.org", PASSWORD).await.refused(401, "auth.wrong_login");
    // The handle and the e-mail address are free for another account.
    let other = sign_up(&world, "ada").await;
    assert_ne!(other.account["id"], ada.account["id"]);
    ada.member.get("/v1/me").await.refused(401, "auth.session_ended");
    world.end().await;
}
