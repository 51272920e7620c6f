//! After kills, cancellations and duplicate deliveries the result is the same, and nothing is left behind.

use std::time::Duration;

use chrono::TimeDelta;
use contract::media::{Kind, Received};
use contract::transcode::{Failed, Playable, Progress, Published, Ready};
use db::{Lane, Sql};
use testkit::World;

use crate::harness::{Harness, assert_seamless, frame_times, start};

const CLIP: &str = "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -t 20 -c:v mpeg4 -q:v 5 -c:a aac";

/// Returns this test's child processes whose command line contains the folder.
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
    let harness = Harness::new().await;
    let source = harness.make("clip.mp4", CLIP);
    let media = harness.upload(&source, Kind::Video, "mp4").await;
    let data = harness.world.folder().to_owned();
    harness.world.wait_for("it is playable", async || harness.playable(&media).await).await;
    harness.world.wait_for("a background task is running", async || (children(&data) > 0).then_some(())).await;
    harness.delete(&media).await;
    harness.world.settle().await;
    harness.world.wait_for("no child lives on", async || (children(&data) == 0).then_some(())).await;
    harness.world.anonymous().get(&format!("/internal/playback/{media}")).await.refused(404, "media.not_found");
    assert!(harness.published::<Ready>().await.is_empty() && harness.published::<Failed>().await.is_empty());
    // Late events of it change nothing.
    let received = harness.published::<Received>().await.remove(0);
    harness.publish(received).await;
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_upload_event_converts_once() {
    let harness = Harness::new().await;
    let source =
        harness.make("clip.mp4", "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine -t 6 -c:v mpeg4 -c:a aac");
    let media = harness.upload(&source, Kind::Video, "mp4").await;
    let received = harness.published::<Received>().await.remove(0);
    harness.publish(received.clone()).await;
    harness.ready(&media).await;
    harness.publish(received).await;
    harness.world.settle().await;
    assert_eq!(harness.published::<Ready>().await.len(), 1);
    assert_eq!(harness.published::<Playable>().await.len(), 1);
    let mut numbers: Vec<(String, u32)> = harness
        .published::<Published>()
        .await
        .into_iter()
        .flat_map(|published| published.segments)
        .map(|segment| (segment.rendition, segment.number))
        .collect();
    let all = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!(numbers.len(), all, "a segment was announced twice");
    let percents: Vec<u8> = harness.published::<Progress>().await.iter().map(|progress| progress.percent).collect();
    assert!(percents.is_sorted() && percents.iter().all(|percent| *percent < 100), "{percents:?}");
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_task_goes_to_another_and_nothing_is_lost() {
    let mut harness = Harness::with(&["transcode.lease_seconds=5"]).await;
    let source = harness.make("clip.mp4", CLIP);
    let frames = frame_times(&source, "v").len();
    let media = harness.upload(&source, Kind::Video, "mp4").await;
    // Three times, at any point of the work.
    for pause in [150, 700, 1600] {
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let folder = harness.world.crash().await;
        for _ in 0..3000 {
            if children(folder.path()) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(children(folder.path()), 0, "a child outlived its worker");
        harness.world = start(World::builder().in_folder(folder), &["transcode.lease_seconds=5"]).await;
        harness.world.clock().advance(TimeDelta::seconds(60));
    }
    let ready = harness.ready(&media).await;
    let out = harness.converted(&media, ready).await;
    for (rendition, path) in out.videos() {
        let times = frame_times(path, "v");
        assert_eq!(times.len(), frames, "{rendition}");
        assert_seamless(&times, 25.0, 0.0);
    }
    assert_eq!(harness.published::<Ready>().await.len(), 1);
    // The objects of dead workers are swept.
    harness.world.clock().advance(TimeDelta::hours(7));
    harness.world.wait_for("the sweep has run", async || harness.orphan_objects().await.is_empty().then_some(())).await;
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_item_does_not_wait_for_a_long_one() {
    let harness = Harness::with(&["transcode.workers=1"]).await;
    let long = harness.make("long.mp4", "-f lavfi -i testsrc2=size=640x360:rate=25 -t 120 -c:v mpeg4 -q:v 8");
    let short = harness.make("short.mp4", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 2 -c:v mpeg4");
    let first = harness.upload(&long, Kind::Video, "mp4").await;
    harness.world.wait_for("the long one is playable", async || harness.playable(&first).await).await;
    let second = harness.upload(&short, Kind::Video, "mp4").await;
    harness.world.wait_for("the short one is playable", async || harness.playable(&second).await).await;
    assert!(
        harness.published::<Ready>().await.iter().all(|ready| ready.id != first),
        "the long one was done already: this shows nothing"
    );
    harness.delete(&first).await;
    harness.ready(&second).await;
    harness.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ticket_of_an_unresponsive_task_is_sent_again() {
    let harness = Harness::new().await;
    let source = harness.make("clip.mp4", "-f lavfi -i testsrc2=size=320x180:rate=25 -t 1 -c:v mpeg4");
    let media = harness.upload(&source, Kind::Video, "mp4").await;
    harness.ready(&media).await;
    harness.world.settle().await;
    // As if the bus had lost the last ticket two hours ago.
    let lost = harness.world.clock().now() - TimeDelta::hours(2);
    let done = harness
        .world
        .context("transcode")
        .db
        .write(Lane::ALL, async move |tx| {
            tx.execute("update job set state = 'playable'", vec![]).await?;
            tx.execute("update task set state = 'claimed', touched_at = $1 where name = 'finish'", vec![lost.into()])
                .await
        })
        .await;
    assert_eq!(done.unwrap_or_else(|error: db::Error| panic!("{error}")), 1);
    harness.world.clock().advance(TimeDelta::minutes(6));
    harness
        .world
        .wait_for("it is finished once more", async || (harness.published::<Ready>().await.len() == 2).then_some(()))
        .await;
    harness.end().await;
}
