//! One open socket: reads its client's frames, writes what it is told, and ends.
//!
//! It is one task without a queue: while a frame is written, none is read, and what has changed stays in the database.
//! Invariant: a client that reads too slowly, sends too much, is silent, or has a token that counts no more, is told so
//! by `bye` and a close frame, and holds nothing afterwards.

use std::convert::Infallible;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use http_server::Problem;
use http_server::auth::Member;
use http_server::problem::every_role;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error as SocketError, Message};

use super::budget::Budget;
use super::frames::{Bye, ByeReason, ClientFrame, ProblemFrame, ServerFrame};
use super::requests::carry_out;
use crate::api::follower::{CHECK_INTERVAL, CHECKS_PER_READ, Follower};
use crate::error::Error;
use crate::state::Chat;

/// How long the upgrade may take.
pub(super) const UPGRADE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to close after it was told to.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// A client that is silent is asked for a pong after this share of the time after which the socket ends.
const PINGS_PER_IDLE: u32 = 3;

/// The connection.
pub(super) type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a session ends; `None` if its client has gone.
type Ended = Option<ByeReason>;

/// One open socket.
pub(super) struct Session {
    chat: Chat,
    member: Member,
    follower: Follower,
    budget: Budget,
    /// When something came from the client.
    heard: Instant,
    checks: u32,
}

impl Session {
    /// Returns a session that was just opened.
    pub(super) fn new(chat: &Chat, member: Member, follower: Follower) -> Self {
        let now = Instant::now();
        Self { chat: chat.clone(), member, follower, budget: Budget::new(now), heard: now, checks: 0 }
    }

    /// Serves the client until one of the two ends it.
    pub(super) async fn run(mut self, mut socket: Socket) {
        let Err(ended) = self.serve(&mut socket).await;
        if let Some(reason) = ended {
            self.say_bye(&mut socket, reason).await;
        }
    }

    async fn serve(&mut self, socket: &mut Socket) -> Result<Infallible, Ended> {
        let tasks = self.chat.context.tasks.clone();
        let mut ticks = interval(CHECK_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // On the heap, so that a socket that waits has no room for it.
            while let Some(told) = Box::pin(self.follower.next()).await.map_err(|error| Some(unavailable(&error)))? {
                self.write(socket, &told.into()).await?;
                if tasks.is_stopping() {
                    break;
                }
            }
            tokio::select! {
                () = tasks.stopping() => return Err(Some(ByeReason::Draining)),
                message = socket.next() => self.receive(socket, message).await?,
                () = self.follower.changed() => {
                    Box::pin(self.follower.take_changed()).await.map_err(|error| Some(unavailable(&error)))?;
                }
                _ = ticks.tick() => self.check(socket).await?,
            }
        }
    }

