//! The page's sessions: the refresh token is in a cookie that no script and no other site can use.

use super::*;
use http::Method;
use testkit::TestClient;

const COOKIE: &str = "__Host-tutti-session=";

/// Sends a request as the page of this origin does, with this cookie.
async fn from_page(
    member: &TestClient,
    method: Method,
    path: &str,
    cookie: &str,
    body: Option<&Value>,
) -> TestResponse {
    from_site(member, method, path, cookie, body, "same-origin").await
}

/// Sends a request as a page of another site does, as far as a browser allows it.
async fn from_site(
    member: &TestClient,
    method: Method,
    path: &str,
    cookie: &str,
    body: Option<&Value>,
    site: &str,
) -> TestResponse {
    let mut request = member.request(method, path).header("tutti-session", "cookie").header("sec-fetch-site", site);
    if !cookie.is_empty() {
        request = request.header("cookie", format!("theme=dark; {COOKIE}{cookie}"));
    }
    member
        .send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
}

/// Returns the token in the cookie that a response sets. Fails if the token is anywhere else in the response.
#[track_caller]
fn cookie_token(response: &TestResponse) -> String {
    let set_cookie = response.header("set-cookie");
    let (token, attributes) = set_cookie
        .strip_prefix(COOKIE)
        .and_then(|rest| rest.split_once("; "))
        .unwrap_or_else(|| panic!("no cookie: {response}"));
    assert_eq!(attributes, "Path=/; Max-Age=5184000; Secure; HttpOnly; SameSite=Strict");
    assert_eq!(response.header("cache-control"), "no-store", "{response}");
    assert_eq!(token.len(), 64);
    assert!(
        response.json().get("refresh_token").is_none() && !String::from_utf8_lossy(&response.body).contains(token),
        "{response}"
    );
    token.to_owned()
}

/// Checks that the response clears the cookie.
#[track_caller]
fn assert_cookie_cleared(response: &TestResponse) {
    assert_eq!(
        response.header("set-cookie"),
        format!("{COOKIE}; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"),
        "{response}"
    );
}

/// Signs up as the page does. Returns the member with an access token, and the cookie.
async fn sign_up_from_page(world: &World, name: &str) -> (TestClient, String) {
    let response =
        from_page(&world.anonymous(), Method::POST, "/v1/accounts", "", Some(&sign_up_body(name))).await.expect(201);
    (world.anonymous().with_token(response.json()["access_token"].as_str().unwrap()), cookie_token(&response))
}

async fn refresh_cookie(world: &World, cookie: &str) -> TestResponse {
    from_page(&world.anonymous(), Method::POST, "/v1/sessions/refresh", cookie, None).await
}

#[tokio::test]
async fn the_page_gets_its_refresh_token_in_a_cookie_alone() {
    let world = world().await;
    let (ada, cookie) = sign_up_from_page(&world, "ada").await;
    ada.get("/v1/me").await.expect(200);
    let login = json!({"login": "ada", "password": PASSWORD});
    let other = cookie_token(
        &from_page(&world.anonymous(), Method::POST, "/v1/sessions", &cookie, Some(&login)).await.expect(201),
    );
    let mut newest = cookie.clone();
    for _ in 0..3 {
        let next = cookie_token(&refresh_cookie(&world, &newest).await.expect(200));
        assert_ne!(next, newest);
        newest = next;
    }
    refresh_cookie(&world, &other).await.expect(200);
    // A used token counts as stolen, also in a cookie.
    world.clock().advance(chrono::TimeDelta::seconds(31));
    refresh_cookie(&world, &cookie).await.refused(401, "auth.refresh_reused");
    refresh_cookie(&world, &newest).await.refused(401, "auth.invalid_refresh");
    refresh_cookie(&world, "nonsense").await.refused(401, "auth.invalid_refresh");
    refresh_cookie(&world, "").await.refused(401, "auth.no_session");
    world.end().await;
}

#[tokio::test]
async fn clients_without_the_cookie_transport_get_no_cookie() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    for response in
        [sign_in(&world, "ada", PASSWORD).await.expect(201), refresh(&world, &ada.refresh).await.expect(200)]
    {
        assert!(
            response.headers.get("set-cookie").is_none() && response.json()["refresh_token"].is_string(),
            "{response}"
        );
    }
    assert!(ada.member.delete("/v1/sessions/current").await.expect(204).headers.get("set-cookie").is_none());
    world.end().await;
}

