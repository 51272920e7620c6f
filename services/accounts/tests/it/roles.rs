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
async fn unknown_handles_and_roles_are_refused() {
    let world = world().await;
    sign_up(&world, "ada").await;
    let db = world.context("accounts").db.clone();
    assert!(matches!(assign(&db, "nobody-at-all", "moderator").await, Err(Error::NoSuchAccount)));
    let error = assign(&db, "ada", "king").await.unwrap_err().to_string();
    assert!(error.contains("king") && error.contains("moderator"), "{error}");
    world.end().await;
}
