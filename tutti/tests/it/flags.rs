//! A flag in a fleet: accounts in one process, media in another one.
//!
//! Both are in this test's process, with databases, clocks and connections of their own.

use reqwest::Method;
use serde_json::json;
use testkit::World;

use crate::standing;
use crate::wav::wave;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_learns_from_accounts_what_operators_turn_off_and_on() {
    let cheap = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1"];
    let builder = cheap.into_iter().fold(World::builder().with_real_accounts(), testkit::WorldBuilder::set);
    let accounts = builder.start(&[accounts::service()]).await;
    let media = World::of(&[media::service()]).await;
    media.process.peers.register_remote_url("accounts", &accounts.url);
    let (operator, ada) = (standing::operator(&accounts, "olga").await, media.ada());
    let upload = async || {
        let request = ada.request(Method::POST, "/v1/media").header("content-type", "audio/wav");
        ada.send(request.body(wave(&vec![0; 8_820]))).await
    };
    let turn = async |on: bool| {
        let request = operator.request(Method::PUT, "/v1/admin/flags/uploads");
        operator.send(request.json(&json!({"on": on, "reason": "A test."}))).await.expect(200);
    };
    upload().await.expect(201);
    turn(false).await;
    let refused = async || (upload().await.status == 503).then_some(());
    media.wait_for("uploads are refused", refused).await;
    upload().await.refused(503, "server.turned_off");
    turn(true).await;
    let accepted = async || (upload().await.status == 201).then_some(());
    media.wait_for("uploads are accepted", accepted).await;
    media.end().await;
    accounts.end().await;
}
