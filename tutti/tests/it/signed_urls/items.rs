//! The items of the walk: photos with metadata and films, one of each for every audience.
//!
//! Invariant: what the planted metadata says is nowhere else in the product's responses.

use serde_json::Value;
use tempfile::TempDir;

use crate::server::Member;

/// Texts in the photo's metadata that are nowhere else.
pub(super) const PLANTED_METADATA: [&str; 3] = ["PlantedMaker", "PlantedCamera", "2019:03:04"];

/// Returns a photo whose metadata has a camera and a time.
pub(super) fn photo(folder: &TempDir, colour: &str) -> Vec<u8> {
    let path = folder.path().join(format!("{colour}.jpg"));
    testkit::ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &format!("color={colour}:s=64x48"),
        "-frames:v",
        "1",
        path.to_str().unwrap(),
    ]);
    let mut bytes = std::fs::read(path).unwrap();
    let texts = [(0x010f_u16, "PlantedMaker\0"), (0x0110, "PlantedCamera\0"), (0x0132, "2019:03:04 05:06:07\0")];
    let mut tiff = b"MM\0*\0\0\0\x08\0\x03".to_vec();
    let mut at = 8 + 2 + 12 * texts.len() + 4;
    for (tag, text) in texts {
        tiff.extend(tag.to_be_bytes());
        tiff.extend(2_u16.to_be_bytes());
        tiff.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        tiff.extend(u32::try_from(at).unwrap().to_be_bytes());
        at += text.len();
    }
    tiff.extend([0; 4]);
    tiff.extend(texts.iter().flat_map(|(_, text)| text.bytes()));
    let mut segment = vec![0xff, 0xe1];
    segment.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    bytes.splice(2..2, segment);
    bytes
}

fn clip(folder: &TempDir) -> Vec<u8> {
    let path = folder.path().join("clip.mp4");
    testkit::ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=128x72:r=10:d=1",
        "-pix_fmt",
        "yuv420p",
        path.to_str().unwrap(),
    ]);
    std::fs::read(path).unwrap()
}

/// Uploads six items of Ada's: a photo and a film with captions for each audience.
pub(super) async fn upload_items(ada: &Member, folder: &TempDir) -> Vec<Value> {
    let clip = clip(folder);
    let mut ids = Vec::new();
    for (audience, colour) in [("private", "red"), ("unlisted", "green"), ("public", "blue")] {
        for (name, kind, bytes) in
            [("p.jpg", "image/jpeg", photo(folder, colour)), ("c.mp4", "video/mp4", clip.clone())]
        {
            let item = ada.upload(&format!("{name}&visibility={audience}"), kind, bytes).await;
            ids.push(item["id"].as_str().unwrap().to_owned());
        }
    }
    for id in ids.iter().skip(1).step_by(2) {
        let captions = ada.request(reqwest::Method::PUT, &format!("/v1/media/{id}/captions/en"));
        let sent = captions.body("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n").send().await.unwrap();
        assert_eq!(sent.status(), 200);
    }
    let mut items = Vec::new();
    for id in ids {
        items.push(ada.wait_for_state(&id, "ready").await);
    }
    items
}
