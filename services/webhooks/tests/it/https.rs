//! Receivers with TLS: a delivery arrives, and the log says which certificate is refused and why.

use super::deliveries::verify;
use super::*;
use testkit::engines::{Authority, TlsTerminator};

/// Allows loopback, also where `localhost` has an address of IPv6.
const LOOPBACK: &str = "webhooks.allow_networks=[\"127.0.0.0/8\", \"::1/128\"]";

#[tokio::test]
async fn a_delivery_over_tls_verifies_and_a_certificate_that_does_not_fit_is_refused_with_its_reason() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let expired = Authority::with_expired_server();
    let folder = tempfile::tempdir().unwrap();
    let trusted = folder.path().join("trusted.pem");
    let pem = |authority: &Authority| std::fs::read_to_string(authority.ca_file()).unwrap();
    std::fs::write(&trusted, [pem(&authority), pem(&expired)].concat()).unwrap();
    let ca_file = format!("webhooks.ca_file={}", trusted.display());
    let world = World::builder().set(LOOPBACK).set(&ca_file).start(&[webhooks::service()]).await;
    let (operator, receiver) = (operator(&world), Receiver::start().await);
    let port: u16 = receiver.url.rsplit_once(':').unwrap().1.parse().unwrap();
    let [good, old, strange] = [&authority, &expired, &stranger].map(|one| TlsTerminator::before(port, one));
    // The certificates are for `localhost`.
    let hook = async |host: &str, front: &TlsTerminator, path: &str| {
        let mut at = receiver.clone();
        at.url = format!("https://{host}:{}", front.port());
        create(&operator, &at, path, &["account.privacy_changed"]).await
    };
    let (webhook, secret) = hook("localhost", &good, "/good").await;
    let refused = [
        (hook("localhost", &old, "/old").await.0, "has expired"),
        (hook("localhost", &strange, "/strange").await.0, "is not signed by an authority that this server trusts"),
        (hook("127.0.0.1", &good, "/other-name").await.0, "is for another name"),
    ];
    publish_change(&world, "e1").await;
    wait_for_newest(&world, &webhook, "it arrives", |newest| newest["state"] == "delivered").await;
    let arrived = receiver.received("/good").remove(0);
    assert_eq!(verify(&[(&secret, &arrived)]), [arrived.json()]);
    for (webhook, reason) in refused {
        let is_tried = |newest: &Value| newest["attempts"].as_array().is_some_and(|attempts| !attempts.is_empty());
        let newest = wait_for_newest(&world, &webhook, "an attempt is recorded", is_tried).await;
        let sentence = format!("The connection failed: the receiver's certificate {reason}.");
        let attempt = &newest["attempts"][0];
        assert_eq!((&newest["state"], &attempt["status"]), (&json!("waiting"), &Value::Null), "{newest}");
        assert_eq!(attempt["error"], sentence);
    }
    for path in ["/old", "/strange", "/other-name"] {
        assert!(receiver.received(path).is_empty(), "{path} got a message");
    }
    world.end().await;
}
