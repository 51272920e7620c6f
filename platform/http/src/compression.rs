//! Compresses JSON on its way to clients that accept it.
//!
//! Does not own static files, which are compressed when they are built (gateway). Invariant: media, event streams and
//! what must not be stored (tokens are among it) are passed on as they are, and no response has another status.

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};

/// Smaller responses fit into a packet or two anyway, in bytes.
const MIN_BYTES: u64 = 1024;

/// Adds the layer to a router whose lists are long. What its handlers forbid to store is not compressed.
pub fn compress_json(router: Router) -> Router {
    let compressible = SizeAbove::new(MIN_BYTES).and(is_plain_json);
    let layer = CompressionLayer::new().gzip(true).quality(CompressionLevel::Fastest).compress_when(compressible);
    router.layer(layer).layer(map_request(ask_for_gzip))
}

fn is_plain_json(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = text(header::CONTENT_TYPE);
    (content_type.starts_with("application/json") || content_type.starts_with("application/problem+json"))
        && !text(header::CACHE_CONTROL).contains("no-store")
}

/// Leaves `gzip` or nothing of `Accept-Encoding`. To a client that accepts nothing that the layer has, it would say 406
/// after the handler has done its work; such a client gets the response as it is (RFC 9110 §12.5.3).
async fn ask_for_gzip(mut request: Request) -> Request {
    let lines = request.headers().get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let accepted = lines.flat_map(|line| line.split(',')).any(accepts_gzip);
    request.headers_mut().remove(header::ACCEPT_ENCODING);
    if accepted {
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    request
}

/// Whether an element of `Accept-Encoding`, such as `gzip;q=0.5`, accepts gzip.
fn accepts_gzip(element: &str) -> bool {
    let (coding, parameters) = element.split_once(';').unwrap_or((element, ""));
    let quality = parameters.split_once('=').map_or("1", |(_, quality)| quality.trim());
    coding.trim().eq_ignore_ascii_case("gzip") && quality.bytes().any(|digit| (b'1'..=b'9').contains(&digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_accepted_unless_its_quality_is_zero() {
        for accepted in ["gzip", " GZIP ", "gzip;q=1", "gzip; q=0.001"] {
            assert!(accepts_gzip(accepted), "{accepted}");
        }
        for refused in ["", "br", "identity", "*", "gzip;q=0", "gzip; q=0.000"] {
            assert!(!accepts_gzip(refused), "{refused}");
        }
    }
}
