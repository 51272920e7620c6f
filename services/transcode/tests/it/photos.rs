//! Photos of every format become ready on the same path, and a bad one does not block others.

use contract::media::Kind;
use contract::transcode::Ready;
use screening::pdq::{MAX_DISTANCE, MIN_QUALITY, Pdq};

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

/// Returns the smallest distance of the hash of a picture to those of another one and of it turned and mirrored.
fn distance(one: &Ready, other: &Ready) -> u32 {
    let hashes =
        |ready: &Ready| -> Vec<Pdq> { ready.pictures[0].hashes.iter().map(|hash| hash.parse().unwrap()).collect() };
    let first = hashes(one)[0];
    hashes(other).into_iter().map(|hash| hash.distance(first)).min().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_was_changed_a_little_is_near_and_another_one_is_not() {
    let harness = Harness::new().await;
    let source = "-f lavfi -i testsrc2=size=640x480 -frames:v 1";
    let mut found = Vec::new();
    for (name, arguments) in [
        ("photo.jpeg", format!("{source} -q:v 2")),
        ("again.jpeg", format!("{source} -vf scale=320:240,eq=brightness=0.06 -q:v 16")),
        ("turned.jpeg", format!("{source} -vf transpose=1 -q:v 5")),
        ("other.jpeg", "-f lavfi -i mandelbrot=size=640x480 -frames:v 1 -q:v 5".to_owned()),
        ("flat.jpeg", "-f lavfi -i color=gray:size=400x300 -frames:v 1".to_owned()),
    ] {
        let path = harness.make(name, &arguments);
        let media = harness.upload(&path, Kind::Photo, "jpeg").await;
        found.push(harness.ready(&media).await);
    }
    let [photo, again, turned, other, flat] = &found[..] else { panic!("{found:?}") };
    let picture = &photo.pictures[0];
    assert!(photo.pictures.len() == 1 && picture.quality >= MIN_QUALITY && picture.hashes.len() == 8);
    assert!(distance(photo, again) <= MAX_DISTANCE, "coded again, half as large and brighter");
    assert!(distance(photo, turned) <= MAX_DISTANCE, "turned by a quarter");
    assert!(distance(photo, other) > MAX_DISTANCE);
    assert!(flat.pictures.is_empty(), "it has too little detail to be compared: {flat:?}");
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
    // Its header, and no picture.
    std::fs::write(&broken, &std::fs::read(&png).unwrap()[..45]).unwrap();
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

/// Returns the colour and opacity of a pixel, in tenths of the picture's sides.
pub fn pixel(path: &std::path::Path, (x, y): (u32, u32)) -> [u8; 4] {
    let run = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i", path.to_str().unwrap(), "-frames:v", "1"])
        .args(["-vf", &format!("format=rgba,crop=1:1:iw*{x}/10:ih*{y}/10"), "-f", "rawvideo", "-pix_fmt", "rgba", "-"])
        .output()
        .unwrap();
    run.stdout.try_into().unwrap_or_else(|bytes| panic!("{bytes:?}: {}", String::from_utf8_lossy(&run.stderr)))
}

/// Returns whether two pixels differ by no more than this.
pub fn is_near(seen: [u8; 4], wanted: [u8; 4], tolerance: u8) -> bool {
    seen.iter().zip(wanted).all(|(seen, wanted)| seen.abs_diff(wanted) <= tolerance)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_image_is_shown_with_its_transparency_and_its_colours() {
    let harness = Harness::new().await;
    let convert = async |path: &std::path::Path, format: &str| {
        let media = harness.upload(path, Kind::Photo, format).await;
        let ready = harness.ready(&media).await;
        let out = harness.converted(&media, ready).await;
        let base = harness.file("base");
        std::fs::write(&base, harness.asset(&out, "base").await).unwrap();
        base
    };
    let encode = |name: &str, arguments: &[&str]| {
        let path = harness.file(name);
        output("heif-enc", &[arguments, &["-q", "95", "-o", path.to_str().unwrap()]].concat());
        path
    };
    // A red square in the middle of nothing.
    let square = "-f lavfi -i color=red:s=320x240,format=rgba,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':\
                  a='255*between(X,80,240)*between(Y,60,180)' -frames:v 1";
    let alpha = harness.make("alpha.png", square);
    for (name, format, kind) in [("alpha.heic", "heic", &[][..]), ("alpha.avif", "avif", &["-A"][..])] {
        let path = encode(name, &[kind, &[alpha.to_str().unwrap()]].concat());
        let base = convert(&path, format).await;
        assert_eq!(pixel(&base, (1, 1))[3], 0, "{name}");
        assert!(is_near(pixel(&base, (5, 5)), [255, 0, 0, 255], 8), "{name}: {:?}", pixel(&base, (5, 5)));
    }
    // Two images, of which the second is the primary one.
    let plain = |color: &str| {
        harness.make(&format!("{color}.png"), &format!("-f lavfi -i color={color}:s=320x240,format=rgb24 -frames:v 1"))
    };
    let (red, lime) = (plain("red"), plain("lime"));
    let two = encode("two.heic", &[red.to_str().unwrap(), lime.to_str().unwrap()]);
    let mut bytes = std::fs::read(&two).unwrap();
    let at = bytes.windows(4).position(|kind| kind == b"pitm").unwrap();
    for (primary, wanted) in [(bytes[at + 9], [255, 0, 0, 255]), (2, [0, 255, 0, 255])] {
        bytes[at + 9] = primary;
        std::fs::write(&two, &bytes).unwrap();
        let shown = pixel(&convert(&two, "heic").await, (5, 5));
        assert!(is_near(shown, wanted, 8), "{primary}: {shown:?}");
    }
    // The colours of a wide display, which stand in code points alone.
    let color = harness.make("color.png", "-f lavfi -i color=0xc83c28:s=320x240,format=rgb24 -frames:v 1");
    // Whatever its options say, it writes that the code points are unspecified.
    let wide = encode("wide.avif", &["-A", color.to_str().unwrap()]);
    let mut bytes = std::fs::read(&wide).unwrap();
    let at = bytes.windows(4).position(|kind| kind == b"nclx").unwrap() + 4;
    bytes[at..at + 4].copy_from_slice(&[0, 12, 0, 13]);
    std::fs::write(&wide, bytes).unwrap();
    let shown = pixel(&convert(&wide, "avif").await, (5, 5));
    assert!(is_near(shown, [219, 41, 23, 255], 6), "{shown:?}");
    // A sequence, of which the still image is shown.
    let mut bytes = std::fs::read(encode("still.avif", &["-A", lime.to_str().unwrap()])).unwrap();
    bytes[8..12].copy_from_slice(b"avis");
    let sequence = harness.file("sequence.avif");
    std::fs::write(&sequence, bytes).unwrap();
    let shown = pixel(&convert(&sequence, "avif").await, (5, 5));
    assert!(is_near(shown, [0, 255, 0, 255], 8), "{shown:?}");
    harness.end().await;
}
