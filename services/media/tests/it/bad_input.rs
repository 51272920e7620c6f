//! Bad input: each protocol refuses it with a clear error, and it leaves nothing behind.

use http::Method;
use serde_json::json;
use testkit::{TestClient, TestResponse, World};

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, png, send};
use crate::raw_http::RawConnection;
use crate::samples::{encoded, refused, video};

async fn as_form(member: &TestClient, file: Vec<u8>) -> TestResponse {
    let part = reqwest::multipart::Part::bytes(file).file_name("x.jpg");
    member
        .send(
            member
                .request(Method::POST, "/v1/media")
                .multipart(reqwest::multipart::Form::new().part("file", part).text("tags", "x")),
        )
        .await
}

async fn as_upload(member: &TestClient, file: Vec<u8>) -> TestResponse {
    let request = member
        .request(Method::POST, "/v1/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", file.len());
    member.send(request.header("content-type", "application/offset+octet-stream").body(file)).await
}

#[tokio::test]
async fn the_content_of_a_file_decides_its_type_not_its_name() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    for (what, file, status, code) in refused() {
        println!("{what}");
        send(&ada, "?name=cat.jpeg", "image/jpeg", file.clone()).await.refused(status, code);
        as_form(&ada, file.clone()).await.refused(status, code);
        as_upload(&ada, file).await.refused(status, code);
    }
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn good_files_are_taken_under_their_own_type_whatever_they_claim() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let cover = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.png");
        let picture = encoded("c.png", &["-f", "lavfi", "-i", "testsrc2=s=64x64:d=0.1", "-frames:v", "1"]);
        std::fs::write(&path, picture).unwrap();
        encoded(
            "a.mp3",
            &[
                "-f",
                "lavfi",
                "-i",
                "sine=d=1",
                "-i",
                path.to_str().unwrap(),
                "-map",
                "0",
                "-map",
                "1",
                "-c:v",
                "copy",
                "-disposition:v",
                "attached_pic",
            ],
        )
    };
    let files: Vec<(&str, Vec<u8>, &str, &str)> = vec![
        ("a PNG called MP4", png(20, 10, 5000, 3), "photo", "image/png"),
        ("a video with its index at the end", video("v.mp4", &[]), "video", "video/mp4"),
        ("a video with its index first", video("v.mp4", &["-movflags", "+faststart"]), "video", "video/mp4"),
        ("a QuickTime film", video("v.mov", &[]), "video", "video/quicktime"),
        ("a video without sound", video("v.mp4", &["-an", "-movflags", "+faststart"]), "video", "video/mp4"),
        ("Matroska", video("v.mkv", &[]), "video", "video/matroska"),
        ("a sound with cover art", cover, "audio", "audio/mpeg"),
        ("an MP4 with sound only", video("v.mp4", &["-vn"]), "audio", "audio/mp4"),
        ("a wave", encoded("a.wav", &["-f", "lavfi", "-i", "sine=d=1"]), "audio", "audio/wav"),
        ("FLAC", encoded("a.flac", &["-f", "lavfi", "-i", "sine=d=1"]), "audio", "audio/flac"),
    ];
    for (what, file, kind, content_type) in files {
        println!("{what}");
        let item = send(&ada, "?name=x.mp4", "application/pdf", file.clone()).await.expect(201).json();
        assert_eq!((&item["kind"], &item["content_type"]), (&json!(kind), &json!(content_type)), "{what}");
        assert_eq!(item["bytes"], file.len(), "{what}");
    }
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_name_is_a_title_and_that_of_a_file_is_the_end_of_its_path() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let titles = [
        ("AC/DC%20live", "AC/DC live"),
        ("24/7", "24/7"),
        ("What?%20%22Why%22", "What? \"Why\""),
        ("%00%0d%0aa.png", "a.png"),
        ("con.png", "con.png"),
        ("%E2%80%AEgpj.exe", "gpj.exe"),
        ("%20", "untitled"),
    ];
    for (seed, (sent, kept)) in titles.into_iter().enumerate() {
        let item =
            send(&ada, &format!("?name={sent}"), "image/png", png(9, 9, 2000, seed as u8)).await.expect(201).json();
        assert_eq!(item["name"], kept, "{sent}");
    }
    for (seed, (sent, kept)) in
        [("../../../etc/passwd", "passwd"), ("..\\..\\boot.ini", "boot.ini"), ("..", "untitled")]
            .into_iter()
            .enumerate()
    {
        let part = reqwest::multipart::Part::bytes(png(9, 9, 2000, 100 + seed as u8)).file_name(sent);
        let form = reqwest::multipart::Form::new().text("name", "").part("file", part);
        let item = ada.send(ada.request(Method::POST, "/v1/media").multipart(form)).await.expect(201).json();
        assert_eq!(item["name"], kept, "{sent}");
    }
    let item = send(&ada, "?name=a", "image/png", png(9, 9, 2000, 200)).await.expect(201).json();
    let url = format!("/v1/media/{}", item["id"].as_str().unwrap());
    let change = |name: &str| ada.send(ada.request(Method::PATCH, &url).json(&json!({ "name": name })));
    change(" \u{feff}").await.refused(422, "request.invalid");
    assert_eq!(change("AC/DC").await.expect(200).json()["name"], "AC/DC");
    expect_no_orphans(&world).await;
    world.end().await;
}

