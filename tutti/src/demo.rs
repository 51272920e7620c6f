//! `tutti demo`: creates an account with pictures, songs and videos, through the public API.
//!
//! ffmpeg generates the pictures and songs, so no file is shipped; more videos come from the folder `--media`.
//! Invariant: a server that already has the demo account is not changed.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::process::Command;

use crate::CommandError;
use crate::cli::Demo;
use crate::client::Client;
use crate::terminal::say;

const HANDLE: &str = "demo";
const EMAIL: &str = "demo@tutti.example";

/// A file to generate: its name, ffmpeg's arguments before the output, and its tags.
struct DemoItem {
    name: &'static str,
    arguments: &'static [&'static str],
    tags: &'static str,
}

const ITEMS: [DemoItem; 6] = [
    DemoItem {
        name: "Sea of numbers.jpg",
        arguments: &[
            "-f",
            "lavfi",
            "-i",
            "mandelbrot=s=1920x1280:start_scale=0.03:end_scale=0.01:start_x=-0.7435:start_y=0.1314:maxiter=800",
            "-frames:v",
            "1",
            "-q:v",
            "3",
        ],
        tags: "picture,blue",
    },
    DemoItem {
        name: "Evening colours.png",
        arguments: &[
            "-f",
            "lavfi",
            "-i",
            "gradients=s=1600x1200:c0=0x1b1f5c:c1=0xe0607e:c2=0xf6c667:n=3:seed=7",
            "-frames:v",
            "1",
        ],
        tags: "picture,warm",
    },
    DemoItem {
        name: "Tall window.jpg",
        arguments: &[
            "-f",
            "lavfi",
            "-i",
            "gradients=s=1080x1620:c0=0x0f3d3e:c1=0xe2dcc8:n=2:seed=3",
            "-frames:v",
            "1",
            "-q:v",
            "3",
        ],
        tags: "picture,green",
    },
    DemoItem {
        name: "Walking home.mp3",
        arguments: &[
            "-f",
            "lavfi",
            "-i",
            concat!(
                "aevalsrc='0.25*sin(2*PI*t*220*pow(2\\,floor(mod(t*2\\,8))*2/12))*exp(-3*mod(t*2\\,1))",
                "+0.12*sin(2*PI*t*110)':d=24:s=44100",
            ),
            "-metadata",
            "title=Walking home",
            "-metadata",
            "artist=Demo",
        ],
        tags: "song,calm",
    },
    DemoItem {
        name: "Growing pattern.mp4",
        arguments: &[
            "-f",
            "lavfi",
            "-i",
            concat!(
                "life=s=320x180:mold=10:r=24:ratio=0.1:death_color=#2b2d6e:life_color=#ffd166",
                ",scale=1280:720:flags=neighbor",
            ),
            "-t",
            "12",
            "-pix_fmt",
            "yuv420p",
        ],
        tags: "video,pattern",
    },
    DemoItem {
        name: "Slow colours, upright.mp4",
        arguments: &[
            "-f",
            "lavfi",
            "-i",
            "gradients=s=720x1280:r=25:speed=0.02:c0=0x1b1f5c:c1=0xe0607e:c2=0x2a9d8f:n=3:seed=11",
            "-f",
            "lavfi",
            "-i",
            "sine=f=330:b=2",
            "-t",
            "8",
            "-pix_fmt",
            "yuv420p",
            "-af",
            "volume=0.3",
        ],
        tags: "video,upright",
    },
];

pub(crate) async fn run(arguments: Demo) -> Result<(), CommandError> {
    if let Some(password) = saved_password(&arguments.login_file) {
        print_login(&arguments, &password);
        return Ok(());
    }
    let password = base::Random::system().id();
    let Some(client) = Client::sign_up(&arguments.to, HANDLE, EMAIL, &password).await? else {
        return Err(format!(
            "the server already has an account called `{HANDLE}`, but its password is not in {}",
            arguments.login_file.display()
        )
        .into());
    };
    save_password(&arguments.login_file, &password)?;
    client
        .patch("/v1/me", &json!({ "display_name": "Demo", "bio": "Pictures, songs and videos to click through." }))
        .await?;
    let scratch = tempfile::tempdir()?;
    for item in &ITEMS {
        let path = scratch.path().join(item.name);
        generate(item, &path).await?;
        upload(&client, &path, item.tags).await?;
    }
    for path in videos(arguments.media.as_deref()) {
        upload(&client, &path, "video,film").await?;
    }
    print_login(&arguments, &password);
    Ok(())
}

async fn upload(client: &Client, path: &Path, tags: &str) -> Result<(), CommandError> {
    let bytes = tokio::fs::metadata(path).await?.len();
    let url = client.create_upload(path, bytes, tags, "unlisted").await?;
    let id = client.resume(&url, path, |_| {}).await?;
    let item = client.get(&format!("/v1/media/{id}")).await?;
    say!("loaded {} ({})", item["name"].as_str().unwrap_or_default(), item["kind"].as_str().unwrap_or_default());
    Ok(())
}

async fn generate(item: &DemoItem, path: &Path) -> Result<(), CommandError> {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(item.arguments)
        .arg(path)
        .output()
        .await;
    let output =
        output.map_err(|_| "ffmpeg is needed to make the demo content; `tutti doctor` shows how to install it")?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("ffmpeg could not make {}: {}", item.name, String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// Returns the MP4 files of a folder, sorted by name, at most three.
fn videos(folder: Option<&Path>) -> Vec<PathBuf> {
    let Some(entries) = folder.and_then(|folder| std::fs::read_dir(folder).ok()) else { return Vec::new() };
    let mut videos: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "mp4"))
        .collect();
    videos.sort();
    videos.truncate(3);
    videos
}

fn saved_password(path: &Path) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.split_once(' ')?.1.trim().to_owned())
}

fn save_password(path: &Path, password: &str) -> Result<(), CommandError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    Ok(std::io::Write::write_all(&mut file, format!("{HANDLE} {password}\n").as_bytes())?)
}

fn print_login(arguments: &Demo, password: &str) {
    say!("\n  Tutti is at  {}\n  log in as    {HANDLE}\n  password     {password}\n", arguments.to);
}
