//! Proof of work in the format of ALTCHA (version 1, SHA-256): a client finds the number that, after the salt, has the
//! hash of the challenge.
//!
//! Does not own signatures and that a challenge is used once: those need a secret and rows. Invariant: a challenge has
//! one salt and one number. ALTCHA joins both without a separator, so digits could move from one to the other, and with
//! them the expiry (altcha-lib advisory of 2025); here a salt ends with `&` and a number has digits only, in the only
//! form that it has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// How long a challenge may be used.
const WORK_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// The name of the hash in challenges.
pub(crate) const WORK_ALGORITHM: &str = "SHA-256";
/// The hardest level. Each is twice as hard as the one before it.
pub(crate) const MAX_WORK_LEVEL: u32 = 6;
/// The longest solution as text, in bytes.
const MAX_SOLUTION_BYTES: usize = 1024;

/// What is random in a challenge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkSeed {
    /// Makes the salt a different one each time.
    pub nonce: u64,
    /// Chooses the number.
    pub number: u32,
}

/// A challenge, without its signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WorkChallenge {
    /// The hash of salt and number, in hexadecimal.
    pub challenge: String,
    /// A nonce, and as a query when and for what the challenge may be used.
    pub salt: String,
    /// The number is not greater.
    pub max_number: u32,
}

/// Why a proof of work is wanted (again).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WorkProblem {
    /// There is none.
    #[error("Many accounts are being made right now. Solve `challenge`, and send the request again with `altcha`.")]
    Missing,
    /// It can't be read, or was made for something else.
    #[error("`altcha` is no solution of a challenge for this. Solve `challenge`, and send the request again.")]
    Invalid,
    /// It has expired.
    #[error("The challenge that was solved has expired. Solve `challenge`, and send the request again.")]
    Expired,
    /// It was used before.
    #[error("The solution was used before. Solve `challenge`, and send the request again.")]
    Used,
    /// It is easier than is wanted now.
    #[error("More accounts are being made than a moment ago. Solve `challenge`, and send the request again.")]
    TooEasy,
}

/// A solution as ALTCHA's widget sends it: base64 of JSON. What else the widget says is passed over.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct WorkSolution {
    algorithm: String,
    /// The challenge that is solved.
    pub challenge: String,
    number: u32,
    salt: String,
    /// The server's signature on the challenge.
    pub signature: String,
}

impl WorkChallenge {
    /// Returns a challenge for a route, such as `sign_up`. The easiest level has numbers up to `numbers`.
    pub(crate) fn new(seed: WorkSeed, level: u32, numbers: u32, route: &str, now: DateTime<Utc>) -> Self {
        let level = level.clamp(1, MAX_WORK_LEVEL);
        let max_number = numbers.max(1).saturating_mul(1 << (level - 1));
        let expires = (now + WORK_LIFETIME).timestamp();
        let salt = format!("{:016x}?expires={expires}&level={level}&route={route}&", seed.nonce);
        // Every number is as likely as any other, but for a millionth.
        let number = (u64::from(seed.number) * (u64::from(max_number) + 1)) >> 32;
        Self { challenge: hash(&salt, number), salt, max_number }
    }
}

impl WorkSolution {
    /// Parses a solution.
    pub(crate) fn parse(text: &str) -> Result<Self, WorkProblem> {
        if text.len() > MAX_SOLUTION_BYTES {
            return Err(WorkProblem::Invalid);
        }
        let json = STANDARD.decode(text).map_err(|_| WorkProblem::Invalid)?;
        serde_json::from_slice(&json).map_err(|_| WorkProblem::Invalid)
    }

    /// Checks that the number solves the challenge, which is for this route and has not expired, and that it is at most
    /// one level easier than is wanted now. Returns when the challenge expires. Its signature must be valid.
    pub(crate) fn check(&self, route: &str, level: u32, now: DateTime<Utc>) -> Result<DateTime<Utc>, WorkProblem> {
        if self.algorithm != WORK_ALGORITHM || hash(&self.salt, self.number.into()) != self.challenge {
            return Err(WorkProblem::Invalid);
        }
        let (expires_at, solved_level) = parse_salt(&self.salt, route).ok_or(WorkProblem::Invalid)?;
        if expires_at <= now {
            Err(WorkProblem::Expired)
        } else if solved_level.saturating_add(1) < level {
            Err(WorkProblem::TooEasy)
        } else {
            Ok(expires_at)
        }
    }
}

