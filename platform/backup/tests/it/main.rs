//! Recovery points: what is in them, what is found to be wrong, and what comes back.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod engines;
mod fixtures;
mod load;
mod point_in_time;
mod points;
mod restores;
