//! Why a post is refused.
//!
//! Invariant: the sentence names the rule, and the bound where there is one.

/// The rule that a post breaks, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidPost(pub &'static str);
