//! One member's files never hold up another's, however many and however costly they are.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use contract::media::Kind;
use contract::transcode::{Failed, Playable, Ready};
use contract::{AccountId, MediaId};
use db::{FromQueryResult, Sql};
use testkit::engines::{Nats, shared_postgres, shared_s3};
use uuid::Uuid;

use crate::harness::Harness;

const HOSTILE: AccountId = AccountId(Uuid::from_u128(1));
const OTHER: AccountId = AccountId(Uuid::from_u128(2));

/// With `transcode.workers=2`, as on a machine with two cores.
const MEMBER_LIMITS: [(&str, i64); 6] =
    [("probe", 2), ("urgent", 2), ("audio", 1), ("photo", 1), ("heavy_photo", 1), ("background", 1)];

#[derive(FromQueryResult)]
struct AtWork {
    queue: String,
    tasks: i64,
}

impl Harness {
    /// Returns the number of a member's running tasks in each queue.
    async fn running_tasks(&self, owner: AccountId) -> Vec<(String, i64)> {
        let text = "select queue, count(*) as tasks from task where owner = $1 and state = 'claimed' group by queue";
        let rows: Vec<AtWork> =
            self.world.context("transcode").db.read().rows(text, vec![owner.to_string().into()]).await.unwrap();
        rows.into_iter().map(|row| (row.queue, row.tasks)).collect()
    }

    /// Fails the test if a member holds the last permit of a queue.
    async fn assert_within_limits(&self, owner: AccountId) {
        for (queue, tasks) in self.running_tasks(owner).await {
            let limit = MEMBER_LIMITS.iter().find(|(name, _)| *name == queue).unwrap().1;
            assert!(tasks <= limit, "{tasks} tasks of one member at once in {queue}");
        }
    }

    /// A member's clip and photo: returns how long until the one is playable and the other ready. Checks meanwhile
    /// whether `others` stay within their limits.
    async fn clip_and_photo(&self, clip: &Path, photo: &Path, others: Option<AccountId>) -> (Duration, Duration) {
        let began = Instant::now();
        let clip = self.upload_of(OTHER, clip, Kind::Video, "mp4", None).await;
        let photo = self.upload_of(OTHER, photo, Kind::Photo, "jpeg", Some((1600, 1200))).await;
        let (mut plays, mut ready) = (None, None);
        self.world
            .wait_for("the clip plays and the photo is ready", async || {
                if let Some(others) = others {
                    self.assert_within_limits(others).await;
                }
                if plays.is_none() && self.playable(&clip).await.is_some() {
                    plays = Some(began.elapsed());
                }
                if ready.is_none() && self.published::<Ready>().await.iter().any(|item| item.id == photo) {
                    ready = Some(began.elapsed());
                }
                plays.zip(ready)
            })
            .await
    }
}

