//! Whole files: ranges, conditions, overlays.

use contract::media::{Kind, Received, Visibility};
use http::Method;

use crate::harness::{Harness, get_with, patch, patterned_bytes};

#[tokio::test]
async fn ranges_are_answered_as_the_standard_says() {
    let harness = Harness::new().await;
    // One is larger than a cached object, so that it is streamed; the other one is cached.
    for length in [9 << 20, 1000] {
        let bytes = patterned_bytes(length);
        let file = harness.file(&bytes, Visibility::Public).await;
        let path = format!("/v1/files/{}.mp4", file.id);
        let anonymous = harness.world.anonymous();
        let whole = anonymous.get(&path).await.expect(200);
        assert_eq!(whole.body, bytes);
        assert_eq!(whole.header("accept-ranges"), "bytes");
        assert_eq!(whole.header("content-length"), length.to_string());
        assert_eq!(whole.header("content-type"), "video/mp4");
        let last = length - 1;
        for (range, expected) in [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=0-".to_owned(), 0..length),
            ("bytes=100-199".to_owned(), 100..200),
            (format!("bytes={last}-{}", length * 2), last..length),
            ("bytes=-7".to_owned(), length - 7..length),
            (format!("bytes=-{}", length * 3), 0..length),
        ] {
            let response = get_with(&anonymous, &path, &[("range", &range)]).await.expect(206);
            assert_eq!(response.body, &bytes[expected.clone()], "{range}");
            assert_eq!(
                response.header("content-range"),
                format!("bytes {}-{}/{length}", expected.start, expected.end - 1)
            );
            assert_eq!(response.header("content-length"), expected.len().to_string());
        }
        for range in [format!("bytes={length}-"), "bytes=-0".to_owned()] {
            let response =
                get_with(&anonymous, &path, &[("range", &range)]).await.refused(416, "request.range_not_satisfiable");
            assert_eq!(response.header("content-range"), format!("bytes */{length}"));
        }
        // Hundreds of parts that overlap would be hundreds of copies (CVE-2011-3192): they get the file once.
        let many = format!("bytes={}", vec!["0-"; 900].join(","));
        for range in ["bytes=0-1,5-6", many.as_str(), "bytes=6-5", "lines=0-1", "bytes=x-"] {
            assert_eq!(
                get_with(&anonymous, &path, &[("range", range)]).await.expect(200).body.len(),
                length,
                "{range}"
            );
        }
    }
    harness.end().await;
}

#[tokio::test]
async fn conditions_hold_or_not() {
    let harness = Harness::new().await;
    let file = harness.file(&patterned_bytes(1000), Visibility::Public).await;
    let path = format!("/v1/files/{}.mp4", file.id);
    let anonymous = harness.world.anonymous();
    let etag = anonymous.get(&path).await.header("etag").to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"'));
    for same in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let response = get_with(&anonymous, &path, &[("if-none-match", &same)]).await.expect(304);
        assert!(response.body.is_empty());
        assert_eq!(response.header("etag"), etag);
        assert!(response.header("cache-control").contains("immutable"));
    }
    get_with(&anonymous, &path, &[("if-none-match", "\"x\"")]).await.expect(200);
    get_with(&anonymous, &path, &[("if-match", &etag)]).await.expect(200);
    get_with(&anonymous, &path, &[("if-match", "\"x\"")]).await.refused(412, "request.precondition_failed");
    get_with(&anonymous, &path, &[("range", "bytes=0-9"), ("if-range", &etag)]).await.expect(206);
    for other in ["\"x\"", "Sat, 21 Nov 2026 08:00:00 GMT", &format!("W/{etag}")] {
        assert_eq!(
            get_with(&anonymous, &path, &[("range", "bytes=0-9"), ("if-range", other)]).await.expect(200).body.len(),
            1000
        );
    }
    harness.end().await;
}

#[tokio::test]
async fn head_returns_the_headers_of_get() {
    let harness = Harness::new().await;
    let file = harness.file(&patterned_bytes(1000), Visibility::Public).await;
    let anonymous = harness.world.anonymous();
    for path in [format!("/v1/files/{}.mp4", file.id), format!("/v1/media/{}/original", file.id)] {
        let member = if path.ends_with("original") { harness.world.ada() } else { anonymous.clone() };
        let got = member.get(&path).await.expect(200);
        let head = member.send(member.request(Method::HEAD, &path)).await.expect(200);
        assert!(head.body.is_empty());
        for name in ["content-length", "content-type", "etag", "cache-control", "content-disposition", "accept-ranges"]
        {
            assert_eq!(head.header(name), got.header(name), "{name}");
        }
        let ranged = member.send(member.request(Method::HEAD, &path).header("range", "bytes=0-1")).await;
        assert_eq!(ranged.expect(200).header("content-length"), "1000");
    }
    harness.end().await;
}

