//! A data folder of an older schema: its webhooks are shown, and get what waits for them.

use super::deliveries::verify;
use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_server::sealed_secret;
use testkit::{insert_rows, older_role};

/// The schema before webhooks knew the request that made them.
const VERSION: i64 = 1;

const WEBHOOK: &str = "
    insert into webhook (id, url, events, description, state, secret, made_by, created_at)
    values ($1, $2, 'account.privacy_changed', 'The shop', 'active', $3, $4, $5)";

const DELIVERY: &str = "
    insert into webhook_delivery (id, webhook, event_id, event_type, payload, state, created_at, due_at)
    values ($1, $2, 'e1', 'account.privacy_changed', $3, 'waiting', $4, $4)";

#[tokio::test]
async fn a_webhook_of_an_older_folder_is_shown_and_gets_what_waits_for_it() {
    let (receiver, key) = (Receiver::start().await, [7_u8; 32]);
    let world = World::of(&[older_role(&webhooks::service(), VERSION)]).await;
    let (context, now) = (world.context("webhooks").clone(), world.clock().now());
    let (id, delivery) = (context.random.uuid_v7(now), context.random.uuid_v7(now));
    let subject = id.to_string();
    let sealed =
        sealed_secret::seal(&context.url_signer, &context.random, ("webhooks.secret", &subject), &key).unwrap();
    let payload = json!({"type": "account.privacy_changed", "timestamp": now, "data": {"is_private": true}});
    let url = format!("{}/hook", receiver.url);
    let made_by = world.operator("grace", &["operator"]).id;
    insert_rows(
        &context.db,
        vec![
            (WEBHOOK, vec![id.into(), url.clone().into(), sealed.into(), made_by.into(), now.into()]),
            (DELIVERY, vec![delivery.into(), id.into(), payload.to_string().into(), now.into()]),
        ],
    )
    .await;
    drop(context);

    let world = local().in_folder(world.crash().await).start(&[webhooks::service()]).await;
    let operator = operator(&world);
    let webhook = format!("{WEBHOOKS}/{id}");
    let shown = operator.get(&webhook).await.expect(200).json();
    assert_eq!((&shown["url"], &shown["description"]), (&json!(url), &json!("The shop")));
    wait_for_newest(&world, &webhook, "what waits arrives", |newest| newest["state"] == "delivered").await;
    let arrived = receiver.received("/hook");
    let secret = format!("whsec_{}", STANDARD.encode(key));
    assert_eq!(verify(&[(&secret, &arrived[0])]), [payload]);
    assert_eq!((arrived.len(), arrived[0].header("webhook-id")), (1, "e1"));
    // It is a webhook like any other: it is changed, and has the new column's meaning.
    operator.patch(&webhook, &json!({"description": "The new shop"})).await.expect(200);
    let events = json!({"url": url, "events": ["account.privacy_changed"]});
    operator.post(WEBHOOKS, &events).await.expect(201);
    assert_eq!(operator.get(WEBHOOKS).await.expect(200).json()["items"].as_array().unwrap().len(), 2);
    world.end().await;
}
