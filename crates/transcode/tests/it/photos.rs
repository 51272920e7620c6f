//! Photos of every format become ready on the same path, and a bad one does not block others.

use contract::media::Kind;

use crate::harness::{Harness, output, stream_info};

#[tokio::test(flavor = "multi_thread")]
async fn photos_get_a_thumbhash_and_heic_and_avif_an_upright_base() {
    let harness = Harness::new().await;
    let png = harness.make("photo.png", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let jpeg = harness.make("photo.jpeg", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let (heic, avif) = (harness.file("photo.heic"), harness.file("photo.avif"));
    output("heif-enc", &["-q", "80", png.to_str().unwrap(), "-o", heic.to_str().unwrap()]);
    output("heif-enc", &["-A", "-q", "60", png.to_str().unwrap(), "-o", avif.to_str().unwrap()]);
    for (path, format) in [(png, "png"), (jpeg, "jpeg"), (heic, "heic"), (avif, "avif")] {
        let media = harness.upload(&path, Kind::Photo, format).await;
        let ready = harness.ready(&media).await;
        assert_eq!((ready.width, ready.height), (Some(400), Some(300)), "{format}");
        assert!(ready.thumbhash.as_ref().is_some_and(|hash| hash.len() > 10), "{format}");
        let phones = ["heic", "avif"].contains(&format);
        assert_eq!(ready.assets, if phones { vec!["base"] } else { vec![] }, "{format}");
        if phones {
            let out = harness.converted(&media, ready).await;
            let base = harness.file("base.jpg");
            std::fs::write(&base, harness.asset(&out, "base").await).unwrap();
            let info = stream_info(&base, "v");
            assert_eq!(
                (info["codec_name"].as_str(), info["width"].as_str(), info["height"].as_str()),
                ("mjpeg", "400", "300")
            );
        }
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_heic_fails_and_the_next_one_succeeds() {
    let harness = Harness::with(&["transcode.workers=1"]).await;
    let png = harness.make("photo.png", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let (good, bad) = (harness.file("good.heic"), harness.file("bad.heic"));
    output("heif-enc", &["-q", "80", png.to_str().unwrap(), "-o", good.to_str().unwrap()]);
    let mut bytes = std::fs::read(&good).unwrap();
    // Its type stays, its index is invalid.
    bytes[40..].fill(0x5a);
    std::fs::write(&bad, &bytes).unwrap();
    let broken = harness.file("broken.png");
    std::fs::write(&broken, &std::fs::read(&png).unwrap()[..200]).unwrap();
    let (first, second, third) = (
        harness.upload(&bad, Kind::Photo, "heic").await,
        harness.upload(&broken, Kind::Photo, "png").await,
        harness.upload(&good, Kind::Photo, "heic").await,
    );
    assert!(harness.ready(&third).await.thumbhash.is_some());
    assert_eq!(harness.failed(&first).await.code, "transcode.bad_photo");
    assert_eq!(harness.failed(&second).await.code, "transcode.bad_photo");
    harness.end().await;
}
