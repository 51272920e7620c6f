//! The effect of an attack on members: anonymous floods, a hostile member's files, and the cost of the sandbox of
//! converters.
//!
//! Each attack is measured beside the same server without it, in the same run. Invariant: attackers have addresses and
//! an account of their own, are bounded in number and time, and send requests to this server only.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{text, wait_for};
use crate::clips::{Clip, Clips};
use crate::flood::{Flood, FloodPattern, Latencies, members, streams};
use crate::hostile::{self, Hostile};
use crate::http::Connection;
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error, machine, process};

/// Members' p99 under a flood, relative to the unloaded one.
const FLOOD_GOAL: f64 = 3.0;
/// A clip's time to playable beside a hostile member, relative to the unloaded one.
const CLIP_GOAL: f64 = 3.0;
/// How much longer a photo may take beside a hostile member, in seconds.
const PHOTO_GOAL: f64 = 2.0;
const SERVER_GOAL_MIB: f64 = 400.0;
const SANDBOX_GOAL: f64 = 1.05;
/// Members' connections, and for how long they send requests.
const MEMBERS: usize = 4;
const MEASURE_TIME: Duration = Duration::from_secs(8);
const ANONYMOUS: usize = 32;
const HANGING_UP: usize = 300;
const STREAMS: usize = 8000;
/// The number of concurrent uploads of each hostile file.
const COPIES: u64 = 4;
const POLL: Duration = Duration::from_millis(20);
const READY_TIMEOUT: Duration = Duration::from_mins(3);
const SAMPLE: Duration = Duration::from_millis(50);
/// The page's largest static file.
const STATIC: &str = "/docs/swagger-ui-bundle.js";

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let files = hostile::files(&bench.temp.parent().unwrap_or(&bench.temp).join("hostile")).await?;
    let data = bench.temp.join("attack");
    let (mut rows, mut all) = (Vec::new(), serde_json::Map::new());
    floods(bench, &data, &files, &mut rows, &mut all).await?;
    std::fs::remove_dir_all(&data)?;
    conversions(bench, &data, &files, &mut rows, &mut all).await?;
    std::fs::remove_dir_all(&data)?;
    sandbox(bench, &mut rows, &mut all).await?;
    let method = vec![
        format!("Members: {MEMBERS} connections from 127.0.0.1 that ask for a list, a view, a picture and a profile in turns, 5 ms after each answer, for {} s; unloaded and under each flood, in the same process.", MEASURE_TIME.as_secs()),
        format!("Floods: anonymous, from 32 addresses in 127.0.66.0/24. `{ANONYMOUS} connections` ask again as soon as they are answered, taking gzip and brotli; `{HANGING_UP} connections` ask for one of 504 sizes of a picture and hang up after 50 ms; `{STREAMS} streams` are opened on one public item and held."),
        format!("Hostile files: {}; each {COPIES} times at once, by one member. What is refused at the upload costs no child anything.", files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ")),
        "Memory of the children: the sum of their anonymous resident memory (`RssAnon`), every 50 ms. The generator runs on the same two cores as the server.".into(),
        "Clip: 8 s, 1280 × 720, H.264 in a shape that is encoded anew; from the last byte to `playable`. Photo: a JPEG of 12 megapixels; from the last byte to `ready`. All settings at their defaults.".into(),
    ];
    Ok(Scenario { place: 10, title: "Under attack".into(), method, rows, runs: all.into() })
}

