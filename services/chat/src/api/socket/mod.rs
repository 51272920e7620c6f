//! `GET /v1/chat/socket`: the stream and what a member does in conversations, as frames of one WebSocket.
//!
//! Owns the frames and the connection; what is told is of [`super::follower`], what is done of the commands. Invariant:
//! a frame has the limits, the verdict and the problems of the operation that it stands for.

mod budget;
mod frames;
mod handshake;
mod requests;
mod session;

use axum::extract::{Request, State};
use axum::response::Response;
use http_server::Problem;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

pub(super) use self::frames::{ClientFrame, ServerFrame};
use self::handshake::Handshake;
use self::session::{Session, UPGRADE_TIMEOUT};
use super::follower::Follower;
use crate::state::Chat;

/// The largest frame of a client, in bytes. The largest message has 16 KB of text.
const MAX_FRAME_BYTES: usize = 64 * 1024;
/// The buffer from which a socket reads, in bytes. The default of 128 KiB would be most of what an idle one takes.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// The most that waits to be written, in bytes: one frame of changes, and answers to pings.
const MAX_WRITE_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// The most changes of one frame: the buffer that it was written from stays as large as it.
const MAX_CHANGES: usize = 20;

/// Opens a WebSocket for the conversations of the caller.
///
/// Frames are JSON objects with a `type`; `/v1/asyncapi.json` and the guide describe them. The client says `hello` with
/// the places that it has, and gets `places`, the changes above its places, and then what comes; it sends messages and
/// marks. A browser, which can't send the Authorization header here, offers the protocols `tutti.chat.v1` and `bearer.`
/// with the access token after the dot. The server says `bye` before it closes, with the time after which to connect
/// again. A gateway that stops, or has too many streams of the member, closes with 1001 and no `bye`: the reason of its
/// close frame is JSON with `reason` (`draining`, `evicted`) and `reconnect_ms`.
#[utoipa::path(
    get,
    path = "/v1/chat/socket",
    operation_id = "open_chat_socket",
    tag = "chat",
    security(("token" = [])),
    responses(
        (
            status = 101,
            description = "The connection is a WebSocket (RFC 6455) from here on",
        ),
    ),
    extensions(
        ("x-codes" = json!(["chat.not_a_websocket", "chat.too_many_streams"])),
        ("x-stream" = json!(true)),
        ("x-frames" = json!({"from_client": "ChatClientFrame", "from_server": "ChatServerFrame"})),
    ),
)]
pub(super) async fn open(State(chat): State<Chat>, request: Request) -> Result<Response, Problem> {
    let handshake = Handshake::read(&chat, request).await?;
    let mut follower = Follower::open(&chat, &handshake.member, MAX_CHANGES)?;
    follower.set_active(true);
    let response = handshake.response()?;
    let Handshake { member, upgrade, permit, .. } = handshake;
    let session = Session::new(&chat, member, follower);
    chat.context.tasks.spawn(async move {
        let _permit = permit;
        // The upgrade fails if the client has disconnected before the response reached it.
        let Ok(Ok(upgraded)) = timeout(UPGRADE_TIMEOUT, upgrade).await else { return };
        let (stream, config) = (TokioIo::new(upgraded), Some(config()));
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, config).await;
        session.run(socket).await;
    });
    Ok(response)
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
}
