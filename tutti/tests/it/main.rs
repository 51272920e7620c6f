//! The whole product as its users meet it: the real binary, real sockets, real ffmpeg.

#![allow(clippy::unwrap_used, reason = "tests may unwrap, also in their helper functions")]

mod api_keys;
mod backups;
mod crash;
mod crash_export;
mod crash_sign_up;
mod direct_downloads;
mod edge;
mod environments;
mod erasure;
mod faults;
mod file_permissions;
mod flags;
mod layout;
mod metrics_lint;
mod moderation;
mod move_data;
mod objects;
mod operators;
mod peers;
mod process;
mod product;
mod release;
mod security_headers;
mod security_page;
mod server;
mod signed_urls;
mod standing;
mod suspended;
mod wav;
