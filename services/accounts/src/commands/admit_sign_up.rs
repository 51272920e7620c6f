//! Admitting a sign-up: the limits by address and network, and the proof of work that pressure asks for.
//!
//! A challenge needs no row until it is used. Invariant: a solution is used once by the whole fleet, before anything
//! costly is done for it; what is refused for want of one is not counted.

use chrono::{DateTime, Utc};
use db::Lane;
use serde_json::{Map, json};
use subtle::ConstantTimeEq as _;

use crate::error::Error;
use crate::model::{ClientInfo, WORK_ALGORITHM, WorkChallenge, WorkProblem, WorkSeed, WorkSolution};
use crate::state::Accounts;
use crate::store;
use crate::throttle::{client_key, network_key};

/// What the signatures are for.
const SIGNATURE_SCOPE: &str = "accounts.challenge";
/// The route that solutions are for.
const ROUTE: &str = "sign_up";

/// A sign-up within its limits.
#[derive(Debug)]
pub(crate) struct AdmittedSignUp {
    address: String,
    network: String,
    /// The level of the proof of work that it needs; 0 for none.
    level: u32,
}

/// Counts a sign-up for its address and network. Fails with [`Error::TooManySignUps`].
pub(crate) fn count_sign_up(
    accounts: &Accounts,
    client: &ClientInfo,
    now: DateTime<Utc>,
) -> Result<AdmittedSignUp, Error> {
    let (address, network) = (client_key(client.address), network_key(client.address));
    accounts.sign_ups.try_acquire(&address, now).map_err(Error::TooManySignUps)?;
    match accounts.network_sign_ups.try_acquire(&network, now) {
        Ok(used) => {
            let level = accounts.network_sign_ups.delay_steps(used).max(accounts.sign_up_pressure.level(now));
            Ok(AdmittedSignUp { address, network, level })
        }
        Err(wait) => {
            accounts.sign_ups.refund(&address);
            Err(Error::TooManySignUps(wait))
        }
    }
}

/// Uses the proof of work of a sign-up, if it needs one. Fails with [`Error::WorkRequired`], and then takes its count
/// back: the same sign-up comes again.
pub(crate) async fn use_work(
    accounts: &Accounts,
    admitted: &AdmittedSignUp,
    solution: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    if admitted.level > 0
        && let Err(refusal) = use_solution(accounts, admitted.level, solution, now).await
    {
        accounts.sign_ups.refund(&admitted.address);
        accounts.network_sign_ups.refund(&admitted.network);
        return Err(refusal);
    }
    accounts.sign_up_pressure.count(now);
    Ok(())
}

async fn use_solution(
    accounts: &Accounts,
    level: u32,
    solution: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let required = |problem| work_required(accounts, problem, level, now);
    let solution = WorkSolution::parse(solution.ok_or_else(|| required(WorkProblem::Missing))?).map_err(required)?;
    let signature = sign(accounts, &solution.challenge);
    if !bool::from(signature.as_bytes().ct_eq(solution.signature.as_bytes())) {
        return Err(required(WorkProblem::Invalid));
    }
    let expires_at = solution.check(ROUTE, level, now).map_err(required)?;
    // A signed challenge is hexadecimal.
    let id = hex::decode(&solution.challenge).map_err(|_| required(WorkProblem::Invalid))?;
    let is_first = accounts
        .context
        .db
        .write(Lane::of(&solution.challenge), async move |tx| store::used_challenges::insert(tx, &id, expires_at).await)
        .await?;
    if is_first { Ok(()) } else { Err(required(WorkProblem::Used)) }
}

/// Returns a challenge for a sign-up, as ALTCHA's widget reads it: as hard as pressure asks for now.
pub(crate) fn challenge(accounts: &Accounts, now: DateTime<Utc>) -> SignedChallenge {
    new_challenge(accounts, accounts.sign_up_pressure.level(now), now)
}

/// A challenge with its signature.
#[derive(Debug)]
pub(crate) struct SignedChallenge {
    pub challenge: WorkChallenge,
    pub signature: String,
}

fn new_challenge(accounts: &Accounts, level: u32, now: DateTime<Utc>) -> SignedChallenge {
    let random = &accounts.context.random;
    let seed = WorkSeed { nonce: u64::from_be_bytes(random.bytes()), number: u32::from_be_bytes(random.bytes()) };
    let challenge = WorkChallenge::new(seed, level, accounts.config.work_numbers, ROUTE, now);
    let signature = sign(accounts, &challenge.challenge);
    SignedChallenge { challenge, signature }
}

fn sign(accounts: &Accounts, challenge: &str) -> String {
    hex::encode(accounts.context.url_signer.keyed_hash(SIGNATURE_SCOPE, challenge))
}

/// Returns the error that says why a proof of work is wanted, with a challenge for it.
fn work_required(accounts: &Accounts, problem: WorkProblem, level: u32, now: DateTime<Utc>) -> Error {
    let SignedChallenge { challenge, signature } = new_challenge(accounts, level, now);
    let challenge = json!({
        "algorithm": WORK_ALGORITHM,
        "challenge": challenge.challenge,
        "maxnumber": challenge.max_number,
        "salt": challenge.salt,
        "signature": signature,
    });
    Error::WorkRequired(problem, Box::new(Map::from_iter([("challenge".to_owned(), challenge)])))
}
