//! Redirects to presigned URLs of the object store, for large files that need no change on their way.
//!
//! Owns which requests are redirected. Invariant: the caller is authorized (by a [`Readable`]), the bytes are exactly
//! those that would be served here, and the URL states their type, so that clients do not guess it.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use http_server::RESOURCE_POLICY;
use objects::PresignOptions;

use super::access::{Audience, Readable};
use super::file_headers::FileHeaders;
use super::response::RequestParts;
use crate::error::Error;
use crate::state::Delivery;

/// Smaller files are served from memory here, faster than a second request.
const MIN_REDIRECT_BYTES: u64 = 8 << 20;
/// How long the URL is valid: for a download that has begun, and to begin one at once.
const MAX_URL_LIFETIME: Duration = Duration::from_mins(10);

/// Returns a redirect to the store, where the operator has enabled that and it suits the request.
pub(super) async fn presigned_redirect(
    delivery: &Delivery,
    request: &RequestParts,
    readable: &Readable,
    file: &FileHeaders<'_>,
) -> Result<Option<Response>, Error> {
    let item = &readable.item;
    if !is_redirectable(request, readable.audience, item.bytes) {
        return Ok(None);
    }
    let Some(lasts) = url_lifetime(readable.remaining) else { return Ok(None) };
    let download = PresignOptions { content_type: file.content_type, disposition: &file.disposition, valid_for: lasts };
    let Some(url) = delivery.context.objects.presign(&item.object, &download).await? else { return Ok(None) };
    Ok(HeaderValue::try_from(url).ok().map(redirect_to))
}

/// Returns whether a redirect suits the request. Not with a token (browsers may carry it along, and the store refuses
/// two kinds of credentials at once), and not with conditions, as the ETags of the store are different.
fn is_redirectable(request: &RequestParts, audience: Audience, bytes: u64) -> bool {
    let conditions = [header::AUTHORIZATION, header::IF_MATCH, header::IF_NONE_MATCH, header::IF_RANGE];
    bytes >= MIN_REDIRECT_BYTES
        && request.method == Method::GET
        && audience != Audience::Owner
        && !conditions.iter().any(|name| request.headers.contains_key(name))
}

/// Returns how long the URL is valid: never longer than the signature of the request. A signature that is about to
/// expire leads to no redirect.
fn url_lifetime(remaining: Option<Duration>) -> Option<Duration> {
    let lifetime = remaining.map_or(MAX_URL_LIFETIME, |remaining| remaining.min(MAX_URL_LIFETIME));
    // Presigned URLs are valid for whole seconds.
    (lifetime.as_secs() > 0).then(|| Duration::from_secs(lifetime.as_secs()))
}

fn redirect_to(url: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, url);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Each step of a redirect must let other pages embed it, as the file itself does (Fetch, section 4.3).
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, headers: &[(header::HeaderName, &'static str)]) -> RequestParts {
        RequestParts {
            method,
            headers: headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect(),
        }
    }

    #[test]
    fn only_a_large_file_for_a_request_without_token_and_conditions_is_redirected() {
        let plain = || request(Method::GET, &[(header::RANGE, "bytes=5-")]);
        assert!(is_redirectable(&plain(), Audience::Everyone, MIN_REDIRECT_BYTES));
        assert!(is_redirectable(&plain(), Audience::SignedUrl, MIN_REDIRECT_BYTES));
        assert!(!is_redirectable(&plain(), Audience::Owner, MIN_REDIRECT_BYTES));
        assert!(!is_redirectable(&plain(), Audience::Everyone, MIN_REDIRECT_BYTES - 1));
        assert!(!is_redirectable(&request(Method::HEAD, &[]), Audience::Everyone, MIN_REDIRECT_BYTES));
        for name in [header::AUTHORIZATION, header::IF_RANGE, header::IF_NONE_MATCH, header::IF_MATCH] {
            assert!(!is_redirectable(&request(Method::GET, &[(name, "x")]), Audience::Everyone, MIN_REDIRECT_BYTES));
        }
    }

    #[test]
    fn the_presigned_url_does_not_outlive_the_signature() {
        assert_eq!(url_lifetime(None), Some(MAX_URL_LIFETIME));
        assert_eq!(url_lifetime(Some(Duration::from_hours(12))), Some(MAX_URL_LIFETIME));
        assert_eq!(url_lifetime(Some(Duration::from_millis(61_900))), Some(Duration::from_secs(61)));
        assert_eq!(url_lifetime(Some(Duration::from_millis(900))), None);
    }

    #[test]
    fn a_presigned_url_is_not_cached() {
        let response = redirect_to(HeaderValue::from_static("https://store/x?sig=1"));
        assert_eq!(
            (response.status(), &response.headers()[header::CACHE_CONTROL]),
            (StatusCode::TEMPORARY_REDIRECT, &HeaderValue::from_static("private, no-store"))
        );
        assert_eq!(response.headers()[header::LOCATION], "https://store/x?sig=1");
        assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(response.headers()[RESOURCE_POLICY], "cross-origin", "or no page elsewhere could embed it");
    }
}
