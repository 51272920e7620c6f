//! A hostile member's files: what they cost the server, and another member who uploads at the same time.
//!
//! Owns the sampling of the converters' memory. Invariant: memory is sampled until the hostile files have had
//! time to be converted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::uploads::{photo, upload, upload_until};
use crate::clips::{Clip, Clips};
use crate::hostile::Hostile;
use crate::http::Connection;
use crate::report::{Row, median, spread};
use crate::server::Server;
use crate::{Bench, Error, machine, process};

/// A clip's time to playable beside a hostile member, relative to the unloaded one.
const CLIP_GOAL: f64 = 3.0;
/// How much longer a photo may take beside a hostile member, in seconds.
const PHOTO_GOAL: f64 = 2.0;
const SERVER_GOAL_MIB: f64 = 400.0;
/// The number of concurrent uploads of each hostile file.
pub(super) const COPIES: u64 = 4;
const SAMPLE: Duration = Duration::from_millis(50);

/// Measures memory and another member's conversions beside the hostile files.
pub(super) async fn measure(
    bench: &Bench,
    data: &Path,
    files: &[Hostile],
    rows: &mut Vec<Row>,
    all: &mut Map<String, Value>,
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
    all.insert(
        "conversions".into(),
        json!({
            "clip_s": clips,
            "clip_beside_s": beside_clips,
            "photo_s": photos,
            "photo_beside_s": beside_photos,
            "children_mib": children,
            "server_mib": server_mib,
            "taken": taken,
            "refused": refused,
        }),
    );
    if let Some(server) = Arc::into_inner(server) {
        server.kill().await;
    }
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
        .send("DELETE", &format!("/v1/media/{clip}?purge=true"), "", &[])
        .await?
        .expect(204)?;
    Ok((playable, ready))
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
