//! What protects members from each other, as pure code: verdicts about what one member sends to another.
//!
//! Owns the rules and everything that they are made of: texts in the form in which they are compared, fingerprints,
//! windows of recent texts, links, hashes of pictures, rates and budgets, standing, the replay that measures a table of
//! rules, and proofs of work. Owns no storage, no clock, no network and no model: states, times and scores are
//! arguments. The way in is [`attempt::decide`]. Invariant: on any input nothing here panics or loops forever, and
//! memory grows with the input only.

pub mod attempt;
pub mod budget;
pub mod classifier;
pub mod facts;
pub mod fingerprint;
pub mod links;
pub mod media_list;
pub mod pdq;
pub mod proof_of_work;
pub mod rate;
pub mod reason;
pub mod recent;
pub mod replay;
pub mod rules;
pub mod standing;
pub mod text;
pub mod verdict;
