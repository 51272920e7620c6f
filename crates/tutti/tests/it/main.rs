//! The whole product, as its users meet it: the real binary, real sockets, real ffmpeg.

#![allow(clippy::unwrap_used, reason = "a test may be blunt, also in the functions beside it")]

mod crash;
mod direct;
mod edge;
mod faults;
mod grants;
mod headers;
mod layout;
mod move_data;
mod neighbours;
mod objects;
mod private;
mod process;
mod product;
mod security_page;
mod server;
mod sound;