    /// Takes what came from the client; `None` is the end of the connection.
    async fn receive(
        &mut self,
        socket: &mut Socket,
        message: Option<Result<Message, SocketError>>,
    ) -> Result<(), Ended> {
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(SocketError::Capacity(_))) => return Err(Some(ByeReason::TooLarge)),
            Some(Err(SocketError::Utf8(_))) => return Err(Some(ByeReason::Misuse)),
            Some(Err(_)) | None => return Err(None),
        };
        self.heard = Instant::now();
        match message {
            Message::Text(text) => self.receive_text(socket, text.as_str()).await,
            Message::Binary(_) => {
                let problem = Problem::of(every_role::INVALID, "A frame is text: one JSON object.");
                self.refuse(socket, ProblemFrame::new(None, None, &problem)).await
            }
            // The answer to a ping is written with the next read.
            Message::Ping(_) | Message::Pong(_) => match self.budget.spend(1, self.heard) {
                Ok(()) => Ok(()),
                Err(_) => self.strike(),
            },
            Message::Close(_) => {
                // Writes the answer to it.
                let _ = timeout(CLOSE_TIMEOUT, socket.flush()).await;
                Err(None)
            }
            Message::Frame(_) => Ok(()),
        }
    }

    async fn receive_text(&mut self, socket: &mut Socket, text: &str) -> Result<(), Ended> {
        self.check_token()?;
        let read = serde_json::from_str::<ClientFrame>(text);
        let cost = read.as_ref().map_or(1, ClientFrame::cost);
        if let Err(wait) = self.budget.spend(cost, self.heard) {
            let problem = Problem::of(every_role::TOO_MANY_REQUESTS, "Frames came too fast. Wait, then send it again.");
            let frame = read.as_ref().ok();
            let (name, client_id) = (frame.map(ClientFrame::name), frame.and_then(ClientFrame::client_id));
            let answer = ProblemFrame::new(name, client_id, &problem.retry_after(wait));
            return self.refuse(socket, answer).await;
        }
        match read {
            Ok(frame) => {
                let answer = Box::pin(carry_out(&self.chat, &self.member, &mut self.follower, frame)).await;
                match answer {
                    Some(answer) => self.write(socket, &answer).await,
                    None => Ok(()),
                }
            }
            Err(error) => {
                let problem = Problem::of(every_role::INVALID, format!("This is no frame: {error}."));
                self.refuse(socket, ProblemFrame::new(None, None, &problem)).await
            }
        }
    }

    /// Answers a frame that was wrong, or ends the socket if there were too many of them.
    async fn refuse(&mut self, socket: &mut Socket, problem: ProblemFrame) -> Result<(), Ended> {
        self.strike()?;
        self.write(socket, &ServerFrame::Problem(problem)).await
    }

    fn strike(&mut self) -> Result<(), Ended> {
        if self.budget.strike() { Err(Some(ByeReason::Misuse)) } else { Ok(()) }
    }

    /// Checks what changes with time.
    async fn check(&mut self, socket: &mut Socket) -> Result<(), Ended> {
        self.check_token()?;
        let (silent, idle) = (self.heard.elapsed(), self.chat.config.socket_idle());
        if silent > idle {
            return Err(Some(ByeReason::Idle));
        }
        if silent > idle / PINGS_PER_IDLE {
            self.put(socket, Message::Ping(Bytes::new())).await?;
        }
        self.checks += 1;
        if self.checks.is_multiple_of(CHECKS_PER_READ) && self.follower.has_begun() {
            Box::pin(self.follower.begin()).await.map_err(|error| Some(unavailable(&error)))?;
        }
        Ok(())
    }

    fn check_token(&self) -> Result<(), Ended> {
        self.chat.context.verifier.check_again(&self.member.0).map_err(|_| Some(ByeReason::TokenEnded))
    }

    async fn write(&self, socket: &mut Socket, frame: &ServerFrame) -> Result<(), Ended> {
        match serde_json::to_string(frame) {
            Ok(text) => self.put(socket, Message::text(text)).await,
            Err(error) => {
                tracing::error!(%error, "a frame could not be serialized");
                Ok(())
            }
        }
    }

    /// Writes a message. A client that does not read it in time is cut.
    async fn put(&self, socket: &mut Socket, message: Message) -> Result<(), Ended> {
        match timeout(self.chat.config.socket_write(), socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(None),
            Err(_) => {
                self.chat.metrics.slow_sockets.inc();
                Err(Some(ByeReason::Slow))
            }
        }
    }

    /// Says why the socket ends, and waits a little for the client to close it.
    async fn say_bye(&self, socket: &mut Socket, reason: ByeReason) {
        let wait_ms = self.chat.context.random.below(reason.max_wait_ms() + 1);
        let close = CloseFrame { code: reason.close_code(), reason: reason.sentence().into() };
        let bye = serde_json::to_string(&ServerFrame::Bye(Bye::new(reason, wait_ms))).unwrap_or_default();
        let said = async {
            socket.send(Message::text(bye)).await?;
            socket.close(Some(close)).await?;
            while let Some(Ok(_)) = socket.next().await {}
            Ok::<_, SocketError>(())
        };
        if !matches!(timeout(CLOSE_TIMEOUT, said).await, Ok(Ok(()))) {
            tracing::debug!(?reason, "a client did not take the end of its socket");
        }
        if reason == ByeReason::TooLarge {
            // What is left of the frame: closing before it has come would reset the connection, and `bye` be lost.
            let _ = timeout(CLOSE_TIMEOUT, discard(socket.get_mut())).await;
        }
    }
}

/// Reads what still comes, until the client closes.
async fn discard(stream: &mut TokioIo<Upgraded>) {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
}

fn unavailable(error: &Error) -> ByeReason {
    tracing::warn!(%error, "changes could not be read for a socket");
    ByeReason::Unavailable
}