#[tokio::test]
async fn a_cookie_opens_nothing_but_its_own_exchange_and_end() {
    let world = world().await;
    let (_, cookie) = sign_up_from_page(&world, "ada").await;
    let anonymous = world.anonymous();
    for (method, path) in [
        (Method::GET, "/v1/me"),
        (Method::PATCH, "/v1/me"),
        (Method::DELETE, "/v1/me"),
        (Method::POST, "/v1/me/password"),
        (Method::GET, "/v1/sessions"),
        (Method::DELETE, "/v1/sessions"),
        (Method::DELETE, "/v1/sessions/0193f0f0-0000-7000-8000-000000000000"),
    ] {
        from_page(&anonymous, method, path, &cookie, Some(&json!({}))).await.refused(401, "auth.required");
    }
    refresh_cookie(&world, &cookie).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_page_of_another_site_can_do_nothing_with_the_cookie() {
    let world = world().await;
    let (ada, cookie) = sign_up_from_page(&world, "ada").await;
    let login = json!({"login": "ada", "password": PASSWORD});
    let with_cookies = [
        (Method::POST, "/v1/sessions/refresh", None),
        (Method::DELETE, "/v1/sessions/current", None),
        (Method::POST, "/v1/sessions", Some(&login)),
        (Method::DELETE, "/v1/sessions", None),
        (Method::DELETE, "/v1/me", Some(&login)),
    ];
    for (method, path, body) in &with_cookies {
        for site in ["cross-site", "same-site", "none"] {
            let response =
                from_site(&ada, method.clone(), path, &cookie, *body, site).await.refused(403, "auth.cross_site");
            assert!(response.headers.get("set-cookie").is_none(), "{response}");
        }
    }
    // A form can send neither header. Without the first, the cookie is ignored; without the others, the request is
    // refused.
    let anonymous = world.anonymous();
    let form = anonymous
        .request(Method::POST, "/v1/sessions/refresh")
        .header("cookie", format!("{COOKIE}{cookie}"))
        .header("content-type", "text/plain")
        .body("{}");
    anonymous.send(form).await.refused(415, "request.not_json");
    let silent = anonymous
        .request(Method::POST, "/v1/sessions/refresh")
        .header("cookie", format!("{COOKIE}{cookie}"))
        .header("tutti-session", "cookie");
    anonymous.send(silent).await.refused(403, "auth.cross_site");
    let odd = anonymous
        .request(Method::POST, "/v1/sessions/refresh")
        .header("tutti-session", "please")
        .header("sec-fetch-site", "same-origin");
    anonymous.send(odd).await.refused(400, "auth.unknown_token_transport");
    let ended = anonymous.request(Method::DELETE, "/v1/sessions/current").header("cookie", format!("{COOKIE}{cookie}"));
    anonymous.send(ended).await.refused(401, "auth.required");
    ada.get("/v1/me").await.expect(200);
    refresh_cookie(&world, &cookie).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn signing_out_needs_no_access_token_and_leaves_no_cookie() {
    let world = world().await;
    let (ada, cookie) = sign_up_from_page(&world, "ada").await;
    let newest = cookie_token(&refresh_cookie(&world, &cookie).await.expect(200));
    // An older token of the session ends it as well: only this browser can have had it.
    assert_cookie_cleared(
        &from_page(&world.anonymous(), Method::DELETE, "/v1/sessions/current", &cookie, None).await.expect(204),
    );
    ada.get("/v1/me").await.refused(401, "auth.session_ended");
    refresh_cookie(&world, &newest).await.refused(401, "auth.invalid_refresh");
    // Again, with no session left to end.
    assert_cookie_cleared(&from_page(&ada, Method::DELETE, "/v1/sessions/current", "", None).await.expect(204));
    assert_cookie_cleared(&from_page(&ada, Method::DELETE, "/v1/sessions/current", "nonsense", None).await.expect(204));
    // Without the cookie, the access token identifies the session.
    let bob = sign_up(&world, "bob").await;
    assert_cookie_cleared(&from_page(&bob.member, Method::DELETE, "/v1/sessions/current", "", None).await.expect(204));
    bob.member.get("/v1/me").await.refused(401, "auth.session_ended");
    world.end().await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_one_member() {
    let world = world().await;
    let (ada, cookie) = sign_up_from_page(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let bob = sign_up(&world, "bob").await;
    world.anonymous().delete("/v1/sessions").await.refused(401, "auth.required");
    assert_cookie_cleared(&from_page(&ada, Method::DELETE, "/v1/sessions", &cookie, None).await.expect(204));
    for member in [&ada, &phone.member] {
        member.get("/v1/me").await.refused(401, "auth.session_ended");
    }
    refresh_cookie(&world, &cookie).await.refused(401, "auth.invalid_refresh");
    refresh(&world, &phone.refresh).await.refused(401, "auth.invalid_refresh");
    bob.member.get("/v1/me").await.expect(200);
    ada.delete("/v1/sessions").await.refused(401, "auth.session_ended");
    world.end().await;
}

#[tokio::test]
async fn an_erased_account_leaves_no_cookie() {
    let world = world().await;
    let (ada, cookie) = sign_up_from_page(&world, "ada").await;
    assert_cookie_cleared(
        &from_page(&ada, Method::DELETE, "/v1/me", &cookie, Some(&json!({"password": PASSWORD}))).await.expect(204),
    );
    refresh_cookie(&world, &cookie).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test]
async fn a_token_from_a_body_is_exchanged_for_a_cookie_once() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let old = json!({"refresh_token": ada.refresh});
    let cookie = cookie_token(
        &from_page(&world.anonymous(), Method::POST, "/v1/sessions/refresh", "", Some(&old)).await.expect(200),
    );
    from_site(&world.anonymous(), Method::POST, "/v1/sessions/refresh", "", Some(&old), "cross-site")
        .await
        .refused(403, "auth.cross_site");
    refresh_cookie(&world, &cookie).await.expect(200);
    world.clock().advance(chrono::TimeDelta::seconds(31));
    from_page(&world.anonymous(), Method::POST, "/v1/sessions/refresh", "", Some(&old))
        .await
        .refused(401, "auth.refresh_reused");
    world.end().await;
}

#[tokio::test]
async fn concurrent_refreshes_of_tabs_get_one_cookie() {
    let world = world().await;
    let (_, cookie) = sign_up_from_page(&world, "ada").await;
    let tabs: Vec<_> = (0..8)
        .map(|_| {
            let (anonymous, cookie) = (world.anonymous(), cookie.clone());
            tokio::spawn(async move {
                cookie_token(
                    &from_page(&anonymous, Method::POST, "/v1/sessions/refresh", &cookie, None).await.expect(200),
                )
            })
        })
        .collect();
    let mut tokens = Vec::new();
    for tab in tabs {
        tokens.push(tab.await.unwrap());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    refresh_cookie(&world, &tokens[0]).await.expect(200);
    world.end().await;
}
