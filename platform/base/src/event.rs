//! What is published, as types.
//!
//! Invariant: a subject belongs to one type of event.

/// A fact that one service publishes and other services may react to.
pub trait Event: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static {
    /// The subject on the bus, `publisher.past_tense`, such as `media.received`.
    const SUBJECT: &'static str;
}
