//! Reading, over real HTTP with real SQL and real objects: who may, what comes, and what it may cost.
//!
//! Invariant: nothing here knows the service's insides; items arrive as events or through a neighbour's answer.

#![allow(clippy::unwrap_used)] // a test that can't go on should say where

mod access;
mod fair_share;
mod files;
mod harness;
mod images;
mod lifecycle;
mod streams;