/// A program that replaces another one.
fn script(folder: &Path, name: &str, lines: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{lines}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_costly_files_of_one_member_do_not_hold_up_anothers_clip_and_photo() {
    let harness = Harness::with(&["transcode.workers=2"]).await;
    let clip = harness
        .make("clip.mp4", "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -t 8 -c:v mpeg4 -q:v 5 -c:a aac");
    let photo = harness.make("photo.jpeg", "-f lavfi -i testsrc2=size=1600x1200 -frames:v 1");
    let long = harness.make(
        "long.mp4",
        "-f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine -t 20 -c:v mpeg4 -q:v 8 -c:a aac",
    );
    let large = harness.make("large.png", "-f lavfi -i testsrc2=size=6000x4000 -frames:v 1 -pred none");
    let (calm_clip, calm_photo) = harness.clip_and_photo(&clip, &photo, None).await;
    harness.world.settle().await;

    let mut hostile: Vec<MediaId> = Vec::new();
    for number in 0..50 {
        hostile.push(match number % 5 {
            0 => harness.upload_of(HOSTILE, &large, Kind::Photo, "png", Some((6000, 4000))).await,
            1 => harness.upload_of(HOSTILE, &photo, Kind::Photo, "jpeg", Some((1600, 1200))).await,
            _ => harness.upload_of(HOSTILE, &long, Kind::Video, "mp4", None).await,
        });
    }
    let full = |running_tasks: &[(String, i64)]| {
        ["urgent", "background", "heavy_photo"].iter().all(|queue| running_tasks.iter().any(|(name, _)| name == queue))
    };
    harness
        .world
        .wait_for("the hostile member's files run in every queue", async || {
            full(&harness.running_tasks(HOSTILE).await).then_some(())
        })
        .await;
    let played =
        async || harness.published::<Playable>().await.iter().filter(|item| hostile.contains(&item.id)).count();
    let before = played().await;
    let (busy_clip, busy_photo) = harness.clip_and_photo(&clip, &photo, Some(HOSTILE)).await;
    let overtook = played().await - before;
    eprintln!(
        "clip {calm_clip:?} alone, {busy_clip:?} beside; photo {calm_photo:?} alone, {busy_photo:?} beside; \
         {overtook} others played meanwhile"
    );
    assert!(overtook <= 8, "{overtook} of the hostile member's files were playable before the other member's clip");
    assert!(hostile.len() - played().await > 20, "too few were left: this shows nothing");
    // A margin for a machine that runs other work meanwhile; the measurements are in the decision.
    assert!(busy_clip < calm_clip * 3 + Duration::from_secs(10), "{busy_clip:?} instead of {calm_clip:?}");
    assert!(busy_photo < calm_photo + Duration::from_secs(10), "{busy_photo:?} instead of {calm_photo:?}");
    for media in &hostile {
        harness.publish(contract::media::Deleted { id: media.clone(), owner: HOSTILE }).await;
    }
    harness.end().await;
}

/// Two processes on PostgreSQL, NATS and S3. Where the run is for the embedded engines there is only one process, and
/// nothing to show.
#[tokio::test(flavor = "multi_thread")]
async fn in_a_fleet_a_member_leaves_a_slot_in_each_process_to_another() {
    if std::env::var("TUTTI_TEST_DB").as_deref() != Ok("postgres") {
        return;
    }
    let (rows, nats, store) = (shared_postgres(), Nats::start(), shared_s3());
    let name = Uuid::new_v4().simple().to_string();
    let mut set = vec![
        "transcode.workers=1".to_owned(),
        format!("db.url={}", rows.url),
        format!("db.schema=fair_{name}_{{service}}"),
        format!("bus.servers=[\"{}\"]", nats.url()),
    ];
    set.extend(store.account.settings(&store.prefix));
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let (one, two) = (Harness::with(&set).await, Harness::with(&set).await);
    let clip = one
        .make("clip.mp4", "-f lavfi -i testsrc2=size=320x180:rate=25 -f lavfi -i sine -t 2 -c:v mpeg4 -q:v 5 -c:a aac");
    let long = one.make(
        "long.mp4",
        "-f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine -t 20 -c:v mpeg4 -q:v 8 -c:a aac",
    );
    let mut hostile = Vec::new();
    for _ in 0..20 {
        hostile.push(one.upload_of(HOSTILE, &long, Kind::Video, "mp4", None).await);
    }
    let at_both =
        async || one.running_tasks(HOSTILE).await.into_iter().any(|(queue, tasks)| queue == "background" && tasks == 2);
    one.world.wait_for("both processes run tasks of the hostile member", async || at_both().await.then_some(())).await;
    let played = async || one.published::<Playable>().await.iter().filter(|item| hostile.contains(&item.id)).count();
    let before = played().await;
    let media = two.upload_of(OTHER, &clip, Kind::Video, "mp4", None).await;
    one.world
        .wait_for("the other member's clip plays", async || {
            for (queue, tasks) in one.running_tasks(HOSTILE).await {
                assert!(tasks <= 2, "{tasks} tasks of one member in {queue}, whose two processes have two places each");
            }
            one.playable(&media).await
        })
        .await;
    let overtook = played().await - before;
    assert!(
        overtook <= 4 && hostile.len() - played().await > 4,
        "{overtook} of the hostile member's files were playable before the other member's clip"
    );
    for media in &hostile {
        one.publish(contract::media::Deleted { id: media.clone(), owner: HOSTILE }).await;
    }
    one.ready(&media).await;
    one.world.settle().await;
    two.world.end().await;
    one.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn heavy_photos_do_not_take_the_slots_of_light_ones() {
    let harness = Harness::with(&["transcode.workers=1"]).await;
    let light = harness.make("light.jpeg", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let large = harness.make("large.png", "-f lavfi -i testsrc2=size=6000x4000 -frames:v 1 -pred none");
    let mut heavy = Vec::new();
    for _ in 0..6 {
        heavy.push(harness.upload_of(OTHER, &large, Kind::Photo, "png", Some((6000, 4000))).await);
    }
    harness
        .world
        .wait_for("a heavy photo is converted", async || {
            harness.running_tasks(OTHER).await.iter().any(|(queue, _)| queue == "heavy_photo").then_some(())
        })
        .await;
    let light = harness.upload_of(OTHER, &light, Kind::Photo, "jpeg", Some((400, 300))).await;
    harness.ready(&light).await;
    let overtook = harness.published::<Ready>().await.iter().filter(|ready| heavy.contains(&ready.id)).count();
    assert!(overtook <= 3, "{overtook} heavy photos went before the light one");
    for media in heavy {
        harness.publish(contract::media::Deleted { id: media, owner: OTHER }).await;
    }
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_takes_too_long_is_rejected_with_a_code_and_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let slow = script(folder.path(), "ffprobe", "case \" $* \" in *\" -i \"*) while :; do :; done ;; esac");
    let harness =
        Harness::with(&[&format!("transcode.ffprobe={}", slow.display()), "transcode.probe_timeout_seconds=1"]).await;
    let clip = harness.make("clip.mp4", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v mpeg4");
    let media = harness.upload(&clip, Kind::Video, "mp4").await;
    let failed: Failed = harness
        .world
        .wait_for("it is rejected", async || {
            // It is retried once, a little later.
            harness.world.clock().advance(TimeDelta::seconds(1));
            harness.failure(&media).await
        })
        .await;
    assert_eq!(failed.code, "transcode.probe_timed_out");
    assert!(failed.detail.contains("1 seconds") && failed.detail.contains("upload"), "{failed:?}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_takes_too_long_is_rejected_and_the_next_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let slow = script(folder.path(), "heif-convert", "while :; do :; done");
    let harness = Harness::with(&[
        &format!("transcode.heif_convert={}", slow.display()),
        "transcode.photo_timeout_seconds=1",
        "transcode.workers=1",
    ])
    .await;
    let photo = harness.make("photo.jpeg", "-f lavfi -i testsrc2=size=400x300 -frames:v 1");
    let media = harness.upload_of(OTHER, &photo, Kind::Photo, "heic", Some((400, 300))).await;
    let next = harness.upload_of(OTHER, &photo, Kind::Photo, "jpeg", Some((400, 300))).await;
    harness.ready(&next).await;
    let failed: Failed = harness
        .world
        .wait_for("it times out", async || {
            // It is retried once, a little later.
            harness.world.clock().advance(TimeDelta::seconds(1));
            harness.failure(&media).await
        })
        .await;
    assert_eq!(failed.code, "transcode.timed_out");
    assert!(failed.detail.contains("JPEG"), "{failed:?}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_decoded_before_the_plan_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let stand_in = script(folder.path(), "ffmpeg", "case \" $* \" in *\" -i \"*) exec sleep 300 ;; esac");
    let harness = Harness::with(&[
        &format!("transcode.ffmpeg={}", stand_in.display()),
        "transcode.max_duration_hours=1",
        "transcode.stall_timeout_seconds=170",
    ])
    .await;
    let long = harness.make("long.flac", "-f lavfi -i anullsrc=sample_rate=8000:cl=mono -t 3700");
    let began = Instant::now();
    let media = harness.upload(&long, Kind::Audio, "flac").await;
    assert_eq!(harness.failed(&media).await.code, "transcode.too_long");
    assert!(began.elapsed() < Duration::from_secs(120), "a task waited for a decoder");
    harness.end().await;
}
