//! A world for tests: real engines in a folder that vanishes, a real socket, members with real tokens.
//!
//! Owns no assertions about any domain. Invariant: a world that ends well has no work left over; [`World::end`] fails the test otherwise.

mod client;
pub mod engines;
pub mod fleet;
pub mod logs;
pub mod mounts;
mod plans;
pub mod processes;
mod response;
mod world;

pub use client::TestClient;
pub use plans::{Plan, Plans, PlansFuture, plans};
pub use response::TestResponse;
pub use world::{World, WorldBuilder, ffmpeg, launcher};
