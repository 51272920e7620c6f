//! Reading 1 MB segments and small playlists with 64 connections, beside nginx with the same bytes in files.
//!
//! Invariant: both serve the same bytes at the same paths to the same `wrk`, in turns.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{text, wait_for};
use crate::clips::{Clip, Clips};
use crate::http::{Connection, resolve};
use crate::nginx::Nginx;
use crate::report::{Figure, Row, median, spread};
use crate::server::Server;
use crate::{Bench, Failure, process};

const GOAL: f64 = 0.8;
const CONNECTIONS: u32 = 64;
const SECONDS: u64 = 5;
/// What counts as "1 MB".
const MEGABYTE: std::ops::Range<usize> = 800_000..1_300_000;
/// The limiter stays on; only its figure is out of reach, since all connections come from one address.
const SETTING: &str = "gateway.reads_per_second=100000000";

/// Measures.
pub async fn measure(bench: &Bench) -> Result<Figure, Failure> {
    let data = bench.temp.join("reading");
    let server = Server::start(bench, &data, &[SETTING.to_owned()]).await?;
    let nginx = Nginx::start(&bench.temp.join("nginx")).await?;
    let found = publish(bench, &server, &nginx).await?;
    let mut rows = Vec::new();
    let mut all = serde_json::Map::new();
    for (what, paths, bytes) in [("1 MB segments", &found.segments, found.segment_bytes), ("small playlists", &found.playlists, found.playlist_bytes)] {
        let script = bench.temp.join("paths.lua");
        std::fs::write(&script, lua(paths))?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..=bench.runs(5) {
            let tutti = wrk(&script, server.public, if run == 0 { 1 } else { SECONDS }).await?;
            let peer = wrk(&script, nginx.address, if run == 0 { 1 } else { SECONDS }).await?;
            // The first is to warm up.
            if run > 0 {
                ours.push(tutti);
                theirs.push(peer);
            }
        }
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        rows.push(Row {
            what: format!("{what}, {CONNECTIONS} connections ({} addresses of {:.0} bytes on average)", paths.len(), bytes),
            goal: format!("≥ {GOAL} × nginx"),
            measured: format!("{} × ({:.0}/s)", spread(&ratios, 2), median(&ours)),
            beside: format!("nginx {:.0}/s", median(&theirs)),
            passes: median(&ratios) >= GOAL,
        });
        all.insert(what.to_owned(), json!({ "tutti_per_s": ours, "nginx_per_s": theirs }));
    }
    let memory = server.process.memory();
    nginx.stop().await;
    server.end().await;
    std::fs::remove_dir_all(&data)?;
    let method = vec![
        format!(
            "`wrk -t2 -c{CONNECTIONS} -d{SECONDS}s` on the same two cores as the server, Tutti and nginx in turns, median of {} pairs; nginx with `sendfile`, `tcp_nopush`, `open_file_cache` and a worker per core.",
            bench.runs(5)
        ),
        "The item is public; each request passes the gateway with its limits. Nothing but 200 came back, and each body was compared with nginx's once.".into(),
        format!("Not a default: `--set {SETTING}`, because all of `wrk`'s connections come from one address."),
        format!("Tutti's memory at its peak: {:.0} MiB.", memory.peak_kib as f64 / 1024.0),
    ];
    Ok(Figure { place: 4, title: "Reading".into(), method, rows, runs: all.into() })
}

struct Found {
    segments: Vec<String>,
    segment_bytes: f64,
    playlists: Vec<String>,
    playlist_bytes: f64,
}

