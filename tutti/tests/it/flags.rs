//! Flags in a fleet: accounts in one process, media and transcode in another one.
//!
//! Both are in this test's process, with databases, clocks and connections of their own.

use reqwest::Method;
use serde_json::json;
use service::Flag;
use testkit::World;

use crate::standing;
use crate::wav::wave;

/// Returns a second of a tone.
fn song() -> Vec<u8> {
    let samples: Vec<u8> = (0..44_100_u32).flat_map(|at| ((at / 50 % 2) as i16 * 8_000).to_le_bytes()).collect();
    wave(&samples)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_learns_from_accounts_what_operators_turn_off_and_on() {
    let cheap = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1"];
    let builder = cheap.into_iter().fold(World::builder().with_real_accounts(), testkit::WorldBuilder::set);
    let accounts = builder.start(&[accounts::service()]).await;
    // A slow machine may cost a conversion an attempt: the clock runs, so the next one comes.
    let media = World::builder().with_running_clock().start(&[media::service(), transcode::service()]).await;
    media.process.peers.register_remote_url("accounts", &accounts.url);
    let (operator, ada) = (standing::operator(&accounts, "olga").await, media.ada());
    let upload = async || {
        let request = ada.request(Method::POST, "/v1/media").header("content-type", "audio/wav");
        ada.send(request.body(song())).await
    };
    let turn = async |flag: Flag, on: bool| {
        let request = operator.request(Method::PUT, &format!("/v1/admin/flags/{}", flag.name()));
        operator.send(request.json(&json!({"on": on, "reason": "A test."}))).await.expect(200);
    };
    let sign_up = async |name: &str| {
        let body = json!({"handle": name, "email": format!("{name}@example.org"), "password": "a fine long password"});
        accounts.anonymous().post("/v1/accounts", &body).await
    };

    // Conversions: what is sent waits.
    turn(Flag::Conversions, false).await;
    let flags = &media.process.flags;
    media.wait_for("conversions are off", async || (!flags.is_on(Flag::Conversions)).then_some(())).await;
    let item = upload().await.expect(201).json();
    let path = format!("/v1/media/{}", item["id"].as_str().unwrap());
    let state = async || ada.get(&path).await.expect(200).json()["state"].clone();
    let is_held = async || {
        assert_ne!(state().await, "ready", "it was converted");
        media.process.metrics.text().contains("tutti_transcode_tickets_held 1\n").then_some(())
    };
    media.wait_for("a worker holds the item's ticket", is_held).await;

    // Uploads and sign-ups: they are refused.
    turn(Flag::SignUps, false).await;
    turn(Flag::Uploads, false).await;
    media.wait_for("uploads are off", async || (!flags.is_on(Flag::Uploads)).then_some(())).await;
    upload().await.refused(503, "server.turned_off");
    sign_up("bob").await.refused(503, "server.turned_off");
    assert!(!flags.is_on(Flag::SignUps), "this process knows it as well");
    assert_ne!(state().await, "ready", "it was converted");

    for flag in Flag::ALL {
        turn(*flag, true).await;
    }
    let all_on = async || Flag::ALL.iter().all(|flag| flags.is_on(*flag)).then_some(());
    media.wait_for("all flags are on", all_on).await;
    upload().await.expect(201);
    sign_up("bob").await.expect(201);
    media.wait_for("the item is converted", async || (state().await == "ready").then_some(())).await;
    media.end().await;
    accounts.end().await;
}
