//! The cost of the sandbox of converters.
//!
//! Owns the comparison only. Invariant: each server measures its second clip, because the first one finds the programs.

use serde_json::{Map, Value, json};

use super::uploads::upload_until;
use crate::clips::{Clip, Clips};
use crate::report::{Row, median, spread};
use crate::server::Server;
use crate::{Bench, Error};

const SANDBOX_GOAL: f64 = 1.05;

/// Measures the time to playable with the sandbox and without it, in turns.
pub(super) async fn measure(bench: &Bench, rows: &mut Vec<Row>, all: &mut Map<String, Value>) -> Result<(), Error> {
    let (mut with, mut without) = (Vec::new(), Vec::new());
    let clip = bench.clips.get(Clip::Standard).await?;
    for number in 0..bench.runs(7) as u64 {
        for (confine, times) in [("strict", &mut with), ("off", &mut without)] {
            let data = bench.temp.join("sandbox");
            let server = Server::start(bench, &data, &[format!("transcode.sandbox={confine}")]).await?;
            let token = server.sign_up("singer").await?;
            // The first clip of a server finds the programs.
            for warm in [true, false] {
                let (playable, _) = upload_until(
                    &server,
                    &token,
                    "video/mp4",
                    &Clips::unique(&clip, number * 2 + u64::from(warm))?,
                    &["playable", "ready"],
                )
                .await?;
                if !warm {
                    times.push(playable.as_secs_f64());
                }
            }
            server.kill().await;
            std::fs::remove_dir_all(&data)?;
        }
    }
    let ratio = median(&with) / median(&without);
    rows.push(Row {
        what: "time to playable with the sandbox (30 s of standard input)".into(),
        goal: format!("≤ {SANDBOX_GOAL} × without"),
        measured: format!("{ratio:.2} × ({} s)", spread(&with, 2)),
        beside: format!("without {} s", spread(&without, 2)),
        passes: ratio <= SANDBOX_GOAL,
    });
    all.insert("sandbox".into(), json!({ "with_s": with, "without_s": without }));
    Ok(())
}
