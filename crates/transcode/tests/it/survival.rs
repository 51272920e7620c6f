//! Killed, cancelled, told twice: the result is the same, and nothing is left behind.

use std::time::Duration;

use chrono::TimeDelta;
use contract::media::{Kind, Received};
use contract::transcode::{Failed, Playable, Progress, Published, Ready};
use kit::db::Sql;
use testkit::World;

use crate::stage::{Stage, frame_times, seamless};

const CLIP: &str = "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -t 30 -c:v mpeg4 -q:v 5 -c:a aac";

/// Children of this test's process whose command line names the folder.
fn children(folder: &std::path::Path) -> usize {
    let folder = folder.display().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path().join("cmdline")).ok())
        .filter(|line| line.contains("ffmpeg") && line.contains(&folder))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_stops_the_work_and_removes_everything() {
    let stage = Stage::new().await;
    let source = stage.make("clip.mp4", CLIP);
    let media = stage.upload(&source, Kind::Video, "mp4").await;
    let data = stage.world.folder().to_owned();
    stage.world.wait_for("it is playable", async || stage.playable(&media).await).await;
    stage.world.wait_for("a background part is at work", async || (children(&data) > 0).then_some(())).await;
    stage.delete(&media).await;
    stage.world.settle().await;
    stage.world.wait_for("no child lives on", async || (children(&data) == 0).then_some(())).await;
    stage.world.anonymous().get(&format!("/internal/playback/{media}")).await.refused(404, "media.not_found");
    assert!(stage.heard::<Ready>().await.is_empty() && stage.heard::<Failed>().await.is_empty());
    // Late news of it change nothing.
    let received = stage.heard::<Received>().await.remove(0);
    stage.say(received).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_told_of_twice_is_converted_once() {
    let stage = Stage::new().await;
    let source = stage.make("clip.mp4", "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -t 6 -c:v mpeg4 -c:a aac");
    let media = stage.upload(&source, Kind::Video, "mp4").await;
    let received = stage.heard::<Received>().await.remove(0);
    stage.say(received.clone()).await;
    stage.ready(&media).await;
    stage.say(received).await;
    stage.world.settle().await;
    assert_eq!(stage.heard::<Ready>().await.len(), 1);
    assert_eq!(stage.heard::<Playable>().await.len(), 1);
    let mut told: Vec<(String, u32)> =
        stage.heard::<Published>().await.into_iter().flat_map(|published| published.segments).map(|segment| (segment.rendition, segment.number)).collect();
    let all = told.len();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), all, "a segment was announced twice");
    let percents: Vec<u8> = stage.heard::<Progress>().await.iter().map(|progress| progress.percent).collect();
    assert!(percents.is_sorted() && percents.iter().all(|percent| *percent < 100), "{percents:?}");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_piece_goes_to_another_and_nothing_is_lost() {
    let mut stage = Stage::with(&["transcode.lease_seconds=5"]).await;
    let source = stage.make("clip.mp4", CLIP);
    let frames = frame_times(&source, "v").len();
    let media = stage.upload(&source, Kind::Video, "mp4").await;
    // Three times, in the middle of whatever is going on.
    for pause in [150, 700, 1600] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let folder = stage.world.crash().await;
        for _ in 0..3000 {
            if children(folder.path()) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(children(folder.path()), 0, "a child outlived its worker");
        stage.world = World::builder().in_folder(folder).set("transcode.lease_seconds=5").start(&[transcode::service()]).await;
        stage.world.clock().advance(TimeDelta::seconds(60));
    }
    let ready = stage.ready(&media).await;
    let out = stage.converted(&media, ready).await;
    for (rendition, path) in out.videos() {
        let times = frame_times(path, "v");
        assert_eq!(times.len(), frames, "{rendition}");
        seamless(&times, 25.0, 0.0);
    }
    assert_eq!(stage.heard::<Ready>().await.len(), 1);
    // What dead workers left is swept away.
    stage.world.clock().advance(TimeDelta::hours(7));
    stage.world.wait_for("the sweep has run", async || stage.strays().await.is_empty().then_some(())).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_item_does_not_wait_for_a_long_one() {
    let stage = Stage::with(&["transcode.workers=1"]).await;
    let long = stage.make("long.mp4", "-f lavfi -i testsrc2=size=640x360:rate=25 -t 120 -c:v mpeg4 -q:v 8");
    let short = stage.make("short.mp4", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 2 -c:v mpeg4");
    let first = stage.upload(&long, Kind::Video, "mp4").await;
    stage.world.wait_for("the long one is playable", async || stage.playable(&first).await).await;
    let second = stage.upload(&short, Kind::Video, "mp4").await;
    stage.world.wait_for("the short one is playable", async || stage.playable(&second).await).await;
    assert!(stage.heard::<Ready>().await.iter().all(|ready| ready.id != first), "the long one was done already: this shows nothing");
    stage.delete(&first).await;
    stage.ready(&second).await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_which_nothing_is_heard_is_sent_again() {
    let stage = Stage::new().await;
    let source = stage.make("clip.mp4", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v mpeg4");
    let media = stage.upload(&source, Kind::Video, "mp4").await;
    stage.ready(&media).await;
    stage.world.settle().await;
    // As if the last piece had been lost by the bus two hours ago.
    let lost = stage.world.clock().now() - TimeDelta::hours(2);
    let done = stage
        .world
        .context("transcode")
        .db
        .write(move |tx| {
            Box::pin(async move {
                tx.execute("update job set state = 'playable'", vec![]).await?;
                tx.execute("update piece set stand = 'queued', touched_at = $1 where name = 'finish'", vec![lost.into()]).await
            })
        })
        .await;
    assert_eq!(done.unwrap_or_else(|error: kit::db::Error| panic!("{error}")), 1);
    stage.world.clock().advance(TimeDelta::minutes(6));
    stage.world.wait_for("it is finished once more", async || (stage.heard::<Ready>().await.len() == 2).then_some(())).await;
    stage.end().await;
}
