//! The errors of the accounts role, with the status and code of each.
//!
//! Invariant: a wrong name and a wrong password are the same error.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::Problem;

/// An error of the accounts role.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The handle breaks a rule, which the message names.
    #[error("{0}")]
    InvalidHandle(&'static str),
    /// The e-mail address has an invalid syntax.
    #[error("This is not an e-mail address that we can use. It should look like ada@example.org.")]
    InvalidEmail,
    /// The password breaks a rule, which the message names.
    #[error("{0}")]
    WeakPassword(&'static str),
    /// A field of the profile breaks a rule, which the message names.
    #[error("{0}")]
    InvalidProfile(&'static str),
    /// The avatar is not a photo that others may see.
    #[error("{0}")]
    InvalidAvatar(&'static str),
    /// Another account has the handle.
    #[error("This handle is taken. Choose another one.")]
    HandleTaken,
    /// Another account has the e-mail address.
    #[error("An account with this e-mail address exists already. Sign in instead.")]
    EmailTaken,
    /// The name or the password is wrong, or both.
    #[error("The name or the password is wrong. Check both and try again.")]
    WrongLogin,
    /// The member's current password is wrong.
    #[error("This is not your current password. Check it and try again.")]
    WrongPassword,
    /// Erasing needs the password, or a session that was opened recently.
    #[error("Send your password to confirm, or sign in again and repeat this within a few minutes.")]
    PasswordNeeded,
    /// The session of the access token has ended.
    #[error("This session has ended. Sign in again.")]
    SessionEnded,
    /// The refresh token is unknown, or its session has ended.
    #[error("This refresh token is not valid any more. Sign in again.")]
    InvalidRefresh,
    /// A request with the cookie transport has no cookie.
    #[error("There is no session in this browser. Sign in.")]
    NoSession,
    /// The cookie transport was not requested by a page of this origin.
    #[error(
        "The session cookie is only for this site's own page. Without Tutti-Session the refresh token is in the body."
    )]
    CrossSite,
    /// `Tutti-Session` has an unknown value.
    #[error("The only value of Tutti-Session is `cookie`. Without it the refresh token is in the body.")]
    UnknownTokenTransport,
    /// The refresh token was used before, so it may have been stolen.
    #[error("This refresh token was used before, so its session was ended for safety. Sign in again.")]
    RefreshReused,
    /// Too many wrong passwords.
    #[error("Too many attempts with a wrong password. Wait a little, then try again.")]
    TooManyAttempts(Duration),
    /// Too many new accounts from one IP address.
    #[error("Too many accounts were made from your network. Wait a little, then try again.")]
    TooManySignUps(Duration),
    /// The queue of the password hasher is full.
    #[error("Many people are signing in right now. Try again in a moment.")]
    Busy,
    /// No account has this handle.
    #[error("There is no account with this handle.")]
    NoSuchAccount,
    /// The member has no such session.
    #[error("You have no such session. It may have ended already.")]
    NoSuchSession,
    /// The `Idempotency-Key` has an invalid length.
    #[error("An Idempotency-Key has 1 to 255 characters.")]
    BadIdempotencyKey,
    /// `after` is not a cursor of this server.
    #[error("`after` must be the `next` of the previous page.")]
    BadCursor,
    /// The role is unknown.
    #[error("the role `{0}` is unknown; the roles are member, curator, moderator, viewer, developer and operator")]
    UnknownRole(String),
    /// An extractor refused the request with its own problem.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] kit::db::Error),
    /// An internal request to another role failed.
    #[error("an internal request failed")]
    Peer(#[from] kit::peer::Error),
    /// A token could not be signed.
    #[error("an access token could not be signed")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A password could not be hashed or verified.
    #[error("a password could not be hashed")]
    Hashing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        use StatusCode as S;
        let (status, code) = match &error {
            Error::InvalidHandle(_) => (S::UNPROCESSABLE_ENTITY, "accounts.invalid_handle"),
            Error::InvalidEmail => (S::UNPROCESSABLE_ENTITY, "accounts.invalid_email"),
            Error::WeakPassword(_) => (S::UNPROCESSABLE_ENTITY, "accounts.weak_password"),
            Error::InvalidProfile(_) => (S::UNPROCESSABLE_ENTITY, "accounts.invalid_profile"),
            Error::InvalidAvatar(_) => (S::UNPROCESSABLE_ENTITY, "accounts.invalid_avatar"),
            Error::HandleTaken => (S::CONFLICT, "accounts.handle_taken"),
            Error::EmailTaken => (S::CONFLICT, "accounts.email_taken"),
            Error::WrongLogin => (S::UNAUTHORIZED, "auth.wrong_login"),
            Error::WrongPassword => (S::FORBIDDEN, "auth.wrong_password"),
            Error::PasswordNeeded => (S::FORBIDDEN, "auth.password_required"),
            Error::SessionEnded => (S::UNAUTHORIZED, "auth.session_ended"),
            Error::InvalidRefresh => (S::UNAUTHORIZED, "auth.invalid_refresh"),
            Error::NoSession => (S::UNAUTHORIZED, "auth.no_session"),
            Error::CrossSite => (S::FORBIDDEN, "auth.cross_site"),
            Error::UnknownTokenTransport => (S::BAD_REQUEST, "auth.unknown_token_transport"),
            Error::RefreshReused => (S::UNAUTHORIZED, "auth.refresh_reused"),
            Error::TooManyAttempts(_) => (S::TOO_MANY_REQUESTS, "auth.too_many_attempts"),
            Error::TooManySignUps(_) => (S::TOO_MANY_REQUESTS, "accounts.too_many_sign_ups"),
            Error::Busy => (S::SERVICE_UNAVAILABLE, "accounts.busy"),
            Error::NoSuchAccount => (S::NOT_FOUND, "accounts.not_found"),
            Error::NoSuchSession => (S::NOT_FOUND, "accounts.session_not_found"),
            Error::BadIdempotencyKey => (S::BAD_REQUEST, "request.bad_idempotency_key"),
            Error::BadCursor => (S::BAD_REQUEST, "request.invalid"),
            Error::UnknownRole(_) => (S::UNPROCESSABLE_ENTITY, "accounts.unknown_role"),
            Error::Peer(cause) => {
                tracing::warn!(error = %cause, "an internal request failed");
                return Problem::unavailable(
                    "A part of the server is unavailable. Try again shortly.",
                    Duration::from_secs(2),
                );
            }
            Error::Refused(_) | Error::Db(_) | Error::Signing(_) | Error::Hashing(_) => return internal_error(error),
        };
        let problem = Self::new(status, code, error.to_string());
        match error {
            Error::TooManyAttempts(wait) | Error::TooManySignUps(wait) => problem.retry_after(wait),
            Error::Busy => problem.retry_after(Duration::from_secs(2)),
            _ => problem,
        }
    }
}

fn internal_error(error: Error) -> Problem {
    match error {
        Error::Refused(problem) => problem,
        Error::Db(cause) => cause.into(),
        other => Problem::fault(&other),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
