//! Tests of the notify role over real HTTP with real SQL. With `TUTTI_TEST_DB=postgres` the rows are in PostgreSQL.
//!
//! Invariant: each test has a world of its own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

mod access;
mod announcements;
mod dynamodb;
mod erasure;
mod fixtures;
mod happenings;
mod list;
mod media;
mod once;
mod preferences;
mod push;
mod push_devices;
mod push_failures;
mod push_service;
mod reminders;
mod stream;
