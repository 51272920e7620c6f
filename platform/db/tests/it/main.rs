//! Tests of the database port on both engines.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod db;
mod harness;
mod lanes;
mod older_tables;
mod outages;
mod schedule;
mod schedule_simulation;
mod site;
mod snapshot;
