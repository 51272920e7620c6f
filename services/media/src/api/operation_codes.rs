//! The codes of the operations that receive bytes: they share most of them.
//!
//! Invariant: a list has only codes that its operation can return, beside those that every operation has.

use http_server::problem::{Code, every_role};

use crate::codes;

/// What can be wrong with a file.
const CONTENT: &[&Code] = &[
    codes::UNSUPPORTED_TYPE,
    codes::TOO_LARGE,
    codes::TOO_MANY_PIXELS,
    codes::TOO_MANY_FRAMES,
    codes::TOO_MANY_SCANS,
    codes::TOO_MANY_PICTURES,
    codes::BAD_SAMPLE_RATE,
    codes::TOO_MANY_CHANNELS,
    codes::TOO_MANY_TRACKS,
    codes::TOO_MANY_SAMPLES,
    codes::TOO_MANY_EDITS,
    codes::COVER_TOO_LARGE,
    codes::TOO_LONG,
    codes::BROKEN_FILE,
    codes::BLOCKED,
];

/// What a member may store.
const QUOTA: &[&Code] = &[codes::QUOTA_BYTES, codes::QUOTA_ITEMS, codes::QUOTA_RATE, codes::ACCOUNT_CLOSED];

/// What can go wrong while a body arrives.
const ARRIVAL: &[&Code] = &[codes::INCOMPLETE, codes::TOO_SLOW, codes::BUSY, every_role::SERVER_TURNED_OFF];

/// What can go wrong while bytes are appended to an upload.
const APPEND: &[&Code] = &[
    codes::TOO_MUCH,
    codes::CHECKSUM_MISMATCH,
    codes::TAKEN_OVER,
    codes::NO_SUCH_UPLOAD,
    codes::BAD_UPLOAD_REQUEST,
    codes::TUS_VERSION,
];

/// What an `Idempotency-Key` adds to a request that creates something.
const IDEMPOTENCY: &[&Code] = &[
    every_role::BAD_IDEMPOTENCY_KEY,
    every_role::IN_PROGRESS,
    every_role::IDEMPOTENCY_KEY_REUSED,
    every_role::DONE_BEFORE,
    every_role::RESULT_REMOVED,
];

fn names(groups: &[&[&'static Code]]) -> Vec<&'static str> {
    groups.iter().copied().flatten().map(|code| code.code).collect()
}

/// Returns the codes of a file that is sent in one request.
pub(super) fn send_media() -> Vec<&'static str> {
    let own: &[&Code] = &[
        every_role::INVALID,
        codes::EMPTY,
        codes::BAD_DIGEST,
        codes::DIGEST_MISMATCH,
        codes::UNSUPPORTED_CONTENT_ENCODING,
    ];
    names(&[own, CONTENT, QUOTA, ARRIVAL, IDEMPOTENCY])
}

/// Returns the codes of a new upload, which may have its first bytes already. Its body is not in the document:
/// generators of clients would always send one.
pub(super) fn begin_upload() -> Vec<&'static str> {
    let own: &[&Code] = &[codes::EMPTY, codes::QUOTA_UPLOADS];
    let body: &[&Code] = &[every_role::BROKEN_OFF, every_role::TOO_SLOW, every_role::TOO_LARGE];
    let mut all = names(&[own, body, CONTENT, QUOTA, ARRIVAL, APPEND, IDEMPOTENCY]);
    // Of the two rows of this code, the one for operations with a body.
    all.push("422 request.invalid");
    all
}

/// Returns the codes of more bytes for an upload.
pub(super) fn append_to_upload() -> Vec<&'static str> {
    names(&[&[codes::WRONG_OFFSET, codes::NOT_OFFSET_STREAM], CONTENT, QUOTA, ARRIVAL, APPEND])
}

/// Returns the codes of the state of an upload, which is completed if its bytes are all there.
pub(super) fn upload_state() -> Vec<&'static str> {
    let own: &[&Code] = &[
        codes::NO_SUCH_UPLOAD,
        codes::TAKEN_OVER,
        codes::WRONG_OFFSET,
        codes::BUSY,
        codes::TUS_VERSION,
        every_role::SERVER_TURNED_OFF,
    ];
    names(&[own, CONTENT, QUOTA])
}
