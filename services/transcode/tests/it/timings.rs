//! Measurements by hand: `TUTTI_CLIP=clip.mp4 cargo nextest run -p transcode --run-ignored all -E
//! 'test(conversion_timings)' --no-capture`.

use std::time::{Duration, Instant};

use contract::media::Kind;

use crate::harness::Harness;

/// CPU time of this process's ended child processes.
fn children_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[13].parse::<u64>().unwrap() + fields[14].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures, needs a real clip"]
async fn conversion_timings() {
    let Some(clip) = std::env::var_os("TUTTI_CLIP") else { return };
    let harness = Harness::new().await;
    // The programs that a process detects at its start are detected by the time a member uploads.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let before = children_cpu();
    let started = Instant::now();
    let media = harness.upload(std::path::Path::new(&clip), Kind::Video, "mp4").await;
    println!("stored and announced after {:?}", started.elapsed());
    let announced = Instant::now();
    harness.world.wait_for("playable", async || harness.playable(&media).await).await;
    println!("playable {:?} after the announcement", announced.elapsed());
    let ready = loop {
        if let Some(ready) = harness.published::<contract::transcode::Ready>().await.pop() {
            break ready;
        }
        assert!(harness.failure(&media).await.is_none());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    println!(
        "ready {:?} after the announcement, {:?} of CPU in children; {ready:?}",
        announced.elapsed(),
        children_cpu().saturating_sub(before)
    );
    harness.end().await;
}
