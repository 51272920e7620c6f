//! `[gateway]` in the configuration.
//!
//! Invariant: the defaults are safe for a door that faces the world.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, Uri};
use kit::config::Section;
use kit::service::BootError;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::ToSchema;

/// The public door's limits.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Requests in progress at once; more are answered 503.
    pub requests_at_once: usize,
    /// How many of those one address may have in progress without a token, so that others find a place. All such addresses together may
    /// have three quarters of them.
    pub anonymous_requests_per_address: usize,
    /// On how many reading requests without a token from one address roles work at once; the others wait for their turn.
    pub anonymous_in_flight_per_address: usize,
    /// Event streams and WebSockets at once. They have places of their own; when all are taken, the client with the most loses its oldest.
    pub streams_at_once: usize,
    /// How many of those a member may have; one more ends the member's oldest.
    pub streams_per_member: usize,
    /// How many of those all clients without a token at one address may have (a whole venue may share one).
    pub streams_per_address: usize,
    /// Reading requests per second of one member, or of all clients without a token at one address (a whole venue may share one); 0 for no limit.
    /// Static files are counted apart, a large one as several; asking for an event stream counts as twenty.
    pub reads_per_second: u32,
    /// Changing requests per second of one member; 0 for no limit.
    pub writes_per_second: u32,
    /// Changing requests per second from one address without a token (sign-up, log-in); 0 for no limit.
    pub anonymous_writes_per_second: u32,
    /// Seconds until the answer to a request without a body, or with a small one, must begin.
    pub response_timeout_seconds: u64,
    /// Bytes of the largest body; roles have their own, smaller limits for what they take.
    pub max_body_bytes: u64,
    /// A sender that brings fewer bytes per second than this, over a whole window, is cut off.
    pub slow_bytes_per_second: u64,
    /// Seconds of that window. Roles that judge their senders themselves should do so earlier, as they have more to say.
    pub slow_window_seconds: u64,
    /// Seconds until a WebSocket over which nothing has gone is ended; pings count.
    pub websocket_idle_timeout_seconds: u64,
    /// Bytes of the longest address, with its query.
    pub max_url_bytes: usize,
    /// Header lines of a request.
    pub max_headers: usize,
    /// How many proxies of ours stand in front; the client is that many from the right in `X-Forwarded-For`.
    pub trusted_hops: usize,
    /// Origins whose pages may call the interface from a browser, such as `["https://app.example"]`.
    pub allowed_origins: Vec<String>,
}

/// For the reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("gateway")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            requests_at_once: 8_000,
            anonymous_requests_per_address: 2_000,
            anonymous_in_flight_per_address: 32,
            streams_at_once: 4_000,
            streams_per_member: 32,
            // Two hundred people at one venue, each with six.
            streams_per_address: 1_200,
            reads_per_second: 2_000,
            writes_per_second: 50,
            anonymous_writes_per_second: 20,
            response_timeout_seconds: 30,
            max_body_bytes: 16 << 30,
            slow_bytes_per_second: 512,
            slow_window_seconds: 40,
            websocket_idle_timeout_seconds: 300,
            max_url_bytes: 8 * 1024,
            // hyper refuses more than a hundred without a word.
            max_headers: 80,
            trusted_hops: 0,
            allowed_origins: Vec::new(),
        }
    }
}

/// What a browser on another origin may send besides the plain headers.
const REQUEST_HEADERS: [&str; 14] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "repr-digest",
    "content-digest",
    "range",
    "if-range",
    "if-none-match",
    "last-event-id",
    "tus-resumable",
    "upload-length",
    "upload-offset",
    "upload-metadata",
    "upload-checksum",
];
/// What its script may read of an answer.
const RESPONSE_HEADERS: [&str; 15] = [
    "location",
    "etag",
    "retry-after",
    "content-range",
    "content-length",
    "x-request-id",
    "idempotent-replay",
    "tus-resumable",
    "tus-version",
    "tus-extension",
    "tus-max-size",
    "upload-offset",
    "upload-length",
    "upload-expires",
    "tutti-media-id",
];

/// Keys of earlier versions, each with the key that replaces it.
const RENAMED_KEYS: &[(&str, &str)] = &[
    ("address_max_bytes", "max_url_bytes"),
    ("anonymous_at_work_per_address", "anonymous_in_flight_per_address"),
    ("answer_seconds", "response_timeout_seconds"),
    ("body_max_bytes", "max_body_bytes"),
    ("headers_max", "max_headers"),
    ("socket_idle_seconds", "websocket_idle_timeout_seconds"),
];

impl Config {
    /// Reads `[gateway]`. A key of an earlier version is refused with the name of its replacement.
    pub(crate) fn load(configuration: &kit::config::Config) -> Result<Self, BootError> {
        let keys: BTreeMap<String, IgnoredAny> = configuration.section("gateway")?;
        if let Some((old, new)) = RENAMED_KEYS.iter().find(|(old, _)| keys.contains_key(*old)) {
            return Err(BootError::Other(format!("gateway.{old} in the configuration is now called gateway.{new}")));
        }
        Ok(configuration.section("gateway")?)
    }

    pub(crate) fn cors(&self) -> Result<CorsLayer, BootError> {
        let origins = self.allowed_origins.iter().map(|text| parse_origin(text)).collect::<Result<Vec<_>, _>>()?;
        // Credentials are never allowed, and `tutti-session` is not in the list of headers: a session's cookie is for the page of this origin alone.
        Ok(CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
            .allow_headers(REQUEST_HEADERS.map(HeaderName::from_static))
            .expose_headers(RESPONSE_HEADERS.map(HeaderName::from_static))
            .max_age(Duration::from_secs(3600)))
    }
}

/// An origin as browsers write it in `Origin` (RFC 6454, section 6.2). `*` would let every page in, and `null` every sandboxed one.
fn parse_origin(text: &str) -> Result<HeaderValue, BootError> {
    let invalid = || BootError::Other(format!("gateway.allowed_origins holds {text:?}, which is no origin; write them like \"https://app.example\""));
    let url: Uri = text.parse().map_err(|_| invalid())?;
    let (Some("http" | "https"), Some(host)) = (url.scheme_str(), url.authority()) else { return Err(invalid()) };
    let canonical = format!("{}://{host}", url.scheme_str().unwrap_or_default());
    if text != canonical || host.as_str().contains(['@', '*']) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(invalid());
    }
    HeaderValue::from_str(text).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_key_is_refused_with_its_new_name() {
        for (old, new) in RENAMED_KEYS {
            let set = |key: &str| kit::config::Config::load(None, std::iter::empty(), &[format!("gateway.{key}=7")], &["gateway"]).unwrap();
            let error = Config::load(&set(old)).unwrap_err().to_string();
            assert!(error.contains(old) && error.contains(new), "{error}");
            assert!(Config::load(&set(new)).is_ok(), "{new}");
        }
    }

    #[test]
    fn only_whole_origins_may_call_from_a_browser() {
        for fine in ["https://app.example", "http://localhost:5173", "https://[2001:db8::1]:8443"] {
            assert_eq!(parse_origin(fine).unwrap(), fine);
        }
        for wrong in [
            "*",
            "null",
            "",
            "app.example",
            "https://app.example/",
            "https://app.example/x",
            "HTTPS://app.example",
            "ftp://app.example",
            "https://a@app.example",
            "https://*.example",
        ] {
            assert!(parse_origin(wrong).is_err_and(|error| error.to_string().contains("no origin")), "{wrong:?}");
        }
    }
}
