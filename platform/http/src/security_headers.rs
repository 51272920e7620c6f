//! The headers that tell a browser what it may do with a response. Only this file decides them.
//!
//! Owns one policy per kind of response. The listener fills in [`Policy::Api`] wherever a handler chose none, so a new
//! route is strict by default. Does not own CORS, which lets named origins read (gateway), nor caching. Invariant:
//! every response of every listener carries each header of [`Policy::rows`]; a header that a handler has set is kept.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Which origins may embed a response (`<img>`, `<video>`): the same origin or all. Fetch, section 3.6.
pub const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// Data for programs: as a document it runs nothing, loads nothing, and has an origin of its own.
const API: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// A file in a tab of its own: it shows itself, which needs the styles of the browsers' own viewers, and runs nothing.
const MEDIA: &str = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; \
     frame-ancestors 'none'";
/// Swagger UI: its scripts and styles are files of ours; its icons are `data:` URLs in its style sheet. The hash is
/// that of the one inline style, two colours in its logo.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' \
    'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors \
    'none'";

/// A kind of response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Policy {
    /// JSON, problems, metrics, redirects: the default.
    Api,
    /// Bytes of members' media and what is made from them.
    Media,
    /// The documentation of the API.
    Docs,
    /// The web page and its files; made by [`Policy::page`].
    Page(HeaderValue),
    /// The page as a player in pages of other origins; made by [`Policy::embed`].
    Embed(HeaderValue),
}

/// The end of a content security policy that lets every page frame the response.
const FRAMED_BY_ALL: &str = "frame-ancestors *";

impl Policy {
    /// Returns the policy of the web page: nothing from other origins, nothing inline. `data:` is for the blurred
    /// placeholders of pictures, `blob:` for Media Source Extensions. `store` is the origin that large files are
    /// redirected to, if they are.
    pub fn page(store: Option<&str>) -> Self {
        Self::Page(page_content(store, "frame-ancestors 'none'"))
    }

    /// Returns the policy of the embeddable player: that of the page, but pages of all origins may frame it.
    pub fn embed(store: Option<&str>) -> Self {
        Self::Embed(page_content(store, FRAMED_BY_ALL))
    }

    /// Adds the headers that are missing.
    pub fn fill(&self, headers: &mut HeaderMap) {
        for (name, value) in self.rows() {
            headers.entry(name).or_insert(value);
        }
        // `X-Frame-Options` has no word for "all": what every page may frame has none.
        let content = headers.get(header::CONTENT_SECURITY_POLICY);
        if content.is_some_and(|content| content.as_bytes().ends_with(FRAMED_BY_ALL.as_bytes())) {
            headers.remove(header::X_FRAME_OPTIONS);
        }
    }

    fn rows(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let (content, referrer, permissions) = match self {
            Self::Api => (HeaderValue::from_static(API), "no-referrer", None),
            Self::Media => (HeaderValue::from_static(MEDIA), "no-referrer", None),
            // `same-origin` keeps the `Origin` of the page's own requests, which session cookies are checked against.
            Self::Docs => (
                HeaderValue::from_static(DOCS),
                "same-origin",
                Some("camera=(), geolocation=(), microphone=(), payment=()"),
            ),
            Self::Page(content) | Self::Embed(content) => {
                (content.clone(), "same-origin", Some("geolocation=(), payment=()"))
            }
        };
        let embedders = if matches!(self, Self::Embed(_)) { "cross-origin" } else { "same-origin" };
        [
            (header::CONTENT_SECURITY_POLICY, content),
            (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            // For browsers that don't support `frame-ancestors`.
            (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
            (header::REFERRER_POLICY, HeaderValue::from_static(referrer)),
            (OPENER_POLICY, HeaderValue::from_static("same-origin")),
            (RESOURCE_POLICY, HeaderValue::from_static(embedders)),
        ]
        .into_iter()
        .chain(permissions.map(|permissions| (PERMISSIONS_POLICY, HeaderValue::from_static(permissions))))
    }
}

/// Returns the content security policy of the page. `ancestors` is the directive that says who may frame it.
fn page_content(store: Option<&str>, ancestors: &str) -> HeaderValue {
    let of = |store: &str| {
        HeaderValue::try_from(format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{store}; media-src \
             'self' blob:{store}; connect-src 'self'; font-src 'self'; manifest-src 'self'; \
             worker-src 'self'; base-uri 'none'; form-action 'self'; {ancestors}"
        ))
    };
    let policy = of(&store.map_or_else(String::new, |origin| format!(" {origin}")));
    // An origin that no header can carry is one that no browser can load from.
    policy.or_else(|_| of("")).unwrap_or(HeaderValue::from_static(API))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(policy: &Policy) -> HeaderMap {
        let mut headers = HeaderMap::new();
        policy.fill(&mut headers);
        headers
    }

    #[test]
    fn every_kind_of_response_is_unframable_and_unsniffable() {
        for policy in
            [Policy::Api, Policy::Media, Policy::Docs, Policy::page(None), Policy::page(Some("not\nan origin"))]
        {
            let headers = filled(&policy);
            let content = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(
                content.contains("default-src 'none'; ") && content.contains("frame-ancestors 'none'"),
                "{content}"
            );
            assert!(!content.contains("unsafe-eval") && !content.contains("script-src 'unsafe"), "{content}");
            assert_eq!(
                (&headers[header::X_CONTENT_TYPE_OPTIONS], &headers[header::X_FRAME_OPTIONS]),
                (&HeaderValue::from_static("nosniff"), &HeaderValue::from_static("DENY"))
            );
        }
    }

    #[test]
    fn only_the_embeddable_player_may_be_framed_and_stays_so() {
        let mut headers = filled(&Policy::embed(None));
        // The listener fills in the strictest policy last.
        Policy::Api.fill(&mut headers);
        assert!(!headers.contains_key(header::X_FRAME_OPTIONS));
        let (embed, page) = (headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap(), filled(&Policy::page(None)));
        let page = page[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(embed, page.replace("frame-ancestors 'none'", "frame-ancestors *"));
    }

    #[test]
    fn what_a_handler_has_set_stands() {
        let mut headers = HeaderMap::from_iter([(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"))]);
        Policy::Media.fill(&mut headers);
        Policy::Api.fill(&mut headers);
        assert_eq!(headers[RESOURCE_POLICY], "cross-origin");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], MEDIA);
        assert_eq!(headers.get_all(header::CONTENT_SECURITY_POLICY).iter().count(), 1);
    }

    #[test]
    fn a_page_may_show_what_lies_in_the_store_only_where_readers_are_sent_there() {
        let content =
            |store| filled(&Policy::page(store))[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(!content(None).contains("http"));
        let with_store = content(Some("https://media.example.org"));
        let wanted = "img-src 'self' data: https://media.example.org; media-src 'self' blob: \
            https://media.example.org; connect-src 'self';";
        assert!(with_store.contains(wanted), "{with_store}");
    }
}
