//! Tests of the social role over real HTTP with real SQL. With `TUTTI_TEST_DB=postgres` the rows are in PostgreSQL.
//!
//! Invariant: each test has a world of its own.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test, also in helper functions")]

mod blocks;
mod comments;
mod contention;
mod erasure;
mod export;
mod feeds;
mod fixtures;
mod follows;
mod greetings;
mod limits;
mod media;
mod own_lists;
mod posts;
mod programme;
mod reactions;
mod report_decisions;
mod reports;
mod sensitivity;
mod songs;
mod thread_offices;
mod thread_visibility;
mod threads;
mod topics;
mod verdicts;
mod visibility;
