//! Images in any size: what is rendered, what it costs, and what is refused.

use codec::pixels::{Fit, Frame, Limits, probe, render};
use contract::media::{Kind, Received, Visibility};
use testkit::{TestResponse, World};

use crate::harness::{Harness, flat_png, get_with, jpeg};

fn size(response: &TestResponse) -> (u32, u32) {
    let info = probe(&response.body).unwrap();
    (info.width, info.height)
}

#[tokio::test]
async fn sizes_snap_up_and_never_exceed_the_source() {
    let harness = Harness::new().await;
    let photo = harness.photo("jpeg", &jpeg(800, 600), (800, 600), Visibility::Public).await;
    let anonymous = harness.world.anonymous();
    let path = format!("/v1/media/{}/image", photo.id);
    for (query, expected) in [
        ("w=100", (128, 96)),
        ("w=128", (128, 96)),
        ("h=100", (256, 192)),
        ("w=300&h=10", (64, 48)),
        ("w=700", (768, 576)),
        ("w=9999", (800, 600)),
        ("", (800, 600)),
        ("w=100&h=100&fit=cover", (128, 128)),
        ("w=160&h=90&fit=cover", (256, 144)),
        ("w=2000&h=2000&fit=cover", (600, 600)),
    ] {
        let response = anonymous.get(&format!("{path}?{query}")).await.expect(200);
        assert_eq!(response.header("content-type"), "image/jpeg");
        assert_eq!(size(&response), expected, "{query}");
    }
    for bad in
        ["w=0", "h=0", "w=10001", "w=-1", "w=abc", "fit=cover", "fit=cover&w=5", "fit=stretch", "format=svg", "w=1&w=2"]
    {
        anonymous.get(&format!("{path}?{bad}")).await.refused(400, "request.invalid");
    }
    harness.end().await;
}

#[tokio::test]
async fn the_format_follows_the_accept_header() {
    let harness = Harness::with(World::builder().set("delivery.avif_after_reads=2")).await;
    let photo = harness.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let anonymous = harness.world.anonymous();
    let path = format!("/v1/media/{}/image?w=512", photo.id);
    let small = format!("/v1/media/{}/image?w=64", photo.id);
    let chrome = "image/avif,image/webp,image/apng,*/*;q=0.8";
    let plain = anonymous.get(&path).await.expect(200);
    assert_eq!((plain.header("content-type"), plain.header("vary")), ("image/jpeg", "accept"));
    let webp = get_with(&anonymous, &path, &[("accept", "image/webp,*/*")]).await.expect(200);
    assert_eq!(webp.header("content-type"), "image/webp");
    assert_eq!(webp.header("cache-control"), "public, max-age=31536000, immutable");
    assert_ne!(webp.header("etag"), plain.header("etag"));
    let avif = get_with(&anonymous, &small, &[("accept", chrome)]).await.expect(200);
    assert_eq!(avif.header("content-type"), "image/avif", "a small one at once");
    let instead = get_with(&anonymous, &path, &[("accept", chrome)]).await.expect(200);
    assert_eq!(instead.header("content-type"), "image/webp", "a large one later");
    assert_eq!(instead.header("cache-control"), "public, max-age=300");
    harness
        .world
        .wait_for("the AVIF is made while nobody waits", async || {
            let response = get_with(&anonymous, &path, &[("accept", chrome)]).await.expect(200);
            (response.header("content-type") == "image/avif").then_some(())
        })
        .await;
    let named = anonymous.get(&format!("/v1/media/{}/image?w=128&format=webp", photo.id)).await.expect(200);
    assert_eq!((named.header("content-type"), named.header("vary")), ("image/webp", ""));
    harness.end().await;
}

