//! Members who write messages, each into one conversation.
//!
//! Invariant: a message that is not stored fails the run, and each says in its text when it was due.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use uuid::Uuid;

use super::followers::text;
use crate::Error;
use crate::http::Connection;
use crate::installation::{Member, connect};

/// Members who write at once when they write without a pause.
pub const WRITING_AT_ONCE: usize = 256;
/// A connection that was not used for longer is opened again: the server closes it after fifteen seconds.
const MAX_IDLE: Duration = Duration::from_secs(5);

/// A member who writes into a conversation.
#[derive(Debug)]
pub struct Writer {
    gateway: SocketAddr,
    member: Member,
    path: String,
    /// The connection, and when it was last used.
    connection: Option<(Connection, Instant)>,
}

impl Writer {
    /// Returns a writer who connects with the first message.
    pub fn new(gateway: SocketAddr, member: &Member, conversation: Uuid) -> Self {
        let path = format!("/v1/conversations/{conversation}/messages");
        Self { gateway, member: member.clone(), path, connection: None }
    }

    /// Sends a message that is due at this time since the beginning of the measurement.
    async fn write(&mut self, due: Duration) -> Result<(), Error> {
        let mut connection = match self.connection.take() {
            Some((connection, used)) if used.elapsed() < MAX_IDLE => connection,
            _ => connect(self.gateway, &self.member).await?,
        };
        // A member writes one message at a time, so that no two have the same time.
        let body = json!({ "client_id": due.as_micros().to_string(), "text": text(due) }).to_string();
        connection.send("POST", &self.path, "application/json", body.as_bytes()).await?.expect(201)?;
        self.connection = Some((connection, Instant::now()));
        Ok(())
    }
}

/// Lets each write so many messages, [`WRITING_AT_ONCE`] at once, without a pause. Returns how many were stored a
/// second.
pub async fn flat_out(writers: Vec<Writer>, each: u32, began: Instant) -> Result<f64, Error> {
    let messages = writers.len() as f64 * f64::from(each);
    let mut shares: Vec<Vec<Writer>> = (0..WRITING_AT_ONCE).map(|_| Vec::new()).collect();
    for (at, writer) in writers.into_iter().enumerate() {
        shares[at % WRITING_AT_ONCE].push(writer);
    }
    let (mut tasks, started) = (JoinSet::new(), Instant::now());
    for share in shares {
        tasks.spawn(write_in_turn(share, each, began));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(messages / started.elapsed().as_secs_f64())
}

async fn write_in_turn(mut writers: Vec<Writer>, each: u32, began: Instant) -> Result<(), Error> {
    for _ in 0..each {
        for writer in &mut writers {
            writer.write(began.elapsed()).await?;
        }
    }
    Ok(())
}

/// Lets each write so many messages, so that all together begin `per_second`, evenly.
pub async fn paced(writers: Vec<Writer>, each: u32, per_second: f64, began: Instant) -> Result<(), Error> {
    let interval = Duration::from_secs_f64(writers.len() as f64 / per_second);
    let start = began.elapsed() + Duration::from_millis(50);
    let mut tasks = JoinSet::new();
    for (at, writer) in writers.into_iter().enumerate() {
        let first = start + Duration::from_secs_f64(at as f64 / per_second);
        tasks.spawn(write_evenly(writer, each, (first, interval), began));
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn write_evenly(
    mut writer: Writer,
    each: u32,
    (first, interval): (Duration, Duration),
    began: Instant,
) -> Result<(), Error> {
    for round in 0..each {
        let due = first + interval * round;
        sleep_until((began + due).into()).await;
        writer.write(due).await?;
    }
    Ok(())
}
