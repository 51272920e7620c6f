//! `tutti move`, from a laptop's folder to a fleet: as an operator runs it, and as clients see it, for whom nothing
//! changes.
//!
//! Invariant: each comparison is between what the server on the folder responded before and what the fleet responds
//! after.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use base::ObjectKey;
use db::{Db, Lane, PostgresOptions, Sql};
use objects::Objects;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::engines::{Nats, NetworkFault, Postgres, Proxy, S3, S3Account};
use testkit::fleet::{EngineUrls, Fleet, Topology};

use crate::server::Member;

const PASSWORD: &str = "a long enough password";

fn generate(folder: &Path, name: &str, arguments: &[&str]) -> Vec<u8> {
    let path = folder.join(name);
    testkit::ffmpeg(&[arguments, &[path.to_str().unwrap()]].concat());
    std::fs::read(path).unwrap()
}

/// Returns the move command for the folder and the destination.
fn command(data: &Path, destination: &Fleet, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tutti"));
    command
        .arg("move")
        .arg("--data")
        .arg(data)
        .arg("--config")
        .arg(destination.config_path())
        .args(more)
        .stdin(Stdio::null());
    command
}

fn printed(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Returns the URLs in a playlist, relative to the site: playlists, segments and initialization segments.
fn relative_urls(playlist: &str, base: &str) -> Vec<String> {
    let folder = base.split('?').next().unwrap().rsplit_once('/').unwrap().0;
    let named = |line: &str| match line.split_once("URI=\"") {
        Some((_, rest)) => Some(rest.split('"').next().unwrap().to_owned()),
        None => (!line.is_empty() && !line.starts_with('#')).then(|| line.to_owned()),
    };
    playlist.lines().filter_map(named).map(|url| format!("{folder}/{url}")).collect()
}

/// Downloads a URL without a token, as a `<video>` element does.
pub(crate) async fn open(site: &str, path: &str) -> Vec<u8> {
    let response = reqwest::get(format!("{site}{path}")).await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    response.bytes().await.unwrap().to_vec()
}

/// Downloads every file of a stream except playlists: URL and bytes, in the order of the playlists.
pub(crate) async fn download_stream(site: &str, master: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for rendition in relative_urls(&String::from_utf8(open(site, master).await).unwrap(), master) {
        let playlist = String::from_utf8(open(site, &rendition).await).unwrap();
        assert!(playlist.contains("#EXT-X-ENDLIST"), "{playlist}");
        for url in relative_urls(&playlist, &rendition) {
            files.push((url.clone(), open(site, &url).await));
        }
    }
    assert!(files.len() > 3, "{files:?}");
    files
}

async fn post(site: &str, path: &str, body: Value) -> Value {
    let response = reqwest::Client::new().post(format!("{site}{path}")).json(&body).send().await.unwrap();
    assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
    response.json().await.unwrap()
}

fn member(site: &str, tokens: &Value) -> Member {
    Member {
        token: tokens["access_token"].as_str().unwrap().to_owned(),
        url: site.to_owned(),
        client: reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap(),
        separate: true,
    }
}

/// Creates an upload and returns its URL.
async fn begin(member: &Member, length: usize) -> String {
    let begun = member
        .request(Method::POST, "/v1/uploads")
        .header("upload-length", length)
        .header("upload-metadata", "filename bC53YXY=")
        .send()
        .await
        .unwrap();
    let location = begun.headers()["location"].to_str().unwrap();
    location.find("/v1/").map_or(location, |at| &location[at..]).to_owned()
}

/// Returns how many bytes of an upload the server has.
async fn offset(member: &Member, upload: &str) -> usize {
    let head = member.request(Method::HEAD, upload).send().await.unwrap();
    head.headers()["upload-offset"].to_str().unwrap().parse().unwrap()
}

/// Sends a chunk of an upload. Returns the item's id once it is complete.
async fn append(member: &Member, upload: &str, at: usize, piece: &[u8]) -> Option<String> {
    let request = member
        .request(Method::PATCH, upload)
        .header("upload-offset", at)
        .header("content-type", "application/offset+octet-stream");
    let response = request.body(piece.to_vec()).send().await.unwrap();
    assert_eq!(response.status(), 204, "{}", response.text().await.unwrap());
    response.headers().get("tutti-media-id").map(|id| id.to_str().unwrap().to_owned())
}

/// Starts a move and kills it while it copies objects. The proxy is slow and the store frozen, so the move can't finish
/// first.
async fn kill_in_the_middle(data: &Path, destination: &Fleet, accounts: &Db, s3: &S3, proxy: &Proxy) {
    // Each chunk of 16 KB is delayed, and the largest object has some 350: many seconds, but less than the timeout of
    // one object.
    proxy.set(NetworkFault::Delay(Duration::from_millis(20)));
    let mut child = command(data, destination, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    // `execute` also returns the number of rows of a `select`. At first the table doesn't exist.
    while accounts.read().execute("select item from moved where part like 'objects/%'", vec![]).await.unwrap_or(0) < 3 {
        assert!(
            started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none(),
            "no object was moved"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    s3.program.freeze();
    assert!(child.try_wait().unwrap().is_none(), "it finished before the store was frozen");
    child.kill().unwrap();
    child.wait().unwrap();
    s3.program.thaw();
    proxy.set(NetworkFault::None);
}

/// Replaces an object of the destination by other bytes of the same length.
async fn replace(objects: &Objects, key: &ObjectKey, bytes: Vec<u8>) {
    objects.remove(key).await.unwrap();
    let mut writer = objects.create_as(key.clone()).await.unwrap();
    writer.write(bytes.into()).await.unwrap();
    writer.finish().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_laptops_folder_becomes_a_fleet_and_no_client_notices() {
    base::tls::install_provider();
    let (binary, folder) = (Path::new(env!("CARGO_BIN_EXE_tutti")), tempfile::tempdir().unwrap());
    let (postgres, nats, s3) =
        tokio::task::spawn_blocking(|| (Postgres::start(), Nats::start(), S3::start())).await.unwrap();

    // Before: one process on a folder.
    let mut alone =
        tokio::task::spawn_blocking(|| Fleet::start_alone(Path::new(env!("CARGO_BIN_EXE_tutti")), &[])).await.unwrap();
    let (site, data) = (alone.gateway_url().to_owned(), alone.processes[0].data.clone());
    let tokens =
        post(&site, "/v1/accounts", json!({ "handle": "ada", "email": "ada@tutti.example", "password": PASSWORD }))
            .await;
    let ada = member(&site, &tokens);
    let photo = generate(folder.path(), "p.jpg", &["-f", "lavfi", "-i", "testsrc2=s=800x600", "-frames:v", "1"]);
    let song = generate(folder.path(), "s.mp3", &["-f", "lavfi", "-i", "sine=f=330:d=5"]);
    let clip = generate(
        folder.path(),
        "c.mp4",
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=320x180:r=25:d=9",
            "-f",
            "lavfi",
            "-i",
            "sine=f=440:d=9",
            "-pix_fmt",
            "yuv420p",
            "-g",
            "50",
        ],
    );
    let mut items = Vec::new();
    for (name, kind, bytes) in
        [("p.jpg", "image/jpeg", &photo), ("s.mp3", "audio/mpeg", &song), ("c.mp4", "video/mp4", &clip)]
    {
        let item = ada.upload(name, kind, bytes.clone()).await;
        items.push((ada.wait_for_state(item["id"].as_str().unwrap(), "ready").await, bytes.clone()));
    }
    let picture = open(&site, &format!("{}&w=320", items[0].0["urls"]["image"].as_str().unwrap())).await;
    let hls = items[2].0["urls"]["hls"].as_str().unwrap().to_owned();
    let stream = download_stream(&site, &hls).await;
    let long = generate(folder.path(), "l.wav", &["-f", "lavfi", "-i", "anoisesrc=d=120:c=pink:seed=7"]);
    let (upload, half) = (begin(&ada, long.len()).await, long.len() / 2);
    assert!(append(&ada, &upload, 0, &long[..half]).await.is_none());
    // Another upload, whose bytes will be lost in the move.
    let (short, part) = (begin(&ada, song.len() + 1).await, 7_777);
    assert!(append(&ada, &short, 0, &song[..part]).await.is_none());
    let listed = ada.get("/v1/media").await["items"].as_array().unwrap().len();

    // The move, first with mistakes, then interrupted in the middle.
    let proxy = Proxy::before(s3.port());
    let account = S3Account { endpoint: format!("http://127.0.0.1:{}", proxy.port()), ..s3.account.clone() };
    let mut fleet = Fleet::prepare(
        binary,
        &EngineUrls { s3: account, ..EngineUrls::of(&postgres, &nats, &s3) },
        &Topology::one_of_each(),
        &[],
    );
    let refused = printed(&command(&data, &fleet, &[]).output().unwrap());
    assert!(refused.contains("already uses the data folder"), "{refused}");
    assert!(tokio::task::block_in_place(|| alone.terminate()).iter().all(std::process::ExitStatus::success));
    let refused = printed(&command(&data, &fleet, &[]).output().unwrap());
    assert!(refused.contains("another key"), "{refused}");
    std::fs::remove_file(fleet.folder().join("url-signing.key")).unwrap();
    let schema = format!("{}_accounts", fleet.name);
    let accounts = Db::postgres(&PostgresOptions {
        url: postgres.url(),
        schema,
        readers: 1,
        writers: 1,
        statement_timeout: Duration::from_secs(10),
    })
    .await
    .unwrap();
    kill_in_the_middle(&data, &fleet, &accounts, &s3, &proxy).await;
    let output = command(&data, &fleet, &[]).output().unwrap();
    assert!(output.status.success() && printed(&output).contains("Going on"), "{}", printed(&output));
    println!("{}", printed(&output));
    let again = printed(&command(&data, &fleet, &[]).output().unwrap());
    assert!(again.contains("nothing was changed"), "{again}");

    // The operator can verify the move, and differences are found.
    let verify = || command(&data, &fleet, &["--verify"]).output().unwrap();
    let output = verify();
    assert!(output.status.success() && printed(&output).contains("Both sides are the same"), "{}", printed(&output));
    let bio = async |text: &'static str| {
        let changed: Result<u64, db::Error> = accounts
            .write(Lane::ALL, async move |tx| tx.execute("update account set bio = $1", vec![text.into()]).await)
            .await;
        assert_eq!(changed.unwrap(), 1);
    };
    bio("changed").await;
    let objects = objects_s3::open(&s3.account.options(&fleet.prefix())).unwrap();
    let (key, bytes) = find_object(&data.join("objects"), |bytes| bytes > 5);
    replace(
        &objects,
        &key,
        bytes.iter().enumerate().map(|(at, byte)| if at == 5 { byte ^ 1 } else { *byte }).collect(),
    )
    .await;
    let output = verify();
    let text = printed(&output);
    let differ: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("differs"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(!output.status.success() && text.contains(key.as_str()), "{text}");
    assert_eq!(differ, ["accounts.account", "objects"], "{text}");
    bio("").await;
    replace(&objects, &key, bytes).await;
    assert!(verify().status.success());
    let (lost, _) = find_object(&data.join("objects"), |bytes| bytes == part as u64);
    objects.remove(&lost).await.unwrap();

    // After: a process per role on PostgreSQL, NATS and S3.
    tokio::task::block_in_place(|| fleet.ensure_running());
    let site = fleet.gateway_url().to_owned();
    post(&site, "/v1/sessions", json!({ "login": "ada", "password": PASSWORD })).await;
    let ada =
        member(&site, &post(&site, "/v1/sessions/refresh", json!({ "refresh_token": tokens["refresh_token"] })).await);
    let old = member(&site, &tokens);
    for (item, bytes) in &items {
        let now = old.get(&format!("/v1/media/{}", item["id"].as_str().unwrap())).await;
        assert_eq!(
            (&now["state"], &now["name"], &now["created_at"]),
            (&item["state"], &item["name"], &item["created_at"])
        );
        assert!(
            open(&site, item["urls"]["original"].as_str().unwrap()).await == *bytes,
            "a URL from before opens something else"
        );
    }
    assert!(open(&site, &format!("{}&w=320", items[0].0["urls"]["image"].as_str().unwrap())).await == picture);
    for (url, bytes) in &stream {
        assert!(open(&site, url).await == *bytes, "{url}");
    }
    let now = download_stream(&site, &hls).await;
    assert!(now.iter().map(|(_, bytes)| bytes).eq(stream.iter().map(|(_, bytes)| bytes)));
    assert_eq!(ada.get("/v1/media").await["items"].as_array().unwrap().len(), listed);

    assert_eq!(offset(&ada, &upload).await, half);
    let id = append(&ada, &upload, half, &long[half..]).await.unwrap();
    let item = ada.wait_for_state(&id, "ready").await;
    assert!(open(&site, item["urls"]["original"].as_str().unwrap()).await == long);
    // If the bytes are missing, the client is told to start from the beginning, as in tus: 409, then HEAD.
    let other = [&song[..], b"\0"].concat();
    let request = ada
        .request(Method::PATCH, &short)
        .header("upload-offset", part)
        .header("content-type", "application/offset+octet-stream");
    assert_eq!(request.body(other[part..].to_vec()).send().await.unwrap().status(), 409);
    assert_eq!(offset(&ada, &short).await, 0);
    let id = append(&ada, &short, 0, &other).await.unwrap();
    let item = ada.wait_for_state(&id, "ready").await;
    assert!(open(&site, item["urls"]["original"].as_str().unwrap()).await == other);
    let fresh = generate(folder.path(), "n.jpg", &["-f", "lavfi", "-i", "testsrc2=s=80x60", "-frames:v", "1"]);
    let fresh = ada.upload("n.jpg", "image/jpeg", fresh).await;
    ada.wait_for_state(fresh["id"].as_str().unwrap(), "ready").await;
    assert_eq!(ada.get("/v1/media").await["items"].as_array().unwrap().len(), listed + 3);
    fleet.terminate();
    let logs = fleet.logs();
    let errors: Vec<&str> = logs.lines().filter(|line| line.contains("ERROR")).collect();
    assert!(errors.len() == 1 && errors[0].contains("it starts again"), "{errors:#?}");

    // Back again: the folder is unchanged.
    tokio::task::block_in_place(|| alone.ensure_running());
    let site = alone.gateway_url().to_owned();
    let ada = member(&site, &post(&site, "/v1/sessions", json!({ "login": "ada", "password": PASSWORD })).await);
    assert_eq!(ada.get("/v1/media").await["items"].as_array().unwrap().len(), listed);
}

/// Returns an object of the folder whose size fits, and its bytes.
fn find_object(objects: &Path, has_size: impl Fn(u64) -> bool) -> (ObjectKey, Vec<u8>) {
    let shards = std::fs::read_dir(objects).unwrap().flatten();
    let file = shards
        .flat_map(|shard| std::fs::read_dir(shard.path()).unwrap().flatten())
        .find(|file| has_size(file.metadata().unwrap().len()))
        .unwrap()
        .path();
    let name = file.strip_prefix(objects).unwrap().to_str().unwrap();
    (name.parse().unwrap(), std::fs::read(&file).unwrap())
}
