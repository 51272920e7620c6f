//! Locale, time zone and country of a member.

use super::*;

/// Signs up with more fields and headers than are needed, and returns the region.
async fn region_of(world: &World, name: &str, fields: &Value, languages: Option<&str>) -> Value {
    let (mut body, anonymous) = (sign_up_body(name), world.anonymous());
    for (field, value) in fields.as_object().unwrap() {
        body[field] = value.clone();
    }
    let request = anonymous.request(http::Method::POST, "/v1/accounts").json(&body);
    let request = match languages {
        Some(languages) => request.header("accept-language", languages),
        None => request,
    };
    let account = Person::of(world, &anonymous.send(request).await.expect(201)).account;
    json!([account["locale"], account["time_zone"], account["country"]])
}

#[tokio::test]
async fn the_region_of_a_new_member_is_guessed_from_the_browser() {
    let world = world().await;
    let browser = json!({"locale": "pt-br", "time_zone": "America/Sao_Paulo"});
    let found = region_of(&world, "ada", &browser, Some("de-AT")).await;
    assert_eq!(found, json!(["pt-BR", "America/Sao_Paulo", "BR"]));
    let found = region_of(&world, "bob", &json!({}), Some("xx, fr;q=0.5, de-AT;q=0.9")).await;
    assert_eq!(found, json!(["de-AT", "UTC", "AT"]));
    // What is unknown refuses no sign-up.
    let unknown = json!({"locale": "xx-invalid-subtag", "time_zone": "Mars/Phobos"});
    assert_eq!(region_of(&world, "cleo", &unknown, Some("*")).await, json!(["en", "UTC", null]));
    assert_eq!(region_of(&world, "dora", &json!({"locale": null}), None).await, json!(["en", "UTC", null]));
    world.end().await;
}

#[tokio::test]
async fn a_region_is_changed_and_seen_by_its_owner_only() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let body = json!({"locale": "ZH-hant-tw", "time_zone": "asia/taipei", "country": "tw"});
    let edited = ada.member.patch("/v1/me", &body).await.expect(200).json();
    assert_eq!(
        json!([edited["locale"], edited["time_zone"], edited["country"]]),
        json!(["zh-Hant-TW", "Asia/Taipei", "TW"])
    );
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json(), edited);
    let public = ada.member.get("/v1/accounts/ada").await.expect(200).json();
    for own in ["locale", "time_zone", "country"] {
        assert!(public.get(own).is_none(), "{own}");
    }
    let nothing = json!({"locale": null, "time_zone": null, "country": null});
    assert_eq!(ada.member.patch("/v1/me", &nothing).await.expect(200).json(), ada.account);
    world.end().await;
}

#[tokio::test]
async fn an_unknown_region_is_refused() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for body in [
        json!({"locale": "xx-invalid-subtag"}),
        json!({"locale": "en_US"}),
        json!({"locale": ""}),
        json!({"locale": "e".repeat(10_000)}),
        json!({"time_zone": "Mars/Phobos"}),
        json!({"time_zone": "+02:00"}),
        json!({"time_zone": "../../etc/passwd"}),
        json!({"country": "XX"}),
        json!({"country": "Germany"}),
        // One bad field refuses all.
        json!({"bio": "changed", "country": "UK"}),
    ] {
        ada.member.patch("/v1/me", &body).await.refused(422, "accounts.invalid_profile");
    }
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json(), ada.account);
    world.end().await;
}
