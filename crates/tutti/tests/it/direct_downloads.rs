//! Readers who are sent to the store for large files (`objects.direct_downloads`): the real binary on a real S3.
//!
//! Invariant: nobody is sent there who may not read the item, and nothing goes out without the overlays that hide its metadata.

use reqwest::Method;
use reqwest::redirect::Policy;
use testkit::engines::shared_s3;

use crate::server::Server;
use crate::wav::wave;

/// Sixteen-bit mono sound of nine megabytes: larger than what is sent through us anyway.
fn song() -> Vec<u8> {
    let samples: Vec<u8> = (0..4_500_000_u32).flat_map(|at| ((at % 997) as i16).to_le_bytes()).collect();
    wave(&samples)
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_large_files_are_redirected_to_the_store() {
    let s3 = shared_s3();
    let settings: Vec<String> = s3.account.settings(&s3.prefix).into_iter().chain(["objects.direct_downloads=true".to_owned()]).collect();
    let server = Server::start(&settings.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let ada = server.sign_up("ada").await;
    let song = song();
    let item = ada.upload("s.wav", "audio/wav", song.clone()).await;
    let id = item["id"].as_str().unwrap();
    let original = format!("{}{}", server.url, item["urls"]["original"].as_str().unwrap());
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();

    // The signed address leads to the store, without leave to keep the response, and the bytes are the song's.
    let redirect = client.get(&original).send().await.unwrap();
    assert_eq!(redirect.status(), 307, "{redirect:?}");
    assert!(redirect.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    let location = redirect.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&s3.account.endpoint), "{location}");
    let response = client.get(&location).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "audio/wav"));
    assert!(response.headers()["content-disposition"].to_str().unwrap().contains("s.wav"));
    assert!(response.bytes().await.unwrap() == song);

    // A stranger gets neither the bytes nor the address, and an altered address opens nothing.
    let plain = format!("{}/v1/media/{id}/original", server.url);
    assert_eq!(client.get(&plain).send().await.unwrap().status().as_u16() / 100, 4);
    assert_eq!(client.get(location.replace("audio%2Fwav", "text%2Fhtml")).send().await.unwrap().status(), 403);
    // With a token the browser would send it along to the store: such a reader gets the bytes from us.
    let own = ada.request(Method::GET, &plain).send().await.unwrap();
    assert_eq!(own.status(), 200);
    assert!(own.bytes().await.unwrap() == song);
}
