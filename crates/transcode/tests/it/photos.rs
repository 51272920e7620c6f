//! Photos become ready through the same path, whatever their format, and a bad one stands in nobody's way.

use contract::media::Kind;

use crate::stage::{Stage, about, output};

#[tokio::test(flavor = "multi_thread")]
async fn photos_get_a_placeholder_and_phones_formats_an_upright_base() {
    let stage = Stage::new().await;
    let png = stage.make("photo.png", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let jpeg = stage.make("photo.jpeg", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let (heic, avif) = (stage.file("photo.heic"), stage.file("photo.avif"));
    output("heif-enc", &["-q", "80", png.to_str().unwrap(), "-o", heic.to_str().unwrap()]);
    output("heif-enc", &["-A", "-q", "60", png.to_str().unwrap(), "-o", avif.to_str().unwrap()]);
    for (path, format) in [(png, "png"), (jpeg, "jpeg"), (heic, "heic"), (avif, "avif")] {
        let media = stage.upload(&path, Kind::Photo, format).await;
        let ready = stage.ready(&media).await;
        assert_eq!((ready.width, ready.height), (Some(400), Some(300)), "{format}");
        assert!(ready.thumbhash.as_ref().is_some_and(|hash| hash.len() > 10), "{format}");
        let phones = ["heic", "avif"].contains(&format);
        assert_eq!(ready.assets, if phones { vec!["base"] } else { vec![] }, "{format}");
        if phones {
            let out = stage.converted(&media, ready).await;
            let base = stage.file("base.jpg");
            std::fs::write(&base, stage.asset(&out, "base").await).unwrap();
            let about = about(&base, "v");
            assert_eq!((about["codec_name"].as_str(), about["width"].as_str(), about["height"].as_str()), ("mjpeg", "400", "300"));
        }
    }
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_heic_fails_and_the_next_one_goes_on() {
    let stage = Stage::with(&["transcode.workers=1"]).await;
    let png = stage.make("photo.png", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let (good, bad) = (stage.file("good.heic"), stage.file("bad.heic"));
    output("heif-enc", &["-q", "80", png.to_str().unwrap(), "-o", good.to_str().unwrap()]);
    let mut bytes = std::fs::read(&good).unwrap();
    // Its type stays, its index is nonsense.
    bytes[40..].fill(0x5a);
    std::fs::write(&bad, &bytes).unwrap();
    let broken = stage.file("broken.png");
    std::fs::write(&broken, &std::fs::read(&png).unwrap()[..200]).unwrap();
    let (first, second, third) = (stage.upload(&bad, Kind::Photo, "heic").await, stage.upload(&broken, Kind::Photo, "png").await, stage.upload(&good, Kind::Photo, "heic").await);
    assert!(stage.ready(&third).await.thumbhash.is_some());
    assert_eq!(stage.failed(&first).await.code, "transcode.bad_photo");
    assert_eq!(stage.failed(&second).await.code, "transcode.bad_photo");
    stage.end().await;
}
