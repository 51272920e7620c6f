//! A world with a delivery role, peers with configurable responses, and things to read.
//!
//! Invariant: an event that the harness publishes has been handled when the call returns.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::TimeDelta;
use contract::media::{CaptionTrack, Changed, Deleted, Kind, Patch, Received, Visibility};
use contract::transcode::{Asset, Published, Rendition, Segment, Track};
use contract::{AccountId, Event, MediaId, ObjectKey};
use db::Lane;
use http::{Method, StatusCode};
use testkit::{TestClient, TestResponse, World, WorldBuilder};

type Responses = Arc<Mutex<HashMap<String, serde_json::Value>>>;

/// The world and the responses of its peers.
pub struct Harness {
    pub world: World,
    pub media: Responses,
    pub transcode: Responses,
}

async fn respond(State(responses): State<Responses>, Path(id): Path<String>) -> Response {
    match responses.lock().unwrap().get(&id) {
        Some(response) => axum::Json(response.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Harness {
    pub async fn new() -> Self {
        Self::with(World::builder()).await
    }

    pub async fn with(builder: WorldBuilder) -> Self {
        let world = builder.start(&[delivery::service()]).await;
        let (media, transcode) = (Responses::default(), Responses::default());
        let peers = &world.context("delivery").peers;
        peers.register_local(
            "media",
            Router::new().route("/internal/media/{id}", get(respond)).with_state(media.clone()),
        );
        peers.register_local(
            "transcode",
            Router::new().route("/internal/playback/{id}", get(respond)).with_state(transcode.clone()),
        );
        Self { world, media, transcode }
    }

    /// Stores bytes as an object.
    pub async fn store(&self, bytes: &[u8]) -> ObjectKey {
        self.world.context("delivery").objects.put(bytes.to_vec().into()).await.unwrap().key
    }

    /// Returns an item of Ada that is not announced yet.
    pub async fn item(&self, kind: Kind, format: &str, bytes: &[u8], visibility: Visibility) -> Received {
        Received {
            id: MediaId::random(),
            owner: AccountId(self.world.ada().id),
            kind,
            format: format.into(),
            content_type: match kind {
                Kind::Photo => format!("image/{format}"),
                Kind::Audio => format!("audio/{format}"),
                Kind::Video => format!("video/{format}"),
            },
            name: format!("my \"holiday\" été.{format}"),
            bytes: bytes.len() as u64,
            sha256: format!("{:064x}", bytes.len()),
            object: self.store(bytes).await,
            scrub: Some(vec![]),
            visibility,
            width: None,
            height: None,
            duration_ms: None,
            orientation: 1,
            created_at: self.world.clock().now(),
            trashed: false,
            captions: vec![],
        }
    }

    /// Publishes a file of Ada.
    pub async fn file(&self, bytes: &[u8], visibility: Visibility) -> Received {
        let item = self.item(Kind::Video, "mp4", bytes, visibility).await;
        self.publish(&item).await;
        item
    }

    /// Publishes a photo of Ada.
    pub async fn photo(&self, format: &str, bytes: &[u8], size: (u32, u32), visibility: Visibility) -> Received {
        let item = self.item(Kind::Photo, format, bytes, visibility).await;
        let item = Received { width: Some(size.0), height: Some(size.1), ..item };
        self.publish(&item).await;
        item
    }

    /// Publishes an event and waits until it was handled.
    pub async fn publish<E: Event + Clone>(&self, event: &E) {
        let (event, now) = (event.clone(), self.world.clock().now());
        let db = &self.world.context("delivery").db;
        db.write(Lane::ALL, async move |tx| tx.publish(&event, now)).await.unwrap();
        self.world.settle().await;
    }

    pub async fn change(&self, item: &Received, visibility: Visibility, version: u64) {
        self.publish_change(item, visibility, false, version).await;
    }

    /// Moves an item to the trash.
    pub async fn trash(&self, item: &Received, version: u64) {
        self.publish_change(item, Visibility::Private, true, version).await;
    }

    /// Gives an item captions in these languages, each with its label.
    pub async fn caption(&self, item: &Received, tracks: &[(&str, &str)], version: u64) {
        let track = |(lang, label): &(&str, &str)| CaptionTrack { lang: (*lang).into(), label: (*label).into() };
        self.publish(&Changed {
            id: item.id.clone(),
            name: item.name.clone(),
            tags: vec![],
            visibility: item.visibility,
            trashed: false,
            captions: tracks.iter().map(track).collect(),
            version,
        })
        .await;
    }

    async fn publish_change(&self, item: &Received, visibility: Visibility, trashed: bool, version: u64) {
        let (id, name) = (item.id.clone(), item.name.clone());
        self.publish(&Changed { id, name, tags: vec![], visibility, trashed, captions: vec![], version }).await;
    }

    pub async fn delete(&self, item: &Received) {
        self.publish(&Deleted { id: item.id.clone(), owner: item.owner }).await;
    }

    /// Returns `t=…` for an item.
    pub fn signed_query(&self, scope: &str, id: &MediaId) -> String {
        let now = self.world.clock().now();
        format!("t={}", self.world.context("delivery").url_signer.sign(scope, id.as_str(), now, TimeDelta::hours(1)))
    }

    /// Publishes a rendition of segments of 4 s each, the first `existing` of `total`.
    pub async fn rendition(
        &self,
        id: &MediaId,
        name: &str,
        track: Track,
        existing: u32,
        total: Option<u32>,
    ) -> Published {
        let mut segments = Vec::new();
        for number in 0..existing {
            let bytes = segment_bytes(name, number);
            let object = self.store(&bytes).await;
            segments.push(Segment {
                rendition: name.into(),
                number,
                duration_us: 4_000_000,
                object,
                bytes: bytes.len() as u64,
            });
        }
        let rendition = Rendition {
            name: name.into(),
            track,
            bandwidth: if track == Track::Audio { 128_000 } else { u64::from(name.len() as u32) * 500_000 },
            codecs: if track == Track::Audio { "mp4a.40.2".into() } else { "avc1.64001f".into() },
            width: 1280,
            height: 720,
            millifps: 24_000,
            init: self.store(format!("init of {name}").as_bytes()).await,
            total_segments: total,
        };
        let published = Published { id: id.clone(), renditions: vec![rendition], segments, assets: vec![] };
        self.publish(&published).await;
        published
    }

    /// Publishes an asset.
    pub async fn asset(&self, id: &MediaId, name: &str, content_type: &str, bytes: &[u8]) {
        let object = self.store(bytes).await;
        let asset = Asset { name: name.into(), content_type: content_type.into(), object, bytes: bytes.len() as u64 };
        self.publish(&Published { id: id.clone(), renditions: vec![], segments: vec![], assets: vec![asset] }).await;
    }

    /// Returns the number of objects in the store.
    pub async fn objects(&self) -> usize {
        self.world.context("delivery").objects.list_all().await.unwrap().len()
    }

    /// Returns the value of a counter.
    pub fn counter(&self, name: &str) -> u64 {
        let text = self.world.process.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("tutti_{name}_total ")));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Returns the value of a gauge.
    pub fn gauge(&self, name: &str) -> u64 {
        let text = self.world.process.metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("tutti_{name} ")));
        line.map_or(0, |value| value.parse().unwrap())
    }

    pub async fn end(self) {
        self.world.end().await;
    }
}

pub fn segment_bytes(rendition: &str, number: u32) -> Vec<u8> {
    format!("segment {number} of {rendition}").repeat(100).into_bytes()
}

/// Sends a GET with headers.
pub async fn get_with(member: &TestClient, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = member.request(Method::GET, path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    member.send(request).await
}

/// Returns bytes whose values depend on their position.
pub fn patterned_bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

pub fn patch(offset: u64, bytes: u64, hex: &str) -> Patch {
    Patch { offset, bytes, hex: hex.into() }
}

/// Returns a JPEG of coloured stripes.
pub fn jpeg(width: usize, height: usize) -> Vec<u8> {
    let mut compress = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    compress.set_size(width, height);
    compress.set_quality(85.0);
    compress.set_fastest_defaults();
    let mut started = compress.start_compress(Vec::new()).unwrap();
    let pixels: Vec<u8> =
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [(x * 3) as u8, (y * 5) as u8, (x + y) as u8])).collect();
    started.write_scanlines(&pixels).unwrap();
    started.finish().unwrap()
}

/// Returns a PNG of one grey, as large as requested and hardly larger than an empty file.
pub fn flat_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; (width.div_ceil(8) * height) as usize]).unwrap();
    drop(writer);
    bytes
}
