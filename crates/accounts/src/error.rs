//! What can go wrong with accounts, and the table that turns it into answers.
//!
//! Invariant: a wrong name and a wrong password are one and the same error.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::Problem;

/// An error of the accounts role.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The handle breaks a rule, which the sentence names.
    #[error("{0}")]
    InvalidHandle(&'static str),
    /// The address has no sane syntax.
    #[error("This is not an e-mail address that we can use. It should look like ada@example.org.")]
    InvalidEmail,
    /// The password breaks a rule, which the sentence names.
    #[error("{0}")]
    WeakPassword(&'static str),
    /// A part of the profile breaks a rule, which the sentence names.
    #[error("{0}")]
    InvalidProfile(&'static str),
    /// The avatar can't be shown to others.
    #[error("{0}")]
    InvalidAvatar(&'static str),
    /// Somebody has the handle.
    #[error("Somebody else has this handle. Choose another one.")]
    HandleTaken,
    /// Somebody has the address.
    #[error("There is an account with this e-mail address already. Sign in instead.")]
    EmailTaken,
    /// The name or the password is wrong, or both.
    #[error("The name or the password is wrong. Check both and try again.")]
    WrongLogin,
    /// The member's own password was asked for and is wrong.
    #[error("This is not your current password. Check it and try again.")]
    WrongPassword,
    /// Erasing needs the password, or a session that has just begun.
    #[error("Send your password to confirm, or sign in again and repeat this within a few minutes.")]
    PasswordNeeded,
    /// The access token's session is over.
    #[error("This session has ended. Sign in again.")]
    SessionEnded,
    /// The refresh token is unknown, or its session is over.
    #[error("This refresh token is not valid any more. Sign in again.")]
    InvalidRefresh,
    /// A request for the cookie form has no cookie.
    #[error("There is no session in this browser. Sign in.")]
    NoSession,
    /// The cookie form was asked for by something else than a page of this origin.
    #[error("A session's cookie is only for this site's own page. Leave out Tutti-Session: then the refresh token is in the body.")]
    CrossSite,
    /// There is no such form.
    #[error("Tutti-Session takes one word, `cookie`. Without it the refresh token is in the body.")]
    UnknownTokenTransport,
    /// The refresh token was used before: somebody else may have it.
    #[error("This refresh token was used before, so its session was ended to be safe. Sign in again.")]
    RefreshReused,
    /// Too many wrong passwords.
    #[error("Too many attempts with a wrong password. Wait a little, then try again.")]
    TooManyAttempts(Duration),
    /// Too many new accounts from one address.
    #[error("Too many accounts were made from your network. Wait a little, then try again.")]
    TooManySignUps(Duration),
    /// Too many passwords wait to be checked.
    #[error("Many people are signing in right now. Try again in a moment.")]
    Busy,
    /// No account has this handle.
    #[error("Nobody here has this handle.")]
    NoSuchAccount,
    /// The member has no such session.
    #[error("You have no such session. It may have ended already.")]
    NoSuchSession,
    /// The header does not fit.
    #[error("An Idempotency-Key has 1 to 255 characters.")]
    BadIdempotencyKey,
    /// `after` did not come from us.
    #[error("`after` must be the `next` of the page before.")]
    BadCursor,
    /// There is no role of this name.
    #[error("there is no role `{0}`; there are member, curator, moderator, viewer, developer and operator")]
    UnknownRole(String),
    /// An extractor has refused, in its own words.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// The database failed.
    #[error("the database did not do what it was asked")]
    Db(#[from] kit::db::Error),
    /// A neighbour failed.
    #[error("a neighbour did not answer")]
    Peer(#[from] kit::peer::Error),
    /// A token could not be signed.
    #[error("an access token could not be signed")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A password could not be hashed or checked.
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
                tracing::warn!(error = %cause, "a neighbour did not answer");
                return Problem::unavailable("A part of the server does not answer. Try again shortly.", Duration::from_secs(2));
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
