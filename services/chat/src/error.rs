//! The errors of this role. [`crate::codes`] has the status and code of each.
//!
//! Invariant: what a member may not see and what does not exist are the same error; a refusal has the reason of its
//! verdict.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::Transient;
use http_server::Problem;
use http_server::problem::every_role;
use screening::reason::Reason;
use screening_store::problem_members;
use uuid::Uuid;

use crate::codes;
use crate::model::InvalidText;

/// How long a client waits before it follows again.
const STREAMS_WAIT: Duration = Duration::from_secs(30);

/// An error of this role.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such conversation or message, or the member may not see it.
    #[error("There is no such conversation or message, or it is not yours to see.")]
    NotFound,
    /// There is no such account, or it is not shown to the member.
    #[error("There is no account {0}, or it is not shown to you.")]
    NoSuchPerson(String),
    /// An item is not in the author's library.
    #[error("You have no media {0} in your library. Nothing was sent.")]
    NoSuchMedia(String),
    /// A link opens no group.
    #[error("This link opens no group any more.")]
    NoSuchInvite,
    /// A text breaks a rule.
    #[error(transparent)]
    InvalidText(#[from] InvalidText),
    /// The members of a new conversation break a rule.
    #[error("{0}")]
    InvalidMembers(&'static str),
    /// The caller's account is limited.
    #[error("Your account is limited: you can't send anything until that ends.")]
    AccountLimited,
    /// The caller has blocked the other member.
    #[error("You have blocked this account. Unblock it first.")]
    Blocked,
    /// The caller has left, or was taken out.
    #[error("You are not in this conversation any more. Ask an admin to bring you in again.")]
    NotAMember,
    /// The caller has not accepted the request.
    #[error("This is a request. Accept it first.")]
    NotAccepted,
    /// The caller does not look after the group.
    #[error("This is for the admins of the group.")]
    NotAdmin,
    /// The conversation is one of two.
    #[error("This is a conversation of two, which has no name, picture, admins or links.")]
    NotAGroup,
    /// The group has as many members as it may.
    #[error("This group has {0} members, which is the limit.")]
    GroupFull(usize),
    /// The time for changing a text is over.
    #[error("A text can be changed for 15 minutes after it was sent, and not when it was deleted.")]
    TooLate,
    /// The caller is not the author.
    #[error("Only the author of the message may do this.")]
    NotAuthor,
    /// A verdict refuses what was sent. Nothing of it was stored but the verdict.
    #[error("{}", .reason.sentence())]
    Refused {
        /// The verdict.
        verdict: Uuid,
        /// Its reason.
        reason: Reason,
    },
    /// A verdict says that what was sent comes too early.
    #[error("{}", .reason.sentence())]
    SlowDown {
        /// Its reason.
        reason: Reason,
        /// How long to wait.
        wait: Duration,
    },
    /// A report breaks a rule.
    #[error("{0}")]
    InvalidReport(&'static str),
    /// The member has reported the message.
    #[error("You have reported this message already.")]
    ReportedAlready,
    /// The member has reported as many messages as an hour allows.
    #[error("You have reported {max} messages within an hour, which is the limit. Continue later.")]
    TooOften {
        /// The limit.
        max: u32,
        /// How long to wait.
        wait: Duration,
    },
    /// The sequence of changes is another than the client's.
    #[error("These changes are of another sequence, or of a place that it does not have. Read the conversation again.")]
    ChangesReset,
    /// Too many live streams.
    #[error("Too many live streams are open. Connect again later.")]
    TooManyStreams,
    /// A cursor is not one of this list.
    #[error("`after` and `before` must come from this list, and a place is a number.")]
    BadCursor,
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] db::Error),
    /// Another role did not respond.
    #[error("another role did not respond")]
    Peer(#[from] peer::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NotFound => codes::NOT_FOUND,
            Error::NoSuchPerson(_) => codes::NO_SUCH_PERSON,
            Error::NoSuchMedia(_) => codes::NO_SUCH_MEDIA,
            Error::NoSuchInvite => codes::NO_SUCH_INVITE,
            Error::InvalidText(_) => codes::INVALID_TEXT,
            Error::InvalidMembers(_) => codes::INVALID_MEMBERS,
            Error::AccountLimited => codes::ACCOUNT_LIMITED,
            Error::Blocked => codes::BLOCKED,
            Error::NotAMember => codes::NOT_A_MEMBER,
            Error::NotAccepted => codes::NOT_ACCEPTED,
            Error::NotAdmin => codes::NOT_ADMIN,
            Error::NotAGroup => codes::NOT_A_GROUP,
            Error::GroupFull(_) => codes::GROUP_FULL,
            Error::TooLate => codes::TOO_LATE,
            Error::NotAuthor => codes::NOT_AUTHOR,
            Error::Refused { verdict, reason } => {
                let members = problem_members(*reason, Some(*verdict));
                return Self::of(codes::REFUSED, error.to_string()).with_members(members);
            }
            Error::SlowDown { reason, wait } => {
                let problem = Self::of(codes::SLOW_DOWN, error.to_string()).retry_after(*wait);
                return problem.with_members(problem_members(*reason, None));
            }
            Error::InvalidReport(_) => codes::INVALID_REPORT,
            Error::ReportedAlready => codes::REPORTED_ALREADY,
            Error::TooOften { wait, .. } => {
                return Self::of(codes::TOO_OFTEN, error.to_string()).retry_after(*wait);
            }
            Error::ChangesReset => codes::CHANGES_RESET,
            Error::TooManyStreams => {
                return Self::of(codes::TOO_MANY_STREAMS, error.to_string()).retry_after(STREAMS_WAIT);
            }
            Error::BadCursor => every_role::BAD_QUERY,
            Error::Db(cause) => return Self::of_engine(cause),
            Error::Peer(cause) if cause.is_transient() => {
                tracing::warn!(%cause, "a peer did not respond");
                let detail = "A part of the server does not respond. Try again shortly.";
                return Self::unavailable(detail, Duration::from_secs(2));
            }
            Error::Peer(cause) => return Self::fault(cause),
        };
        Self::of(code, error.to_string())
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_transient(),
            Self::Peer(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