#[tokio::test]
async fn a_hundred_readers_make_a_picture_once_and_it_is_kept() {
    let harness = Harness::new().await;
    let photo = harness.photo("jpeg", &jpeg(1600, 1200), (1600, 1200), Visibility::Public).await;
    let anonymous = harness.world.anonymous();
    let path = format!("/v1/media/{}/image?w=512&format=webp", photo.id);
    let before = harness.objects().await;
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let (anonymous, path) = (anonymous.clone(), path.clone());
            tokio::spawn(async move { anonymous.get(&path).await.expect(200) })
        })
        .collect();
    let mut etags = std::collections::HashSet::new();
    for reader in readers {
        etags.insert(reader.await.unwrap().header("etag").to_owned());
    }
    assert_eq!(etags.len(), 1);
    assert_eq!(harness.counter("delivery_images_rendered"), 1);
    assert_eq!(harness.objects().await, before + 1);
    let folder = harness.world.crash().await;
    let harness = Harness::with(World::builder().in_folder(folder)).await;
    let anonymous = harness.world.anonymous();
    let again = anonymous.get(&path).await.expect(200);
    assert!(etags.contains(again.header("etag")), "kept over a restart");
    assert_eq!(harness.counter("delivery_images_rendered"), 0);
    get_with(&anonymous, &path, &[("if-none-match", again.header("etag"))]).await.expect(304);
    harness.end().await;
}

#[tokio::test]
async fn pictures_are_upright_and_carry_no_metadata() {
    let harness = Harness::new().await;
    let mut bytes = jpeg(400, 300);
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0GPS 52.5200 13.4050";
    let mut segment = vec![0xff, 0xe1];
    segment.extend(((exif.len() + 2) as u16).to_be_bytes());
    segment.extend(exif);
    bytes.splice(2..2, segment);
    let item = harness.item(Kind::Photo, "jpeg", &bytes, Visibility::Public).await;
    let item = Received { orientation: 6, width: Some(300), height: Some(400), ..item };
    harness.publish(&item).await;
    for format in ["jpeg", "webp", "avif"] {
        let response = harness
            .world
            .anonymous()
            .get(&format!("/v1/media/{}/image?w=64&format={format}", item.id))
            .await
            .expect(200);
        assert_eq!(response.header("content-type"), format!("image/{format}"));
        for secret in [b"GPS".as_slice(), b"Exif", b"52.52"] {
            assert!(!response.body.windows(secret.len()).any(|window| window == secret), "{format}");
        }
        if format != "avif" {
            assert_eq!(size(&response), (96, 128), "{format}");
        }
    }
    harness.end().await;
}

