//! The SQL of this role: accounts, their addresses and the skeletons of their handles, sanctions and the rules that
//! follow from them, sessions (and those that have ended), second factors, API keys of members and of the team, mailed
//! codes, sign-ins, signing keys, known networks, used challenges, flags and the audit trail.
//!
//! Invariant: a session is read and written only by its account, or by a secret that only its owner holds.

pub(crate) mod account_pages;
mod account_row;
pub(crate) mod account_rules;
pub(crate) mod accounts;
pub(crate) mod addresses;
pub(crate) mod api_keys;
pub(crate) mod audit;
pub(crate) mod ended_sessions;
pub(crate) mod exports;
pub(crate) mod factors;
pub(crate) mod flags;
pub(crate) mod handle_skeletons;
pub(crate) mod known_networks;
pub(crate) mod mailed_codes;
pub(crate) mod passkey_challenges;
pub(crate) mod profile_changes;
#[cfg(test)]
mod query_plans;
pub(crate) mod recovery_codes;
pub(crate) mod sanctions;
pub(crate) mod sessions;
pub(crate) mod sign_ins;
pub(crate) mod signing_keys;
pub(crate) mod team_keys;
pub(crate) mod used_challenges;
pub(crate) mod verdicts;
