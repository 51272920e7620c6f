//! 5,000 photos within a minute, ten seconds and five: Tutti beside nginx's `PUT` plus one sync of its folder.
//!
//! Invariant: both receive the same photos at the same moments on the same disk, without pending writes at the start;
//! Tutti's count is checked by listing its items.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::http::Connection;
use crate::load::{Load, Outcome};
use crate::nginx::Nginx;
use crate::photos::{Photos, SIZES};
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error, machine};

const PHOTOS: usize = 5_000;
/// The number of members who upload: a venue full of guests.
const MEMBERS: usize = 50;
const WINDOWS: [u64; 3] = [60, 10, 5];
/// More than the files will need in the kernel's page cache.
const TOUCHED_MEMORY_BYTES: u64 = 8 << 30;
const GOAL: f64 = 1.25;
const MEMORY_GOAL_MIB: f64 = 400.0;

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let photos = Arc::new(Photos::make(&bench.temp.join("bases")).await?);
    let mut rows = Vec::new();
    let mut all = serde_json::Map::new();
    let (mut peaks, mut refused, mut volume) = (Vec::new(), 0, 0);
    let windows = if bench.windows.is_empty() { &WINDOWS } else { &bench.windows[..] };
    for window in windows.iter().copied().map(Duration::from_secs) {
        // A minute's window mostly shows the window itself: one run is enough.
        let runs = if window.as_secs() >= 60 { 1 } else { bench.runs(3) };
        let (mut ours, mut theirs, mut runs_json) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..runs {
            // In turns, alternating which side goes first.
            let mut tutti = None;
            if run % 2 == 0 {
                tutti = Some(upload_to_tutti(bench, &photos, window).await?);
            }
            let nginx = upload_to_nginx(bench, &photos, window).await?;
            let tutti = match tutti {
                Some(tutti) => tutti,
                None => upload_to_tutti(bench, &photos, window).await?,
            };
            println!("{} s: {tutti:?} beside {nginx:?}", window.as_secs());
            refused += PHOTOS - tutti.outcome.accepted;
            volume = tutti.outcome.bytes;
            peaks.push(tutti.peak_mib);
            ours.push(tutti.wall.as_secs_f64());
            theirs.push(nginx.wall.as_secs_f64());
            runs_json.push(json!({
                "tutti_s": tutti.wall.as_secs_f64(),
                "tutti_median_s": tutti.outcome.median.as_secs_f64(),
                "tutti_p99_s": tutti.outcome.p99.as_secs_f64(),
                "tutti_peak_mib": tutti.peak_mib,
                "tutti_cpu_s": tutti.cpu.as_secs_f64(),
                "tutti_refused": tutti.outcome.refused,
                "nginx_s": nginx.wall.as_secs_f64(),
                "nginx_sync_s": nginx.sync.as_secs_f64(),
                "nginx_median_s": nginx.outcome.median.as_secs_f64(),
                "nginx_p99_s": nginx.outcome.p99.as_secs_f64(),
                "nginx_refused": nginx.outcome.refused,
            }));
        }
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        rows.push(Row {
            what: format!("{PHOTOS} photos arriving within {} s: wall time", window.as_secs()),
            goal: format!("≤ {GOAL} × nginx and sync"),
            measured: format!("{} × ({:.1} s)", spread(&ratios, 2), median(&ours)),
            beside: format!("nginx {:.1} s", median(&theirs)),
            passes: median(&ratios) <= GOAL,
        });
        all.insert(format!("{} s", window.as_secs()), runs_json.into());
    }
    let peak = peaks.iter().copied().fold(0.0, f64::max);
    rows.insert(
        0,
        Row {
            what: "photos refused, all runs".into(),
            goal: "0".into(),
            measured: refused.to_string(),
            beside: String::new(),
            passes: refused == 0,
        },
    );
    rows.push(Row {
        what: "server memory at its peak, worst run".into(),
        goal: format!("≤ {MEMORY_GOAL_MIB} MiB"),
        measured: format!("{peak:.0} MiB"),
        beside: String::new(),
        passes: peak <= MEMORY_GOAL_MIB,
    });
    let method = vec![
        format!(
            "{PHOTOS} different JPEGs of {}–{} bytes, drawn evenly, {:.2} GB in all, with EXIF and places in them; \
             each on its own connection, starting at its place in the window whatever became of the others; \
             {MEMBERS} members.",
            SIZES.start,
            SIZES.end,
            volume as f64 / 1e9
        ),
        format!(
            "Tutti: from the first arrival to the last `201`, each of which stands for synced bytes. nginx: to the \
             last answer of `PUT`, plus one `syncfs` of its folder. {} runs in turns (one for the minute), fresh \
             folders on one file system, which is synced before each.",
            bench.runs(3)
        ),
        "Just before each run 8 GiB of memory are touched and given back, for both alike: memory that a virtual \
         machine's host had taken back costs several times as much on first use."
            .into(),
        "While Tutti receives, it already converts what it has received (thumbhash, measures); nginx does nothing \
         else. The generator runs on the same cores."
            .into(),
        "Memory is VmHWM of the server's process. Afterwards each member's list was counted: every acknowledged \
         photo was there."
            .into(),
        "All settings at their defaults.".into(),
    ];
    Ok(Scenario { place: 1, title: "5,000 photos".into(), method, rows, runs: all.into() })
}

