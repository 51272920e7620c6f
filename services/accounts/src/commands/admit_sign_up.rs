//! Admitting a sign-up: the limits by address and network, and the proof of work that pressure asks for.
//!
//! A challenge needs no row until it is used. Invariants: a solution is used once by the whole fleet, before anything
//! costly is done for it; a network, which strangers share, is counted only for sign-ups that had the work it asks for.

use chrono::{DateTime, Utc};
use db::Lane;
use screening::proof_of_work::{Challenge, Solution, Ticket};
use serde_json::{Map, json};

use crate::error::Error;
use crate::model::{ClientInfo, WORK_LIFETIME, WorkProblem, WorkRule};
use crate::state::Accounts;
use crate::store;
use crate::throttle::{client_key, network_key};

/// What the key of the challenges is derived for.
const KEY_SCOPE: &str = "accounts.challenge";
/// What the challenges are for.
const PURPOSE: &str = "sign_up";

/// A sign-up within its limits.
#[derive(Debug)]
pub(crate) struct AdmittedSignUp {
    address: String,
    network: String,
    /// The highest number of the challenge that it has to solve; `None` if it needs none.
    wanted: Option<u64>,
}

/// Counts a sign-up for its address, and looks at how many its network has made. Fails with
/// [`Error::TooManySignUps`].
pub(crate) fn count_sign_up(
    accounts: &Accounts,
    client: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<AdmittedSignUp, Error> {
    let (address, network) = (client_key(client.address), network_key(client.address));
    accounts.sign_ups.try_acquire(&address, now).map_err(Error::TooManySignUps)?;
    match accounts.network_sign_ups.try_acquire(&network, now) {
        Ok(used) => {
            // It counts once it has had its work (see `use_work`). Until then it may be refused or broken off: it would
            // cost its client nothing, and others of the network their sign-ups.
            accounts.network_sign_ups.refund(&network);
            let steps = accounts.network_sign_ups.delay_steps(used);
            let wanted = accounts.config.work_rule().wanted(accounts.sign_up_pressure.per_minute(now), steps);
            Ok(AdmittedSignUp { address, network, wanted })
        }
        Err(wait) => {
            accounts.sign_ups.refund(&address);
            Err(Error::TooManySignUps(wait))
        }
    }
}

/// Uses the proof of work of a sign-up, if it needs one, and counts it for its network. Fails with
/// [`Error::WorkRequired`], and then takes its count back: the same sign-up comes again. Fails with
/// [`Error::TooManySignUps`] if others of the network were faster.
pub(crate) async fn use_work(
    accounts: &Accounts,
    admitted: &AdmittedSignUp,
    payload: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if let Some(wanted) = admitted.wanted
        && let Err(refusal) = use_solution(accounts, wanted, payload, now).await
    {
        accounts.sign_ups.refund(&admitted.address);
        return Err(refusal);
    }
    accounts.network_sign_ups.try_acquire(&admitted.network, now).map_err(Error::TooManySignUps)?;
    accounts.sign_up_pressure.count(now);
    Ok(())
}

async fn use_solution(
    accounts: &Accounts,
    wanted: u64,
    payload: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let required = |problem| work_required(accounts, problem, wanted, now);
    let payload = payload.ok_or_else(|| required(WorkProblem::Missing))?;
    let proof = Solution::from_payload(payload)
        .and_then(|solution| solution.verify(&key(accounts), PURPOSE, now))
        .map_err(|rejected| required(rejected.into()))?;
    WorkRule::check(proof.max_number, wanted).map_err(required)?;
    let lane = Lane::of(&hex::encode(proof.id));
    let is_first = accounts
        .context
        .db
        .write(lane, async move |tx| store::used_challenges::insert(tx, &proof.id, proof.expires_at).await)
        .await?;
    if is_first { Ok(()) } else { Err(required(WorkProblem::Used)) }
}

/// Returns a challenge for a sign-up, as hard as the sign-ups of the last minute ask for.
pub(crate) fn challenge(accounts: &Accounts, now: DateTime<Utc>) -> Challenge {
    let max_number = accounts.config.work_rule().max_number(accounts.sign_up_pressure.per_minute(now));
    new_challenge(accounts, max_number, now)
}

fn new_challenge(accounts: &Accounts, max_number: u64, now: DateTime<Utc>) -> Challenge {
    let random = &accounts.context.random;
    // Every number is as likely as any other, but for a part in a thousand.
    let number = (u64::from(u32::from_be_bytes(random.bytes())) * (max_number + 1)) >> 32;
    let expires_at = now + WORK_LIFETIME;
    Ticket { purpose: PURPOSE, expires_at, nonce: random.bytes(), number, max_number }.challenge(&key(accounts))
}

fn key(accounts: &Accounts) -> Vec<u8> {
    accounts.context.url_signer.keyed_hash(KEY_SCOPE, "")
}

/// Returns the error that says why a proof of work is wanted, with a challenge for it.
fn work_required(accounts: &Accounts, problem: WorkProblem, wanted: u64, now: DateTime<Utc>) -> Error {
    let challenge = json!(new_challenge(accounts, wanted, now));
    Error::WorkRequired(problem, Box::new(Map::from_iter([("challenge".to_owned(), challenge)])))
}
