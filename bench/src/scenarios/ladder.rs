//! CPU time of the whole ladder, beside one ffmpeg process that makes the same renditions.
//!
//! The rungs come from `codec::ladder`, the table that Tutti uses for its plans. Invariant: both sides make the same
//! renditions with the same encoder settings, and Tutti's side includes everything it does for the item: receiving,
//! probing, parts, audio, poster, storyboard.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use codec::ladder::{AUDIO, FrameRate, Rung, ladder};
use serde_json::json;

use super::{text, wait_for};
use crate::clips::{Clip, Clips, split_args};
use crate::http::Connection;
use crate::item::listed_urls;
use crate::process::ProcessCost;
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error, process};

const GOAL: f64 = 1.10;
const READY_TIMEOUT: Duration = Duration::from_mins(10);

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let data = bench.temp.join("ladder");
    let server = Server::start(bench, &data, &[]).await?;
    let token = server.sign_up("cutter").await?;
    let mut rows = Vec::new();
    let mut all = serde_json::Map::new();
    let mut number = 0;
    for (clip, copied) in [(Clip::Hevc, false), (Clip::Standard, true)] {
        let path = bench.clips.get(clip).await?;
        let rate = frame_rate(&path).await?;
        let rungs = ladder(1920, 1080, rate);
        let (mut ours, mut theirs, mut our_walls, mut their_walls) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.runs(3) {
            number += 1;
            let tutti = convert_with_tutti(&server, &token, &path, number, rungs.len()).await?;
            ours.push(tutti.cpu.as_secs_f64());
            our_walls.push(tutti.wall.as_secs_f64());
            let ffmpeg = convert_with_ffmpeg(bench, &path, rate, &rungs, copied).await?;
            theirs.push(ffmpeg.cpu.as_secs_f64());
            their_walls.push(ffmpeg.wall.as_secs_f64());
        }
        let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
        let made = if copied {
            format!("v1080 copied, {} encoded", rungs.len() - 1)
        } else {
            format!("{} encoded", rungs.len())
        };
        rows.push(Row {
            what: format!("{} ({made}, and sound)", clip.name()),
            goal: format!("≤ {GOAL:.2} × ffmpeg"),
            measured: format!(
                "{} × ({:.1} s CPU, ready after {:.1} s)",
                spread(&ratios, 3),
                median(&ours),
                median(&our_walls)
            ),
            beside: format!("ffmpeg {:.1} s CPU, {:.1} s", median(&theirs), median(&their_walls)),
            passes: median(&ratios) <= GOAL,
        });
        all.insert(
            clip.name().to_owned(),
            json!({
                "tutti_cpu_s": ours,
                "ffmpeg_cpu_s": theirs,
                "tutti_wall_s": our_walls,
                "ffmpeg_wall_s": their_walls,
            }),
        );
    }
    server.kill().await;
    std::fs::remove_dir_all(&data)?;
    let method = vec![
        format!(
            "30 s of 1080p, {}; user and system time of the server and its ended children (`/proc/PID/stat`) from \
             before the upload to `ready`, beside those of one ffmpeg with one decode, the same filters, x264 \
             settings, closed 2 s groups of pictures and AAC; median of {} runs in turns.",
            bench.clips.picture(),
            bench.runs(3)
        ),
        "Tutti's side also receives and hashes the file, probes it, measures the loudness, and makes the poster and \
         the storyboard; ffmpeg's side does not."
            .into(),
        "All settings at their defaults.".into(),
    ];
    Ok(Scenario { place: 3, title: "The whole ladder".into(), method, rows, runs: all.into() })
}

