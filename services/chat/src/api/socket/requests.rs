//! What a client's frames do: the commands and queries of the operations that they stand for.
//!
//! Invariant: no rule is here; a token with scopes writes only with the scope for it, because the gateway has checked
//! the one for reading.

use contract::AccountId;
use http_server::Problem;
use http_server::auth::Member;
use http_server::problem::every_role;

use super::frames::{ClientFrame, ConversationMark, Hello, ProblemFrame, SendFrame, SentFrame, ServerFrame};
use crate::api::author;
use crate::api::follower::Follower;
use crate::api::marks::tell_typing;
use crate::commands::{self, Mark};
use crate::error::Error;
use crate::state::Chat;

/// The most places that a client names at its beginning.
const MAX_KNOWN: usize = 500;
/// The scope that a token with scopes needs for what changes something.
const WRITE_SCOPE: &str = "chat:write";

/// Carries out a frame. Returns the answer; `None` for what has none, or if the follower has it.
pub(super) async fn carry_out(
    chat: &Chat,
    member: &Member,
    follower: &mut Follower,
    frame: ClientFrame,
) -> Option<ServerFrame> {
    let (name, client_id) = (frame.name(), frame.client_id().map(str::to_owned));
    match answer(chat, member, follower, frame).await {
        Ok(answer) => answer,
        Err(problem) => Some(ServerFrame::Problem(ProblemFrame::new(Some(name), client_id.as_deref(), &problem))),
    }
}

async fn answer(
    chat: &Chat,
    member: &Member,
    follower: &mut Follower,
    frame: ClientFrame,
) -> Result<Option<ServerFrame>, Problem> {
    let account = AccountId(member.id());
    if frame.is_write() {
        check_scope(member)?;
    }
    match frame {
        ClientFrame::Hello(hello) => begin(follower, hello).await.map(|()| None),
        ClientFrame::Send(send) => Ok(Some(ServerFrame::Sent(send_message(chat, member, send).await?))),
        ClientFrame::Read(mark) => set_mark(chat, account, mark, Mark::Read).await.map(|()| None),
        ClientFrame::Delivered(mark) => set_mark(chat, account, mark, Mark::Delivered).await.map(|()| None),
        ClientFrame::Typing(typing) => {
            tell_typing(chat, account, typing.conversation).await?;
            Ok(None)
        }
        ClientFrame::Active(activity) => {
            follower.set_active(activity.active);
            Ok(None)
        }
        ClientFrame::Ping => Ok(Some(ServerFrame::Pong)),
    }
}

fn check_scope(member: &Member) -> Result<(), Problem> {
    let scope = &member.0.scope;
    if scope.is_empty() || scope.iter().any(|has| has == WRITE_SCOPE) {
        return Ok(());
    }
    Err(Problem::of(every_role::AUTH_SCOPE, "This needs an API key with the scope `chat:write`."))
}

async fn begin(follower: &mut Follower, hello: Hello) -> Result<(), Problem> {
    if hello.after.len() > MAX_KNOWN {
        return Err(Problem::of(every_role::INVALID, "`after` has at most 500 places."));
    }
    // Its own places come first, so that what is above them is told, not skipped.
    follower.resume(hello.after).await?;
    follower.begin().await?;
    Ok(())
}

async fn send_message(chat: &Chat, member: &Member, send: SendFrame) -> Result<SentFrame, Problem> {
    let (conversation, client_id) = (send.conversation, send.client_id.clone());
    let new = send.into_body().parse().map_err(Error::from)?;
    let sent = commands::send_message(chat, author(member), conversation, new).await?;
    Ok(SentFrame::new(client_id, sent.into()))
}

async fn set_mark(chat: &Chat, account: AccountId, marked: ConversationMark, mark: Mark) -> Result<(), Problem> {
    commands::mark(chat, account, marked.conversation, mark, marked.seq).await?;
    Ok(())
}
