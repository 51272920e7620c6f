//! The effect of an attack on members: anonymous floods, a hostile member's files, and the cost of the sandbox of
//! converters.
//!
//! Each attack is measured beside the same server without it, in the same run. Invariant: attackers have addresses and
//! an account of their own, are bounded in number and time, and send requests to this server only.

mod conversions;
mod floods;
mod sandbox;
mod uploads;

use conversions::COPIES;
use floods::{ANONYMOUS, HANGING_UP, MEASURE_TIME, MEMBERS, STREAMS};

use crate::report::Scenario;
use crate::{Bench, Error, hostile};

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let files = hostile::files(&bench.temp.parent().unwrap_or(&bench.temp).join("hostile")).await?;
    let data = bench.temp.join("attack");
    let (mut rows, mut all) = (Vec::new(), serde_json::Map::new());
    floods::measure(bench, &data, &files, &mut rows, &mut all).await?;
    std::fs::remove_dir_all(&data)?;
    conversions::measure(bench, &data, &files, &mut rows, &mut all).await?;
    std::fs::remove_dir_all(&data)?;
    sandbox::measure(bench, &mut rows, &mut all).await?;
    let method = vec![
        format!(
            "Members: {MEMBERS} connections from 127.0.0.1 that ask for a list, a view, a picture and a profile in \
             turns, 5 ms after each answer, for {} s; unloaded and under each flood, in the same process.",
            MEASURE_TIME.as_secs()
        ),
        format!(
            "Floods: anonymous, from 32 addresses in 127.0.66.0/24. `{ANONYMOUS} connections` ask again as soon as \
             they are answered, taking gzip and brotli; `{HANGING_UP} connections` ask for one of 504 sizes of a \
             picture and hang up after 50 ms; `{STREAMS} streams` are opened on one public item and held."
        ),
        format!(
            "Hostile files: {}; each {COPIES} times at once, by one member. What is refused at the upload \
             costs no child anything.",
            files.iter().map(|file| file.name).collect::<Vec<_>>().join(", ")
        ),
        "Memory of the children: the sum of their anonymous resident memory (`RssAnon`), every 50 ms. The \
         generator runs on the same two cores as the server."
            .into(),
        "Clip: 8 s, 1280 × 720, H.264 in a shape that is encoded anew; from the last byte to `playable`. Photo: a \
         JPEG of 12 megapixels; from the last byte to `ready`. All settings at their defaults."
            .into(),
    ];
    Ok(Scenario { place: 10, title: "Under attack".into(), method, rows, runs: all.into() })
}
