//! Entity tags.
//!
//! Invariant: different bytes have different tags.

use contract::ObjectKey;
use sha2::{Digest as _, Sha256};

/// Returns the ETag of a text: the first 96 bits of its SHA-256, hexadecimal.
pub(crate) fn content_etag(text: &[u8]) -> String {
    codec::digest::hex(&Sha256::digest(text)[..12])
}

/// Returns the ETag of an object. An object is never replaced, so its key distinguishes its bytes.
pub(crate) fn object_etag(object: &ObjectKey) -> String {
    object.as_str().replace('/', "")
}