#[tokio::test]
async fn overlays_apply_to_every_range_that_touches_them() {
    let harness = Harness::new().await;
    let length = 3_000_000;
    let bytes = patterned_bytes(length);
    let overlays = vec![
        patch(2_097_150, 4, "aabb"),
        patch(100, 50, ""),
        patch(1_048_576, 3, "010203"),
        patch(length as u64 - 2, 2, "ffff"),
    ];
    let mut scrubbed = bytes.clone();
    scrubbed[100..150].fill(0);
    scrubbed[1_048_576..1_048_579].copy_from_slice(&[1, 2, 3]);
    scrubbed[2_097_150..2_097_154].copy_from_slice(&[0xaa, 0xbb, 0, 0]);
    scrubbed[length - 2..].fill(0xff);
    let item = harness.item(Kind::Video, "mp4", &bytes, Visibility::Public).await;
    let item = Received { scrub: Some(overlays), ..item };
    harness.publish(&item).await;
    let (anonymous, path) = (harness.world.anonymous(), format!("/v1/files/{}.mp4", item.id));
    let whole = anonymous.get(&path).await.expect(200);
    assert!(whole.body == scrubbed, "the whole file is scrubbed");
    for (start, end) in [
        (0, 100),
        (0, 101),
        (99, 151),
        (120, 130),
        (149, 151),
        (1_048_577, 1_048_578),
        (2_097_151, 2_097_153),
        (2_097_153, 2_500_000),
        (length - 1, length),
    ] {
        let response =
            get_with(&anonymous, &path, &[("range", &format!("bytes={start}-{}", end - 1))]).await.expect(206);
        assert!(response.body == scrubbed[start..end], "{start}..{end}");
    }
    let original = harness.world.ada().get(&format!("/v1/media/{}/original", item.id)).await.expect(200);
    assert!(original.body == bytes, "the owner's original is untouched");
    assert_ne!(original.header("etag"), whole.header("etag"));
    harness.end().await;
}

#[tokio::test]
async fn a_file_that_cannot_be_scrubbed_is_not_served() {
    let harness = Harness::new().await;
    let item = harness.item(Kind::Video, "mp4", b"secret place", Visibility::Public).await;
    let unknown = Received { scrub: None, ..item.clone() };
    harness.publish(&unknown).await;
    let odd = Received { id: contract::MediaId::random(), scrub: Some(vec![patch(0, 4, "not hex")]), ..item };
    harness.publish(&odd).await;
    for item in [&unknown, &odd] {
        for member in [harness.world.anonymous(), harness.world.bob(), harness.world.ada()] {
            member.get(&format!("/v1/files/{}.mp4", item.id)).await.refused(403, "delivery.withheld");
        }
        assert_eq!(
            harness.world.ada().get(&format!("/v1/media/{}/original", item.id)).await.expect(200).body,
            b"secret place"
        );
    }
    harness.end().await;
}

