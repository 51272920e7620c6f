//! Proof of work for sign-ups under pressure, limits by network, and addresses that are thrown away.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use super::*;

/// Returns the solution of a challenge, as ALTCHA's widget sends it.
fn solve(challenge: &Value) -> String {
    let (salt, wanted) = (challenge["salt"].as_str().unwrap(), challenge["challenge"].as_str().unwrap());
    let most = challenge["maxnumber"].as_u64().unwrap();
    let number = (0..=most).find(|number| hex::encode(Sha256::digest(format!("{salt}{number}"))) == wanted).unwrap();
    encode(&json!({
        "algorithm": challenge["algorithm"],
        "challenge": wanted,
        "number": number,
        "salt": salt,
        "signature": challenge["signature"],
        "took": 7,
    }))
}

fn encode(solution: &Value) -> String {
    STANDARD.encode(solution.to_string())
}

fn body_with(name: &str, altcha: &str) -> Value {
    let mut body = sign_up_body(name);
    body["altcha"] = altcha.into();
    body
}

/// Sends a sign-up that must be refused for want of work, and returns the problem.
async fn refused(world: &World, body: &Value) -> Value {
    world.anonymous().post("/v1/accounts", body).await.refused(403, "accounts.work_required").json()
}

#[tokio::test]
async fn under_pressure_each_sign_up_needs_a_solution_of_its_own() {
    let world = builder().set("accounts.sign_ups_per_minute=2").set("accounts.work_numbers=200");
    let world = world.start(&[accounts::service()]).await;
    sign_up(&world, "ada").await;
    sign_up(&world, "bob").await;
    let problem = refused(&world, &sign_up_body("eve")).await;
    assert_eq!(problem["challenge"]["maxnumber"], 200, "{problem:#}");
    let solution = solve(&problem["challenge"]);
    // What was changed is no solution.
    let solved: Value = serde_json::from_slice(&STANDARD.decode(&solution).unwrap()).unwrap();
    for (field, value) in [("signature", json!("0".repeat(32))), ("number", json!(1_000_000)), ("salt", json!("x&"))] {
        let mut altered = solved.clone();
        altered[field] = value;
        let problem = refused(&world, &body_with("eve", &encode(&altered))).await;
        assert!(problem["detail"].as_str().unwrap().contains("no solution"), "{field}: {problem:#}");
    }
    refused(&world, &body_with("eve", "not base64")).await;
    let eve = body_with("eve", &solution);
    post_with_key(&world.anonymous(), "/v1/accounts", "key-1", &eve).await.expect(201);
    let problem = refused(&world, &body_with("dan", &solution)).await;
    assert!(problem["detail"].as_str().unwrap().contains("used before"), "{problem:#}");
    // A request that is repeated because its response was lost needs no other solution.
    post_with_key(&world.anonymous(), "/v1/accounts", "key-1", &eve).await.expect(201);
    let asked = world.anonymous().get("/v1/sign-ups/challenge").await.expect(200);
    assert_eq!(asked.header("cache-control"), "no-store");
    world.anonymous().post("/v1/accounts", &body_with("dan", &solve(&asked.json()))).await.expect(201);
    // Twice as many sign-ups are twice as hard.
    let harder = world.anonymous().get("/v1/sign-ups/challenge").await.expect(200).json();
    assert_eq!(harder["maxnumber"], 400);
    world.clock().advance(TimeDelta::minutes(2));
    sign_up(&world, "fay").await;
    world.end().await;
}

#[tokio::test]
async fn a_network_of_many_sign_ups_needs_harder_work_and_then_waits() {
    let world = builder().set("accounts.sign_ups_per_network=4").set("accounts.work_numbers=50");
    let world = world.start(&[accounts::service()]).await;
    let from = async |address: &str, body: &Value| {
        let anonymous = world.anonymous();
        let request = anonymous.request(http::Method::POST, "/v1/accounts").header("x-tutti-client", address);
        anonymous.send(request.json(body)).await
    };
    from("203.0.113.1", &sign_up_body("ada")).await.expect(201);
    // What is refused for its handle costs no work, and the others of its network nothing.
    for _ in 0..8 {
        from("203.0.113.9", &sign_up_body("ada")).await.refused(409, "accounts.handle_taken");
    }
    from("203.0.113.2", &sign_up_body("bob")).await.expect(201);
    let work = async |name: &str, address: &str| {
        let refused = from(address, &sign_up_body(name)).await.refused(403, "accounts.work_required");
        refused.json()["challenge"].clone()
    };
    let challenge = work("eve", "203.0.113.3").await;
    assert_eq!(challenge["maxnumber"], 200, "three times as near to the limit");
    let late = solve(&challenge);
    world.clock().advance(TimeDelta::minutes(6));
    let problem = from("203.0.113.3", &body_with("eve", &late)).await.refused(403, "accounts.work_required").json();
    assert!(problem["detail"].as_str().unwrap().contains("expired"), "{problem:#}");
    from("203.0.113.3", &body_with("eve", &solve(&problem["challenge"]))).await.expect(201);
    let challenge = work("dan", "203.0.113.4").await;
    assert_eq!(challenge["maxnumber"], 800);
    from("203.0.113.4", &body_with("dan", &solve(&challenge))).await.expect(201);
    from("203.0.113.5", &sign_up_body("fay")).await.refused(429, "accounts.too_many_sign_ups");
    // Another network is as it was.
    from("198.51.100.1", &sign_up_body("fay")).await.expect(201);
    world.end().await;
}

#[tokio::test]
async fn addresses_that_are_thrown_away_are_refused() {
    let list = std::env::temp_dir().join(format!("tutti-disposable-{}.txt", std::process::id()));
    std::fs::write(&list, "# ours\nthrown.example\n").unwrap();
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let with = |name: &str, email: &str| json!({"handle": name, "email": email, "password": PASSWORD});
    let anonymous = world.anonymous();
    anonymous
        .post("/v1/accounts", &with("eve", "eve@x.Mailinator.com"))
        .await
        .refused(422, "accounts.disposable_email");
    let change = json!({"email": "ada@yopmail.com", "password": PASSWORD});
    ada.member.post("/v1/me/email", &change).await.refused(422, "accounts.disposable_email");
    world.end().await;
    let world = builder().set(&format!("accounts.disposable_domains_file={}", list.display()));
    let world = world.start(&[accounts::service()]).await;
    std::fs::remove_file(&list).unwrap();
    let anonymous = world.anonymous();
    anonymous.post("/v1/accounts", &with("eve", "eve@thrown.example")).await.refused(422, "accounts.disposable_email");
    anonymous.post("/v1/accounts", &with("eve", "eve@mailinator.com")).await.expect(201);
    world.end().await;
}
