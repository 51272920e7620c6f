//! Who manages webhooks, and what is refused.

use super::*;
use http::Method;
use http_server::operators::Act;
use uuid::Uuid;

#[tokio::test]
async fn only_the_role_operator_manages_webhooks() {
    let world = local().start(&[webhooks::service()]).await;
    let part = serde_json::to_value((webhooks::service().openapi)()).unwrap();
    let mut walked = 0;
    for (path, item) in part["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert_eq!(operation["x-admin-role"], "operator", "{method} {path}");
            let method: Method = method.to_uppercase().parse().unwrap();
            let nil = Uuid::nil().to_string();
            let path = path.replace("{id}", &nil).replace("{delivery}", &nil);
            let send = async |client: &TestClient| client.send(client.request(method.clone(), &path)).await;
            for role in ["member", "viewer", "developer", "moderator"] {
                send(&world.operator("eve", &[role])).await.refused(403, "auth.role_required");
            }
            send(&world.anonymous()).await.refused(401, "auth.required");
            send(&world.member_with("grace", &["operator"])).await.refused(403, "auth.operators_session_required");
            let status = send(&operator(&world)).await.status.as_u16();
            assert!(![401, 403].contains(&status), "{method} {path}: {status}");
            walked += 1;
        }
    }
    assert_eq!(walked, 10);
    world.end().await;
}

#[tokio::test]
async fn bad_input_changes_nothing() {
    let world = World::builder().set("webhooks.max_webhooks=1").start(&[webhooks::service()]).await;
    let operator = operator(&world);
    let own = world.context("webhooks").mail.site_url("/v1/media").replace("http://", "https://");
    let new = |url: &str| json!({ "url": url, "events": ["media.ready"] });
    for url in [
        "hooks.example.org",
        "http://hooks.example.org/",
        "https://user:password@hooks.example.org/",
        "https://169.254.169.254/latest/meta-data",
        "https://127.0.0.1:8080/",
        "https://[::1]/",
        "https://[::ffff:a9fe:a9fe]/",
        own.as_str(),
    ] {
        operator.post(WEBHOOKS, &new(url)).await.refused(422, "webhooks.invalid_url");
    }
    let url = "https://hooks.example.org/";
    for body in [
        json!({ "url": url, "events": [] }),
        json!({ "url": url, "events": ["media.*"] }),
        json!({ "url": url, "events": ["webhook.test"] }),
        json!({ "url": url, "events": ["media.ready"], "description": "x".repeat(201) }),
    ] {
        operator.post(WEBHOOKS, &body).await.refused(422, "webhooks.invalid");
    }
    operator.post(WEBHOOKS, &json!({ "url": url })).await.refused(422, "request.invalid");
    operator.post(WEBHOOKS, &json!({ "url": url, "events": [], "secret": "x" })).await.refused(422, "request.invalid");
    operator.get(&format!("{WEBHOOKS}?after=x")).await.refused(400, "request.invalid");
    assert_eq!(operator.get(WEBHOOKS).await.expect(200).json()["items"], json!([]));

    let created = operator.post(WEBHOOKS, &new(url)).await.expect(201);
    operator.post(WEBHOOKS, &new(url)).await.refused(409, "webhooks.too_many");
    let webhook = created.header("location");
    operator.patch(webhook, &json!({ "url": "https://10.0.0.1/" })).await.refused(422, "webhooks.invalid_url");
    operator.patch(webhook, &json!({ "events": [] })).await.refused(422, "webhooks.invalid");
    operator.patch(webhook, &json!({ "state": "removed" })).await.refused(422, "request.invalid");
    operator.get(&format!("{webhook}/deliveries?state=lost")).await.refused(400, "request.invalid");
    let shown = operator.get(webhook).await.expect(200);
    let mut expected = created.json();
    expected.as_object_mut().unwrap().remove("secret").unwrap();
    assert_eq!((shown.json(), shown.header("cache-control")), (expected, "no-store"));

    let unknown = format!("{WEBHOOKS}/{}", Uuid::nil());
    operator.get(&unknown).await.refused(404, "webhooks.not_found");
    operator.patch(&unknown, &json!({})).await.refused(404, "webhooks.not_found");
    operator.delete(&unknown).await.refused(404, "webhooks.not_found");
    for act in ["secret", "test"] {
        operator.post(&format!("{unknown}/{act}"), &json!({})).await.refused(404, "webhooks.not_found");
    }
    let redeliver = format!("{webhook}/deliveries/{}/redeliver", Uuid::nil());
    operator.post(&redeliver, &json!({})).await.refused(404, "webhooks.delivery_not_found");
    operator.get(&format!("{WEBHOOKS}/x")).await.refused(404, "request.no_such_url");
    world.end().await;
}

