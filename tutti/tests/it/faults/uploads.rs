//! Files that are different for each upload, and the ways to upload them.
//!
//! Invariant: what the server has acknowledged it still has later: an offset never decreases.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Method, StatusCode};

use super::client::{Client, Outcome};

const CHUNK: usize = 64 * 1024;

static UNIQUE: AtomicU32 = AtomicU32::new(0);

/// The files from which uploads are made.
pub(super) struct Samples {
    photo: Vec<u8>,
    video: Vec<u8>,
}

impl Samples {
    /// Generates a photo and a video of six seconds.
    pub(super) fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let (photo, video) = (path("photo.jpg"), path("video.mp4"));
        testkit::ffmpeg(&["-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", &photo]);
        // A format that can't be copied: it is encoded, part by part.
        let picture = "testsrc2=s=160x90:r=12:d=6";
        testkit::ffmpeg(&[
            "-f",
            "lavfi",
            "-i",
            picture,
            "-f",
            "lavfi",
            "-i",
            "sine=f=300",
            "-shortest",
            "-pix_fmt",
            "yuv444p",
            "-g",
            "200",
            &video,
        ]);
        Self { photo: std::fs::read(photo).unwrap(), video: std::fs::read(video).unwrap() }
    }

    /// Returns a JPEG with a comment of its own.
    pub(super) fn photo(&self) -> Bytes {
        let text = format!("photo {} {}", UNIQUE.fetch_add(1, Ordering::Relaxed), "x".repeat(30_000));
        let mut bytes = self.photo[..2].to_vec();
        bytes.extend([0xff, 0xfe]);
        bytes.extend(u16::try_from(text.len() + 2).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(&self.photo[2..]);
        bytes.into()
    }

    /// Returns the video with a box of its own at the end, which players skip (ISO 14496-12, `free`).
    pub(super) fn video(&self) -> Bytes {
        let mut bytes = self.video.clone();
        bytes.extend(12_u32.to_be_bytes());
        bytes.extend(b"free");
        bytes.extend(UNIQUE.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes.into()
    }

    /// Returns two seconds of 16-bit mono audio.
    pub(super) fn song() -> Bytes {
        Self::song_of(2)
    }

    /// Returns so many seconds of 16-bit mono audio.
    pub(super) fn song_of(seconds: u32) -> Bytes {
        let hertz = f64::from(200 + UNIQUE.fetch_add(1, Ordering::Relaxed));
        let samples: Vec<u8> = (0..seconds * 44_100)
            .flat_map(|at| (((f64::from(at) * hertz * 0.000_142).sin() * 9000.0) as i16).to_le_bytes())
            .collect();
        crate::wav::wave(&samples).into()
    }
}

/// Uploads a file in one request. Returns its id if it was acknowledged.
pub(super) async fn upload(client: &Client, name: &str, kind: &'static str, bytes: &Bytes) -> Result<String, Outcome> {
    match client
        .send(Method::POST, &format!("/v1/media?name={name}"), |request| {
            request.header("content-type", kind).body(bytes.clone())
        })
        .await
    {
        Outcome::Response(response) => {
            assert_eq!(response.status, StatusCode::CREATED, "an upload was refused: {}", response.text());
            Ok(response.json()["id"].as_str().unwrap().to_owned())
        }
        other => Err(other),
    }
}

/// Uploads a photo, with as many attempts as it takes; fails the test after a minute.
pub(super) async fn upload_until_accepted(client: &Client, photo: &Bytes) -> String {
    let began = Instant::now();
    loop {
        if let Ok(id) = upload(client, "p.jpg", "image/jpeg", photo).await {
            return id;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "no upload was accepted within a minute");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A resumable upload in progress.
pub(super) struct ResumableUpload {
    url: String,
    bytes: Bytes,
    acknowledged_offset: usize,
}

impl ResumableUpload {
    /// Creates one; `None` if it was not acknowledged.
    pub(super) async fn begin(client: &Client, bytes: Bytes) -> Option<Self> {
        let build = |request: reqwest::RequestBuilder| {
            request.header("upload-length", bytes.len()).header("upload-metadata", "filename cy53YXY=")
        };
        let Outcome::Response(response) = client.send(Method::POST, "/v1/uploads", build).await else { return None };
        assert_eq!(response.status, StatusCode::CREATED, "an upload was refused: {}", response.text());
        Some(Self { url: response.header("location").unwrap(), bytes, acknowledged_offset: 0 })
    }

    /// Asks for the offset and sends the next chunk. Returns the item's id and bytes once the server has all of it.
    pub(super) async fn send_next_chunk(&mut self, client: &Client) -> Option<(String, Bytes)> {
        let Outcome::Response(head) = client.send(Method::HEAD, &self.url, |request| request).await else {
            return None;
        };
        assert_eq!(head.status, StatusCode::OK, "an upload that was acknowledged is gone");
        let offset: usize = head.header("upload-offset").unwrap().parse().unwrap();
        assert!(
            offset >= self.acknowledged_offset,
            "{} bytes were acknowledged, {offset} are left",
            self.acknowledged_offset
        );
        self.acknowledged_offset = offset;
        if let Some(id) = head.header("tutti-media-id") {
            return Some((id, self.bytes.clone()));
        }
        let chunk = self.bytes.slice(offset..self.bytes.len().min(offset + CHUNK));
        let build = |request: reqwest::RequestBuilder| {
            request
                .header("upload-offset", offset)
                .header("content-type", "application/offset+octet-stream")
                .body(chunk.clone())
        };
        if let Outcome::Response(response) = client.send(Method::PATCH, &self.url, build).await {
            // An earlier request of ours, which seemed to have broken, may still be running: the next HEAD returns the
            // offset.
            if response.status != StatusCode::CONFLICT {
                assert_eq!(response.status, StatusCode::NO_CONTENT, "a chunk was refused: {}", response.text());
                self.acknowledged_offset = response.header("upload-offset").unwrap().parse().unwrap();
            }
        }
        None
    }

    /// Cancels it.
    pub(super) async fn cancel(self, client: &Client) {
        let build = |request: reqwest::RequestBuilder| request;
        loop {
            if let Outcome::Response(response) = client.send(Method::DELETE, &self.url, build).await {
                assert!(
                    matches!(response.status.as_u16(), 204 | 404 | 410),
                    "{}: {}",
                    response.status,
                    response.text()
                );
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}
