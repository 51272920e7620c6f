//! Proof of work for what strangers may do without an account, such as signing up: challenges of the ALTCHA protocol,
//! version 1.
//!
//! A client is given a hash and a salt, and finds the number that was hashed with it. Owns making and checking; the
//! caller gives the key, the time and the random parts, and remembers the id of each proof until it expires, so that a
//! proof is used once. Invariant: a proof is for one purpose, and no other salt and number have its hash: a salt ends
//! with `&`, so where the salt ends and the number begins is never a choice.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The longest payload that is read, in bytes.
pub const MAX_PAYLOAD_BYTES: usize = 2048;
/// The only algorithm.
const ALGORITHM: &str = "SHA-256";

/// What a challenge is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// What it is for, in small letters and underscores: `sign_up`.
    pub purpose: &'a str,
    /// Until when a proof is accepted, in whole seconds.
    pub expires_at: DateTime<Utc>,
    /// Random bytes.
    pub nonce: [u8; 12],
    /// The number to find: random, `max_number` at most.
    pub number: u64,
    /// The highest number that a client has to try.
    pub max_number: u64,
}

/// A challenge, as clients read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// `SHA-256`.
    pub algorithm: String,
    /// The hash of salt and number, in hexadecimal.
    pub challenge: String,
    /// The highest number to try.
    pub maxnumber: u64,
    /// The salt, with the time of the end and the purpose.
    pub salt: String,
    /// The signature of the hash, in hexadecimal.
    pub signature: String,
}

/// A solved challenge, as clients send it; further members are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solution {
    /// As in the challenge.
    pub algorithm: String,
    /// As in the challenge.
    pub challenge: String,
    /// The number that was found.
    pub number: u64,
    /// As in the challenge.
    pub salt: String,
    /// As in the challenge.
    pub signature: String,
}

/// An accepted proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// What the caller remembers until the end, so that the proof is used once.
    pub id: [u8; 32],
    /// The end.
    pub expires_at: DateTime<Utc>,
    /// The highest number that had to be tried, for a caller that wants no proof of calmer times.
    pub max_number: u64,
}

/// A proof is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It is no payload of the protocol.
    #[error("the proof of work can't be read; ask for a new challenge")]
    Malformed,
    /// This installation did not make the challenge.
    #[error("the proof of work is for the challenge of another client; ask for a new one")]
    Forged,
    /// It was made for something else.
    #[error("the proof of work is for something else; ask for a new challenge")]
    OtherPurpose,
    /// Its time is over.
    #[error("the proof of work has expired; ask for a new challenge")]
    Expired,
    /// The number is not the one that was asked for.
    #[error("the proof of work is wrong; ask for a new challenge")]
    Wrong,
}

/// How hard challenges are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Difficulty {
    /// The highest number in calm times. A browser tries some hundred thousand a second.
    pub calm_number: u64,
    /// The highest number ever, so that old phones get through, slowly.
    pub max_number: u64,
    /// How many attempts a minute are calm.
    pub calm_per_minute: u32,
}

impl Difficulty {
    /// Returns the highest number of a challenge after so many attempts in the last minute: it grows with them.
    pub fn max_number(self, attempts_per_minute: u32) -> u64 {
        let pressure = attempts_per_minute.div_ceil(self.calm_per_minute.max(1)).max(1);
        self.calm_number.saturating_mul(pressure.into()).clamp(1, self.max_number.max(1))
    }
}

impl Ticket<'_> {
    /// Returns the challenge, signed with `key`.
    pub fn challenge(&self, key: &[u8]) -> Challenge {
        let salt = salt(&hex::encode(self.nonce), self.expires_at.timestamp(), self.purpose, self.max_number);
        let challenge = hex::encode(hash(&salt, self.number));
        let signature = hex::encode(mac(key, &challenge).finalize().into_bytes());
        Challenge { algorithm: ALGORITHM.to_owned(), challenge, maxnumber: self.max_number, salt, signature }
    }
}

impl Solution {
    /// Reads the payload that clients send: JSON in base64.
    pub fn from_payload(payload: &str) -> Result<Self, Rejected> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(Rejected::Malformed);
        }
        let json = STANDARD.decode(payload).map_err(|_| Rejected::Malformed)?;
        serde_json::from_slice(&json).map_err(|_| Rejected::Malformed)
    }

    /// Checks the solution for a purpose at `now`.
    pub fn verify(&self, key: &[u8], purpose: &str, now: DateTime<Utc>) -> Result<Proof, Rejected> {
        let (end, own_purpose, max_number) = parse_salt(&self.salt).ok_or(Rejected::Malformed)?;
        let expires_at = DateTime::from_timestamp(end, 0).ok_or(Rejected::Malformed)?;
        let signature = hex::decode(&self.signature).map_err(|_| Rejected::Malformed)?;
        if self.algorithm != ALGORITHM {
            return Err(Rejected::Malformed);
        }
        mac(key, &self.challenge).verify_slice(&signature).map_err(|_| Rejected::Forged)?;
        let id = hash(&self.salt, self.number);
        if hex::encode(id) != self.challenge {
            return Err(Rejected::Wrong);
        }
        // The salt is hashed in a challenge that we signed, so from here on what it says is ours.
        if own_purpose != purpose {
            return Err(Rejected::OtherPurpose);
        }
        if expires_at <= now {
            return Err(Rejected::Expired);
        }
        Ok(Proof { id, expires_at, max_number })
    }
}

