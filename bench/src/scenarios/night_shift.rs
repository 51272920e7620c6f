//! A library of photos before and after a night: how many bytes it saves, and whether anything else has changed.
//!
//! Invariant: each photo that was sent is compared with what is served the next morning: its pixels as ffmpeg decodes
//! both, and its digest with that of the bytes.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use db::{Db, Lane, Sql as _};
use serde::Serialize;
use serde_json::{Value, json};

use super::{text, wait_for};
use crate::clips::split_args;
use crate::http::Connection;
use crate::report::{Row, Scenario};
use crate::server::Server;
use crate::{Bench, Error, process};

const SAVED_GOAL_PERCENT: f64 = 5.0;
/// Generated photos: so many JPEG, and a quarter as many PNG.
const JPEGS: usize = 120;
const QUICK_JPEGS: usize = 24;
/// The most photos of a folder that is given.
const MAX_PHOTOS: usize = 1_000;
/// Pixels of the widest generated photo, 4:3.
const MAX_WIDTH: usize = 3_072;
const MIN_WIDTH: usize = 1_024;
/// The whole day but its last minute, with a whole processor.
const SETTINGS: [&str; 3] = ["media.night_cpu_percent=100", "media.night_from=00:00", "media.night_until=23:59"];
const TIMEOUT: Duration = Duration::from_mins(40);
const TOOL_TIMEOUT: Duration = Duration::from_mins(5);
const HANDLE: &str = "photographer";

/// A photo.
struct Photo {
    path: PathBuf,
    id: String,
    before: u64,
}

/// The bytes of photos of one format.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Sizes {
    photos: usize,
    before: u64,
    after: u64,
}

impl Sizes {
    fn add(&mut self, before: u64, after: u64) {
        self.photos += 1;
        self.before += before;
        self.after += after;
    }

    fn saved_percent(self) -> f64 {
        100.0 * (1.0 - self.after as f64 / self.before.max(1) as f64)
    }
}

/// Makes photos in a folder: JPEG with the usual tables of codes, as cameras write them, and PNG as programs save them.
async fn generate(folder: &Path, jpegs: usize) -> Result<(), Error> {
    let pictures =
        ["testsrc2=size=SIZE:rate=1", "mandelbrot=size=SIZE:rate=1", "gradients=size=SIZE:rate=1:n=6:seed=SEED"];
    for number in 0..jpegs + jpegs / 4 {
        let width = (MIN_WIDTH + (MAX_WIDTH - MIN_WIDTH) * (number % 10) / 9) / 16 * 16;
        let picture = pictures[number % pictures.len()]
            .replace("SIZE", &format!("{width}x{}", width * 3 / 64 * 16))
            .replace("SEED", &number.to_string());
        let is_jpeg = number < jpegs;
        let (filter, coding, extension) = if is_jpeg {
            let noise = format!("{picture},noise=alls=9:all_seed={number},gblur=sigma=0.7");
            (noise, "-c:v mjpeg -huffman default -pix_fmt yuvj420p -q:v 3", "jpg")
        } else {
            (picture, "-c:v png -pred mixed -pix_fmt rgb24", "png")
        };
        let mut args = split_args("-nostdin -v error -y -f lavfi -i");
        args.push(filter);
        args.extend(split_args(&format!("-frames:v 1 {coding} -f image2 -update 1")));
        args.push(folder.join(format!("{number:04}.{extension}")).display().to_string());
        process::run("ffmpeg", args, TOOL_TIMEOUT).await?;
    }
    Ok(())
}

/// Returns the photos of a folder.
fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let is_photo = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        ["jpg", "jpeg", "png"].contains(&extension.to_ascii_lowercase().as_str())
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.retain(is_photo);
    paths.sort_unstable();
    paths.truncate(MAX_PHOTOS);
    if paths.is_empty() { Err(format!("there are no photos in {}", folder.display()).into()) } else { Ok(paths) }
}

fn content_type(path: &Path) -> &'static str {
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    if is_png { "image/png" } else { "image/jpeg" }
}

/// Sends photos, and waits until each is ready.
async fn send(connection: &mut Connection, paths: Vec<PathBuf>) -> Result<Vec<Photo>, Error> {
    let mut photos = Vec::new();
    for path in paths {
        let bytes = std::fs::read(&path)?;
        let sent = connection.send("POST", "/v1/media", content_type(&path), &bytes).await?.expect(201)?.json()?;
        photos.push(Photo { path, id: text(&sent["id"], "id")?.to_owned(), before: bytes.len() as u64 });
    }
    for photo in &photos {
        let pause = Duration::from_millis(50);
        wait_for(connection, &format!("/v1/media/{}", photo.id), &["ready"], pause, TOOL_TIMEOUT).await?;
    }
    Ok(photos)
}

const AGE: &str = "
    update item
       set created_at = $1";

const UNEXAMINED: &str = "
    select cast(count(*) as text) as found
      from item
     where examined_at is null
       and state = 'ready'";

async fn count_unexamined(db: &Db) -> Result<usize, Error> {
    let row: Option<Value> = db.read().row(UNEXAMINED, Vec::new()).await?;
    let row = row.ok_or("the count has no row")?;
    Ok(text(&row["found"], "count")?.parse()?)
}

