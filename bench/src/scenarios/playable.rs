//! From the last byte of a 30 s 1080p clip to playable, and whether it can be played.
//!
//! Invariant: a run counts only if the master playlist, a rendition's playlist, its initialization segment and its
//! first segment were served and ffmpeg decoded a picture from them.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::{text, wait_for};
use crate::clips::{Clip, Clips, split_args};
use crate::http::{Connection, resolve};
use crate::item::listed_urls;
use crate::report::{Row, Scenario, median, seconds, spread};
use crate::server::Server;
use crate::{Bench, Error, process};

const POLL: Duration = Duration::from_millis(20);
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// Each clip, its goal in seconds, and the minimum that a bare ffmpeg has to do before a client could play it.
const CLIPS: [(Clip, f64, &str); 3] = [
    (Clip::Standard, 1.0, "-c copy -f hls -hls_time 4 -hls_list_size 0 -hls_segment_type fmp4"),
    (Clip::Hevc, 2.0, LOWEST),
    (Clip::Heavy, 2.0, LOWEST),
];
const LOWEST: &str = "-t 4 -map 0:v -vf scale=426:240 -c:v libx264 -preset veryfast -pix_fmt yuv420p -f hls \
    -hls_time 4 -hls_segment_type fmp4";

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let data = bench.temp.join("playable");
    let server = Server::start(bench, &data, &[]).await?;
    let token = server.sign_up("singer").await?;
    let mut rows = Vec::new();
    let mut all = serde_json::Map::new();
    let mut number = 0;
    for (clip, goal, least) in CLIPS {
        let path = bench.clips.get(clip).await?;
        let (mut ours, mut answered, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..bench.runs(7) {
            number += 1;
            // The server might close an open connection during ffmpeg's turn.
            let mut member = Connection::of_member(server.public, &token).await?;
            let times = upload_once(bench, &mut member, &path, number).await?;
            ours.push(times.playable.as_secs_f64());
            answered.push(times.answered.as_secs_f64());
            theirs.push(run_bare_ffmpeg(bench, &path, least).await?.as_secs_f64());
        }
        rows.push(Row {
            what: clip.name().into(),
            goal: format!("≤ {goal:.1} s"),
            measured: format!("{} s", spread(&ours, 2)),
            beside: format!(
                "{} of them until the 201; a bare ffmpeg {}",
                seconds(Duration::from_secs_f64(median(&answered))),
                seconds(Duration::from_secs_f64(median(&theirs)))
            ),
            passes: median(&ours) <= goal,
        });
        all.insert(clip.name().to_owned(), json!({ "playable_s": ours, "answered_s": answered, "ffmpeg_s": theirs }));
    }
    server.kill().await;
    std::fs::remove_dir_all(&data)?;
    let method = vec![
        format!(
            "30 s of 1080p, {}, sent in one `POST /v1/media`; from the moment the kernel had the last byte to the \
             first answer that says `playable` (asked every 20 ms); median of {} uploads, each with other bytes.",
            bench.clips.picture(),
            bench.runs(7)
        ),
        "Each time a player's first steps were taken (master, rendition, header, first segment) and a picture \
         decoded from them."
            .into(),
        "\"A bare ffmpeg\" is the least that has to be done before anyone could play, run alone beside an idle \
         server: the whole remux, or the first 4 s at 240p."
            .into(),
        "All settings at their defaults.".into(),
    ];
    Ok(Scenario { place: 2, title: "From the last byte to playable".into(), method, rows, runs: all.into() })
}

struct UploadTimes {
    answered: Duration,
    playable: Duration,
}

async fn upload_once(bench: &Bench, member: &mut Connection, path: &Path, number: u64) -> Result<UploadTimes, Error> {
    let clip = Clips::unique(path, number)?;
    let answer = member.send("POST", "/v1/media?name=clip.mp4", "video/mp4", &clip).await?.expect(201)?;
    let (sent, answered) = (answer.sent, answer.sent.elapsed());
    let item = answer.json()?;
    let path_of_item = format!("/v1/media/{}", text(&item["id"], "id")?);
    let (item, seen) = wait_for(member, &path_of_item, &["playable", "ready"], POLL, READY_TIMEOUT).await?;
    play_first_segment(bench, member, text(&item["urls"]["hls"], "urls.hls")?).await?;
    // Removing the item cancels the rest of the work.
    member.send("DELETE", &format!("{path_of_item}?purge=true"), "", &[]).await?.expect(204)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(UploadTimes { answered, playable: seen - sent })
}

/// Downloads what a player needs first, and decodes a picture.
async fn play_first_segment(bench: &Bench, member: &mut Connection, master: &str) -> Result<(), Error> {
    let listed = member.get(master).await?.expect(200)?.body;
    let variant = listed_urls(&listed).into_iter().next().ok_or("the master playlist names no rendition")?;
    let playlist_path = resolve(master, &variant);
    let playlist = member.get(&playlist_path).await?.expect(200)?.body;
    let shown = String::from_utf8_lossy(&playlist);
    let map = shown
        .lines()
        .find_map(|line| line.strip_prefix("#EXT-X-MAP:URI=\"")?.split('"').next())
        .ok_or("the playlist names no header")?;
    let first = listed_urls(&playlist).into_iter().next().ok_or("the playlist names no segment")?;
    let mut whole = member.get(&resolve(&playlist_path, map)).await?.expect(200)?.body;
    whole.extend(member.get(&resolve(&playlist_path, &first)).await?.expect(200)?.body);
    let file = bench.temp.join("first.mp4");
    std::fs::write(&file, whole)?;
    let mut args = split_args("-nostdin -v error -i");
    args.push(file.display().to_string());
    args.extend(split_args("-frames:v 1 -f framecrc -"));
    let picture = process::run("ffmpeg", args, READY_TIMEOUT).await?.output;
    std::fs::remove_file(&file)?;
    if picture.lines().any(|line| line.starts_with("0,")) {
        Ok(())
    } else {
        Err("ffmpeg decoded no picture from the first segment".into())
    }
}

async fn run_bare_ffmpeg(bench: &Bench, path: &Path, least: &str) -> Result<Duration, Error> {
    let folder = bench.temp.join("bare");
    std::fs::create_dir_all(&folder)?;
    let mut args = split_args("-nostdin -v error -y -i");
    args.push(path.display().to_string());
    args.extend(split_args(least));
    args.push(folder.join("out.m3u8").display().to_string());
    let cost = process::run("ffmpeg", args, READY_TIMEOUT).await?;
    std::fs::remove_dir_all(&folder)?;
    Ok(cost.wall)
}
