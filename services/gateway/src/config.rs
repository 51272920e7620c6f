//! `[gateway]` in the configuration.
//!
//! Invariant: the defaults are safe for a server on the public internet.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base::config::{Error, Section};
use http::{HeaderName, HeaderValue, Method, Uri};
use http_server::tls::CertificateFiles;
use serde::{Deserialize, Serialize};
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa::ToSchema;

/// Limits of the public listener.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The most requests in progress at once. The gateway responds 503 to more.
    pub requests_at_once: usize,
    /// How many of those one IP address may have in progress without a token. All such addresses together may have
    /// three quarters of `requests_at_once`.
    pub anonymous_requests_per_address: usize,
    /// How many read requests without a token from one IP address are forwarded to roles at once. The others wait.
    pub anonymous_in_flight_per_address: usize,
    /// How many of those one member may have in progress, from any address; at least 1. One more is a 429. Streams and
    /// WebSockets are counted apart.
    pub requests_per_member_at_once: usize,
    /// The most requests that one role works on at once, large uploads apart. Where responses are slow, the gateway
    /// forwards fewer; the others wait, and are refused with 503 after twenty seconds (members) or five.
    pub requests_per_role_at_once: usize,
    /// The fewest requests that one role works on at once, however slow it is.
    pub requests_per_role_at_least: usize,
    /// The most event streams and WebSockets at once, counted apart from other requests. When all are in use, the
    /// client with the most streams loses its oldest.
    pub streams_at_once: usize,
    /// How many of those a member may have. One more ends the member's oldest.
    pub streams_per_member: usize,
    /// How many of those all clients without a token at one IP address may have together (a whole venue may share one
    /// address).
    pub streams_per_address: usize,
    /// Read requests per second of one member, or of all clients without a token at one IP address (a whole venue may
    /// share one address); 0 for no limit. Static files are counted apart, a large one as several requests; a page with
    /// a link preview, and oEmbed, are reads. A request for an event stream counts as twenty.
    pub reads_per_second: u32,
    /// Write requests per second of one member; 0 for no limit.
    pub writes_per_second: u32,
    /// Write requests per second without a token from one IP address (sign-up, sign-in); 0 for no limit.
    pub anonymous_writes_per_second: u32,
    /// Seconds within which the response to a request with no body, or a small one, must begin.
    pub response_timeout_seconds: u64,
    /// The largest request body in bytes. Roles have their own, smaller limits.
    pub max_body_bytes: u64,
    /// The lowest upload rate in bytes per second, averaged over a window. The gateway aborts a slower upload.
    pub slow_bytes_per_second: u64,
    /// The length of that window in seconds. A role that limits upload rates itself should use a shorter one, because
    /// its error says more.
    pub slow_window_seconds: u64,
    /// Seconds without traffic (pings count) after which a WebSocket is closed.
    pub websocket_idle_timeout_seconds: u64,
    /// The longest URL in bytes, with its query.
    pub max_url_bytes: usize,
    /// The most header lines of a request.
    pub max_headers: usize,
    /// How many trusted proxies stand in front of the gateway. The client's address is taken that many places from the
    /// right in `X-Forwarded-For`.
    pub trusted_hops: usize,
    /// The origin of the site as people see it, such as `https://tutti.example`, for the URLs in link previews. If it
    /// is empty, the `Host` of the request names it, and `X-Forwarded-Proto` of a trusted proxy the scheme.
    pub public_url: String,
    /// A PEM file with the certificate of the public listener, then those of the authorities between it and the one
    /// that clients trust. With it, the listener speaks TLS, and HTTP/2 with clients that offer it; without it, plain
    /// HTTP/1, for a proxy in front. A changed file is used within ten seconds, without a restart.
    #[schema(value_type = Option<String>)]
    pub tls_certificate_file: Option<PathBuf>,
    /// A PEM file with the private key of that certificate.
    #[schema(value_type = Option<String>)]
    pub tls_key_file: Option<PathBuf>,
    /// Origins whose pages may call the API from a browser (CORS), such as `["https://app.example"]`.
    pub allowed_origins: Vec<String>,
}

/// Returns the sections for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("gateway").with_rule(|config| config.section::<Config>("gateway")?.check())]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            requests_at_once: 8_000,
            anonymous_requests_per_address: 2_000,
            anonymous_in_flight_per_address: 32,
            requests_per_member_at_once: 512,
            requests_per_role_at_once: 1_024,
            requests_per_role_at_least: 256,
            streams_at_once: 4_000,
            streams_per_member: 32,
            // Two hundred people at one venue, each with six streams.
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
            // hyper refuses more than a hundred, without an explanation.
            max_headers: 80,
            trusted_hops: 0,
            public_url: String::new(),
            tls_certificate_file: None,
            tls_key_file: None,
            allowed_origins: Vec::new(),
        }
    }
}

