//! The test harness: a world with the transcode role, uploads made by hand, and tools that inspect the results.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use contract::media::{Deleted, Kind, Received, Visibility};
use contract::transcode::{Asset, Failed, Playable, Published, Ready, Segment};
use contract::{AccountId, Event, MediaId, ObjectKey};
use db::{FromQueryResult, Lane, Sql};
use testkit::logs::{PLACE, TITLE};
use testkit::{World, WorldBuilder};

pub struct Harness {
    pub world: World,
    folder: tempfile::TempDir,
}

#[derive(FromQueryResult)]
struct Sent {
    payload: String,
}

#[derive(FromQueryResult)]
struct Objects {
    object: String,
}

/// A slow machine may cost a task an attempt: the clock runs, so the next one comes.
pub async fn start(builder: WorldBuilder, set: &[&str]) -> World {
    let builder = set.iter().fold(builder.with_running_clock(), |builder, assignment| builder.set(assignment));
    builder.start(&[transcode::service()]).await
}

impl Harness {
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(set: &[&str]) -> Self {
        Self { world: start(World::builder(), set).await, folder: tempfile::tempdir().unwrap() }
    }

    /// The folder for sources.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes a source with ffmpeg: the arguments, then the output's name. Its metadata has a location and a title.
    pub fn make(&self, name: &str, arguments: &str) -> PathBuf {
        let path = self.file(name);
        let mut words: Vec<&str> = arguments.split_whitespace().collect();
        let metadata = [format!("title={TITLE}"), format!("location={PLACE}"), format!("comment={TITLE}")];
        metadata.iter().for_each(|metadata| words.extend(["-metadata", metadata.as_str()]));
        let out = path.display().to_string();
        words.push(&out);
        testkit::ffmpeg(&words);
        path
    }

    /// Stores a file as `media` would, and publishes its event.
    pub async fn upload(&self, path: &Path, kind: Kind, format: &str) -> MediaId {
        self.upload_of(AccountId(uuid::Uuid::from_u128(7)), path, kind, format, None).await
    }

    /// The same for a member, and a photo's size as in its header.
    pub async fn upload_of(
        &self,
        owner: AccountId,
        path: &Path,
        kind: Kind,
        format: &str,
        size: Option<(u32, u32)>,
    ) -> MediaId {
        let context = self.world.context("transcode");
        let stored = context.objects.put_file(path).await.unwrap();
        let received = Received {
            id: MediaId::random(),
            owner,
            kind,
            format: format.to_owned(),
            content_type: "application/octet-stream".to_owned(),
            name: format!("clip {TITLE}"),
            bytes: stored.bytes,
            sha256: String::new(),
            object: stored.key,
            scrub: None,
            visibility: Visibility::Private,
            width: size.map(|(width, _)| width),
            height: size.map(|(_, height)| height),
            duration_ms: None,
            orientation: 1,
            created_at: context.clock.now(),
            trashed: false,
            captions: vec![],
        };
        self.publish(received.clone()).await;
        received.id
    }

    pub async fn publish<E: Event + Clone>(&self, event: E) {
        let context = self.world.context("transcode");
        let now = context.clock.now();
        context.db.write(Lane::ALL, async move |tx| tx.publish(&event, now)).await.unwrap();
    }

    pub async fn delete(&self, media: &MediaId) {
        self.publish(Deleted { id: media.clone(), owner: AccountId(uuid::Uuid::from_u128(7)) }).await;
    }

    /// Returns every event of a kind that was published so far.
    pub async fn published<E: Event>(&self) -> Vec<E> {
        let rows: Vec<Sent> = self
            .world
            .context("transcode")
            .db
            .read()
            .rows("select payload from outbox where subject = $1 order by id", vec![E::SUBJECT.into()])
            .await
            .unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
    }

    pub async fn failure(&self, media: &MediaId) -> Option<Failed> {
        self.published::<Failed>().await.into_iter().find(|failed| failed.id == *media)
    }

    /// Waits until the item is ready; fails the test if it failed.
    pub async fn ready(&self, media: &MediaId) -> Ready {
        self.world
            .wait_for("the item becomes ready", async || {
                if let Some(failed) = self.failure(media).await {
                    panic!("it failed: {failed:?}");
                }
                self.published::<Ready>().await.into_iter().find(|ready| ready.id == *media)
            })
            .await
    }

