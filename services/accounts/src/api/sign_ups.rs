//! `/v1/sign-ups`: what a sign-up needs under pressure.
//!
//! Invariant: asking for a challenge stores nothing.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use http_server::Json;
use screening::proof_of_work::Challenge;
use serde::Serialize;
use utoipa::ToSchema;

use crate::commands;
use crate::state::Accounts;

/// A proof of work to be done, in the format of ALTCHA (version 1).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WorkChallenge, example = json!({
    "algorithm": "SHA-256",
    "challenge": "9b0f0d6f1e3d3b7b52b3a0b6bd3de0a5c5a6c0de2f1f0d4b7a3e9c1d5f7a9b3c",
    "maxnumber": 100_000,
    "salt": "1f6c0a9d3e5b7c8152ad09e4?expires=1780000000&for=sign_up&max=100000&",
    "signature": "da43babb58d0edaea4d24c26f58cb178ec7a17c18775afe70581dab7cee72335",
}))]
pub(super) struct WorkChallengeView {
    /// The hash.
    algorithm: String,
    /// The hash, in hexadecimal, of the salt and the number that is sought, as decimal text behind it.
    challenge: String,
    /// The number is between 0 and this.
    maxnumber: u64,
    /// A nonce, and when and for what the solution may be used.
    salt: String,
    /// The server's signature, to be sent back.
    signature: String,
}

impl From<Challenge> for WorkChallengeView {
    fn from(challenge: Challenge) -> Self {
        let Challenge { algorithm, challenge, maxnumber, salt, signature } = challenge;
        Self { algorithm, challenge, maxnumber, salt, signature }
    }
}

/// Returns a proof of work to be done for a sign-up.
///
/// A sign-up needs one only while unusually many accounts are made; it is then refused with
/// `accounts.work_required`, whose `challenge` is as this one. ALTCHA's widget takes this URL as its `challengeurl`.
/// The solution goes into `altcha`, counts for one sign-up, and must be sent within five minutes.
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
