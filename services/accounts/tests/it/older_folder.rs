//! A data folder of an older schema: its members sign in, and have what they had.

use super::*;
use base64::Engine as _;
use chrono::TimeDelta;
use db::{FromQueryResult, Sql as _};
use testkit::{insert_rows, older_role};
use uuid::Uuid;

/// The schema before addresses were confirmed, and before second factors and operators.
const VERSION: i64 = 3;
/// The hash of [`PASSWORD`] with 64 KiB and one pass.
const PASSWORD_HASH: &str =
    "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$NCrJ1Q7OVOZxRvyG7Tg2qA8Xd1IZW1Bz3B3IKST2n00";

const ACCOUNT: &str = "
    insert into account (id, handle, email, password, display_name, bio, avatar, roles, request_key, created_at)
    values ($1, $2, $3, $4, 'Ms. Modern', 'Sings.', null, $5, null, $6)";

const SESSION: &str = "
    insert into session (id, account_id, device, family, chain_key, current_token, created_at, last_seen_at)
    values ($1, $2, 'Old phone', $3, $4, $5, $6, $6)";

const KNOWN_NETWORK: &str = "
    insert into known_network (account_id, network, seen_at)
    values ($1, $2, $3)";

#[derive(FromQueryResult)]
struct Row {
    handle: String,
}

#[tokio::test]
async fn a_member_of_an_older_folder_signs_in_and_has_what_they_had() {
    let world = World::of(&[older_role(&accounts::service(), VERSION)]).await;
    let (id, session, now) = (Uuid::now_v7(), Uuid::now_v7(), world.clock().now());
    let began = now - TimeDelta::days(1);
    let bytes = |seed: u8| vec![seed; 32];
    let account = vec![
        id.into(),
        "modern".into(),
        "modern@example.org".into(),
        PASSWORD_HASH.into(),
        "member curator".into(),
        began.into(),
    ];
    let device = vec![session.into(), id.into(), bytes(1).into(), bytes(2).into(), bytes(3).into(), began.into()];
    let network = vec![id.into(), bytes(4).into(), began.into()];
    insert_rows(&world.context("accounts").db, vec![(ACCOUNT, account), (SESSION, device), (KNOWN_NETWORK, network)])
        .await;

    let builder = builder().set("accounts.maintenance_seconds=1").in_folder(world.crash().await);
    let world = builder.start(&[accounts::service()]).await;
    let member = Person::of(&world, &sign_in(&world, "modern", PASSWORD).await.expect(201));
    let by_address = Person::of(&world, &sign_in(&world, "modern@example.org", PASSWORD).await.expect(201));
    assert_eq!((&member.account["id"], &by_address.account["id"]), (&json!(id), &json!(id)));
    let shown = member.member.get("/v1/me").await.expect(200).json();
    for (field, value) in [
        ("email", json!("modern@example.org")),
        ("email_confirmed", json!(false)),
        ("display_name", json!("Ms. Modern")),
        ("bio", json!("Sings.")),
        ("kind", json!("member")),
        ("links", json!([])),
        ("is_private", json!(false)),
        ("locale", json!("en")),
        ("time_zone", json!("UTC")),
    ] {
        assert_eq!(shown[field], value, "{field}: {shown}");
    }
    let sessions = member.member.get("/v1/sessions").await.expect(200).json();
    let devices: Vec<_> = sessions["items"].as_array().unwrap().iter().map(|item| item["device"].clone()).collect();
    assert!(devices.len() == 3 && devices.contains(&json!("Old phone")), "{devices:?}");
    // The role that an earlier release gave is in tokens, and a password alone still proves who it is.
    let token = member.member.token().unwrap();
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((&claims["roles"], &claims["amr"]), (&json!(["member", "curator"]), &json!(["pwd"])));

    // What is new works for them, and a handle that looks like an old one is as taken as any.
    member.member.patch("/v1/me", &json!({"is_private": true})).await.expect(200);
    world.clock().advance(TimeDelta::seconds(2));
    let db = &world.context("accounts").db;
    let has_skeleton = async || {
        let text = "select handle from account where handle_skeleton is not null";
        let row: Option<Row> = db.read().row(text, vec![]).await.unwrap();
        row.filter(|row| row.handle == "modern").map(drop)
    };
    world.wait_for("the skeleton of the handle is filled in", has_skeleton).await;
    let body = json!({"handle": "rnodern", "email": "other@example.org", "password": PASSWORD});
    world.anonymous().post("/v1/accounts", &body).await.refused(409, "accounts.handle_taken");
    sign_in(&world, "modern", "not the password").await.refused(401, "auth.wrong_login");
    world.end().await;
}
