//! What every crate of the product may use, and what knows nothing of engines, HTTP or roles.
//!
//! Owns the clock, randomness, ids of objects, IP networks, owned tasks, configuration, logs, metrics and spans, and
//! the traits by which crates that don't know each other speak: [`Event`], [`Query`], [`Transient`]. Invariant: nothing
//! here opens a file of data or a connection; the log may have files of its own.

pub mod clock;
pub mod config;
pub mod environment;
pub mod error;
pub mod event;
pub mod event_traces;
mod log_archive;
pub mod log_ring;
pub mod networks;
pub mod object_key;
pub mod query;
pub mod random;
pub mod spans;
pub mod tasks;
pub mod telemetry;
pub mod tls;
pub mod trace;

pub use clock::Clock;
pub use environment::Environment;
pub use error::{EngineError, Transient};
pub use event::Event;
pub use networks::{Network, Networks};
pub use object_key::ObjectKey;
pub use query::Query;
pub use random::Random;
pub use trace::Trace;