#[derive(Debug)]
struct PhotoRun {
    outcome: Outcome,
    wall: Duration,
    sync: Duration,
    peak_mib: f64,
    cpu: Duration,
}

async fn upload_to_tutti(bench: &Bench, photos: &Arc<Photos>, window: Duration) -> Result<PhotoRun, Error> {
    let data = bench.temp.join("photos-tutti");
    let server = Server::start(bench, &data, &[]).await?;
    let mut tokens = Vec::new();
    for member in 0..MEMBERS {
        tokens.push(server.sign_up(&format!("guest{member}")).await?);
    }
    sync(&bench.temp)?;
    machine::touch_memory(TOUCHED_MEMORY_BYTES);
    let before = server.process.cpu();
    let bearers = tokens.clone();
    let head = move |number: usize| {
        format!(
            "POST /v1/media?name=IMG_{number:04}.jpg HTTP/1.1\r\n\
             Authorization: Bearer {}\r\nContent-Type: image/jpeg\r\n",
            bearers[number % MEMBERS]
        )
    };
    let load = Load { address: server.public, uploads: PHOTOS, window, photos: photos.clone(), head: Arc::new(head) };
    let outcome = load.run().await;
    let cpu = server.process.cpu().saturating_sub(before);
    let mut stored = 0;
    for token in &tokens {
        stored += count(&server, token).await?;
    }
    if stored != outcome.accepted {
        return Err(format!("{} photos were acknowledged, {stored} are there", outcome.accepted).into());
    }
    let peak_mib = server.process.memory().peak_kib as f64 / 1024.0;
    server.kill().await;
    std::fs::remove_dir_all(&data)?;
    Ok(PhotoRun { wall: outcome.wall, sync: Duration::ZERO, peak_mib, cpu, outcome })
}

async fn count(server: &Server, token: &str) -> Result<usize, Error> {
    let mut member = Connection::of_member(server.public, token).await?;
    let mut after = String::new();
    let mut count = 0;
    loop {
        let page = member.get(&format!("/v1/media?limit=100{after}")).await?.expect(200)?.json()?;
        count += page["items"].as_array().map_or(0, Vec::len);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(count),
        }
    }
}

async fn upload_to_nginx(bench: &Bench, photos: &Arc<Photos>, window: Duration) -> Result<PhotoRun, Error> {
    let folder = bench.temp.join("photos-nginx");
    let nginx = Nginx::start(&folder).await?;
    sync(&bench.temp)?;
    let head = |number: usize| format!("PUT /put/IMG_{number:04}.jpg HTTP/1.1\r\nContent-Type: image/jpeg\r\n");
    let load = Load { address: nginx.address, uploads: PHOTOS, window, photos: photos.clone(), head: Arc::new(head) };
    machine::touch_memory(TOUCHED_MEMORY_BYTES);
    let outcome = load.run().await;
    let began = Instant::now();
    sync(&nginx.root)?;
    let sync = began.elapsed();
    drop(nginx);
    std::fs::remove_dir_all(&folder)?;
    Ok(PhotoRun { wall: outcome.wall + sync, sync, peak_mib: 0.0, cpu: Duration::ZERO, outcome })
}

/// Writes the pending data of a file system to its disk.
fn sync(folder: &Path) -> Result<(), Error> {
    Ok(rustix::fs::syncfs(std::fs::File::open(folder)?)?)
}
