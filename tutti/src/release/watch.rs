//! Watching a canary: whether it is ready, and what it responds.
//!
//! Invariant: a canary of which nothing is known counts as one that fails.

use std::time::Duration;

use tokio::time::Instant;

use super::budget::{Counts, reason_to_stop, total};
use super::options::ReleaseOptions;
use crate::CommandError;
use crate::terminal::say;

const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const READY_INTERVAL: Duration = Duration::from_millis(200);
/// Looks in a row at which a process may not be ready.
const MAX_NOT_READY: u32 = 3;

/// Watches the processes of a canary until the time is over. Returns why the release has to be stopped, if it has.
pub(super) async fn watch(options: &ReleaseOptions) -> Result<(), CommandError> {
    let client = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build()?;
    let urls: Vec<&str> = options.watch.iter().map(|url| url.trim_end_matches('/')).collect();
    wait_until_ready(&client, &urls, Duration::from_secs(options.ready_seconds.into())).await?;
    let mut processes = Vec::new();
    for url in &urls {
        processes.push([counts(&client, url).await?; 3]);
    }
    let end = Instant::now() + Duration::from_secs(60 * u64::from(options.watch_minutes));
    let (interval, budget) = (Duration::from_secs(options.watch_interval_seconds.max(1).into()), options.budget());
    let mut not_ready = 0;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        tokio::time::sleep(interval.min(left)).await;
        not_ready = if are_ready(&client, &urls).await { 0 } else { not_ready + 1 };
        if not_ready >= MAX_NOT_READY {
            return Err("the canary is not ready any more".into());
        }
        for (url, [_, last, now]) in urls.iter().zip(&mut processes) {
            *last = *now;
            *now = counts(&client, url).await?;
        }
        if let Some(reason) = reason_to_stop(&processes, &budget) {
            return Err(reason.into());
        }
        if left.is_zero() {
            break;
        }
    }
    if not_ready > 0 {
        return Err("the canary is not ready at the end of the watch".into());
    }
    let sum = total(&processes);
    say!(
        "The canary was watched for {} minutes: {} responses, {} errors.",
        options.watch_minutes,
        sum.responses,
        sum.errors
    );
    if sum.responses < options.min_requests {
        say!("That is less than release.min_requests ({}): it tells little.", options.min_requests);
    }
    Ok(())
}

async fn wait_until_ready(client: &reqwest::Client, urls: &[&str], timeout: Duration) -> Result<(), CommandError> {
    let end = Instant::now() + timeout;
    while !are_ready(client, urls).await {
        if Instant::now() >= end {
            return Err(format!("the canary is not ready after {} s", timeout.as_secs()).into());
        }
        tokio::time::sleep(READY_INTERVAL).await;
    }
    Ok(())
}

async fn are_ready(client: &reqwest::Client, urls: &[&str]) -> bool {
    for url in urls {
        let response = client.get(format!("{url}/readyz")).send().await;
        if !response.is_ok_and(|response| response.status().is_success()) {
            return false;
        }
    }
    true
}

async fn counts(client: &reqwest::Client, url: &str) -> Result<Counts, CommandError> {
    let asked = async { client.get(format!("{url}/metrics")).send().await?.error_for_status()?.text().await };
    let text = asked.await.map_err(|error| format!("the metrics of {url} can't be read: {error}"))?;
    Ok(Counts::read(&text))
}
