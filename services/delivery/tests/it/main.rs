//! Tests of delivery over real HTTP with real SQL and real objects: authorization, responses, and their cost.
//!
//! Invariant: no test here knows the internals of the service; items arrive as events or as the response of a peer.

#![allow(clippy::unwrap_used)] // a test that can't go on should say where

mod access;
mod archives;
mod fair_share;
mod files;
mod harness;
mod images;
mod lifecycle;
mod standing;
mod streams;