/// Returns the expiry and the level that a salt names; `None` if it is not in the one form that salts for a route have.
fn parse_salt(salt: &str, route: &str) -> Option<(DateTime<Utc>, u32)> {
    let query = salt.strip_suffix('&')?.split_once('?')?.1;
    let mut fields = query.split('&');
    let expires: i64 = fields.next()?.strip_prefix("expires=")?.parse().ok()?;
    let level: u32 = fields.next()?.strip_prefix("level=")?.parse().ok()?;
    let is_for_route = fields.next()?.strip_prefix("route=")? == route;
    if !is_for_route || fields.next().is_some() {
        return None;
    }
    Some((DateTime::from_timestamp(expires, 0)?, level))
}

/// Returns the hash of a salt and a number, in hexadecimal.
fn hash(salt: &str, number: u64) -> String {
    hex::encode(Sha256::digest(format!("{salt}{number}")))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ROUTE: &str = "sign_up";

    fn challenge(level: u32, now: DateTime<Utc>) -> WorkChallenge {
        WorkChallenge::new(WorkSeed { nonce: 7, number: u32::MAX / 3 }, level, 1000, ROUTE, now)
    }

    fn solve(challenge: &WorkChallenge) -> Value {
        let number = (0..=u64::from(challenge.max_number)).find(|at| hash(&challenge.salt, *at) == challenge.challenge);
        json!({
            "algorithm": "SHA-256",
            "challenge": challenge.challenge,
            "number": number.expect("it has a solution"),
            "salt": challenge.salt,
            "signature": "x",
            "took": 12,
        })
    }

    fn check(solution: &Value, level: u32, now: DateTime<Utc>) -> Result<DateTime<Utc>, WorkProblem> {
        WorkSolution::parse(&STANDARD.encode(solution.to_string()))?.check(ROUTE, level, now)
    }

    #[test]
    fn a_challenge_is_solved_by_its_number_until_it_expires() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let challenge = challenge(1, now);
        let solution = solve(&challenge);
        assert_eq!(check(&solution, 1, now), Ok(now + WORK_LIFETIME));
        assert_eq!(check(&solution, 2, now), Ok(now + WORK_LIFETIME), "one level is as if it came a moment ago");
        assert_eq!(check(&solution, 3, now), Err(WorkProblem::TooEasy));
        assert_eq!(check(&solution, 1, now + WORK_LIFETIME), Err(WorkProblem::Expired));
        let other = WorkSolution::parse(&STANDARD.encode(solution.to_string())).unwrap();
        assert_eq!(other.check("another", 1, now), Err(WorkProblem::Invalid));
        for wrong in ["", "x", "e30=", &"A".repeat(4000)] {
            assert_eq!(WorkSolution::parse(wrong).unwrap_err(), WorkProblem::Invalid, "{wrong}");
        }
    }

    #[test]
    fn no_digit_moves_between_the_salt_and_the_number() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let challenge = challenge(1, now);
        let solution = solve(&challenge);
        let digits = solution["number"].to_string();
        assert!(digits.len() > 1, "{digits}");
        for cut in 1..digits.len() {
            // The joined text, and so the hash, is the same.
            let mut moved = solution.clone();
            moved["salt"] = format!("{}{}", challenge.salt, &digits[..cut]).into();
            moved["number"] = digits[cut..].parse::<u64>().unwrap().into();
            assert_eq!(check(&moved, 1, now), Err(WorkProblem::Invalid), "{moved}");
        }
        for (field, value) in [
            ("number", json!(0)),
            ("number", json!(-1)),
            ("number", json!(digits)),
            ("algorithm", json!("SHA-1")),
            ("salt", json!(challenge.salt.replace("level=1", "level=6"))),
        ] {
            let mut altered = solution.clone();
            altered[field] = value;
            assert_eq!(check(&altered, 1, now), Err(WorkProblem::Invalid), "{altered}");
        }
    }

    #[test]
    fn each_level_is_twice_as_hard() {
        let most = |level| challenge(level, DateTime::UNIX_EPOCH).max_number;
        assert_eq!([1, 2, 3, 6].map(most), [1000, 2000, 4000, 32_000]);
        assert_eq!([0, 7, u32::MAX].map(most), [1000, 32_000, 32_000]);
    }
}
