//! Tests of media over real sockets with real engines.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod albums;
mod bad_input;
mod blocked;
mod captions;
mod claims;
mod compression;
mod contention;
mod crash;
mod create;
mod documentation;
mod fixtures;
mod flags;
mod item_events;
mod known_pictures;
mod library;
mod older_folder;
mod operators;
mod public_items;
mod quota;
mod raw_http;
mod samples;
#[path = "../../../../codec/tests/it/seeds.rs"]
mod seeds;
mod sensitivity;
mod share_links;
mod slow_clients;
mod sorting;
mod standing;
mod texts;
mod trash;
mod tus;
