//! Tests of the chat role over real HTTP with real SQL. With `TUTTI_TEST_DB=postgres` the rows are in PostgreSQL.
//!
//! Invariant: each test has a world of its own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

mod contention;
mod conversations;
mod erasure;
mod fixtures;
mod groups;
mod messages;
mod presence;
mod reports;
mod requests;
mod sensitivity;
mod socket;
mod socket_ends;
mod spam;
mod stream;
mod verdicts;
