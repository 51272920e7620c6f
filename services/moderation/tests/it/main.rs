//! Tests of the moderation role over real HTTP with real SQL. With `TUTTI_TEST_DB=postgres` the rows are in PostgreSQL.
//!
//! Invariant: each test has a world of its own; other roles are events that tests publish.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

mod appeals;
mod erasure;
mod fixtures;
mod held;
mod queue;
