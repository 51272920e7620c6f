//! Backups of a library of photos beside restic, and restores beside `cp -a`.
//!
//! Invariant: both sides save the same folder in the same state, in turns, encrypted, and a copy beside a restore is
//! timed with its sync and without; nothing is measured before the server has processed what was sent.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::{text, wait_for};
use crate::http::Connection;
use crate::photos::Photos;
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error, process};

pub(super) const PHOTO_BYTES: u64 = 100_000;
/// The members who upload, each on one connection.
const MEMBERS: usize = 16;
const CHANGED_PERCENT: usize = 1;
/// Uploads of which the 99th percentile is taken.
const PROBES: usize = 1_000;
const BACKUP_GOAL: f64 = 1.3;
const UNCHANGED_GOAL_SECONDS: f64 = 10.0;
const RESTORE_GOAL: f64 = 0.7;
const P99_GOAL: f64 = 1.2;
const TIMEOUT: Duration = Duration::from_mins(20);

/// The folder that is saved, and how both sides save it.
struct Sides<'a> {
    bench: &'a Bench,
    data: PathBuf,
}

impl Sides<'_> {
    fn path(&self, name: &str) -> String {
        self.bench.temp.join(name).display().to_string()
    }

    /// Runs a command of Tutti's about backups. Returns its time in seconds.
    async fn tutti(&self, command: &str, data: &Path, repository: &str) -> Result<f64, Error> {
        let server = self.bench.server.display().to_string();
        let arguments = [
            command.to_owned(),
            "--data".to_owned(),
            data.display().to_string(),
            "--set".to_owned(),
            format!("backup.folder={}", self.path(repository)),
            "--set".to_owned(),
            format!("backup.key_file={}", self.path("backup.key")),
        ];
        Ok(process::run(&server, arguments, TIMEOUT).await?.wall.as_secs_f64())
    }

    async fn restic(&self, arguments: &[&str]) -> Result<f64, Error> {
        let [repository, password, cache] = ["restic", "restic-password", "restic-cache"].map(|name| self.path(name));
        let common = ["-r", repository.as_str(), "--password-file", password.as_str(), "--cache-dir", cache.as_str()];
        Ok(process::run("restic", common.iter().chain(arguments), TIMEOUT).await?.wall.as_secs_f64())
    }

    /// Lets both save the folder, in alternating order. Returns both times in seconds.
    async fn save(&self, tutti_first: bool) -> Result<(f64, f64), Error> {
        let data = self.data.display().to_string();
        if tutti_first {
            let ours = self.tutti("backup", &self.data, "repository").await?;
            return Ok((ours, self.restic(&["backup", "--quiet", data.as_str()]).await?));
        }
        let theirs = self.restic(&["backup", "--quiet", data.as_str()]).await?;
        Ok((self.tutti("backup", &self.data, "repository").await?, theirs))
    }
}

/// Members who upload photos, each photo once.
pub(super) struct Members {
    photos: Arc<Photos>,
    connections: Vec<Connection>,
    next: usize,
}

impl Members {
    /// Signs them up; they have uploaded nothing yet.
    pub(super) async fn sign_up(server: &Server, photos: Photos) -> Result<Self, Error> {
        let mut connections = Vec::new();
        for number in 0..MEMBERS {
            let token = server.sign_up(&format!("member{number}")).await?;
            connections.push(Connection::of_member(server.public, &token).await?);
        }
        Ok(Self { photos: Arc::new(photos), connections, next: 0 })
    }

    /// Uploads `count` photos and waits until they are processed. Returns the times of the uploads in milliseconds.
    pub(super) async fn upload(&mut self, count: usize) -> Result<Vec<f64>, Error> {
        let mut uploads = JoinSet::new();
        for (member, connection) in self.connections.drain(..).enumerate() {
            let (photos, first, end) = (self.photos.clone(), self.next + member, self.next + count);
            uploads.spawn(async move { upload_each(&photos, connection, (first..end).step_by(MEMBERS)).await });
        }
        self.next += count;
        let mut times = Vec::new();
        while let Some(ended) = uploads.join_next().await {
            let (connection, own) = ended??;
            self.connections.push(connection);
            times.extend(own);
        }
        times.sort_unstable_by(f64::total_cmp);
        Ok(times)
    }
}