async fn floods(
    bench: &Bench,
    data: &Path,
    files: &[Hostile],
    rows: &mut Vec<Row>,
    all: &mut serde_json::Map<String, serde_json::Value>,
) -> Result<(), Error> {
    let server = Server::start(bench, data, &[]).await?;
    let (member, stranger) = (server.sign_up("member").await?, server.sign_up("stranger").await?);
    let own = upload(&server, &member, "image/jpeg", &photo(bench, 1).await?, "")
        .await?
        .ok_or("the member's photo was refused")?;
    let costly = costly_picture(bench, &server, &stranger, files).await?;
    let paths = vec![
        "/v1/media?limit=20".to_owned(),
        format!("/v1/media/{own}"),
        format!("/v1/media/{own}/image?w=640&format=webp"),
        "/v1/me".to_owned(),
    ];
    let measure_members = async || members(server.public, &member, &paths, MEMBERS, MEASURE_TIME).await;
    // Once to fill the caches.
    measure_members().await?;
    let sizes: Vec<String> = (1..=504_u32)
        .map(|number| {
            format!("/v1/media/{costly}/image?w={}&h={}&fit=cover&format=webp", 5 * number, 2560 - 5 * number + 1)
        })
        .collect();
    let static_file = FloodPattern::Ask(vec![STATIC.to_owned()]);
    let pictures = FloodPattern::HangUp(sizes, Duration::from_millis(50));
    for (name, connections, pattern) in [
        ("the costliest static file", ANONYMOUS, static_file),
        ("the costliest pictures, hanging up", HANGING_UP, pictures),
    ] {
        let unloaded = measure_members().await?;
        let flood = Flood::start(server.public, connections, pattern, MEASURE_TIME * 3)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let under_attack = measure_members().await?;
        let asked = flood.done();
        tokio::task::spawn_blocking(move || drop(flood)).await?;
        rows.push(flood_row(
            &format!("members' p99 under {connections} connections on {name}"),
            unloaded,
            under_attack,
            &format!("{asked} requests of the flood"),
        ));
        all.insert(name.to_owned(), times(unloaded, under_attack));
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let unloaded = measure_members().await?;
    let opened = streams(server.public, &format!("/v1/media/{costly}/events"), STREAMS).await;
    let under_attack = measure_members().await?;
    rows.push(flood_row(
        &format!("members' p99 under {STREAMS} event streams"),
        unloaded,
        under_attack,
        &format!("{} were opened, {} refused", opened.open.len(), opened.refused),
    ));
    all.insert("streams".to_owned(), times(unloaded, under_attack));
    drop(opened);
    server.kill().await;
    Ok(())
}

fn flood_row(what: &str, unloaded: Latencies, under_attack: Latencies, beside: &str) -> Row {
    let (before, during) = (unloaded.p99.as_secs_f64(), under_attack.p99.as_secs_f64());
    let ratio = during / before.max(1e-6);
    Row {
        what: what.to_owned(),
        goal: format!("≤ {FLOOD_GOAL} × unloaded, no 503"),
        measured: format!(
            "{ratio:.2} × ({:.1} ms), {} × 503 of {}",
            during * 1e3,
            under_attack.unavailable,
            under_attack.requests
        ),
        beside: format!("unloaded {:.1} ms; {beside}", before * 1e3),
        passes: ratio <= FLOOD_GOAL && under_attack.unavailable == 0,
    }
}

fn times(unloaded: Latencies, under_attack: Latencies) -> serde_json::Value {
    let of = |under_attack: Latencies| json!({ "p50_ms": under_attack.p50.as_secs_f64() * 1e3, "p99_ms": under_attack.p99.as_secs_f64() * 1e3, "unavailable": under_attack.unavailable, "requests": under_attack.requests });
    json!({ "unloaded": of(unloaded), "under_attack": of(under_attack) })
}

async fn conversions(
    bench: &Bench,
    data: &Path,
    files: &[Hostile],
    rows: &mut Vec<Row>,
    all: &mut serde_json::Map<String, serde_json::Value>,
) -> Result<(), Error> {
    let server = Arc::new(Server::start(bench, data, &[]).await?);
    let (member, stranger) = (server.sign_up("member").await?, server.sign_up("stranger").await?);
    let (mut clips, mut photos) = (Vec::new(), Vec::new());
    for number in 0..bench.runs(3) as u64 {
        let (clip, photo) = clip_and_photo(bench, &server, &member, number).await?;
        clips.push(clip.as_secs_f64());
        photos.push(photo.as_secs_f64());
    }
    let sampler = Sampler::start(server.process.pid);
    let (mut uploads, mut taken, mut refused) = (Vec::new(), 0, 0);
    for (at, file) in files.iter().enumerate() {
        for copy in 0..COPIES {
            let (server, stranger, file) = (server.clone(), stranger.clone(), file.clone());
            let number = at as u64 * COPIES + copy;
            uploads.push(tokio::spawn(async move {
                upload(&server, &stranger, file.content_type, &file.unique(number), "")
                    .await
                    .map_err(|error| error.to_string())
            }));
        }
    }
    for sent in uploads {
        match sent.await?? {
            Some(_) => taken += 1,
            None => refused += 1,
        }
    }
    let (mut beside_clips, mut beside_photos) = (Vec::new(), Vec::new());
    for number in 0..bench.runs(3) as u64 {
        let (clip, photo) = clip_and_photo(bench, &server, &member, 100 + number).await?;
        beside_clips.push(clip.as_secs_f64());
        beside_photos.push(photo.as_secs_f64());
    }
    // The hostile files that are still queued need memory too.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (children, peak) = sampler.end();
    let server_mib = server.process.memory().peak_kib as f64 / 1024.0;
    let budget_mib = memory_mib() / 4.0;
    let sent = format!("{taken} files taken, {refused} refused at the upload");
    rows.push(Row {
        what: format!("memory of all children, eight hostile files × {COPIES} at once"),
        goal: "≤ the budget, a quarter of the machine".into(),
        measured: format!("{children:.0} MiB"),
        beside: format!("budget {budget_mib:.0} MiB; {sent}; {peak} children at once at most"),
        passes: children <= budget_mib,
    });
    rows.push(Row {
        what: "server memory at its peak meanwhile".into(),
        goal: format!("≤ {SERVER_GOAL_MIB:.0} MiB"),
        measured: format!("{server_mib:.0} MiB"),
        beside: String::new(),
        passes: server_mib <= SERVER_GOAL_MIB,
    });
    let ratio = median(&beside_clips) / median(&clips);
    rows.push(Row {
        what: "another member's 8 s clip meanwhile: to playable".into(),
        goal: format!("≤ {CLIP_GOAL} × unloaded"),
        measured: format!("{ratio:.2} × ({} s)", spread(&beside_clips, 2)),
        beside: format!("unloaded {} s", spread(&clips, 2)),
        passes: ratio <= CLIP_GOAL,
    });
    let more = median(&beside_photos) - median(&photos);
    rows.push(Row {
        what: "another member's photo meanwhile: to ready".into(),
        goal: format!("≤ {PHOTO_GOAL} s more than unloaded"),
        measured: format!("{more:.2} s more ({} s)", spread(&beside_photos, 2)),
        beside: format!("unloaded {} s", spread(&photos, 2)),
        passes: more <= PHOTO_GOAL,
    });
    all.insert("conversions".into(), json!({ "clip_s": clips, "clip_beside_s": beside_clips, "photo_s": photos, "photo_beside_s": beside_photos, "children_mib": children, "server_mib": server_mib, "taken": taken, "refused": refused }));
    if let Some(server) = Arc::into_inner(server) {
        server.kill().await;
    }
    Ok(())
}

/// Measures the time to playable with the sandbox and without it, in turns.
async fn sandbox(
    bench: &Bench,
    rows: &mut Vec<Row>,
    all: &mut serde_json::Map<String, serde_json::Value>,
) -> Result<(), Error> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let clip = bench.clips.get(Clip::Standard).await?;
    for number in 0..bench.runs(7) as u64 {
        for (confine, times) in [("strict", &mut with), ("off", &mut without)] {
            let data = bench.temp.join("sandbox");
            let server = Server::start(bench, &data, &[format!("transcode.sandbox={confine}")]).await?;
            let token = server.sign_up("singer").await?;
            // The first clip of a server finds the programs.
            for warm in [true, false] {
                let (playable, _) = upload_until(
                    &server,
                    &token,
                    "video/mp4",
                    &Clips::unique(&clip, number * 2 + u64::from(warm))?,
                    &["playable", "ready"],
                )
                .await?;
                if !warm {
                    times.push(playable.as_secs_f64());
                }
            }
            server.kill().await;
            std::fs::remove_dir_all(&data)?;
        }
    }
    let ratio = median(&with) / median(&without);
    rows.push(Row {
        what: "time to playable with the sandbox (30 s of standard input)".into(),
        goal: format!("≤ {SANDBOX_GOAL} × without"),
        measured: format!("{ratio:.2} × ({} s)", spread(&with, 2)),
        beside: format!("without {} s", spread(&without, 2)),
        passes: ratio <= SANDBOX_GOAL,
    });
    all.insert("sandbox".into(), json!({ "with_s": with, "without_s": without }));
    Ok(())
}

