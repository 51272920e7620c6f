//! Reading 1 MB segments and small playlists with 64 connections, beside nginx with the same bytes in files.
//!
//! Invariant: both serve the same bytes at the same paths to the same `wrk`, in turns.

use std::time::Duration;

use serde_json::json;

use crate::item::{Item, Page, mean_bytes};
use crate::nginx::Nginx;
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error, wrk};

const GOAL: f64 = 0.8;
const CONNECTIONS: u32 = 64;
const SECONDS: u64 = 5;
/// The limiter stays on with a limit out of reach, because all connections come from one address.
const SETTING: &str = "gateway.reads_per_second=100000000";

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let data = bench.temp.join("reading");
    let server = Server::start(bench, &data, &[SETTING.to_owned()]).await?;
    let nginx = Nginx::start(&bench.temp.join("nginx")).await?;
    let item = Item::publish(bench, server.public, &server.sign_up("reader").await?).await?;
    for page in item.segments.iter().chain(&item.playlists) {
        write_file(&nginx, page)?;
    }
    item.compare(nginx.address).await?;
    let mut rows = Vec::new();
    let mut all = serde_json::Map::new();
    for (what, pages) in [("1 MB segments", &item.segments), ("small playlists", &item.playlists)] {
        let script = bench.temp.join("paths.lua");
        std::fs::write(&script, wrk::lua_script(pages.iter().map(|page| page.path.as_str())))?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..=bench.runs(5) {
            let time = Duration::from_secs(if run == 0 { 1 } else { SECONDS });
            let tutti = wrk::run(&script, server.public, CONNECTIONS, time).await?.per_second;
            let nginx_rate = wrk::run(&script, nginx.address, CONNECTIONS, time).await?.per_second;
            // The first run is to warm up.
            if run > 0 {
                ours.push(tutti);
                theirs.push(nginx_rate);
            }
        }
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        rows.push(Row {
            what: format!(
                "{what}, {CONNECTIONS} connections ({} addresses of {:.0} bytes on average)",
                pages.len(),
                mean_bytes(pages)
            ),
            goal: format!("≥ {GOAL} × nginx"),
            measured: format!("{} × ({:.0}/s)", spread(&ratios, 2), median(&ours)),
            beside: format!("nginx {:.0}/s", median(&theirs)),
            passes: median(&ratios) >= GOAL,
        });
        all.insert(what.to_owned(), json!({ "tutti_per_s": ours, "nginx_per_s": theirs }));
    }
    let memory = server.process.memory();
    drop(nginx);
    server.kill().await;
    std::fs::remove_dir_all(&data)?;
    let method = vec![
        format!(
            "`wrk -t2 -c{CONNECTIONS} -d{SECONDS}s` on the same two cores as the server, Tutti and nginx in turns, \
             median of {} pairs; nginx with `sendfile`, `tcp_nopush`, `open_file_cache` and a worker per core.",
            bench.runs(5)
        ),
        "The item is public; each request passes the gateway with its limits. Nothing but 200 came back, and each \
         body was compared with nginx's once."
            .into(),
        format!("Not a default: `--set {SETTING}`, because all of `wrk`'s connections come from one address."),
        format!("Tutti's memory at its peak: {:.0} MiB.", memory.peak_kib as f64 / 1024.0),
    ];
    Ok(Scenario { place: 4, title: "Reading".into(), method, rows, runs: all.into() })
}

fn write_file(nginx: &Nginx, page: &Page) -> Result<(), Error> {
    if page.path.contains("..") || page.path.contains('?') {
        return Err(format!("{} is no plain path", page.path).into());
    }
    let file = nginx.root.join(page.path.trim_start_matches('/'));
    std::fs::create_dir_all(file.parent().unwrap_or(&nginx.root))?;
    std::fs::write(file, &page.body)?;
    Ok(())
}