async fn upload_each(
    photos: &Photos,
    mut connection: Connection,
    numbers: impl Iterator<Item = usize>,
) -> Result<(Connection, Vec<f64>), Error> {
    let (mut times, mut last) = (Vec::new(), None);
    for number in numbers {
        let photo = photos.sized(number, PHOTO_BYTES).pieces.concat();
        let began = Instant::now();
        let response = connection.send("POST", "/v1/media?name=p.jpg", "image/jpeg", &photo).await?.expect(201)?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
        last = Some(text(&response.json()?["id"], "id")?.to_owned());
    }
    if let Some(id) = last {
        let pause = Duration::from_millis(100);
        wait_for(&mut connection, &format!("/v1/media/{id}"), &["ready"], pause, TIMEOUT).await?;
    }
    Ok((connection, times))
}

fn p99(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() * 99 / 100).copied().unwrap_or_default()
}

/// The times of restores, and of copies of the same folder, in seconds.
#[derive(Default)]
struct Restores {
    restored: Vec<f64>,
    /// `cp -a`.
    copied: Vec<f64>,
    /// The same copies with the sync after them.
    synced: Vec<f64>,
}

impl Restores {
    /// Restores the newest point and copies the folder, each onto a disk that has nothing left to write.
    async fn measure(&mut self, sides: &Sides<'_>, tutti_first: bool) -> Result<(), Error> {
        if tutti_first {
            self.restore(sides).await?;
            return self.copy(sides).await;
        }
        self.copy(sides).await?;
        self.restore(sides).await
    }

    async fn restore(&mut self, sides: &Sides<'_>) -> Result<(), Error> {
        sync(&sides.path("")).await?;
        let to = sides.bench.temp.join("restored");
        self.restored.push(sides.tutti("restore", &to, "repository").await?);
        Ok(std::fs::remove_dir_all(to)?)
    }

    async fn copy(&mut self, sides: &Sides<'_>) -> Result<(), Error> {
        sync(&sides.path("")).await?;
        let (data, copy) = (sides.data.display().to_string(), sides.path("copied"));
        let copied = process::run("cp", ["-a", data.as_str(), copy.as_str()], TIMEOUT).await?.wall.as_secs_f64();
        self.copied.push(copied);
        self.synced.push(copied + sync(&copy).await?);
        Ok(std::fs::remove_dir_all(copy)?)
    }

    /// Returns the row that compares the restores with these copies, in the order of the runs.
    fn row(&self, what: &str, peer: &str, copies: &[f64]) -> Row {
        let ratios: Vec<f64> = copies.iter().zip(&self.restored).map(|(copy, restore)| copy / restore).collect();
        Row {
            what: what.to_owned(),
            goal: format!("≥ {RESTORE_GOAL} × {peer}"),
            measured: format!("{} × ({} s)", spread(&ratios, 2), spread(&self.restored, 2)),
            beside: format!("{peer} {} s", spread(copies, 2)),
            passes: median(&ratios) >= RESTORE_GOAL,
        }
    }
}

