//! The promises of conversion, tested with the real ffmpeg on the embedded engines.
//!
//! Sources are made by ffmpeg too, tiny and short, so that the whole suite fits two cores. Invariant: every test that
//! succeeds leaves no object without a row and no scratch folder ([`harness::Harness::end`] checks).
#![allow(clippy::unwrap_used, missing_docs)]

mod alignment;
mod animated;
mod changes;
mod fairness;
mod flags;
mod geometry;
mod harness;
mod inputs;
mod photos;
mod recovery;
mod rejections;
mod sandboxing;
mod scores;
mod timings;
mod uneven;
