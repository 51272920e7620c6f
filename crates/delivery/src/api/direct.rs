//! Sending a reader to the store itself, for large files that need no change on their way.
//!
//! Owns whom that suits. Invariant: the reader has been found to be allowed (a [`Readable`] says so), the bytes are exactly those that would
//! be answered here, and the address says their type, so that nothing is guessed from them.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use kit::http::RESOURCE_POLICY;
use kit::objects::Download;

use super::access::{Audience, Readable};
use super::files::Described;
use crate::Delivery;
use crate::error::Error;
use crate::respond::Asking;

/// Smaller files come from memory here, faster than a second request.
const LEAST_BYTES: u64 = 8 << 20;
/// How long the address works: for the whole of a download that has begun, and to begin one at once.
const LASTS: Duration = Duration::from_mins(10);

/// The way to the store, where the operator wants that and it suits the request.
pub(super) async fn elsewhere(delivery: &Delivery, asking: &Asking, readable: &Readable, file: &Described<'_>) -> Result<Option<Response>, Error> {
    let item = &readable.item;
    if !suits(asking, readable.audience, item.bytes) {
        return Ok(None);
    }
    let Some(lasts) = lasts(readable.remaining) else { return Ok(None) };
    let download = Download { content_type: file.content_type, disposition: &file.disposition, lasts };
    let Some(address) = delivery.context.objects.direct(&item.object, &download).await? else { return Ok(None) };
    Ok(HeaderValue::try_from(address).ok().map(sent))
}

/// Not whoever shows a token (browsers may carry it along, and the store refuses two ways in at once), nor who has a part of it and asks
/// whether that still holds: the store has other tags than we.
fn suits(asking: &Asking, audience: Audience, bytes: u64) -> bool {
    let conditions = [header::AUTHORIZATION, header::IF_MATCH, header::IF_NONE_MATCH, header::IF_RANGE];
    bytes >= LEAST_BYTES && asking.method == Method::GET && audience != Audience::Owner && !conditions.iter().any(|name| asking.headers.contains_key(name))
}

/// The store's address never works for longer than the signature that led to it; one that is about to end leads nowhere.
fn lasts(remaining: Option<Duration>) -> Option<Duration> {
    let lasts = remaining.map_or(LASTS, |remaining| remaining.min(LASTS));
    // Presigned URLs last whole seconds.
    (lasts.as_secs() > 0).then(|| Duration::from_secs(lasts.as_secs()))
}

fn sent(address: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, address);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Each step of a redirect must let other pages embed it, as the file itself does (Fetch, section 4.3).
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(method: Method, headers: &[(header::HeaderName, &'static str)]) -> Asking {
        Asking { method, headers: headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect() }
    }

    #[test]
    fn only_a_large_file_for_a_reader_without_token_and_conditions_is_fetched_elsewhere() {
        let plain = || asking(Method::GET, &[(header::RANGE, "bytes=5-")]);
        assert!(suits(&plain(), Audience::Everyone, LEAST_BYTES));
        assert!(suits(&plain(), Audience::Granted, LEAST_BYTES));
        assert!(!suits(&plain(), Audience::Owner, LEAST_BYTES));
        assert!(!suits(&plain(), Audience::Everyone, LEAST_BYTES - 1));
        assert!(!suits(&asking(Method::HEAD, &[]), Audience::Everyone, LEAST_BYTES));
        for name in [header::AUTHORIZATION, header::IF_RANGE, header::IF_NONE_MATCH, header::IF_MATCH] {
            assert!(!suits(&asking(Method::GET, &[(name, "x")]), Audience::Everyone, LEAST_BYTES));
        }
    }

    #[test]
    fn the_stores_address_does_not_outlive_the_signature() {
        assert_eq!(lasts(None), Some(LASTS));
        assert_eq!(lasts(Some(Duration::from_hours(12))), Some(LASTS));
        assert_eq!(lasts(Some(Duration::from_millis(61_900))), Some(Duration::from_secs(61)));
        assert_eq!(lasts(Some(Duration::from_millis(900))), None);
    }

    #[test]
    fn an_address_that_lets_in_is_kept_nowhere() {
        let response = sent(HeaderValue::from_static("https://store/x?sig=1"));
        assert_eq!((response.status(), &response.headers()[header::CACHE_CONTROL]), (StatusCode::TEMPORARY_REDIRECT, &HeaderValue::from_static("private, no-store")));
        assert_eq!(response.headers()[header::LOCATION], "https://store/x?sig=1");
        assert_eq!(response.headers()[header::REFERRER_POLICY], "no-referrer");
        assert_eq!(response.headers()[RESOURCE_POLICY], "cross-origin", "or no page elsewhere could embed it");
    }
}
