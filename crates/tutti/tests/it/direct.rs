//! Readers who are sent to the store for large files (`objects.direct_downloads`): the real binary on a real S3.
//!
//! Invariant: nobody is sent there who may not read the item, and nothing goes out without the overlays that hide its metadata.

use reqwest::Method;
use reqwest::redirect::Policy;
use testkit::engines::shared_s3;

use crate::server::Server;
use crate::sound::wave;

/// Sixteen-bit mono sound of nine megabytes: larger than what is sent through us anyway.
fn song() -> Vec<u8> {
    let samples: Vec<u8> = (0..4_500_000_u32).flat_map(|at| ((at % 997) as i16).to_le_bytes()).collect();
    wave(&samples)
}

#[tokio::test(flavor = "multi_thread")]
async fn large_files_come_from_the_store_itself_to_whoever_may_read_them() {
    let s3 = shared_s3();
    let settings: Vec<String> = s3.account.settings(&s3.prefix).into_iter().chain(["objects.direct_downloads=true".to_owned()]).collect();
    let server = Server::start(&settings.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let ada = server.sign_up("ada").await;
    let song = song();
    let item = ada.upload("s.wav", "audio/wav", song.clone()).await;
    let id = item["id"].as_str().unwrap();
    let original = format!("{}{}", server.address, item["urls"]["original"].as_str().unwrap());
    let unled = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();

    // The signed address leads to the store, without leave to keep the answer, and the bytes are the song's.
    let sent_on = unled.get(&original).send().await.unwrap();
    assert_eq!(sent_on.status(), 307, "{sent_on:?}");
    assert!(sent_on.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    let there = sent_on.headers()["location"].to_str().unwrap().to_owned();
    assert!(there.starts_with(&s3.account.endpoint), "{there}");
    let answer = unled.get(&there).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "audio/wav"));
    assert!(answer.headers()["content-disposition"].to_str().unwrap().contains("s.wav"));
    assert!(answer.bytes().await.unwrap() == song);

    // A stranger gets neither the bytes nor the address, and an altered address opens nothing.
    let plain = format!("{}/v1/media/{id}/original", server.address);
    assert_eq!(unled.get(&plain).send().await.unwrap().status().as_u16() / 100, 4);
    assert_eq!(unled.get(there.replace("audio%2Fwav", "text%2Fhtml")).send().await.unwrap().status(), 403);
    // With a token the browser would send it along to the store: such a reader gets the bytes from us.
    let own = ada.request(Method::GET, &plain).send().await.unwrap();
    assert_eq!(own.status(), 200);
    assert!(own.bytes().await.unwrap() == song);
}
