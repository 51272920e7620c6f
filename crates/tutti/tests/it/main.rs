//! The whole product, as its users meet it: the real binary, real sockets, real ffmpeg.

mod crash;
mod layout;
mod process;
mod product;
mod server;
