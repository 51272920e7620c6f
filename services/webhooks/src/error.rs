//! The errors of this role. [`crate::codes`] has the status and code of each.
//!
//! Invariant: no error has a URL or a secret in it.

use axum::response::{IntoResponse, Response};
use base::Transient;
use http_server::Problem;
use http_server::problem::every_role;
use http_server::sealed_secret::SealingError;

use crate::codes;
use crate::model::{InvalidUrl, InvalidWebhook};

/// An error of this role.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such webhook.
    #[error("There is no such webhook.")]
    NotFound,
    /// The webhook has no such delivery.
    #[error("There is no such delivery. Deliveries are kept for 30 days.")]
    DeliveryNotFound,
    /// The URL breaks a rule.
    #[error(transparent)]
    InvalidUrl(#[from] InvalidUrl),
    /// The events or the description break a rule.
    #[error(transparent)]
    InvalidWebhook(#[from] InvalidWebhook),
    /// There are as many webhooks as there may be.
    #[error("There are {0} webhooks, which is the most. Remove one first.")]
    TooMany(u32),
    /// The webhook is disabled.
    #[error("The webhook is disabled. Enable it first.")]
    Disabled,
    /// The `Idempotency-Key` has an invalid length.
    #[error("An Idempotency-Key has 1 to 255 characters.")]
    BadIdempotencyKey,
    /// The `Idempotency-Key` belongs to another request.
    #[error("This Idempotency-Key was used for another request. Nothing was done. Use a new key for each new request.")]
    IdempotencyKeyReused,
    /// `after` is not a cursor of this role.
    #[error("`after` must be the `next` of the previous page.")]
    BadCursor,
    /// A secret could not be encrypted or decrypted.
    #[error("the secret of a webhook can't be encrypted or decrypted")]
    Sealing(#[from] SealingError),
    /// A payload could not be written.
    #[error("the payload of an event could not be written")]
    Payload(#[from] serde_json::Error),
    /// The database failed.
    #[error("the database failed")]
    Db(#[from] db::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NotFound => codes::NOT_FOUND,
            Error::DeliveryNotFound => codes::DELIVERY_NOT_FOUND,
            Error::InvalidUrl(_) => codes::INVALID_URL,
            Error::InvalidWebhook(_) => codes::INVALID,
            Error::TooMany(_) => codes::TOO_MANY,
            Error::Disabled => codes::DISABLED,
            Error::BadIdempotencyKey => every_role::BAD_IDEMPOTENCY_KEY,
            Error::IdempotencyKeyReused => every_role::IDEMPOTENCY_KEY_REUSED,
            Error::BadCursor => every_role::BAD_QUERY,
            Error::Sealing(_) | Error::Payload(_) => return Self::fault(&error),
            Error::Db(cause) => return Self::of_engine(cause),
        };
        Self::of(code, error.to_string())
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_transient())
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