async fn clip_and_photo(
    bench: &Bench,
    server: &Server,
    token: &str,
    number: u64,
) -> Result<(Duration, Duration), Error> {
    let clip = Clips::unique(&bench.clips.get(Clip::Eight).await?, number)?;
    let (playable, clip) = upload_until(server, token, "video/mp4", &clip, &["playable", "ready"]).await?;
    let (ready, _) = upload_until(server, token, "image/jpeg", &photo(bench, number + 10).await?, &["ready"]).await?;
    Connection::of_member(server.public, token)
        .await?
        .send("DELETE", &format!("/v1/media/{clip}"), "", &[])
        .await?
        .expect(204)?;
    Ok((playable, ready))
}

/// Uploads a file and waits for a state. Returns the time from the last byte, and the item's id.
async fn upload_until(
    server: &Server,
    token: &str,
    content_type: &str,
    bytes: &[u8],
    states: &[&str],
) -> Result<(Duration, String), Error> {
    let mut member = Connection::of_member(server.public, token).await?;
    let answer = member.send("POST", "/v1/media?name=file", content_type, bytes).await?.expect(201)?;
    let sent = answer.sent;
    let id = text(&answer.json()?["id"], "id")?.to_owned();
    let (_, seen) = wait_for(&mut member, &format!("/v1/media/{id}"), states, POLL, READY_TIMEOUT).await?;
    Ok((seen - sent, id))
}