/// Uploads a clip for everybody, waits until it is ready and copies what is served to where nginx finds it.
async fn publish(bench: &Bench, server: &Server, nginx: &Nginx) -> Result<Found, Failure> {
    let token = server.sign_up("reader").await?;
    let mut member = Connection::of_member(server.public, &token).await?;
    let clip = Clips::unique(&bench.clips.get(Clip::Megabyte).await?, 1)?;
    let item = member.send("POST", "/v1/media?name=clip.mp4&visibility=public", "video/mp4", &clip).await?.expect(201)?.json()?;
    let path = format!("/v1/media/{}", text(&item["id"], "id")?);
    let (item, _) = wait_for(&mut member, &path, &["ready"], Duration::from_millis(500), Duration::from_secs(400)).await?;
    let mut anyone = Connection::open(server.public).await?;
    let master_path = text(&item["urls"]["hls"], "urls.hls")?.to_owned();
    let master = anyone.get(&master_path).await?.expect(200)?.body;
    let mut found = Found { segments: Vec::new(), segment_bytes: 0.0, playlists: vec![master_path.clone()], playlist_bytes: 0.0 };
    let mut playlist_bytes = vec![store(nginx, &master_path, &master)?];
    let mut segment_bytes = Vec::new();
    for variant in addresses(&master) {
        let playlist_path = resolve(&master_path, &variant);
        let playlist = anyone.get(&playlist_path).await?.expect(200)?.body;
        playlist_bytes.push(store(nginx, &playlist_path, &playlist)?);
        for segment in addresses(&playlist) {
            let path = resolve(&playlist_path, &segment);
            let body = anyone.get(&path).await?.expect(200)?.body;
            if MEGABYTE.contains(&body.len()) {
                segment_bytes.push(store(nginx, &path, &body)?);
                found.segments.push(path);
            }
        }
        found.playlists.push(playlist_path);
    }
    if found.segments.is_empty() {
        return Err("none of the clip's segments has 1 MB".into());
    }
    found.segment_bytes = mean(&segment_bytes);
    found.playlist_bytes = mean(&playlist_bytes);
    let mut peer = Connection::open(nginx.address).await?;
    for path in found.segments.iter().chain(&found.playlists) {
        if peer.get(path).await?.expect(200)?.body != anyone.get(path).await?.expect(200)?.body {
            return Err(format!("the two servers do not serve the same bytes at {path}").into());
        }
    }
    Ok(found)
}

/// What a playlist names: its lines that are no tags.
pub(super) fn addresses(playlist: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(playlist).lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

fn store(nginx: &Nginx, path: &str, body: &[u8]) -> Result<usize, Failure> {
    if path.contains("..") || path.contains('?') {
        return Err(format!("{path} is no plain path").into());
    }
    let file = nginx.root.join(path.trim_start_matches('/'));
    std::fs::create_dir_all(file.parent().unwrap_or(&nginx.root))?;
    std::fs::write(file, body)?;
    Ok(body.len())
}

fn mean(numbers: &[usize]) -> f64 {
    numbers.iter().sum::<usize>() as f64 / numbers.len().max(1) as f64
}

/// A script that asks for one path after the other.
fn lua(paths: &[String]) -> String {
    let quoted: Vec<String> = paths.iter().map(|path| format!("{path:?}")).collect();
    format!(
        "local paths = {{ {} }}
local requests, at = {{}}, 0
function init()
  for number, path in ipairs(paths) do requests[number] = wrk.format(\"GET\", path) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
",
        quoted.join(", ")
    )
}

/// Requests per second; an error if anything but success came back.
async fn wrk(script: &Path, address: std::net::SocketAddr, seconds: u64) -> Result<f64, Failure> {
    let mut args = vec!["-t2".to_owned(), format!("-c{CONNECTIONS}"), format!("-d{seconds}s"), "-s".to_owned()];
    args.push(script.display().to_string());
    args.push(format!("http://{address}/"));
    let said = process::run("wrk", args, Duration::from_secs(seconds + 30)).await?.output;
    requests_per_second(&said)
}

fn requests_per_second(said: &str) -> Result<f64, Failure> {
    if said.contains("Non-2xx") || said.contains("Socket errors") {
        return Err(format!("wrk met errors: {said}").into());
    }
    let line = said.lines().find_map(|line| line.strip_prefix("Requests/sec:"));
    line.and_then(|rate| rate.trim().parse().ok()).ok_or_else(|| format!("wrk did not say a rate: {said}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrk_is_read_and_its_errors_count() {
        let said = "Running 5s test\n  2 threads and 64 connections\nRequests/sec:  51234.56\nTransfer/sec:     60.00MB\n";
        assert!((requests_per_second(said).unwrap() - 51_234.56).abs() < 0.01);
        assert!(requests_per_second("  Non-2xx or 3xx responses: 3\nRequests/sec: 5\n").is_err());
        assert!(requests_per_second("").is_err());
    }

    #[test]
    fn playlists_name_what_is_no_tag() {
        assert_eq!(addresses(b"#EXTM3U\n\nv720/playlist.m3u8\n#EXTINF:4,\n0.m4s\n"), ["v720/playlist.m3u8", "0.m4s"]);
    }
}