#[tokio::test]
async fn acts_are_recorded_without_secrets_and_a_removed_webhook_gets_nothing() {
    let world = local().start(&[webhooks::service()]).await;
    let accounts = testkit::fake_role("accounts").records::<Act>();
    accounts.join(&world).await;
    let (operator, receiver) = (operator(&world), Receiver::start().await);
    let (webhook, secret) = create(&operator, &receiver, "/hook?key=TOKEN", &["account.privacy_changed"]).await;
    operator.patch(&webhook, &json!({ "description": "the CRM" })).await.expect(200);
    // Nothing changes the second time, so there is no act.
    operator.patch(&webhook, &json!({ "description": "the CRM" })).await.expect(200);
    operator.post(&format!("{webhook}/secret"), &json!({})).await.expect(200);
    operator.delete(&webhook).await.expect(204);
    operator.get(&webhook).await.refused(404, "webhooks.not_found");
    publish_change(&world, "e1").await;
    assert!(receiver.received("/hook").is_empty());
    let acts = accounts.events::<Act>();
    let mut actions: Vec<&str> = acts.iter().map(|act| act.action.as_str()).collect();
    actions.sort_unstable();
    let expected = ["webhooks.changed", "webhooks.created", "webhooks.removed", "webhooks.secret_rotated"];
    assert_eq!(actions, expected);
    let text = serde_json::to_string(&acts).unwrap();
    assert!(!text.contains("TOKEN") && !text.contains("whsec_") && text.contains("127.0.0.1"), "{text}");
    let stored = world.stored_bytes("webhooks").await;
    let has = |text: &str| stored.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!has(&secret) && !has(secret.trim_start_matches("whsec_")), "the secret is stored as text");
    world.end().await;
}

#[tokio::test]
async fn a_repeated_request_makes_one_webhook_and_returns_its_secret_again() {
    let world = World::of(&[webhooks::service()]).await;
    let send = async |client: &TestClient, key: &str, description: &str| {
        let body = json!({
            "url": "https://hooks.example.org/",
            "events": ["media.ready"],
            "description": description,
        });
        client.send(client.request(Method::POST, WEBHOOKS).header("idempotency-key", key).json(&body)).await
    };
    let (grace, heidi) = (operator(&world), world.operator("heidi", &["operator"]));
    let made = send(&grace, "a", "").await.expect(201);
    let again = send(&grace, "a", "").await.expect(201);
    assert_eq!((again.json(), again.header("location")), (made.json(), made.header("location")));
    send(&grace, "a", "the CRM").await.refused(422, "request.idempotency_key_reused");
    send(&grace, &"a".repeat(256), "").await.refused(400, "request.bad_idempotency_key");
    assert_eq!(grace.get(WEBHOOKS).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
    let of_another = send(&heidi, "a", "").await.expect(201);
    assert_ne!(of_another.json()["secret"], made.json()["secret"], "a key belongs to its operator");
    grace.delete(made.header("location")).await.expect(204);
    assert_ne!(send(&grace, "a", "").await.expect(201).json()["id"], made.json()["id"], "it was removed");
    world.end().await;
}
