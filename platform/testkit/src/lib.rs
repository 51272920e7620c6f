//! The harness of the tests: services on real engines in a temporary folder, behind a real socket, and clients with
//! real tokens.
//!
//! Owns no assertions about any domain. Invariant: a world that ends well has no work left over; [`World::end`] fails
//! the test otherwise.

mod app_code;
mod archive;
mod client;
pub mod engines;
mod fake_role;
pub mod fleet;
mod instance;
pub mod logs;
mod mails;
pub mod mounts;
pub mod objects;
mod older_role;
mod older_tables;
mod plans;
pub mod processes;
mod response;
mod stored;
mod world;

pub use app_code::app_code;
pub use archive::unzip;
pub use client::TestClient;
pub use fake_role::{FakeRequest, FakeRole, PathParameters, fake_role};
pub use mails::TestMail;
pub use older_role::{insert_rows, older_role};
pub use older_tables::create_older_tables;
pub use plans::{Plan, Plans, PlansFuture, plans};
pub use response::TestResponse;
pub use stored::{columns, stored_values};
pub use world::{World, WorldBuilder, ffmpeg, launcher};
