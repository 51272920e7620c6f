//! What one role asks another, as types.
//!
//! Invariant: the path that is asked and the path that is served come from the same definition.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A question to another role.
pub trait Query: Send + Sync {
    /// The role that answers it.
    const ROLE: &'static str;
    /// The path at which it is served, with its parameters in braces: `/internal/media/{id}`.
    const PATH: &'static str;
    /// The answer.
    type Response: DeserializeOwned + Serialize + Send;
    /// Returns the path of this question, with its parameters filled in.
    fn path(&self) -> String;
}
