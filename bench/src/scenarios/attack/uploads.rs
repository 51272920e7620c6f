//! Uploads of the attack, and pictures to upload.
//!
//! Owns no measurement. Invariant: pictures with different numbers have different bytes.

use std::time::Duration;

use crate::http::Connection;
use crate::scenarios::{text, wait_for};
use crate::server::Server;
use crate::{Bench, Error, process};

const POLL: Duration = Duration::from_millis(20);
const READY_TIMEOUT: Duration = Duration::from_mins(3);

/// Uploads a file and waits for a state. Returns the time from the last byte, and the item's id.
pub(super) async fn upload_until(
    server: &Server,
    token: &str,
    content_type: &str,
    bytes: &[u8],
    states: &[&str],
) -> Result<(Duration, String), Error> {
    let mut member = Connection::of_member(server.public, token).await?;
    let answer = member.send("POST", "/v1/media?name=file", content_type, bytes).await?.expect(201)?;
    let sent = answer.sent;
    let id = text(&answer.json()?["id"], "id")?.to_owned();
    let (_, seen) = wait_for(&mut member, &format!("/v1/media/{id}"), states, POLL, READY_TIMEOUT).await?;
    Ok((seen - sent, id))
}

/// Uploads a file. Returns the item's id; `None` if the server refuses the file.
pub(super) async fn upload(
    server: &Server,
    token: &str,
    content_type: &str,
    bytes: &[u8],
    query: &str,
) -> Result<Option<String>, Error> {
    let mut member = Connection::of_member(server.public, token).await?;
    let answer = member.send("POST", &format!("/v1/media?name=file{query}"), content_type, bytes).await?;
    match answer.status {
        201 => Ok(Some(text(&answer.json()?["id"], "id")?.to_owned())),
        413 | 415 | 422 | 429 => Ok(None),
        _ => answer.expect(201).map(|_| None),
    }
}

/// Returns a JPEG of 12 megapixels, different for each `number`.
pub(super) async fn photo(bench: &Bench, number: u64) -> Result<Vec<u8>, Error> {
    jpeg(bench, "photo.jpg", "4000x3000", number).await
}

/// Returns a JPEG, different for each `number` (bytes after the end).
pub(super) async fn jpeg(bench: &Bench, name: &str, size: &str, number: u64) -> Result<Vec<u8>, Error> {
    let path = bench.temp.join(name);
    if !path.exists() {
        let args =
            ["-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", &format!("testsrc2=s={size}"), "-frames:v", "1"]
                .map(str::to_owned);
        process::run("ffmpeg", args.into_iter().chain([path.display().to_string()]), Duration::from_mins(1)).await?;
    }
    let mut bytes = std::fs::read(path)?;
    bytes.extend(number.to_be_bytes());
    Ok(bytes)
}
