//! Uploads that operators have turned off, as accounts tells it from another process.

use std::sync::{Arc, Mutex};

use http::Method;
use service::{FindFlags, Flag, FlagsState};
use testkit::World;

use crate::fixtures::{expect_no_orphans, png, send};
use crate::tus;

#[tokio::test]
async fn uploads_that_are_turned_off_are_refused_in_every_way_and_an_unfinished_one_goes_on_later() {
    let world = World::of(&[media::service()]).await;
    let state: Arc<Mutex<FlagsState>> = Arc::default();
    let shared = state.clone();
    let accounts = testkit::fake_role("accounts").answer::<FindFlags>(move |_| Some(shared.lock().unwrap().clone()));
    world.process.peers.register_remote_url("accounts", &accounts.listen(&world.process.tasks).await);
    let turn = async |off: &[Flag]| {
        state.lock().unwrap().off = off.iter().map(|flag| flag.name().to_owned()).collect();
        world.process.flags.read(&world.process.peers).await.unwrap();
    };
    let (ada, file) = (world.ada(), png(64, 48, 3000, 1));
    let location = tus::begin(&ada, file.len()).await;
    assert_eq!(tus::patch(&ada, &location, 0, &file[..1000], None).await.status, 204);

    turn(&[Flag::Uploads, Flag::SignUps]).await;
    let refused = send(&ada, "", "image/png", file.clone()).await.refused(503, "server.turned_off");
    assert_eq!(refused.header("retry-after"), "60");
    let form = [
        b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\r\n".as_slice(),
        &file,
        b"\r\n--x--\r\n",
    ];
    let form = ada.request(Method::POST, "/v1/media/form").body(form.concat());
    let form = form.header("content-type", "multipart/form-data; boundary=x");
    ada.send(form).await.refused(503, "server.turned_off");
    let begin = ada.request(Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 9);
    ada.send(begin).await.refused(503, "server.turned_off");
    tus::patch(&ada, &location, 1000, &file[1000..], None).await.refused(503, "server.turned_off");
    // What was sent is still there, and everything else works.
    assert_eq!(tus::head(&ada, &location).await.expect(200).header("upload-offset"), "1000");
    assert_eq!(ada.get("/v1/media").await.expect(200).json()["items"].as_array().unwrap().len(), 0);

    turn(&[Flag::SignUps]).await;
    let done = tus::patch(&ada, &location, 1000, &file[1000..], None).await.expect(204);
    assert!(!done.header("tutti-media-id").is_empty());
    send(&ada, "", "image/png", png(64, 48, 3000, 2)).await.expect(201);
    expect_no_orphans(&world).await;
    world.end().await;
}