    /// Waits until the item has failed.
    pub async fn failed(&self, media: &MediaId) -> Failed {
        self.world
            .wait_for("the item fails", async || {
                assert!(self.published::<Ready>().await.iter().all(|ready| ready.id != *media), "it became ready");
                self.failure(media).await
            })
            .await
    }

    pub async fn playable(&self, media: &MediaId) -> Option<Playable> {
        self.published::<Playable>().await.into_iter().find(|playable| playable.id == *media)
    }

    /// Returns the internal playback response.
    pub async fn playback(&self, media: &MediaId) -> Published {
        let answer = self.world.anonymous().get(&format!("/internal/playback/{media}")).await.expect(200);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Uploads, waits, and downloads all outputs.
    pub async fn convert(&self, path: &Path, kind: Kind, format: &str) -> Converted {
        let media = self.upload(path, kind, format).await;
        let ready = self.ready(&media).await;
        self.converted(&media, ready).await
    }

    pub async fn converted(&self, media: &MediaId, ready: Ready) -> Converted {
        let playback = self.playback(media).await;
        let mut whole = BTreeMap::new();
        for rendition in &playback.renditions {
            let mut own: Vec<&Segment> =
                playback.segments.iter().filter(|segment| segment.rendition == rendition.name).collect();
            own.sort_by_key(|segment| segment.number);
            assert_eq!(
                own.iter().map(|segment| segment.number as usize).collect::<Vec<_>>(),
                (0..own.len()).collect::<Vec<_>>(),
                "an unbroken run of {}",
                rendition.name
            );
            assert_eq!(rendition.total_segments, Some(u32::try_from(own.len()).unwrap()));
            let mut bytes = self.object(&rendition.init).await;
            for segment in own {
                bytes.extend(self.object(&segment.object).await);
            }
            let path = self.file(&format!("{media}-{}.mp4", rendition.name));
            std::fs::write(&path, bytes).unwrap();
            whole.insert(rendition.name.clone(), path);
        }
        Converted { media: media.clone(), ready, playback, whole }
    }

    pub async fn object(&self, key: &ObjectKey) -> Vec<u8> {
        self.world.context("transcode").objects.get(key, 1 << 30).await.unwrap().to_vec()
    }

    pub async fn asset(&self, converted: &Converted, name: &str) -> Vec<u8> {
        let asset: &Asset = converted
            .playback
            .assets
            .iter()
            .find(|asset| asset.name == name)
            .unwrap_or_else(|| panic!("there is no {name}: {:?}", converted.ready));
        self.object(&asset.object).await
    }

    /// Returns the objects in the store that neither a row of this role nor an upload references.
    pub async fn orphan_objects(&self) -> Vec<String> {
        let context = self.world.context("transcode");
        let mut named: Vec<String> = Vec::new();
        for sql in ["select object from segment", "select object from asset", "select object from tiles"] {
            let rows: Vec<Objects> = context.db.read().rows(sql, vec![]).await.unwrap();
            named.extend(rows.into_iter().map(|row| row.object));
        }
        let bodies: Vec<Objects> =
            context.db.read().rows("select body as object from rendition", vec![]).await.unwrap();
        named.extend(bodies.iter().map(|row| {
            serde_json::from_str::<serde_json::Value>(&row.object).unwrap()["init"].as_str().unwrap().to_owned()
        }));
        named.extend(self.published::<Received>().await.into_iter().map(|received| received.object.to_string()));
        let listed = context.objects.list_all().await.unwrap();
        listed.into_iter().map(|listed| listed.key.to_string()).filter(|key| !named.contains(key)).collect()
    }

    pub fn scratch(&self) -> usize {
        std::fs::read_dir(self.world.context("transcode").scratch()).map_or(0, Iterator::count)
    }

    /// Shuts down: all work is done, nothing is left over.
    pub async fn end(self) {
        self.world.settle().await;
        assert_eq!(self.orphan_objects().await, Vec::<String>::new(), "objects without a row");
        assert_eq!(self.scratch(), 0, "scratch folders are left");
        self.world.end().await;
    }
}

/// The outputs of an item.
pub struct Converted {
    pub media: MediaId,
    pub ready: Ready,
    pub playback: Published,
    /// Header and segments in one file, by rendition.
    pub whole: BTreeMap<String, PathBuf>,
}

impl Converted {
    /// Returns the video renditions, as `WIDTHxHEIGHT`, largest first.
    pub fn sizes(&self) -> Vec<String> {
        let mut renditions: Vec<_> = self.playback.renditions.iter().filter(|rendition| rendition.width > 0).collect();
        renditions.sort_by_key(|rendition| std::cmp::Reverse(rendition.width * rendition.height));
        renditions.iter().map(|rendition| format!("{}x{}", rendition.width, rendition.height)).collect()
    }

