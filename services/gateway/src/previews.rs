//! Previews of items and albums for pages of other sites: asks media, and knows the site's own origin.
//!
//! Does not own what a preview is rendered to: tags (`preview_tags`) and oEmbed (`oembed`) do. Invariant: a request for
//! a preview waits [`PREVIEW_TIMEOUT`] at most, and [`MAX_CONCURRENT_QUERIES`] wait at once.

use std::sync::Arc;
use std::time::Duration;

use contract::media::{AlbumPreview, FindAlbumPreview, FindPreview, Preview};
use contract::{MediaId, Query};
use http::header;
use http::request::Parts;
use http_server::OverTls;
use peer::Peers;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long a page waits for its preview.
const PREVIEW_TIMEOUT: Duration = Duration::from_millis(300);
/// Queries at once; further pages have no preview.
const MAX_CONCURRENT_QUERIES: usize = 64;
/// Only a trusted proxy may set it: the guard removes it from all other requests.
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// The media role did not respond in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unavailable;

/// Finds previews. Clones share the limit.
#[derive(Clone)]
pub(crate) struct Previews(Arc<Inner>);

struct Inner {
    peers: Peers,
    permits: Semaphore,
    /// The configured origin of the site.
    public_origin: Option<String>,
}

impl Previews {
    pub(crate) fn new(peers: Peers, public_origin: Option<String>) -> Self {
        Self(Arc::new(Inner { peers, permits: Semaphore::new(MAX_CONCURRENT_QUERIES), public_origin }))
    }

    /// Returns the preview of an item; `None` where an anonymous visitor may not see it, or there is no such item.
    pub(crate) async fn find(&self, id: &MediaId) -> Result<Option<Preview>, Unavailable> {
        self.ask(&FindPreview(id.clone())).await
    }

    /// Returns the preview of an album; `None` where an anonymous visitor may not see it, or there is no such album.
    pub(crate) async fn find_album(&self, id: &MediaId) -> Result<Option<AlbumPreview>, Unavailable> {
        self.ask(&FindAlbumPreview(id.clone())).await
    }

    async fn ask<Q: Query>(&self, query: &Q) -> Result<Option<Q::Response>, Unavailable> {
        let _permit = self.0.permits.try_acquire().map_err(|_| Unavailable)?;
        match timeout(PREVIEW_TIMEOUT, self.0.peers.ask(query)).await {
            Ok(Ok(preview)) => Ok(preview),
            Ok(Err(error)) => {
                tracing::debug!(%error, "media did not respond with a preview");
                Err(Unavailable)
            }
            Err(_) => Err(Unavailable),
        }
    }

    /// Returns the origin of the site, as the sender of the request sees it; `None` if the request names none that
    /// could be one.
    pub(crate) fn origin(&self, parts: &Parts) -> Option<String> {
        if let Some(origin) = &self.0.public_origin {
            return Some(origin.clone());
        }
        let named = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = named.or_else(|| parts.uri.authority().map(http::uri::Authority::as_str))?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        let proto = parts.headers.get(FORWARDED_PROTO).and_then(|proto| proto.to_str().ok()).unwrap_or_default();
        let is_forwarded = proto.rsplit(',').next().is_some_and(|last| last.trim().eq_ignore_ascii_case("https"));
        let is_https = is_forwarded || parts.extensions.get::<OverTls>().is_some();
        let scheme = if is_https { "https" } else { "http" };
        (!host.is_empty() && host.bytes().all(is_plain)).then(|| format!("{scheme}://{host}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(configured: Option<&str>, headers: &[(&str, &str)]) -> Option<String> {
        let request = headers.iter().fold(http::Request::get("/m/x"), |all, (name, value)| all.header(*name, *value));
        let (parts, ()) = request.body(()).unwrap().into_parts();
        Previews::new(Peers::default(), configured.map(str::to_owned)).origin(&parts)
    }

    #[test]
    fn the_origin_is_the_configured_one_or_that_of_the_request() {
        let host = ("host", "tutti.example:8080");
        assert_eq!(origin(None, &[host]).as_deref(), Some("http://tutti.example:8080"));
        assert_eq!(
            origin(None, &[host, (FORWARDED_PROTO, "http, https")]).as_deref(),
            Some("https://tutti.example:8080")
        );
        assert_eq!(origin(Some("https://a.example"), &[host]).as_deref(), Some("https://a.example"));
        for odd in ["", "a\"b", "a<b", "a b", "me@a.example"] {
            assert_eq!(origin(None, &[("host", odd)]), None, "{odd}");
        }
    }
}
