//! Anonymous floods: members' latency under each, beside the same server without it.
//!
//! Owns the kinds of floods and their numbers. Invariant: a flood has ended before the next one begins.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::uploads::{jpeg, photo, upload};
use crate::flood::{Flood, FloodPattern, Latencies, members, streams};
use crate::hostile::Hostile;
use crate::report::Row;
use crate::server::Server;
use crate::{Bench, Error};

/// Members' p99 under a flood, relative to the unloaded one.
const FLOOD_GOAL: f64 = 3.0;
/// Members' connections, and for how long they send requests.
pub(super) const MEMBERS: usize = 4;
pub(super) const MEASURE_TIME: Duration = Duration::from_secs(8);
pub(super) const ANONYMOUS: usize = 32;
pub(super) const HANGING_UP: usize = 300;
pub(super) const STREAMS: usize = 8000;
/// The page's largest static file.
const STATIC: &str = "/docs/swagger-ui-bundle.js";

/// Measures members' latency under each flood.
pub(super) async fn measure(
    bench: &Bench,
    data: &Path,
    files: &[Hostile],
    rows: &mut Vec<Row>,
    all: &mut Map<String, Value>,
) -> Result<(), Error> {
    let server = Server::start(bench, data, &[]).await?;
    let (member, stranger) = (server.sign_up("member").await?, server.sign_up("stranger").await?);
    let own = upload(&server, &member, "image/jpeg", &photo(bench, 1).await?, "")
        .await?
        .ok_or("the member's photo was refused")?;
    let costly = costly_picture(bench, &server, &stranger, files).await?;
    let paths = vec![
        "/v1/media?limit=20".to_owned(),
        format!("/v1/media/{own}"),
        format!("/v1/media/{own}/image?w=640&format=webp"),
        "/v1/me".to_owned(),
    ];
    let measure_members = async || members(server.public, &member, &paths, MEMBERS, MEASURE_TIME).await;
    // Once to fill the caches.
    measure_members().await?;
    let sizes: Vec<String> = (1..=504_u32)
        .map(|number| {
            format!("/v1/media/{costly}/image?w={}&h={}&fit=cover&format=webp", 5 * number, 2560 - 5 * number + 1)
        })
        .collect();
    let static_file = FloodPattern::Ask(vec![STATIC.to_owned()]);
    let pictures = FloodPattern::HangUp(sizes, Duration::from_millis(50));
    for (name, connections, pattern) in [
        ("the costliest static file", ANONYMOUS, static_file),
        ("the costliest pictures, hanging up", HANGING_UP, pictures),
    ] {
        let unloaded = measure_members().await?;
        let flood = Flood::start(server.public, connections, pattern, MEASURE_TIME * 3)?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let under_attack = measure_members().await?;
        let asked = flood.done();
        tokio::task::spawn_blocking(move || drop(flood)).await?;
        rows.push(flood_row(
            &format!("members' p99 under {connections} connections on {name}"),
            unloaded,
            under_attack,
            &format!("{asked} requests of the flood"),
        ));
        all.insert(name.to_owned(), times(unloaded, under_attack));
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let unloaded = measure_members().await?;
    let opened = streams(server.public, &format!("/v1/media/{costly}/events"), STREAMS).await;
    let under_attack = measure_members().await?;
    rows.push(flood_row(
        &format!("members' p99 under {STREAMS} event streams"),
        unloaded,
        under_attack,
        &format!("{} were opened, {} refused", opened.open.len(), opened.refused),
    ));
    all.insert("streams".to_owned(), times(unloaded, under_attack));
    drop(opened);
    server.kill().await;
    Ok(())
}

fn flood_row(what: &str, unloaded: Latencies, under_attack: Latencies, beside: &str) -> Row {
    let (before, during) = (unloaded.p99.as_secs_f64(), under_attack.p99.as_secs_f64());
    let ratio = during / before.max(1e-6);
    Row {
        what: what.to_owned(),
        goal: format!("≤ {FLOOD_GOAL} × unloaded, no 503"),
        measured: format!(
            "{ratio:.2} × ({:.1} ms), {} × 503 of {}",
            during * 1e3,
            under_attack.unavailable,
            under_attack.requests
        ),
        beside: format!("unloaded {:.1} ms; {beside}", before * 1e3),
        passes: ratio <= FLOOD_GOAL && under_attack.unavailable == 0,
    }
}

fn times(unloaded: Latencies, under_attack: Latencies) -> Value {
    let of = |latencies: Latencies| {
        json!({
            "p50_ms": latencies.p50.as_secs_f64() * 1e3,
            "p99_ms": latencies.p99.as_secs_f64() * 1e3,
            "unavailable": latencies.unavailable,
            "requests": latencies.requests,
        })
    };
    json!({ "unloaded": of(unloaded), "under_attack": of(under_attack) })
}

/// Uploads the most expensive public picture that the server accepts: the hostile GIF, or else a large JPEG.
async fn costly_picture(bench: &Bench, server: &Server, token: &str, files: &[Hostile]) -> Result<String, Error> {
    for file in files.iter().filter(|file| file.content_type == "image/gif") {
        if let Some(id) = upload(server, token, file.content_type, &file.bytes, "&visibility=public").await? {
            return Ok(id);
        }
    }
    let large = jpeg(bench, "large.jpg", "9000x7000", 0).await?;
    upload(server, token, "image/jpeg", &large, "&visibility=public")
        .await?
        .ok_or_else(|| "no costly picture was taken".into())
}
