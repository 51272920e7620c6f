//! The errors of the accounts role. [`crate::codes`] has the status and code of each.
//!
//! Invariant: a wrong name and a wrong password are the same error.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use base::Transient;
use chrono::{DateTime, Utc};
use http::{HeaderValue, header};
use http_server::Problem;
use http_server::auth::suspended;
use http_server::problem::every_role;
use screening::reason::Reason;
use screening_store::problem_members;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::codes;
use crate::model::WorkProblem;

/// When a client should try again what was refused because the server is busy or a part of it is unavailable.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(2);

/// An error of the accounts role.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The handle breaks a rule, which the message names.
    #[error("{0}")]
    InvalidHandle(&'static str),
    /// The e-mail address breaks a rule, which the message names.
    #[error("{0}")]
    InvalidEmail(&'static str),
    /// The password breaks a rule, which the message names.
    #[error("{0}")]
    WeakPassword(&'static str),
    /// A field of the profile breaks a rule, which the message names.
    #[error("{0}")]
    InvalidProfile(&'static str),
    /// The avatar is not a photo that others may see.
    #[error("{0}")]
    InvalidAvatar(&'static str),
    /// Another account has the handle, or one that looks like it.
    #[error("This handle is taken, or one that looks like it. Choose another one.")]
    HandleTaken,
    /// Another account has confirmed the e-mail address.
    #[error("Another account has confirmed this e-mail address. Sign in to that one, or use another address here.")]
    EmailTaken,
    /// The e-mail address of the account is confirmed already.
    #[error("Your e-mail address is confirmed already.")]
    EmailConfirmed,
    /// A mailed code is unknown, was used, has expired, or is another account's.
    #[error("This link or code is not valid any more. It works once and for a limited time. Ask for a new mail.")]
    InvalidCode,
    /// A short code was sent without the login of its account.
    #[error("Send your handle or e-mail address together with the code, or use the link in the mail.")]
    CodeNeedsLogin,
    /// Too many wrong short codes.
    #[error("Too many attempts with a wrong code. Use the link in the mail, or wait a little and try again.")]
    TooManyCodes(Duration),
    /// Too many requests for mails.
    #[error("Too many mails were asked for. Use the newest one that you have, or wait a little and ask again.")]
    TooManyMails(Duration),
    /// The handle or the password is wrong, or both.
    #[error("The handle or the password is wrong. Check both and try again.")]
    WrongLogin,
    /// The member's current password is wrong.
    #[error("This is not your current password. Check it and try again.")]
    WrongPassword,
    /// The act needs a recent proof of who the caller is. Holds the members of the problem: what is possible.
    #[error("Confirm that it is you with your password or a second factor, then repeat this within a few minutes.")]
    ProofRequired(Box<Map<String, Value>>),
    /// The password is right, and a second factor is missing. Holds the members of the problem: what is possible.
    #[error("Confirm that it is you with a second factor.")]
    SecondFactor(Box<Map<String, Value>>),
    /// The second factor of a sign-in is wrong, was used before, or has expired.
    #[error("This second factor was not accepted. Try again with a new code, or with your passkey.")]
    WrongFactor,
    /// The second factor of a signed-in member is wrong, was used before, or has expired.
    #[error("This was not accepted. Try again with a new code, or with your passkey.")]
    FactorRefused,
    /// The member has no such factor.
    #[error("You have no such second factor. It may have been removed, or took too long to confirm.")]
    NoSuchFactor,
    /// The account has the most factors of this kind already.
    #[error("You can't have more second factors of this kind. Remove one first.")]
    TooManyFactors,
    /// This site can't have passkeys: its URL has no host name, or no TLS.
    #[error(
        "This site can't use passkeys, because its URL has no host name or no https. Add an authenticator app instead."
    )]
    PasskeysOff,
    /// The account has no second factor.
    #[error("Add an authenticator app or a passkey first.")]
    NoFactor,
    /// A role was to be given to an account without a second factor.
    #[error(
        "This account has no second factor, and a role needs one. Its member adds an authenticator app or a passkey in \
         the settings of the site first; then repeat this."
    )]
    RoleNeedsFactor,
    /// The last second factor of an account with a role was to be removed.
    #[error(
        "Your account has a role, and a role needs a second factor. Add another one first, or ask an operator to take \
         the role from you."
    )]
    LastFactorOfRole,
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
    /// The sign-up needs a proof of work. Holds the members of the problem: the challenge.
    #[error("{0}")]
    WorkRequired(WorkProblem, Box<Map<String, Value>>),
    /// The e-mail address is of a service for disposable addresses.
    #[error(
        "Addresses of this domain are thrown away after minutes. Use one that you keep: it is how you get back in."
    )]
    DisposableEmail,
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
    /// A new API key breaks a rule, which the message names.
    #[error("{0}")]
    InvalidApiKey(String),
    /// The account has as many API keys as it may have.
    #[error("You have 50 API keys, which is the limit. Revoke one first.")]
    TooManyApiKeys,
    /// The team has as many API keys as it may have.
    #[error("The team has 50 API keys, which is the limit. Revoke one first.")]
    TooManyTeamKeys,
    /// There is no such API key of the member, or of the team.
    #[error("There is no such API key. It may have been revoked already.")]
    NoSuchApiKey,
    /// No flag has this name.
    #[error("There is no such flag. GET /v1/admin/flags lists all.")]
    NoSuchFlag,
    /// The member has no such export, or there is no archive of it.
    #[error("You have no such export. It may be gone already, or not ready yet.")]
    NoSuchExport,
    /// The member has asked for too many exports in a day.
    #[error("You have asked for three exports in a day, which is the limit. Download one of those, or wait.")]
    TooManyExports(Duration),
    /// The requested range is beyond the end of the archive, which has this many bytes.
    #[error("The archive has {0} bytes, and the range is beyond them.")]
    RangeNotSatisfiable(u64),
    /// The client has another archive than this one.
    #[error("The archive is another one than that in If-Match. Fetch it again without If-Match.")]
    PreconditionFailed,
    /// A sanction breaks a rule, which the message names.
    #[error("{0}")]
    InvalidSanction(&'static str),
    /// The caller's role does not allow this decision; the message says what it allows.
    #[error("{0}")]
    BeyondRole(&'static str),
    /// The account is suspended or banned.
    #[error("this account is suspended")]
    Suspended {
        /// Why, for the member.
        reason: String,
        /// When it ends; `None` for no end.
        until: Option<DateTime<Utc>>,
    },
    /// An operator would take their own role `operator`.
    #[error("Another operator must take the role `operator` from you, so that one is left. Ask one of them.")]
    OwnOperatorRole,
    /// A verdict refuses a change of the profile. Nothing of it was stored but the verdict.
    #[error("{}", .reason.sentence())]
    ProfileRefused {
        /// The verdict.
        verdict: Uuid,
        /// Its reason.
        reason: Reason,
    },
    /// A verdict says that a change of the profile comes too early.
    #[error("{}", .reason.sentence())]
    ProfileSlowed {
        /// Its reason.
        reason: Reason,
        /// How long to wait.
        wait: Duration,
    },
    /// An extractor refused the request with its own problem.
    #[error("{}", .0.detail)]
    Refused(Problem),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] db::Error),
    /// An internal request to another role failed.
    #[error("an internal request failed")]
    Peer(#[from] peer::Error),
    /// The object store failed.
    #[error("the object store failed")]
    Objects(#[from] objects::Error),
    /// The archive of an export could not be built.
    #[error("the archive of an export can't be built: {0}")]
    Export(String),
    /// A token could not be signed.
    #[error("an access token could not be signed")]
    Signing(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The secret of an authenticator app could not be encrypted or decrypted.
    #[error("the secret of an authenticator app can't be encrypted or decrypted")]
    Sealing(#[from] http_server::sealed_secret::SealingError),
    /// A passkey, or the state of its ceremony, could not be processed.
    #[error("a passkey could not be processed: {0}")]
    Passkeys(String),
    /// A password could not be hashed or verified.
    #[error("a password could not be hashed")]
    Hashing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        match self {
            Self::Db(error) => error.is_transient(),
            Self::Peer(error) => error.is_transient(),
            Self::Objects(error) => error.is_transient(),
            _ => false,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::InvalidHandle(_) => codes::INVALID_HANDLE,
            Error::InvalidEmail(_) => codes::INVALID_EMAIL,
            Error::WeakPassword(_) => codes::WEAK_PASSWORD,
            Error::InvalidProfile(_) => codes::INVALID_PROFILE,
            Error::InvalidAvatar(_) => codes::INVALID_AVATAR,
            Error::HandleTaken => codes::HANDLE_TAKEN,
            Error::EmailTaken => codes::EMAIL_TAKEN,
            Error::EmailConfirmed => codes::EMAIL_CONFIRMED,
            Error::InvalidCode => codes::INVALID_CODE,
            Error::CodeNeedsLogin => codes::CODE_NEEDS_LOGIN,
            Error::TooManyMails(_) => codes::TOO_MANY_MAILS,
            Error::WrongLogin => codes::WRONG_LOGIN,
            Error::WrongPassword => codes::WRONG_PASSWORD,
            Error::ProofRequired(_) => codes::PROOF_REQUIRED,
            Error::SecondFactor(_) => codes::SECOND_FACTOR,
            Error::WrongFactor => codes::WRONG_FACTOR,
            Error::FactorRefused => codes::FACTOR_REFUSED,
            Error::NoSuchFactor => codes::FACTOR_NOT_FOUND,
            Error::TooManyFactors => codes::TOO_MANY_FACTORS,
            Error::PasskeysOff => codes::PASSKEYS_OFF,
            Error::NoFactor => codes::NO_FACTOR,
            Error::RoleNeedsFactor => codes::ROLE_NEEDS_FACTOR,
            Error::LastFactorOfRole => codes::LAST_FACTOR,
            Error::SessionEnded => every_role::AUTH_SESSION_ENDED,
            Error::InvalidRefresh => codes::INVALID_REFRESH,
            Error::NoSession => codes::NO_SESSION,
            Error::CrossSite => codes::CROSS_SITE,
            Error::UnknownTokenTransport => codes::UNKNOWN_TOKEN_TRANSPORT,
            Error::RefreshReused => codes::REFRESH_REUSED,
            Error::TooManyAttempts(_) | Error::TooManyCodes(_) => codes::TOO_MANY_ATTEMPTS,
            Error::TooManySignUps(_) => codes::TOO_MANY_SIGN_UPS,
            Error::WorkRequired(..) => codes::WORK_REQUIRED,
            Error::DisposableEmail => codes::DISPOSABLE_EMAIL,
            Error::Busy => codes::BUSY,
            Error::NoSuchAccount => codes::NOT_FOUND,
            Error::NoSuchSession => codes::SESSION_NOT_FOUND,
            Error::BadIdempotencyKey => every_role::BAD_IDEMPOTENCY_KEY,
            Error::BadCursor => every_role::BAD_QUERY,
            Error::UnknownRole(_) => codes::UNKNOWN_ROLE,
            Error::InvalidApiKey(_) => codes::INVALID_API_KEY,
            Error::TooManyApiKeys | Error::TooManyTeamKeys => codes::TOO_MANY_API_KEYS,
            Error::NoSuchApiKey => codes::API_KEY_NOT_FOUND,
            Error::NoSuchFlag => codes::FLAG_NOT_FOUND,
            Error::NoSuchExport => codes::EXPORT_NOT_FOUND,
            Error::TooManyExports(_) => codes::TOO_MANY_EXPORTS,
            Error::RangeNotSatisfiable(_) => codes::RANGE_NOT_SATISFIABLE,
            Error::PreconditionFailed => codes::PRECONDITION_FAILED,
            Error::InvalidSanction(_) => codes::INVALID_SANCTION,
            Error::BeyondRole(_) => codes::BEYOND_ROLE,
            Error::Suspended { reason, until } => return suspended(reason, *until),
            Error::OwnOperatorRole => codes::OWN_OPERATOR_ROLE,
            Error::ProfileRefused { .. } => codes::PROFILE_REFUSED,
            Error::ProfileSlowed { .. } => codes::SLOW_DOWN,
            Error::Refused(_)
            | Error::Db(_)
            | Error::Peer(_)
            | Error::Objects(_)
            | Error::Export(_)
            | Error::Signing(_)
            | Error::Sealing(_)
            | Error::Passkeys(_)
            | Error::Hashing(_) => return internal_error(error),
        };
        let problem = Self::of(code, error.to_string());
        match error {
            Error::TooManyAttempts(wait)
            | Error::TooManySignUps(wait)
            | Error::TooManyCodes(wait)
            | Error::TooManyMails(wait)
            | Error::TooManyExports(wait) => problem.retry_after(wait),
            Error::Busy => problem.retry_after(BUSY_RETRY_AFTER),
            Error::ProfileRefused { verdict, reason } => problem.with_members(problem_members(reason, Some(verdict))),
            Error::ProfileSlowed { reason, wait } => {
                problem.retry_after(wait).with_members(problem_members(reason, None))
            }
            Error::ProofRequired(members) | Error::SecondFactor(members) | Error::WorkRequired(_, members) => {
                problem.with_members(*members)
            }
            _ => problem,
        }
    }
}

fn internal_error(error: Error) -> Problem {
    match error {
        Error::Refused(problem) => problem,
        Error::Db(cause) => cause.into(),
        Error::Objects(cause) => Problem::of_engine(&cause),
        Error::Peer(cause) => {
            tracing::warn!(error = %cause, "an internal request failed");
            Problem::unavailable("A part of the server is unavailable. Try again shortly.", BUSY_RETRY_AFTER)
        }
        other => Problem::fault(&other),
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let size = if let Self::RangeNotSatisfiable(bytes) = self { Some(format!("bytes */{bytes}")) } else { None };
        let mut response = Problem::from(self).into_response();
        if let Some(value) = size.and_then(|size| HeaderValue::from_str(&size).ok()) {
            response.headers_mut().insert(header::CONTENT_RANGE, value);
        }
        response
    }
}