/// Signs in again: an access token counts for a quarter of an hour.
async fn sign_in(server: &Server) -> Result<Connection, Error> {
    let body = json!({ "login": HANDLE, "password": "a long enough passphrase" }).to_string();
    let mut connection = Connection::open(server.public).await?;
    let response = connection.send("POST", "/v1/sessions", "application/json", body.as_bytes()).await?.expect(201)?;
    Connection::of_member(server.public, text(&response.json()?["access_token"], "access token")?).await
}

/// Returns the digest of a photo's pixels, as ffmpeg decodes it.
async fn pixels(path: &Path) -> Result<String, Error> {
    let mut args = split_args("-nostdin -v error -i");
    args.push(path.display().to_string());
    args.extend(split_args("-f md5 -"));
    Ok(process::run("ffmpeg", args, TOOL_TIMEOUT).await?.output)
}

async fn sha256(path: &Path) -> Result<String, Error> {
    let output = process::run("sha256sum", [path.display().to_string()], TOOL_TIMEOUT).await?.output;
    Ok(output.split_whitespace().next().unwrap_or_default().to_owned())
}

/// Whether what is served of a photo has the pixels of what was sent, and the digest that its item states. Returns its
/// size with it.
async fn compare(connection: &mut Connection, photo: &Photo, copy: &Path) -> Result<(bool, u64), Error> {
    let item = connection.get(&format!("/v1/media/{}", photo.id)).await?.expect(200)?.json()?;
    let served = connection.get(&format!("/v1/media/{}/original", photo.id)).await?.expect(200)?.body;
    std::fs::write(copy, &served)?;
    let has_digest = item["sha256"] == json!(sha256(copy).await?) && item["bytes"] == json!(served.len());
    Ok((has_digest && pixels(copy).await? == pixels(&photo.path).await?, served.len() as u64))
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (made, data) = (bench.temp.join("night-photos"), bench.temp.join("night"));
    let jpegs = if bench.is_quick() { QUICK_JPEGS } else { JPEGS };
    let folder = match &bench.photos {
        Some(folder) => folder.as_path(),
        None => {
            std::fs::create_dir_all(&made)?;
            generate(&made, jpegs).await?;
            made.as_path()
        }
    };
    let server = Server::start(bench, &data, &[]).await?;
    let token = server.sign_up(HANDLE).await?;
    let mut connection = Connection::of_member(server.public, &token).await?;
    let photos = send(&mut connection, list(folder)?).await?;
    drop(connection);
    server.stop().await;

    let db = Db::sqlite(&data.join("media.db")).await?;
    let days_ago = Utc::now() - TimeDelta::days(2);
    db.write(Lane::NONE, async move |tx| tx.execute(AGE, vec![days_ago.into()]).await).await?;
    let server = Server::start(bench, &data, &SETTINGS.map(str::to_owned)).await?;
    let began = Instant::now();
    while count_unexamined(&db).await? > 0 {
        if began.elapsed() > TIMEOUT {
            return Err(format!("the night is not over after {} s", TIMEOUT.as_secs()).into());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let (seconds, cpu) = (began.elapsed().as_secs_f64(), server.process.cpu().as_secs_f64());
    drop(db);

    let mut connection = sign_in(&server).await?;
    let (mut same, mut all, mut jpeg, mut png) = (0, Sizes::default(), Sizes::default(), Sizes::default());
    for photo in &photos {
        let copy = bench.temp.join("copy").with_extension(photo.path.extension().unwrap_or_default());
        let (is_same, after) = compare(&mut connection, photo, &copy).await?;
        same += usize::from(is_same);
        all.add(photo.before, after);
        let of_format = if content_type(&photo.path) == "image/png" { &mut png } else { &mut jpeg };
        of_format.add(photo.before, after);
    }
    server.kill().await;
    let rows = vec![
        Row {
            what: format!("{} photos: bytes saved in a night", photos.len()),
            goal: format!("≥ {SAVED_GOAL_PERCENT:.0} %"),
            measured: format!("{:.1} %", all.saved_percent()),
            beside: format!(
                "{} JPEG {:.1} %, {} PNG {:.1} %",
                jpeg.photos,
                jpeg.saved_percent(),
                png.photos,
                png.saved_percent()
            ),
            passes: all.saved_percent() >= SAVED_GOAL_PERCENT,
        },
        Row {
            what: "photos whose pixels are equal, and whose digest is that of their bytes".into(),
            goal: "all".into(),
            measured: format!("{same} of {}", photos.len()),
            beside: String::new(),
            passes: same == photos.len(),
        },
    ];
    let method = vec![
        match &bench.photos {
            Some(_) => "The photos of a folder that was given.".into(),
            None => format!(
                "{jpegs} JPEG of 0.8 to 7 megapixels (generated pictures with a little noise, 4:2:0, with the usual \
                 tables of codes, as most cameras write them), and {} PNG of the same pictures without noise.",
                jpegs / 4
            ),
        },
        format!(
            "Sent and converted; then the server was stopped, each photo made two days old in the database, and the \
             server started with `--set {}`. The night took {seconds:.0} s, and the process {cpu:.0} s of processor \
             time in all. Once.",
            SETTINGS.join(" --set ")
        ),
        "The next morning each original was read through the public listener. Pixels: `ffmpeg -f md5` of what was sent \
         and of what is served. Digest: `sha256sum` of what is served, beside `sha256` of the item."
            .into(),
    ];
    let runs = json!({ "all": all, "jpeg": jpeg, "png": png, "seconds": seconds, "cpu_seconds": cpu });
    Ok(Scenario { place: 22, title: "The night shift".into(), method, rows, runs })
}
