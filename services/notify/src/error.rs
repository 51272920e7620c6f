//! The errors of this role. [`crate::codes`] has the status and code of each.
//!
//! Invariant: a notice of another member and one that does not exist are the same error.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::Transient;
use http_server::Problem;
use http_server::problem::every_role;

use crate::codes;
use crate::model::{InvalidDevice, InvalidPreferences};

/// How long a client waits before it follows again.
const STREAMS_WAIT: Duration = Duration::from_secs(30);

/// An error of this role.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such notice.
    #[error("You have no such notification. It was removed, or has grown and so got a new id.")]
    NotFound,
    /// A mark breaks a rule.
    #[error("{0}")]
    InvalidMark(&'static str),
    /// The preferences break a rule.
    #[error(transparent)]
    InvalidPreferences(#[from] InvalidPreferences),
    /// The caller has muted as many posts and threads as a member may.
    #[error("You have muted {0} posts and threads, which is the limit. Unmute some first.")]
    TooManyMutes(u64),
    /// As many streams are open as may be.
    #[error("Too many streams of notifications are open. Read the list instead, or follow later.")]
    TooManyStreams,
    /// `Last-Event-ID` is no id of an event of the stream.
    #[error("`Last-Event-ID` must be the `id` of an event of this stream. Leave it out to follow from now on.")]
    BadLastEventId,
    /// `after` is not a cursor of this list.
    #[error("`after` must be the `next` of the previous page of the same list.")]
    BadCursor,
    /// The member has no such device.
    #[error("You have no such device. It was removed, or its token was dead.")]
    NoSuchDevice,
    /// The session of the request has ended meanwhile.
    #[error("This session has ended. Sign in again.")]
    SessionEnded,
    /// The device breaks a rule.
    #[error(transparent)]
    InvalidDevice(#[from] InvalidDevice),
    /// The installation has no key for this kind of device.
    #[error("This installation has no key for devices of the kind `{0}`, so none can be reached.")]
    NoPushKey(&'static str),
    /// There is no such reminder.
    #[error("You have no such reminder.")]
    NoSuchReminder,
    /// There is nothing with this id that has a date, for the caller.
    #[error("There is nothing with this id that has a date.")]
    NoSuchDate,
    /// A reminder breaks a rule.
    #[error("{0}")]
    InvalidReminder(&'static str),
    /// The caller has as many reminders as a member may have.
    #[error("You have {0} reminders, which is the limit. Remove some first.")]
    TooManyReminders(u64),
    /// There is no such announcement.
    #[error("There is no such announcement.")]
    NoSuchAnnouncement,
    /// An announcement breaks a rule.
    #[error("{0}")]
    InvalidAnnouncement(&'static str),
    /// As many announcements are there as may be.
    #[error("At most {0} announcements may begin within seven days, and at most 100 be kept. Cancel one, or wait.")]
    TooManyAnnouncements(u64),
    /// A link from a mail was not made here, or is too old.
    #[error("This link does not work any more. Sign in, and change what you get mails about in the settings.")]
    InvalidLink,
    /// Another role did not respond.
    #[error(transparent)]
    Peer(#[from] peer::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] db::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NotFound => codes::NOT_FOUND,
            Error::InvalidMark(_) => codes::INVALID_MARK,
            Error::InvalidPreferences(_) => codes::INVALID_PREFERENCES,
            Error::TooManyMutes(_) => codes::TOO_MANY_MUTES,
            Error::TooManyStreams => {
                return Self::of(codes::TOO_MANY_STREAMS, error.to_string()).retry_after(STREAMS_WAIT);
            }
            Error::NoSuchReminder => codes::NO_SUCH_REMINDER,
            Error::NoSuchDate => codes::NO_SUCH_DATE,
            Error::InvalidReminder(_) => codes::INVALID_REMINDER,
            Error::TooManyReminders(_) => codes::TOO_MANY_REMINDERS,
            Error::NoSuchAnnouncement => codes::NO_SUCH_ANNOUNCEMENT,
            Error::InvalidAnnouncement(_) => codes::INVALID_ANNOUNCEMENT,
            Error::TooManyAnnouncements(_) => codes::TOO_MANY_ANNOUNCEMENTS,
            Error::InvalidLink => codes::INVALID_LINK,
            Error::Peer(cause) => return Self::fault(cause),
            Error::BadLastEventId | Error::BadCursor => every_role::BAD_QUERY,
            Error::SessionEnded => every_role::AUTH_SESSION_ENDED,
            Error::NoSuchDevice => codes::NO_SUCH_DEVICE,
            Error::InvalidDevice(_) => codes::INVALID_DEVICE,
            Error::NoPushKey(_) => codes::NO_PUSH_KEY,
            Error::Db(cause) => return Self::of_engine(cause),
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
