//! Tests of moving a data folder to PostgreSQL and S3.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod fixtures;
mod transfer;
