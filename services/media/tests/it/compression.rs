//! Which responses are compressed.

use testkit::World;

use crate::fixtures::{png, send};

#[tokio::test]
async fn a_list_is_compressed_for_clients_that_accept_it_and_media_never_are() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    for seed in 0..5 {
        send(&ada, "", "image/png", png(12, 34, 3000, seed)).await.expect(201);
    }
    let plain = ada.get("/v1/media").await.expect(200).body;
    let get = async |path: &str| {
        let request = ada.request(http::Method::GET, path).header("accept-encoding", "gzip, br");
        let response = request.send().await.unwrap();
        (response.headers().get("content-encoding").cloned(), response.bytes().await.unwrap())
    };
    let (coding, bytes) = get("/v1/media").await;
    assert!(coding.is_some_and(|coding| coding == "gzip") && bytes.len() < plain.len() / 2);
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    assert_eq!(get("/v1/media/5kT0vYq8Zb3mXw1RcHs9Ga").await.0, None, "a problem is short");
    world.end().await;
}
