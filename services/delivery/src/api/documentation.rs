//! What the operations of delivery have in common in the OpenAPI document: parameters, headers, and the responses to
//! conditions and ranges.
//!
//! Describes what [`super::access`] and [`super::response`] read and send; nothing here runs for a request. Every
//! operation responds to HEAD as to GET, without the body. Invariant: a parameter that is documented here is read by
//! every operation that names it.

use utoipa::{IntoParams, IntoResponses};

/// The signature of a URL.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "`access` reads it, and ignores one that is malformed")]
pub(super) struct SignatureParams {
    /// The signature of a signed URL. Without one, the access token decides.
    #[param(example = "t5yo00.mBq0v4c6nQ1T8yWkZr2e5A")]
    t: Option<String>,
}

/// The headers of a request with conditions or a range (RFC 9110 §13 and §14).
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "`respond` reads them, and ignores what is malformed")]
pub(super) struct ConditionParams {
    /// One range of bytes; the response is then 206. Several ranges are responded to with the whole file.
    #[param(rename = "Range", example = "bytes=0-1048575")]
    range: Option<String>,
    /// The `ETag` that the client has: the range is sent only if that is still the file's, else the whole file.
    #[param(rename = "If-Range", example = "\"5kT0vYq8Zb3mXw1RcHs9Ga\"")]
    if_range: Option<String>,
    /// The `ETag`s that the client has: the response is 304 if one of them is still the file's.
    #[param(rename = "If-None-Match", example = "\"5kT0vYq8Zb3mXw1RcHs9Ga\"")]
    if_none_match: Option<String>,
    /// The `ETag`s that the client expects: the response is 412 if the file has another.
    #[param(rename = "If-Match", example = "\"5kT0vYq8Zb3mXw1RcHs9Ga\"")]
    if_match: Option<String>,
}

/// The successful responses to [`ConditionParams`], besides 200.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "`respond` sends them")]
pub(super) enum ConditionResponses {
    /// The requested range.
    #[response(
        status = 206,
        headers(
            ("ETag" = String, description = "Distinguishes this file from all others that were ever at this URL"),
            ("Content-Range" = String, description = "The range, and the size of the file in bytes"),
        )
    )]
    Partial,
    /// The client has this file already.
    #[response(
        status = 304,
        headers(("ETag" = String, description = "Distinguishes this file from all others that were ever at this URL"))
    )]
    NotModified,
}

/// The redirect to a large file.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "`redirect` sends it")]
pub(super) enum RedirectResponse {
    /// The file is at this URL of the object store, for ten minutes.
    #[response(
        status = 307,
        headers(("Location" = String, description = "A presigned URL of the object store; follow it without the token"))
    )]
    Redirect,
}

/// The loudness of a song over time.
#[derive(utoipa::ToSchema)]
#[schema(
    as = Waveform,
    example = json!({
        "version": 1,
        "sample_rate": 8000,
        "samples_per_peak": 80,
        "duration_ms": 50,
        "peaks": [0, 12, 96, 255, 31],
    })
)]
#[allow(dead_code, reason = "the file is sent as transcode made it")]
pub(super) struct WaveformView {
    /// The version of the format: 1.
    version: u8,
    /// Samples per second of the reduced audio.
    sample_rate: u32,
    /// Samples per peak; the last may have fewer.
    samples_per_peak: u64,
    /// The duration of the audio in milliseconds.
    duration_ms: u64,
    /// The largest amplitude in each interval, 0 (silence) to 255 (full scale); at most 2,000 of them.
    peaks: Vec<u8>,
}