/// Uploads a file. Returns the item's id; `None` if the server refuses the file.
async fn upload(
    server: &Server,
    token: &str,
    content_type: &str,
    bytes: &[u8],
    query: &str,
) -> Result<Option<String>, Error> {
    let mut member = Connection::of_member(server.public, token).await?;
    let answer = member.send("POST", &format!("/v1/media?name=file{query}"), content_type, bytes).await?;
    match answer.status {
        201 => Ok(Some(text(&answer.json()?["id"], "id")?.to_owned())),
        413 | 415 | 422 | 429 => Ok(None),
        _ => answer.expect(201).map(|_| None),
    }
}

/// Uploads the most expensive public picture that the server accepts: the hostile GIF, or else a large JPEG.
async fn costly_picture(bench: &Bench, server: &Server, token: &str, files: &[Hostile]) -> Result<String, Error> {
    for file in files.iter().filter(|file| file.content_type == "image/gif") {
        if let Some(id) = upload(server, token, file.content_type, &file.bytes, "&visibility=public").await? {
            return Ok(id);
        }
    }
    let large = jpeg(bench, "large.jpg", "9000x7000", 0).await?;
    upload(server, token, "image/jpeg", &large, "&visibility=public")
        .await?
        .ok_or_else(|| "no costly picture was taken".into())
}

async fn photo(bench: &Bench, number: u64) -> Result<Vec<u8>, Error> {
    jpeg(bench, "photo.jpg", "4000x3000", number).await
}

/// Returns a JPEG, different for each `number` (bytes after the end).
async fn jpeg(bench: &Bench, name: &str, size: &str, number: u64) -> Result<Vec<u8>, Error> {
    let path = bench.temp.join(name);
    if !path.exists() {
        let args =
            ["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", &format!("testsrc2=s={size}"), "-frames:v", "1"]
                .map(str::to_owned);
        process::run("ffmpeg", args.into_iter().chain([path.display().to_string()]), Duration::from_mins(1)).await?;
    }
    let mut bytes = std::fs::read(path)?;
    bytes.extend(number.to_be_bytes());
    Ok(bytes)
}

/// Samples the memory of a process's descendants.
struct Sampler {
    stop: Arc<AtomicBool>,
    max_kib: Arc<AtomicU64>,
    max_children: Arc<AtomicU64>,
    thread: std::thread::JoinHandle<()>,
}

impl Sampler {
    fn start(pid: u32) -> Self {
        let (stop, max_kib, max_children) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (stopped, kib, children) = (stop.clone(), max_kib.clone(), max_children.clone());
        let thread = std::thread::spawn(move || {
            let until = Instant::now() + Duration::from_mins(20);
            while !stopped.load(Ordering::Relaxed) && Instant::now() < until {
                let family = process::with_descendants(pid);
                let resident = family.iter().skip(1).filter_map(|pid| {
                    let text = machine::field(&format!("/proc/{pid}/status"), "RssAnon")?;
                    text.split_whitespace().next()?.parse::<u64>().ok()
                });
                kib.fetch_max(resident.sum(), Ordering::Relaxed);
                children.fetch_max(family.len() as u64 - 1, Ordering::Relaxed);
                std::thread::sleep(SAMPLE);
            }
        });
        Self { stop, max_kib, max_children, thread }
    }

    /// Returns the maximum of their total memory, in MiB, and of their number.
    fn end(self) -> (f64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
        (self.max_kib.load(Ordering::Relaxed) as f64 / 1024.0, self.max_children.load(Ordering::Relaxed))
    }
}

fn memory_mib() -> f64 {
    let kib = machine::field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
