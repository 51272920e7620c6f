//! `/v1/sign-ups`: what a sign-up needs under pressure.
//!
//! Invariant: asking for a challenge stores nothing.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use http_server::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::commands::{self, SignedChallenge};
use crate::model::WORK_ALGORITHM;
use crate::state::Accounts;

/// A proof of work to be done, in the format of ALTCHA (version 1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "algorithm": "SHA-256",
    "challenge": "9b0f0d6f1e3d3b7b52b3a0b6bd3de0a5c5a6c0de2f1f0d4b7a3e9c1d5f7a9b3c",
    "maxnumber": 100_000,
    "salt": "1f6c0a9d3e5b7c81?expires=1780000000&level=1&route=sign_up&",
    "signature": "5d0c9a4be1f24f0a8c7e6b3d2a190f84",
}))]
pub(super) struct WorkChallengeView {
    /// The hash.
    algorithm: &'static str,
    /// The hash, in hexadecimal, of the salt and the number that is sought, as decimal text behind it.
    challenge: String,
    /// The number is between 0 and this.
    maxnumber: u32,
    /// A nonce, and when and for what the solution may be used.
    salt: String,
    /// The server's signature, to be sent back.
    signature: String,
}

impl From<SignedChallenge> for WorkChallengeView {
    fn from(signed: SignedChallenge) -> Self {
        let SignedChallenge { challenge, signature } = signed;
        Self {
            algorithm: WORK_ALGORITHM,
            challenge: challenge.challenge,
            maxnumber: challenge.max_number,
            salt: challenge.salt,
            signature,
        }
    }
}

/// Returns a proof of work to be done for a sign-up.
///
/// A sign-up needs one only while unusually many accounts are made; it is then refused with
/// `accounts.work_required`, whose `challenge` is as this one. ALTCHA's widget takes this URL as its `challengeurl`. The
/// solution goes into `altcha`, counts for one sign-up, and must be sent within five minutes.
#[utoipa::path(
    get,
    path = "/v1/sign-ups/challenge",
    operation_id = "get_sign_up_challenge",
    tag = "accounts",
    responses((status = 200, description = "The challenge", body = WorkChallengeView)),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn challenge(State(accounts): State<Accounts>) -> impl IntoResponse {
    let challenge = commands::challenge(&accounts, accounts.context.clock.now());
    ([(header::CACHE_CONTROL, "no-store")], Json(WorkChallengeView::from(challenge)))
}