#[tokio::test]
async fn a_file_is_served_under_its_own_name_only() {
    let harness = Harness::new().await;
    let file = harness.file(b"bytes", Visibility::Public).await;
    let anonymous = harness.world.anonymous();
    for name in
        [format!("{}.html", file.id), format!("{}.mp4.html", file.id), format!("{}", file.id), format!("{}.", file.id)]
    {
        anonymous.get(&format!("/v1/files/{name}")).await.refused(404, "media.not_found");
    }
    let response = anonymous.get(&format!("/v1/files/{}.mp4", file.id)).await.expect(200);
    let disposition = response.header("content-disposition");
    assert!(disposition.starts_with("inline") && disposition.contains("filename*=UTF-8''"), "{disposition}");
    assert!(response.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(response.header("cross-origin-resource-policy"), "cross-origin");
    harness.end().await;
}

#[tokio::test]
async fn a_row_without_its_bytes_is_a_fault_and_not_a_broken_response() {
    let harness = Harness::new().await;
    let file = harness.file(&patterned_bytes(1000), Visibility::Public).await;
    harness.world.context("delivery").objects.remove(&file.object).await.unwrap();
    harness.world.anonymous().get(&format!("/v1/files/{}.mp4", file.id)).await.refused(500, "server.fault");
    harness.end().await;
}

#[tokio::test]
async fn many_slow_readers_share_a_bounded_memory() {
    let harness = Harness::with(
        testkit::World::builder()
            .set("delivery.object_cache_bytes=1000000")
            .set("delivery.stream_buffer_bytes=2000000"),
    )
    .await;
    let mut paths = Vec::new();
    for _ in 0..8 {
        let file = harness.file(&patterned_bytes(900_000), Visibility::Public).await;
        paths.push(format!("/v1/files/{}.mp4", file.id));
    }
    // Each response is begun and held; far more bytes are requested than may be buffered.
    let anonymous = harness.world.anonymous();
    let mut open = Vec::new();
    for round in 0..5 {
        for path in &paths {
            let response = anonymous.request(Method::GET, path).send().await.unwrap();
            assert_eq!(response.status(), 200, "round {round}");
            open.push(response);
        }
    }
    for response in open {
        assert!(response.bytes().await.unwrap() == patterned_bytes(900_000), "every byte arrives");
    }
    harness.end().await;
}

#[tokio::test]
async fn a_file_is_saved_as_what_it_is_and_not_as_what_it_is_called() {
    let harness = Harness::new().await;
    let anonymous = harness.world.anonymous();
    let long = format!("{}.svg", "ä".repeat(400));
    for (name, expected) in [
        ("x.html", "x.html.jpeg"),
        ("cat.JPG", "cat.JPG"),
        ("a\".html", "a_.html.jpeg"),
        ("cat\u{202e}gpj.html", "catgpj.html.jpeg"),
        ("../../x.svg", "x.svg.jpeg"),
        ("..", "untitled.jpeg"),
        ("x.js\r\nSet-Cookie: a=b", "x.jsSet-Cookie_ a=b.jpeg"),
        (&long, ".jpeg"),
    ] {
        let item = harness.item(Kind::Photo, "jpeg", b"a picture", Visibility::Public).await;
        let item = Received { name: name.into(), ..item };
        harness.publish(&item).await;
        let shown = anonymous.get(&format!("/v1/files/{}.jpeg", item.id)).await.expect(200);
        let saved = harness.world.ada().get(&format!("/v1/media/{}/original", item.id)).await.expect(200);
        for (response, kind) in [(shown, "inline"), (saved, "attachment")] {
            let disposition = response.header("content-disposition");
            let file_name = disposition.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            assert!(disposition.starts_with(kind) && file_name.ends_with(expected), "{name}: {disposition}");
            assert!(
                disposition.split(';').all(
                    |part| !part.contains("filename*") || [".jpeg", ".JPG"].iter().any(|kind| part.ends_with(kind))
                ),
                "{disposition}"
            );
            assert_eq!(
                (response.header("content-type"), response.header("x-content-type-options")),
                ("image/jpeg", "nosniff")
            );
            assert!(response.header("content-security-policy").starts_with("sandbox"), "{response}");
        }
    }
    harness.end().await;
}

#[tokio::test]
async fn what_is_no_media_type_of_ours_is_saved_and_not_shown() {
    let harness = Harness::new().await;
    let item = harness.item(Kind::Photo, "jpeg", b"a picture", Visibility::Public).await;
    let typed = Received { content_type: "text/html".into(), ..item.clone() };
    harness.publish(&typed).await;
    let unheard = Received { id: contract::MediaId::random(), format: "html".into(), ..item };
    harness.publish(&unheard).await;
    for (item, ending) in [(typed, "jpeg"), (unheard, "html")] {
        let response = harness.world.anonymous().get(&format!("/v1/files/{}.{ending}", item.id)).await.expect(200);
        assert_eq!(response.header("content-type"), "application/octet-stream");
        let disposition = response.header("content-disposition");
        assert!(disposition.starts_with("attachment") && disposition.contains(".bin\""), "{disposition}");
    }
    harness.end().await;
}

#[tokio::test]
async fn the_motion_of_an_animated_picture_is_read_in_ranges() {
    let harness = Harness::new().await;
    let gif = harness.item(Kind::Photo, "gif", b"an animation", Visibility::Private).await;
    harness.publish(&gif).await;
    harness.asset(&gif.id, "motion", "video/mp4", b"frames of a motion").await;
    let path = format!("/v1/media/{}/motion.mp4", gif.id);
    let anonymous = harness.world.anonymous();
    anonymous.get(&path).await.refused(404, "media.not_found");
    let signed = format!("{path}?{}", harness.signed_query("view", &gif.id));
    let part = get_with(&anonymous, &signed, &[("range", "bytes=10-")]).await.expect(206);
    assert_eq!((part.header("content-type"), part.body.as_slice()), ("video/mp4", &b"a motion"[..]));
    assert_eq!(part.header("content-range"), "bytes 10-17/18");
    harness.end().await;
}
