//! Granting and revoking roles.

use super::*;
use accounts::{Error, verify_audit};
use db::Db;
use http_server::operators::Actor;

async fn assign(db: &Db, handle: &str, role: &str) -> Result<Vec<String>, Error> {
    accounts::assign(db, handle, role, Actor::machine("root"), "the first operator", chrono::Utc::now()).await
}

async fn revoke(db: &Db, handle: &str, role: &str) -> Result<Vec<String>, Error> {
    accounts::revoke(db, handle, role, Actor::machine("root"), "", chrono::Utc::now()).await
}

#[tokio::test]
async fn roles_are_granted_and_revoked() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    insert_factor(&world, "ada").await;
    let db = world.context("accounts").db.clone();
    assert_eq!(assign(&db, "ADA", "moderator").await.unwrap(), ["member", "moderator"]);
    assert_eq!(assign(&db, "ada", "moderator").await.unwrap(), ["member", "moderator"]);
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(ada.account["roles"], json!(["member", "moderator"]));
    let claims = world.process.verifier.verify(ada.member.token().unwrap()).await.unwrap();
    assert_eq!(claims.roles, ["member", "moderator"]);
    assert_eq!(revoke(&db, "ada", "moderator").await.unwrap(), ["member"]);
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    assert_eq!(ada.account["roles"], json!(["member"]));
    // Two of the three calls changed something.
    let report = verify_audit(&db, None).await.unwrap();
    assert_eq!((report.entries, report.broken), (2, None));
    world.end().await;
}

#[tokio::test]
async fn a_role_needs_a_second_factor_and_keeps_the_last_one() {
    let world = world().await;
    let (ada, grace) = (sign_up(&world, "ada").await, sign_up_operator(&world, "grace", "operator").await);
    let db = world.context("accounts").db.clone();
    let grant = async || {
        let body = json!({"grant": ["curator"], "reason": "She reviews."});
        grace.member.post("/v1/admin/accounts/ada/roles", &body).await
    };
    assert!(matches!(assign(&db, "ada", "operator").await, Err(Error::RoleNeedsFactor)));
    let problem = grant().await.refused(409, "accounts.role_needs_factor").json();
    assert!(problem["detail"].as_str().unwrap().contains("settings"), "{problem}");
    // One that was only begun is none.
    ada.member.post("/v1/me/factors", &json!({"kind": "passkey"})).await.expect(201);
    grant().await.refused(409, "accounts.role_needs_factor");
    factors::add_app(&world, &ada).await;
    grant().await.expect(200);
    let oldest = async |person: &Person| {
        let list = person.member.get("/v1/me/factors").await.expect(200).json();
        format!("/v1/me/factors/{}", list["items"][0]["id"].as_str().unwrap())
    };
    let app = oldest(&ada).await;
    ada.member.delete(&app).await.refused(409, "accounts.last_factor");
    // Beside another one it may go, and the other one is the last then.
    passkeys::add_passkey(&ada, 1).await;
    ada.member.delete(&app).await.expect(204);
    let passkey = oldest(&ada).await;
    ada.member.delete(&passkey).await.refused(409, "accounts.last_factor");
    revoke(&db, "ada", "curator").await.unwrap();
    let ada = Person::of(&world, &refresh(&world, &ada.refresh).await.expect(200));
    ada.member.delete(&passkey).await.expect(204);
    world.end().await;
}

#[tokio::test]
async fn unknown_handles_and_roles_are_refused() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let db = world.context("accounts").db.clone();
    assert!(matches!(assign(&db, "nobody-at-all", "moderator").await, Err(Error::NoSuchAccount)));
    let error = assign(&db, "ada", "king").await.unwrap_err().to_string();
    assert!(error.contains("king") && error.contains("moderator"), "{error}");
    world.end().await;
}
