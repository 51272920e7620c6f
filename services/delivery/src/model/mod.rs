//! Types and rules of delivery, without I/O: items, playbacks, image sizes, the files of archives.
//!
//! Invariant: nothing here waits, reads a clock or knows a database.

pub(crate) mod accept;
mod client;
pub(crate) mod download;
mod etag;
pub(crate) mod item;
pub(crate) mod playback;
mod standing;
pub(crate) mod variant;

pub(crate) use accept::FormatPreference;
pub(crate) use client::Client;
pub(crate) use download::DownloadList;
pub(crate) use etag::{content_etag, object_etag};
pub(crate) use item::Item;
pub(crate) use playback::Playback;
pub(crate) use standing::MemberStanding;
pub(crate) use variant::Variant;