#[tokio::test]
async fn invalid_fields_are_refused_before_bytes_are_read() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let many: Vec<String> = (0..21).map(|n| n.to_string()).collect();
    for query in [
        "?visibility=everyone".to_owned(),
        "?claim=never".to_owned(),
        format!("?tags={}", many.join(",")),
        format!("?tags={}", "x".repeat(41)),
    ] {
        send(&ada, &query, "image/png", png(9, 9, 2000, 1)).await.refused(422, "request.invalid");
    }
    let form = |form: reqwest::multipart::Form| ada.send(ada.request(Method::POST, "/v1/media").multipart(form));
    form(reqwest::multipart::Form::new().text("tags", "x")).await.refused(422, "request.invalid");
    let part = |seed| reqwest::multipart::Part::bytes(png(9, 9, 2000, seed)).file_name("a.png");
    form(reqwest::multipart::Form::new().part("file", part(1)).part("file", part(2)))
        .await
        .refused(422, "request.invalid");
    form(reqwest::multipart::Form::new().part("file", part(3)).text("visibility", "nobody"))
        .await
        .refused(422, "request.invalid");
    form(reqwest::multipart::Form::new().part("file", part(4)).text("tags", "x".repeat(10_000)))
        .await
        .refused(422, "request.invalid");
    let elsewhere =
        form(reqwest::multipart::Form::new().part("files[]", part(4))).await.refused(422, "request.invalid");
    assert!(elsewhere.json()["detail"].as_str().unwrap().contains("`files[]`"), "{elsewhere}");
    let much = reqwest::multipart::Part::bytes(vec![7; 2 << 20]);
    form(reqwest::multipart::Form::new().part("thumb", much).part("file", part(4)))
        .await
        .refused(422, "request.invalid");
    let encoded = ada.request(Method::POST, "/v1/media").header("content-encoding", "gzip").body(png(9, 9, 2000, 5));
    ada.send(encoded).await.refused(415, "media.unsupported_content_encoding");
    let endless = format!("--b\r\ncontent-disposition: form-data; name=\"file\"; x=\"{}", "y".repeat(500_000));
    ada.send(
        ada.request(Method::POST, "/v1/media").header("content-type", "multipart/form-data; boundary=b").body(endless),
    )
    .await
    .refused(422, "request.invalid");
    ada.send(ada.request(Method::POST, "/v1/media").header("content-type", "multipart/form-data").body("x"))
        .await
        .refused(422, "request.invalid");
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_digest_that_differs_refuses_the_file() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let file = png(9, 9, 9000, 1);
    let wrong = format!("sha-256=:{}:", base64(&[7; 32]));
    let right = format!("sha-512=:AAAA:, sha-256=:{}:", base64(&sha256(&file)));
    let with = |digest: String| {
        ada.send(ada.request(Method::POST, "/v1/media").header("repr-digest", digest).body(file.clone()))
    };
    with(wrong).await.refused(422, "media.digest_mismatch");
    with("sha-256=nonsense".to_owned()).await.refused(400, "media.bad_digest");
    expect_nothing_stored(&world).await;
    with(right).await.expect(201);
    world.end().await;
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

#[tokio::test]
async fn a_header_of_ten_megabytes_is_refused_by_the_listener() {
    let world = World::of(&[media::service()]).await;
    let mut connection = RawConnection::open(&world).await;
    connection.send(b"POST /v1/media HTTP/1.1\r\nhost: t\r\nx: ").await;
    let part = vec![b'x'; 64 * 1024];
    for _ in 0..160 {
        if !connection.send(&part).await {
            break;
        }
    }
    let response = connection.read_response().await;
    assert!(response.starts_with("HTTP/1.1 431"), "{response}");
    expect_nothing_stored(&world).await;
    world.end().await;
}