#[tokio::test]
async fn bombs_end_in_a_clear_problem() {
    let harness = Harness::new().await;
    let anonymous = harness.world.anonymous();
    let mut wide = jpeg(64, 48);
    let frame = wide.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    wide[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    let mut tall = flat_png(64, 48);
    tall[16..24].copy_from_slice(&[0, 0, 0xff, 0xdc, 0, 0, 0xff, 0xdc]);
    let cut = jpeg(640, 480);
    let cases: [(&str, &str, Vec<u8>); 5] = [
        ("jpeg", "delivery.image_too_large", wide),
        ("png", "delivery.image_too_large", tall),
        ("jpeg", "delivery.image_truncated", cut[..100].to_vec()),
        ("jpeg", "delivery.image_unsupported", b"<svg onload=alert(1)>".to_vec()),
        ("png", "delivery.image_truncated", flat_png(64, 48)[..40].to_vec()),
    ];
    for (format, code, bytes) in cases {
        let photo = harness.photo(format, &bytes, (64, 48), Visibility::Public).await;
        let path = format!("/v1/media/{}/image?w=64", photo.id);
        anonymous.get(&path).await.refused(422, code);
        let refusals = harness.counter("delivery_images_refused");
        anonymous.get(&path).await.refused(422, code);
        assert_eq!(harness.counter("delivery_images_refused"), refusals, "it is not tried again");
    }
    harness.end().await;
}

#[tokio::test]
async fn a_decompression_bomb_is_a_small_picture_in_bounded_memory() {
    let harness = Harness::with(World::builder().set("delivery.render_memory_bytes=16777216")).await;
    let bomb = flat_png(9900, 9900);
    assert!(bomb.len() < 200_000);
    let photo = harness.photo("png", &bomb, (9900, 9900), Visibility::Public).await;
    let before = peak_kib();
    let response =
        harness.world.anonymous().get(&format!("/v1/media/{}/image?w=64&format=webp", photo.id)).await.expect(200);
    assert_eq!(size(&response), (64, 64));
    assert!(peak_kib() - before < 40 * 1024, "98 megapixels took {} KiB", peak_kib() - before);
    harness.end().await;
}

/// Returns the peak memory of this process, in KiB (Linux).
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

#[tokio::test]
async fn too_many_waiting_requests_receive_503() {
    let harness =
        Harness::with(World::builder().set("delivery.max_render_waiters=2").set("delivery.render_workers=1")).await;
    let anonymous = harness.world.anonymous();
    let photo = harness.photo("jpeg", &jpeg(2000, 1500), (2000, 1500), Visibility::Public).await;
    let readers: Vec<_> = [64, 128, 256, 384, 512, 640, 768, 1024]
        .into_iter()
        .map(|width| {
            let (anonymous, path) = (anonymous.clone(), format!("/v1/media/{}/image?w={width}&format=jpeg", photo.id));
            tokio::spawn(async move { anonymous.get(&path).await })
        })
        .collect();
    let mut busy = 0;
    for reader in readers {
        let response = reader.await.unwrap();
        if response.status == 503 {
            assert!(!response.header("retry-after").is_empty());
            response.refused(503, "delivery.busy");
            busy += 1;
        } else {
            response.expect(200);
        }
    }
    assert!((1..=7).contains(&busy), "{busy} were sent away");
    anonymous.get(&format!("/v1/media/{}/image?w=64&format=jpeg", photo.id)).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn other_formats_come_from_their_upright_copy_and_videos_from_their_poster() {
    let harness = Harness::new().await;
    let anonymous = harness.world.anonymous();
    let item = harness.item(Kind::Photo, "heic", b"not decoded here", Visibility::Public).await;
    let heic = Received { width: Some(300), height: Some(400), orientation: 6, ..item };
    harness.publish(&heic).await;
    let path = format!("/v1/media/{}/image?w=64", heic.id);
    let early = anonymous.get(&path).await.refused(404, "delivery.not_ready");
    assert!(!early.header("retry-after").is_empty());
    harness.asset(&heic.id, "base", "image/jpeg", &jpeg(300, 400)).await;
    assert_eq!(size(&anonymous.get(&path).await.expect(200)), (96, 128), "the copy is upright already");
    let video = harness.file(b"video", Visibility::Public).await;
    harness.asset(&video.id, "poster", "image/jpeg", &jpeg(1280, 720)).await;
    assert_eq!(size(&anonymous.get(&format!("/v1/media/{}/image?w=128", video.id)).await.expect(200)), (256, 144));
    assert_eq!(
        size(&anonymous.get(&format!("/v1/media/{}/poster", video.id)).await.expect(200)),
        (1280, 720),
        "as it was made"
    );
    assert_eq!(
        size(&anonymous.get(&format!("/v1/media/{}/poster?w=64&h=64&fit=cover", video.id)).await.expect(200)),
        (64, 64)
    );
    anonymous.get(&format!("/v1/media/{}/poster?w=0", video.id)).await.refused(400, "request.invalid");
    harness.end().await;
}

#[tokio::test]
async fn a_lost_image_is_rendered_again() {
    let harness = Harness::new().await;
    let photo = harness.photo("jpeg", &jpeg(640, 480), (640, 480), Visibility::Public).await;
    let path = format!("/v1/media/{}/image?w=256&format=webp", photo.id);
    let etag = harness.world.anonymous().get(&path).await.expect(200).header("etag").trim_matches('"').to_owned();
    let key = format!("{}/{}", &etag[..2], &etag[2..]).parse().unwrap();
    harness.world.context("delivery").objects.remove(&key).await.unwrap();
    let folder = harness.world.crash().await;
    let harness = Harness::with(World::builder().in_folder(folder)).await;
    let again = harness.world.anonymous().get(&path).await.expect(200);
    assert_ne!(again.header("etag").trim_matches('"'), etag);
    assert!(render(&again.body, 1, Frame { width: 64, height: 64, fit: Fit::Contain }, Limits::default()).is_ok());
    harness.end().await;
}

#[tokio::test]
async fn a_photo_with_megabytes_of_metadata_in_front_is_a_photo() {
    let harness = Harness::new().await;
    let mut bytes = jpeg(640, 480);
    let mut segment = vec![0xff, 0xe1, 0xff, 0xff];
    segment.resize(65_537, b'x');
    let front: Vec<u8> = segment.iter().copied().cycle().take(segment.len() * 40).collect();
    bytes.splice(2..2, front);
    let photo = harness.photo("jpeg", &bytes, (640, 480), Visibility::Public).await;
    let response = harness.world.anonymous().get(&format!("/v1/media/{}/image?w=64", photo.id)).await.expect(200);
    assert_eq!(size(&response), (64, 48));
    harness.end().await;
}