/// Waits until the file system of a path has nothing left to write. Returns the time in seconds.
async fn sync(path: &str) -> Result<f64, Error> {
    Ok(process::run("sync", ["-f", path], TIMEOUT).await?.wall.as_secs_f64())
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let sides = Sides { bench, data: bench.temp.join("backups") };
    let server_binary = bench.server.display().to_string();
    process::run(&server_binary, ["backup", "key", sides.path("backup.key").as_str()], TIMEOUT).await?;
    std::fs::write(sides.path("restic-password"), "bench")?;
    sides.restic(&["init"]).await?;
    let server = Server::start(bench, &sides.data, &[]).await?;
    let photos = Photos::make(&bench.temp.join("backup-bases")).await?;
    let mut members = Members::sign_up(&server, photos).await?;
    let (items, changed) = (bench.items(), bench.items() * CHANGED_PERCENT / 100);
    members.upload(items).await?;
    let (first_ours, first_theirs) = sides.save(true).await?;
    let (mut ratios, mut ours, mut theirs, mut unchanged, mut unchanged_theirs) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for run in 0..bench.runs(3) {
        members.upload(changed).await?;
        let (own, other) = sides.save(run % 2 == 0).await?;
        ratios.push(own / other);
        ours.push(own);
        theirs.push(other);
        let (own, other) = sides.save(run % 2 == 1).await?;
        unchanged.push(own);
        unchanged_theirs.push(other);
    }
    // The first backup into another repository, which copies everything, is the longest.
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for run in 0..bench.runs(3) {
        alone.push(p99(&members.upload(PROBES).await?));
        let repository = format!("repository-{run}");
        let (backup, times) = tokio::join!(sides.tutti("backup", &sides.data, &repository), members.upload(PROBES));
        backup?;
        beside.push(p99(&times?));
        std::fs::remove_dir_all(sides.path(&repository))?;
    }
    sides.save(true).await?;
    server.stop().await;
    let mut restores = Restores::default();
    for run in 0..bench.runs(3) {
        restores.measure(&sides, run % 2 == 0).await?;
    }
    for name in ["repository", "restic", "restic-cache", "backups"] {
        std::fs::remove_dir_all(sides.path(name))?;
    }
    let p99_ratios: Vec<f64> = beside.iter().zip(&alone).map(|(beside, alone)| beside / alone).collect();
    let rows = vec![
        Row {
            what: format!("backup of {items} photos, of which {CHANGED_PERCENT} % are new"),
            goal: format!("≤ {BACKUP_GOAL} × restic"),
            measured: format!("{} × ({} s)", spread(&ratios, 2), spread(&ours, 2)),
            beside: format!("restic {} s", spread(&theirs, 2)),
            passes: median(&ratios) <= BACKUP_GOAL,
        },
        Row {
            what: "backup when nothing has changed".into(),
            goal: format!("≤ {UNCHANGED_GOAL_SECONDS} s"),
            measured: format!("{} s", spread(&unchanged, 2)),
            beside: format!("restic {} s", spread(&unchanged_theirs, 2)),
            passes: median(&unchanged) <= UNCHANGED_GOAL_SECONDS,
        },
        Row {
            what: "p99 of uploads while everything is backed up".into(),
            goal: format!("≤ {P99_GOAL} × without"),
            measured: format!("{} × ({} ms)", spread(&p99_ratios, 2), spread(&beside, 1)),
            beside: format!("without {} ms", spread(&alone, 1)),
            passes: median(&p99_ratios) <= P99_GOAL,
        },
        restores.row("restore, beside a copy that is synced as well", "`cp -a` and sync", &restores.synced),
        restores.row("restore, beside a copy that is left to the kernel", "`cp -a`", &restores.copied),
    ];
    let method = vec![
        format!(
            "{items} different JPEGs of {PHOTO_BYTES} bytes, uploaded by {MEMBERS} members. Both save the same data \
             folder to the same disk, in alternating order, while the server runs idle: Tutti all databases at one \
             moment, the objects that rows name, keys and configuration; restic every file. Both compress and encrypt; \
             Tutti also reads back, opens and compares what it has written."
        ),
        format!("The first backup of everything: Tutti {first_ours:.1} s, restic {first_theirs:.1} s."),
        format!(
            "Uploads: {PROBES} by {MEMBERS} members without a pause, beside a first backup into an empty repository, \
             without `backup.bytes_per_second`; the generator runs on the same cores."
        ),
        "The restore decrypts, decompresses, compares and syncs, so that a power cut afterwards loses nothing: its \
         peer is `cp -a` of the folder and `sync -f` of its file system. `cp -a` alone ends while bytes are in memory \
         only; it is the same copy, without the time of the sync. They take turns in being first, each after a \
         `sync -f`. All settings at their defaults."
            .into(),
    ];
    let runs = json!({
        "tutti_s": ours, "restic_s": theirs, "unchanged_s": unchanged, "restic_unchanged_s": unchanged_theirs,
        "first_s": first_ours, "restic_first_s": first_theirs, "p99_ms": alone, "p99_beside_ms": beside,
        "restore_s": restores.restored, "cp_s": restores.copied, "cp_and_sync_s": restores.synced,
    });
    Ok(Scenario { place: 31, title: "Backups".into(), method, rows, runs })
}