    pub fn videos(&self) -> impl Iterator<Item = (&String, &PathBuf)> {
        self.whole.iter().filter(|(name, _)| *name != "audio")
    }
}

/// Returns a program's standard output.
pub fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the presentation times of all decoded frames of a stream, in seconds.
pub fn frame_times(path: &Path, stream: &str) -> Vec<f64> {
    let text = output(
        "ffprobe",
        &[
            "-v",
            "error",
            "-select_streams",
            stream,
            "-show_entries",
            "frame=pts_time",
            "-of",
            "csv=p=0",
            path.to_str().unwrap(),
        ],
    );
    text.lines().filter_map(|line| line.split(',').next()?.parse().ok()).collect()
}

/// Fails unless times advance in steps of `1/fps` throughout, from `start`.
#[track_caller]
pub fn assert_seamless(times: &[f64], fps: f64, start: f64) {
    for (at, time) in times.iter().enumerate() {
        let wanted = start + at as f64 / fps;
        assert!((time - wanted).abs() < 0.0015, "frame {at} of {} is at {time}, not {wanted}", times.len());
    }
}

/// Returns the times at which the video gets bright, and those at which a tone begins, both in seconds.
pub fn flashes(path: &Path) -> Vec<f64> {
    let text = output(
        "ffprobe",
        &[
            "-v",
            "error",
            "-f",
            "lavfi",
            "-show_entries",
            "frame=pts_time:frame_tags=lavfi.signalstats.YAVG",
            "-of",
            "csv=p=0",
            &format!("movie={},signalstats", path.display()),
        ],
    );
    let bright: Vec<(f64, bool)> = text
        .lines()
        .filter_map(|line| {
            let (time, luma) = line.split_once(',')?;
            Some((time.parse().ok()?, luma.trim_end_matches(',').parse::<f64>().ok()? > 120.0))
        })
        .collect();
    bright.windows(2).filter(|pair| !pair[0].1 && pair[1].1).map(|pair| pair[1].0).collect()
}

/// See [`flashes`]: reads the audio as samples.
pub fn tone_onsets(path: &Path) -> Vec<f64> {
    let raw = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-i",
            path.to_str().unwrap(),
            "-map",
            "0:a",
            "-ac",
            "1",
            "-ar",
            "48000",
            "-af",
            "aresample=async=1:first_pts=0",
            "-f",
            "s16le",
            "-",
        ])
        .output()
        .unwrap();
    assert!(raw.status.success(), "{}", String::from_utf8_lossy(&raw.stderr));
    let samples: Vec<i16> = raw.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let (mut found, mut quiet_since) = (Vec::new(), 0_usize);
    for (at, sample) in samples.iter().enumerate() {
        if sample.unsigned_abs() > 2000 {
            if at - quiet_since > 12_000 || (found.is_empty() && at > 0) {
                found.push(at as f64 / 48_000.0);
            }
            quiet_since = at;
        }
    }
    found
}

/// Returns the number of frames, the size and other properties of a file's first video stream, as ffprobe prints them:
/// `key=value`.
pub fn stream_info(path: &Path, stream: &str) -> BTreeMap<String, String> {
    let text = output(
        "ffprobe",
        &["-v", "error", "-select_streams", stream, "-show_streams", "-of", "default=nw=1", path.to_str().unwrap()],
    );
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Returns the integrated loudness in LUFS.
pub fn loudness(path: &Path) -> f64 {
    let output = Command::new("ffmpeg")
        .args([
            "-hide_banner",
            "-nostats",
            "-i",
            path.to_str().unwrap(),
            "-af",
            "ebur128=framelog=verbose",
            "-f",
            "null",
            "-",
        ])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let summary = text.rsplit_once("Integrated loudness:").unwrap().1;
    summary.split_whitespace().skip_while(|word| *word != "I:").nth(1).unwrap().parse().unwrap()
}