fn salt(nonce: &str, end: i64, purpose: &str, max_number: u64) -> String {
    format!("{nonce}?expires={end}&for={purpose}&max={max_number}&")
}

/// Returns the end, the purpose and the highest number of a salt that is spelled as [`salt`] spells it.
fn parse_salt(text: &str) -> Option<(i64, &str, u64)> {
    let (nonce, rest) = text.split_once("?expires=")?;
    let (end, rest) = rest.split_once("&for=")?;
    let (purpose, rest) = rest.split_once("&max=")?;
    let (end, max_number) = (end.parse::<i64>().ok()?, rest.strip_suffix('&')?.parse::<u64>().ok()?);
    let is_ours = purpose.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_ours && salt(nonce, end, purpose, max_number) == text).then_some((end, purpose, max_number))
}

fn hash(salt: &str, number: u64) -> [u8; 32] {
    Sha256::digest(format!("{salt}{number}")).into()
}

fn mac(key: &[u8], challenge: &str) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(challenge.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn challenge() -> Challenge {
        let nonce = std::array::from_fn(|at| at as u8);
        Ticket { purpose: "sign_up", expires_at: at(600), nonce, number: 1234, max_number: 2000 }.challenge(&KEY)
    }

    /// Tries all numbers, as a client does.
    fn solve(challenge: &Challenge) -> Solution {
        let number =
            (0..=challenge.maxnumber).find(|number| hex::encode(hash(&challenge.salt, *number)) == challenge.challenge);
        Solution {
            algorithm: challenge.algorithm.clone(),
            challenge: challenge.challenge.clone(),
            number: number.unwrap(),
            salt: challenge.salt.clone(),
            signature: challenge.signature.clone(),
        }
    }

    #[test]
    fn a_solved_challenge_is_a_proof() {
        let challenge = challenge();
        // The same by Python's hashlib and hmac.
        assert_eq!(challenge.salt, "000102030405060708090a0b?expires=1800000600&for=sign_up&max=2000&");
        assert_eq!(challenge.challenge, "178dc8d0e4a86aed74481a821ffdee5c164fb8ff12c5e6609b1657a5f546e1d2");
        assert_eq!(challenge.signature, "23d2bf37334425aa4ef001ad43da6dac0ecacada433be941f3ba6ea90319f1e9");
        let solution = solve(&challenge);
        let proof = solution.verify(&KEY, "sign_up", at(599)).unwrap();
        assert_eq!((hex::encode(proof.id), proof.expires_at), (challenge.challenge, at(600)));
        assert_eq!(proof.max_number, 2000);
        let mut json = serde_json::to_value(&solution).unwrap();
        json["took"] = 12.into();
        assert_eq!(Solution::from_payload(&STANDARD.encode(json.to_string())), Ok(solution));
    }

    #[test]
    fn what_is_changed_is_no_proof() {
        let solution = solve(&challenge());
        let verify = |change: fn(&mut Solution)| {
            let mut changed = solution.clone();
            change(&mut changed);
            changed.verify(&KEY, "sign_up", at(0)).unwrap_err()
        };
        assert_eq!(verify(|solution| solution.number += 1), Rejected::Wrong);
        assert_eq!(
            verify(|solution| solution.salt = solution.salt.replace("1800000600", "1900000600")),
            Rejected::Wrong
        );
        assert_eq!(verify(|solution| solution.salt = solution.salt.replace("2000&", "9000&")), Rejected::Wrong);
        assert_eq!(verify(|solution| solution.algorithm = "SHA-1".to_owned()), Rejected::Malformed);
        assert_eq!(verify(|solution| solution.signature = "00".repeat(32)), Rejected::Forged);
        // A later end out of the number's first digit, which has the same hash.
        let splice = |solution: &mut Solution| {
            solution.salt.push('1');
            solution.number = 234;
        };
        assert_eq!(verify(splice), Rejected::Malformed);
        assert_eq!(solution.verify(&[8; 32], "sign_up", at(0)), Err(Rejected::Forged));
        assert_eq!(solution.verify(&KEY, "recover", at(0)), Err(Rejected::OtherPurpose));
        assert_eq!(solution.verify(&KEY, "sign_up", at(600)), Err(Rejected::Expired));
        assert_eq!(Solution::from_payload(&"A".repeat(MAX_PAYLOAD_BYTES + 4)), Err(Rejected::Malformed));
    }

    #[test]
    fn challenges_are_harder_under_pressure() {
        let difficulty = Difficulty { calm_number: 50_000, max_number: 1_000_000, calm_per_minute: 10 };
        let numbers = [0, 10, 11, 100, 100_000].map(|attempts| difficulty.max_number(attempts));
        assert_eq!(numbers, [50_000, 50_000, 100_000, 500_000, 1_000_000]);
    }

    proptest! {
        #[test]
        fn any_payload_is_read_or_refused(
            payload in "\\PC*|[A-Za-z0-9+/]{0,90}={0,2}",
            salt in "\\PC*|[0-9a-f?&=]{0,40}",
        ) {
            let _ = Solution::from_payload(&payload);
            let solution = Solution { salt, ..solve(&challenge()) };
            prop_assert!(solution.verify(&KEY, "sign_up", at(0)).is_err());
        }
    }
}