/// Measures what Tutti needs from the upload to `ready`.
async fn convert_with_tutti(
    server: &Server,
    token: &str,
    path: &Path,
    number: u64,
    renditions: usize,
) -> Result<ProcessCost, Error> {
    let clip = Clips::unique(path, number)?;
    // A new connection each time: an idle one is closed after 15 s, and ffmpeg's turn takes longer.
    let mut member = Connection::of_member(server.public, token).await?;
    let (before, began) = (server.process.cpu(), std::time::Instant::now());
    let item = member.send("POST", "/v1/media?name=clip.mp4", "video/mp4", &clip).await?.expect(201)?.json()?;
    let path_of_item = format!("/v1/media/{}", text(&item["id"], "id")?);
    let (item, seen) =
        wait_for(&mut member, &path_of_item, &["ready"], Duration::from_millis(250), READY_TIMEOUT).await?;
    let cpu = server.process.cpu().saturating_sub(before);
    let master = member.get(text(&item["urls"]["hls"], "urls.hls")?).await?.expect(200)?;
    let made = listed_urls(&master.body).len();
    if made != renditions {
        return Err(format!("{made} renditions were made where {renditions} were expected").into());
    }
    member.send("DELETE", &format!("{path_of_item}?purge=true"), "", &[]).await?.expect(204)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(ProcessCost { cpu, wall: seen - began, output: String::new() })
}

/// Runs one ffmpeg with one decode and an output for each rendition.
async fn convert_with_ffmpeg(
    bench: &Bench,
    path: &Path,
    rate: FrameRate,
    rungs: &[Rung],
    copied: bool,
) -> Result<ProcessCost, Error> {
    let folder = bench.temp.join("one");
    std::fs::create_dir_all(&folder)?;
    let encoded = if copied { rungs.get(1..).unwrap_or_default() } else { rungs };
    let mut args = split_args("-nostdin -v error -y -i");
    args.push(path.display().to_string());
    args.push("-filter_complex".into());
    args.push(graph(rate, encoded));
    let gop = (2.0 * rate.fps()).round();
    let hls = |name: &str| {
        let mut args = split_args(
            "-map_metadata -1 -f hls -hls_time 4 -hls_list_size 0 -hls_segment_type fmp4 -hls_fmp4_init_filename",
        );
        args.push(format!("{name}.init.mp4"));
        args.push(folder.join(format!("{name}.m3u8")).display().to_string());
        args
    };
    for (at, rung) in encoded.iter().enumerate() {
        args.extend(split_args(&format!(
            "-map [o{at}] -c:v libx264 -preset veryfast -sc_threshold 0 -flags +cgop -profile:v {} -level:v {}.{} \
             -crf {} -maxrate {} -bufsize {} -g {gop} -keyint_min {gop}",
            rung.profile,
            rung.level / 10,
            rung.level % 10,
            rung.crf,
            rung.max_rate,
            rung.buffer
        )));
        args.extend(hls(&rung.name));
    }
    if copied {
        args.extend(split_args("-map 0:v -c copy"));
        args.extend(hls("copied"));
    }
    args.extend(split_args(&format!("-map 0:a -ac 2 -ar 48000 -c:a aac -b:a {}", AUDIO.bitrate)));
    args.extend(hls(AUDIO.name));
    let cost = process::run("ffmpeg", args, READY_TIMEOUT).await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(cost)
}

fn graph(rate: FrameRate, rungs: &[Rung]) -> String {
    let mut graph = format!("[0:v]fps={rate},split={}", rungs.len());
    for at in 0..rungs.len() {
        let _ = write!(graph, "[s{at}]");
    }
    for (at, rung) in rungs.iter().enumerate() {
        let _ =
            write!(graph, ";[s{at}]scale={}:{}:flags=bicubic,setsar=1,format=yuv420p[o{at}]", rung.width, rung.height);
    }
    graph
}

async fn frame_rate(path: &Path) -> Result<FrameRate, Error> {
    let mut args = split_args("-v error -select_streams v:0 -show_entries stream=r_frame_rate -of csv=p=0");
    args.push(path.display().to_string());
    let output = process::run("ffprobe", args, READY_TIMEOUT).await?.output;
    output
        .trim()
        .trim_end_matches(',')
        .parse()
        .map_err(|error: codec::ladder::InvalidFrameRate| error.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_decode_feeds_all() {
        let rate: FrameRate = "25".parse().unwrap();
        let graph = graph(rate, &ladder(1280, 720, rate)[..2]);
        assert!(graph.starts_with("[0:v]fps=25/1,split=2[s0][s1];[s0]scale=1280:720:"), "{graph}");
    }
}
