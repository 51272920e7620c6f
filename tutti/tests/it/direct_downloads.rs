//! Redirects of readers to the store for large files (`objects.direct_downloads`): the real binary on a real S3.
//!
//! Invariant: only a client that may read the item is redirected, and no response lacks the overlays that hide its
//! metadata.

use reqwest::Method;
use reqwest::redirect::Policy;
use testkit::engines::shared_s3;

use crate::server::Server;
use crate::wav::wave;

/// Returns nine megabytes of 16-bit mono audio: more than the server sends itself.
fn song() -> Vec<u8> {
    let samples: Vec<u8> = (0..4_500_000_u32).flat_map(|at| ((at % 997) as i16).to_le_bytes()).collect();
    wave(&samples)
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_of_large_files_are_redirected_to_the_store() {
    let s3 = shared_s3();
    let settings: Vec<String> =
        s3.account.settings(&s3.prefix).into_iter().chain(["objects.direct_downloads=true".to_owned()]).collect();
    let server = Server::start(&settings.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let ada = server.sign_up("ada").await;
    let song = song();
    let item = ada.upload("s.wav", "audio/wav", song.clone()).await;
    let id = item["id"].as_str().unwrap();
    let original = format!("{}{}", server.url, item["urls"]["original"].as_str().unwrap());
    let client = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();

    // The signed URL redirects to the store with a response that may not be cached, and the bytes are the song's.
    let redirect = client.get(&original).send().await.unwrap();
    assert_eq!(redirect.status(), 307, "{redirect:?}");
    assert!(redirect.headers()["cache-control"].to_str().unwrap().contains("no-store"));
    let location = redirect.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&s3.account.endpoint), "{location}");
    let response = client.get(&location).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "audio/wav"));
    assert!(response.headers()["content-disposition"].to_str().unwrap().contains("s.wav"));
    assert!(response.bytes().await.unwrap() == song);

    // A stranger gets neither the bytes nor the store's URL, and the store refuses an altered URL.
    let plain = format!("{}/v1/media/{id}/original", server.url);
    assert_eq!(client.get(&plain).send().await.unwrap().status().as_u16() / 100, 4);
    assert_eq!(client.get(location.replace("audio%2Fwav", "text%2Fhtml")).send().await.unwrap().status(), 403);
    // A browser would send the token along to the store, so a reader with a token gets the bytes from the server.
    let own = ada.request(Method::GET, &plain).send().await.unwrap();
    assert_eq!(own.status(), 200);
    assert!(own.bytes().await.unwrap() == song);
}
