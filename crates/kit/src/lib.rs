//! The platform of every service; it knows no domain.
//!
//! Owns the three ports ([`db`], [`bus`], [`objects`]), the shape of a service, HTTP, configuration, telemetry, clocks
//! and schedules. Invariant: nothing here knows what a photo or an account is, and no service knows which engine it
//! runs on.

pub mod auth;
pub mod boot;
pub mod bus;
pub mod clock;
pub mod config;
pub mod db;
pub mod http;
pub mod id;
pub mod objects;
pub mod peer;
pub mod problem;
pub mod schedule;
pub mod service;
pub mod signed_url;
pub mod tasks;
pub mod telemetry;
pub mod tls;
pub mod transfer;

pub use clock::Clock;
pub use problem::Problem;
pub use service::{Context, RoleInstance, Service};
