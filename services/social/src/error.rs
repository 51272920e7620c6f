//! The errors of this role. [`crate::codes`] has the status and code of each.
//!
//! Invariant: what a reader may not see and what does not exist are the same error.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::Transient;
use http_server::Problem;
use http_server::problem::every_role;
use screening::reason::Reason;
use screening_store::problem_members;
use uuid::Uuid;

use crate::codes;
use crate::model::InvalidPost;

/// An error of this role.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such post, or the reader may not see it.
    #[error("There is no such post, or it is not yours to see.")]
    NotFound,
    /// There is no such person, or they are not shown to the reader.
    #[error("There is no such account, or it is not shown to you.")]
    NoSuchPerson,
    /// There is no such request to follow.
    #[error("There is no such request. It was withdrawn, or answered already.")]
    NoSuchRequest,
    /// A member names themselves where only another member makes sense.
    #[error("This is your own account. Name another one.")]
    Yourself,
    /// The caller has blocked the person.
    #[error("You have blocked this account. Unblock it first.")]
    Blocked,
    /// The caller's account is limited.
    #[error("Your account is limited: you can't publish or send anything until that ends.")]
    AccountLimited,
    /// The caller has followed as many people as an hour allows.
    #[error("You have followed {max} accounts within an hour, which is the limit. Continue later.")]
    TooManyFollows {
        /// The limit.
        max: u32,
        /// How long to wait.
        wait: Duration,
    },
    /// The caller follows, blocks, mutes, or has as close friends, as many people as a member may.
    #[error("You have {max} {what}, which is the limit. End some of them first.")]
    TooMany {
        /// What there are so many of.
        what: &'static str,
        /// The limit.
        max: u32,
    },
    /// The caller has written as many posts as an hour allows.
    #[error("You have written {max} posts within an hour, which is the limit. Continue later.")]
    TooManyPosts {
        /// The limit.
        max: u32,
        /// How long to wait.
        wait: Duration,
    },
    /// The post breaks a rule.
    #[error(transparent)]
    InvalidPost(#[from] InvalidPost),
    /// An item is not in the author's library.
    #[error("You have no media {0} in your library. Nothing was posted.")]
    NoSuchMedia(String),
    /// There is no such song, or the author may not use it.
    #[error(
        "There is no song {0} that you can use: an audio item of your library that is ready, or one in a public post \
         that is shown to you. Nothing was changed."
    )]
    NoSuchSong(String),
    /// The name can be no topic of its kind.
    #[error("This can be no tag, place or song: a tag is one word, a song an id, a place has at most 80 characters.")]
    InvalidTopic,
    /// The item is no clip.
    #[error("{0} is no clip: a thread and each of its parts have one video that can be converted.")]
    NotAClip(String),
    /// The thread has as many parts as it may.
    #[error("This thread has {0} parts, which is its cap. Nothing was added.")]
    ThreadFull(u32),
    /// Nobody joins the thread any more.
    #[error("This thread is closed. Nothing was added.")]
    ThreadClosed,
    /// The rule of the thread is for others.
    #[error("The opener of this thread lets other people join it. Ask them for an invitation.")]
    MayNotJoin,
    /// As many parts wait for approval as may.
    #[error("{0} parts of this thread wait for approval, which is the limit. Try again when some were approved.")]
    TooManyWaiting(u64),
    /// A thread has as many moderators or invitations as it may.
    #[error("This thread has {0} of them, which is the limit. Remove some first.")]
    TooManyInThread(u64),
    /// The caller may not do this in the thread.
    #[error("This is for the opener of the thread, or for its moderators.")]
    NotModerator,
    /// A clip that a programme had is gone, so its playlist has ended.
    #[error("The programme has changed: a part of it was removed. Load programme.m3u8 again, without `v`.")]
    ProgrammeChanged,
    /// No clip of the programme can be played yet.
    #[error("No clip of this thread can be played yet. Try again in a moment.")]
    ProgrammeNotReady,
    /// The caller follows as many topics as a member may.
    #[error("You follow {0} tags, places and songs, which is the limit. Unfollow some first.")]
    TooManyTopics(u64),
    /// There is no such comment, or the reader may not see it.
    #[error("There is no such comment, or it is not yours to see.")]
    NoSuchComment,
    /// There is no such greeting, or its link opens nothing any more.
    #[error("There is no such greeting, or its link has ended.")]
    NoSuchGreeting,
    /// The policy of the post does not let the caller do this.
    #[error("The author of the post does not let you do this. `can` says what you may do.")]
    NotAllowed,
    /// The comment waits for approval, so it can't be answered.
    #[error("This comment waits for approval. It can be answered when it is shown.")]
    CommentPending,
    /// A comment breaks a rule.
    #[error("{0}")]
    InvalidComment(&'static str),
    /// The settings for comments break a rule.
    #[error("{0}")]
    InvalidTalkSettings(&'static str),
    /// A report breaks a rule.
    #[error("{0}")]
    InvalidReport(&'static str),
    /// There is no such report.
    #[error("There is no such report. It was closed long ago, or never was.")]
    NoSuchReport,
    /// A thing of this kind can't be decided about so.
    #[error("{0}")]
    InvalidDecision(&'static str),
    /// The report is about what is the moderator's own, or they have reported it.
    #[error("This is about something of yours, or you have reported it. Another moderator decides.")]
    OwnReport,
    /// The report is closed.
    #[error("Somebody has decided about this report. Read it again.")]
    ReportClosed,
    /// The caller has an open report of the same thing.
    #[error("You have reported this, and nobody has decided about it yet.")]
    ReportedAlready,
    /// A greeting breaks a rule.
    #[error("{0}")]
    InvalidGreeting(&'static str),
    /// The clip of a greeting can't be shown yet.
    #[error("This item can't be shown yet. Make the greeting when its `state` is `playable` or `ready`.")]
    MediaNotReady,
    /// The caller has done something as often as an hour allows.
    #[error("You have done this {max} times within an hour, which is the limit. Continue later.")]
    TooOften {
        /// The limit.
        max: u32,
        /// How long to wait.
        wait: Duration,
    },
    /// A verdict refuses what was sent. Nothing of it was stored but the verdict.
    #[error("{}", .reason.sentence())]
    Refused {
        /// The verdict.
        verdict: Uuid,
        /// Its reason.
        reason: Reason,
    },
    /// A verdict says that it comes too early.
    #[error("{}", .reason.sentence())]
    SlowDown {
        /// Its reason.
        reason: Reason,
        /// How long to wait.
        wait: Duration,
    },
    /// `after` is not a cursor of this list.
    #[error("`after` must be the `next` of the previous page of the same list.")]
    BadCursor,
    /// A cursor is none of this feed, or too old.
    #[error("This is no cursor of this list, or one that is too old. Begin the list again, without `after`.")]
    WrongCursor,
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
            Error::NoSuchPerson => codes::NO_SUCH_PERSON,
            Error::NoSuchRequest => codes::NO_SUCH_REQUEST,
            Error::Yourself => codes::YOURSELF,
            Error::Blocked => codes::BLOCKED,
            Error::AccountLimited => codes::ACCOUNT_LIMITED,
            Error::TooManyFollows { wait, .. } => {
                return Self::of(codes::TOO_MANY_FOLLOWS, error.to_string()).retry_after(*wait);
            }
            Error::TooMany { .. } => codes::TOO_MANY,
            Error::TooManyPosts { wait, .. } => {
                return Self::of(codes::TOO_MANY_POSTS, error.to_string()).retry_after(*wait);
            }
            Error::InvalidPost(_) => codes::INVALID_POST,
            Error::NoSuchMedia(_) => codes::NO_SUCH_MEDIA,
            Error::NoSuchSong(_) => codes::NO_SUCH_SONG,
            Error::NotAClip(_) => codes::NOT_A_CLIP,
            Error::ThreadFull(_) => codes::THREAD_FULL,
            Error::ThreadClosed => codes::THREAD_CLOSED,
            Error::MayNotJoin => codes::MAY_NOT_JOIN,
            Error::TooManyWaiting(_) => codes::TOO_MANY_WAITING,
            Error::TooManyInThread(_) => codes::TOO_MANY_IN_THREAD,
            Error::NotModerator => codes::NOT_MODERATOR,
            Error::ProgrammeChanged => codes::PROGRAMME_CHANGED,
            Error::ProgrammeNotReady => codes::PROGRAMME_NOT_READY,
            Error::InvalidTopic => codes::INVALID_TOPIC,
            Error::TooManyTopics(_) => codes::TOO_MANY_TOPICS,
            Error::NoSuchComment => codes::NO_SUCH_COMMENT,
            Error::NoSuchGreeting => codes::NO_SUCH_GREETING,
            Error::NotAllowed => codes::NOT_ALLOWED,
            Error::CommentPending => codes::COMMENT_PENDING,
            Error::InvalidComment(_) => codes::INVALID_COMMENT,
            Error::InvalidTalkSettings(_) => codes::INVALID_TALK_SETTINGS,
            Error::InvalidReport(_) => codes::INVALID_REPORT,
            Error::NoSuchReport => codes::NO_SUCH_REPORT,
            Error::InvalidDecision(_) => codes::INVALID_DECISION,
            Error::OwnReport => codes::OWN_REPORT,
            Error::ReportClosed => codes::REPORT_CLOSED,
            Error::ReportedAlready => codes::REPORTED_ALREADY,
            Error::InvalidGreeting(_) => codes::INVALID_GREETING,
            Error::MediaNotReady => codes::MEDIA_NOT_READY,
            Error::TooOften { wait, .. } => {
                return Self::of(codes::TOO_OFTEN, error.to_string()).retry_after(*wait);
            }
            Error::Refused { verdict, reason } => {
                let members = problem_members(*reason, Some(*verdict));
                return Self::of(codes::REFUSED, error.to_string()).with_members(members);
            }
            Error::SlowDown { reason, wait } => {
                let problem = Self::of(codes::SLOW_DOWN, error.to_string()).retry_after(*wait);
                return problem.with_members(problem_members(*reason, None));
            }
            Error::BadCursor => every_role::BAD_QUERY,
            Error::WrongCursor => codes::WRONG_CURSOR,
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