/// Request headers that a page on an allowed origin may send besides the CORS-safelisted ones.
const REQUEST_HEADERS: [&str; 20] = [
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
    // Not supported, but then it is the response that says so, and not the browser.
    "upload-concat",
    "upload-defer-length",
    // What tus-js-client and Uppy send on request, as tusd allows it.
    "x-http-method-override",
    "x-request-id",
    "x-requested-with",
    "traceparent",
];
/// Response headers that its scripts may read.
const RESPONSE_HEADERS: [&str; 21] = [
    "location",
    "etag",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
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
    "tutti-epoch",
    "tutti-media",
    "tus-checksum-algorithm",
    "content-disposition",
];

impl Config {
    /// Refuses values that can't be used.
    fn check(&self) -> Result<(), Error> {
        self.cors().map(drop)?;
        self.tls().map(drop)?;
        self.public_origin().map(drop)
    }

    /// Returns the files of the public listener's certificate, if it has one.
    pub fn tls(&self) -> Result<Option<CertificateFiles>, Error> {
        certificate_files("gateway", self.tls_certificate_file.as_deref(), self.tls_key_file.as_deref())
    }

    pub(crate) fn cors(&self) -> Result<CorsLayer, Error> {
        let parse = |text: &String| parse_origin("gateway.allowed_origins", text);
        let origins = self.allowed_origins.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        // Credentials are never allowed, and `tutti-session` is not in the list of headers: only the page of this
        // origin may use the session cookie.
        Ok(CorsLayer::new()
            .allow_origin(AllowOrigin::list(origins))
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
            .allow_headers(REQUEST_HEADERS.map(HeaderName::from_static))
            .expose_headers(RESPONSE_HEADERS.map(HeaderName::from_static))
            .max_age(Duration::from_secs(3600)))
    }

    /// Returns the origin of the site, if it is configured.
    pub(crate) fn public_origin(&self) -> Result<Option<String>, Error> {
        if self.public_url.is_empty() {
            return Ok(None);
        }
        parse_origin("gateway.public_url", &self.public_url).map(|_| Some(self.public_url.clone()))
    }
}

/// Returns the files of the certificate that a section names. One file without the other is an error.
pub(crate) fn certificate_files(
    section: &str,
    certificate: Option<&Path>,
    key: Option<&Path>,
) -> Result<Option<CertificateFiles>, Error> {
    CertificateFiles::of(certificate, key)
        .map_err(|error| Error::Unusable(format!("{section}.tls_certificate_file and {section}.tls_key_file: {error}")))
}

/// Parses an origin as browsers write it in `Origin` (RFC 6454, section 6.2). `*` is refused because it would allow
/// every page, and `null` because it would allow every sandboxed one. `key` is that of the configuration.
pub(crate) fn parse_origin(key: &str, text: &str) -> Result<HeaderValue, Error> {
    let invalid = || {
        Error::Unusable(format!(
            "{key} contains {text:?}, which is no origin; write origins like \"https://app.example\""
        ))
    };
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
    fn a_certificate_needs_its_key() {
        let config = |certificate: bool, key: bool| Config {
            tls_certificate_file: certificate.then(|| "server.pem".into()),
            tls_key_file: key.then(|| "server.key".into()),
            ..Config::default()
        };
        assert_eq!(config(false, false).tls().unwrap(), None);
        assert!(config(true, true).tls().unwrap().is_some() && config(true, true).check().is_ok());
        for half in [config(true, false), config(false, true)] {
            let error = half.check().unwrap_err().to_string();
            assert!(error.contains("gateway.tls_key_file") && error.contains("both files"), "{error}");
        }
    }

    #[test]
    fn only_whole_origins_may_call_from_a_browser() {
        for fine in ["https://app.example", "http://localhost:5173", "https://[2001:db8::1]:8443"] {
            assert_eq!(parse_origin("gateway.public_url", fine).unwrap(), fine);
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
            let error = parse_origin("gateway.public_url", wrong).unwrap_err().to_string();
            assert!(error.contains("gateway.public_url") && error.contains("no origin"), "{wrong:?}");
        }
    }
}
