//! The page's sessions: a refresh token in a cookie that no script and no other site can use.

use super::*;
use http::Method;
use testkit::TestClient;

const COOKIE: &str = "__Host-tutti-session=";

/// Sends what the page of this origin sends, with this cookie.
async fn page(member: &TestClient, method: Method, path: &str, cookie: &str, body: Option<&Value>) -> TestResponse {
    from(member, method, path, cookie, body, "same-origin").await
}

/// The same from a page elsewhere, as far as a browser would let it.
async fn from(member: &TestClient, method: Method, path: &str, cookie: &str, body: Option<&Value>, site: &str) -> TestResponse {
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

/// The token in the cookie that an answer sets, and nowhere else in it.
#[track_caller]
fn token(answer: &TestResponse) -> String {
    let set = answer.header("set-cookie");
    let (token, attributes) = set.strip_prefix(COOKIE).and_then(|rest| rest.split_once("; ")).unwrap_or_else(|| panic!("no cookie: {answer}"));
    assert_eq!(attributes, "Path=/; Max-Age=5184000; Secure; HttpOnly; SameSite=Strict");
    assert_eq!(answer.header("cache-control"), "no-store", "{answer}");
    assert_eq!(token.len(), 64);
    assert!(answer.json().get("refresh_token").is_none() && !String::from_utf8_lossy(&answer.body).contains(token), "{answer}");
    token.to_owned()
}

/// The answer takes the cookie away.
#[track_caller]
fn cleared(answer: &TestResponse) {
    assert_eq!(answer.header("set-cookie"), format!("{COOKIE}; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict"), "{answer}");
}

/// Signs up by the page; the member with an access token, and the cookie.
async fn join_by_page(world: &World, name: &str) -> (TestClient, String) {
    let answer = page(&world.anonymous(), Method::POST, "/v1/accounts", "", Some(&wish(name))).await.expect(201);
    (world.anonymous().with_token(answer.json()["access_token"].as_str().unwrap()), token(&answer))
}

async fn renew(world: &World, cookie: &str) -> TestResponse {
    page(&world.anonymous(), Method::POST, "/v1/sessions/refresh", cookie, None).await
}

#[tokio::test]
async fn the_page_gets_its_refresh_token_in_a_cookie_alone() {
    let world = world().await;
    let (ada, cookie) = join_by_page(&world, "ada").await;
    ada.get("/v1/me").await.expect(200);
    let login = json!({"login": "ada", "password": PASSWORD});
    let other = token(&page(&world.anonymous(), Method::POST, "/v1/sessions", &cookie, Some(&login)).await.expect(201));
    let mut newest = cookie.clone();
    for _ in 0..3 {
        let next = token(&renew(&world, &newest).await.expect(200));
        assert_ne!(next, newest);
        newest = next;
    }
    renew(&world, &other).await.expect(200);
    // A used one is as good as stolen, in a cookie too.
    world.clock().advance(chrono::TimeDelta::seconds(31));
    renew(&world, &cookie).await.refused(401, "auth.refresh_reused");
    renew(&world, &newest).await.refused(401, "auth.invalid_refresh");
    renew(&world, "nonsense").await.refused(401, "auth.invalid_refresh");
    renew(&world, "").await.refused(401, "auth.no_session");
    world.end().await;
}

#[tokio::test]
async fn programs_get_no_cookie_and_need_none() {
    let world = world().await;
    let ada = join(&world, "ada").await;
    for answer in [sign_in(&world, "ada", PASSWORD).await.expect(201), refresh(&world, &ada.refresh).await.expect(200)] {
        assert!(answer.headers.get("set-cookie").is_none() && answer.json()["refresh_token"].is_string(), "{answer}");
    }
    assert!(ada.member.delete("/v1/sessions/current").await.expect(204).headers.get("set-cookie").is_none());
    world.end().await;
}

#[tokio::test]
async fn a_cookie_opens_nothing_but_its_own_exchange_and_end() {
    let world = world().await;
    let (_, cookie) = join_by_page(&world, "ada").await;
    let nobody = world.anonymous();
    for (method, path) in [
        (Method::GET, "/v1/me"),
        (Method::PATCH, "/v1/me"),
        (Method::DELETE, "/v1/me"),
        (Method::POST, "/v1/me/password"),
        (Method::GET, "/v1/sessions"),
        (Method::DELETE, "/v1/sessions"),
        (Method::DELETE, "/v1/sessions/0193f0f0-0000-7000-8000-000000000000"),
    ] {
        page(&nobody, method, path, &cookie, Some(&json!({}))).await.refused(401, "auth.required");
    }
    renew(&world, &cookie).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn a_page_of_another_site_can_do_nothing_with_the_cookie() {
    let world = world().await;
    let (ada, cookie) = join_by_page(&world, "ada").await;
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
            let answer = from(&ada, method.clone(), path, &cookie, *body, site).await.refused(403, "auth.cross_site");
            assert!(answer.headers.get("set-cookie").is_none(), "{answer}");
        }
    }
    // Neither header can be sent by a form. Without the first the cookie does not exist; without the others it is not believed.
    let nobody = world.anonymous();
    let form = nobody.request(Method::POST, "/v1/sessions/refresh").header("cookie", format!("{COOKIE}{cookie}")).header("content-type", "text/plain").body("{}");
    nobody.send(form).await.refused(415, "request.not_json");
    let silent = nobody.request(Method::POST, "/v1/sessions/refresh").header("cookie", format!("{COOKIE}{cookie}")).header("tutti-session", "cookie");
    nobody.send(silent).await.refused(403, "auth.cross_site");
    let odd = nobody.request(Method::POST, "/v1/sessions/refresh").header("tutti-session", "please").header("sec-fetch-site", "same-origin");
    nobody.send(odd).await.refused(400, "auth.unknown_session_form");
    let ended = nobody.request(Method::DELETE, "/v1/sessions/current").header("cookie", format!("{COOKIE}{cookie}"));
    nobody.send(ended).await.refused(401, "auth.required");
    ada.get("/v1/me").await.expect(200);
    renew(&world, &cookie).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn signing_out_needs_no_access_token_and_leaves_no_cookie() {
    let world = world().await;
    let (ada, cookie) = join_by_page(&world, "ada").await;
    let newest = token(&renew(&world, &cookie).await.expect(200));
    // The session ends by an older token of its own as well: it can only have been this browser's.
    cleared(&page(&world.anonymous(), Method::DELETE, "/v1/sessions/current", &cookie, None).await.expect(204));
    ada.get("/v1/me").await.refused(401, "auth.session_ended");
    renew(&world, &newest).await.refused(401, "auth.invalid_refresh");
    // Again, with nothing left to end.
    cleared(&page(&ada, Method::DELETE, "/v1/sessions/current", "", None).await.expect(204));
    cleared(&page(&ada, Method::DELETE, "/v1/sessions/current", "nonsense", None).await.expect(204));
    // Where the browser did not keep the cookie, the access token names the session.
    let bob = join(&world, "bob").await;
    cleared(&page(&bob.member, Method::DELETE, "/v1/sessions/current", "", None).await.expect(204));
    bob.member.get("/v1/me").await.refused(401, "auth.session_ended");
    world.end().await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_one_member() {
    let world = world().await;
    let (ada, cookie) = join_by_page(&world, "ada").await;
    let phone = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    let bob = join(&world, "bob").await;
    world.anonymous().delete("/v1/sessions").await.refused(401, "auth.required");
    cleared(&page(&ada, Method::DELETE, "/v1/sessions", &cookie, None).await.expect(204));
    for member in [&ada, &phone.member] {
        member.get("/v1/me").await.refused(401, "auth.session_ended");
    }
    renew(&world, &cookie).await.refused(401, "auth.invalid_refresh");
    refresh(&world, &phone.refresh).await.refused(401, "auth.invalid_refresh");
    bob.member.get("/v1/me").await.expect(200);
    ada.delete("/v1/sessions").await.refused(401, "auth.session_ended");
    world.end().await;
}

#[tokio::test]
async fn an_erased_account_leaves_no_cookie() {
    let world = world().await;
    let (ada, cookie) = join_by_page(&world, "ada").await;
    cleared(&page(&ada, Method::DELETE, "/v1/me", &cookie, Some(&json!({"password": PASSWORD}))).await.expect(204));
    renew(&world, &cookie).await.refused(401, "auth.invalid_refresh");
    world.end().await;
}

#[tokio::test]
async fn a_token_of_before_is_exchanged_for_a_cookie_once() {
    let world = world().await;
    let ada = join(&world, "ada").await;
    let old = json!({"refresh_token": ada.refresh});
    let cookie = token(&page(&world.anonymous(), Method::POST, "/v1/sessions/refresh", "", Some(&old)).await.expect(200));
    from(&world.anonymous(), Method::POST, "/v1/sessions/refresh", "", Some(&old), "cross-site").await.refused(403, "auth.cross_site");
    renew(&world, &cookie).await.expect(200);
    world.clock().advance(chrono::TimeDelta::seconds(31));
    page(&world.anonymous(), Method::POST, "/v1/sessions/refresh", "", Some(&old)).await.refused(401, "auth.refresh_reused");
    world.end().await;
}

#[tokio::test]
async fn tabs_that_renew_at_once_get_one_cookie() {
    let world = world().await;
    let (_, cookie) = join_by_page(&world, "ada").await;
    let tabs: Vec<_> = (0..8)
        .map(|_| {
            let (nobody, cookie) = (world.anonymous(), cookie.clone());
            tokio::spawn(async move { token(&page(&nobody, Method::POST, "/v1/sessions/refresh", &cookie, None).await.expect(200)) })
        })
        .collect();
    let mut tokens = Vec::new();
    for tab in tabs {
        tokens.push(tab.await.unwrap());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    renew(&world, &tokens[0]).await.expect(200);
    world.end().await;
}
