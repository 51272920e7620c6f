//! A generated community: 50 follows and ten posts for each account, with the skew that such networks have.
//!
//! Owns what the community is (`plan`), its rows in social's database (`rows`), servers that have it (`world`) and
//! requests at a steady rate (`pace`). Invariant: the same size and seed give the same community on every engine.

pub mod pace;
pub mod plan;
pub mod rows;
pub mod world;
