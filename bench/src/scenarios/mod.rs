//! The scenarios, one file each.
//!
//! Invariant: a scenario leaves no process and no temporary file behind.

pub mod attack;
pub mod audit;
pub mod backups;
pub mod chat_sends;
pub mod events;
pub mod fleet;
pub mod floods;
pub mod ladder;
pub mod lanes;
pub mod night_shift;
pub mod notify_fan_out;
pub mod notify_lists;
pub mod notify_pushes;
pub mod notify_streams;
pub mod photos;
pub mod playable;
pub mod proxying;
pub mod reading;
pub mod roll_out;
pub mod sign_ins;
pub mod social;
pub mod social_beside;
pub mod social_storage;
pub mod start;
pub mod telemetry;
pub mod tokens;
pub mod verdicts;
pub mod workers;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Error;
use crate::http::Connection;

/// Waits until the item at `path` is in one of `states`, with a request every `pause`. Returns the item and when it was
/// seen.
pub async fn wait_for(
    connection: &mut Connection,
    path: &str,
    states: &[&str],
    pause: Duration,
    timeout: Duration,
) -> Result<(Value, Instant), Error> {
    let began = Instant::now();
    loop {
        let item = connection.get(path).await?.expect(200)?.json()?;
        let seen = Instant::now();
        let state = item["state"].as_str().unwrap_or_default();
        if states.contains(&state) {
            return Ok((item, seen));
        }
        if state == "failed" {
            return Err(format!("the conversion failed: {}", item["failure"]).into());
        }
        if began.elapsed() > timeout {
            return Err(format!("still {state} after {} s", timeout.as_secs()).into());
        }
        tokio::time::sleep(pause).await;
    }
}

/// Returns a JSON string, or an error that names the missing value.
pub fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, Error> {
    value.as_str().ok_or_else(|| format!("the response has no {name}").into())
}
