//! The page: files inside the binary, and the interface's documentation.
//!
//! Invariant: whatever is served here is ours and the same for everyone; no member's data passes.

use std::borrow::Cow;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kit::Problem;
use rust_embed::RustEmbed;
use tower_http::compression::CompressionLayer;
use utoipa_swagger_ui::SwaggerUi;

/// The built page. A build without it serves a note that says how to make it.
#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// Nothing from elsewhere and nothing inline. `data:` for the blurred stand-ins of pictures, `blob:` for Media Source Extensions; `store` is
/// where readers are sent for large files, if they are.
fn policy(store: Option<&str>) -> Arc<str> {
    let store = store.map_or_else(String::new, |origin| format!(" {origin}"));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{store}; media-src 'self' blob:{store}; connect-src 'self'; \
         font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
    .into()
}
const NO_PAGE: &str = "<!doctype html><title>Tutti</title><p>This binary was built without the page. Run <code>make run</code>, or look at <a href=/docs>the interface</a>.";

/// Routes for `/`, `/assets/…`, `/docs`, `/v1/openapi.json`; unknown paths without a dot show the page, which routes by itself.
pub(crate) fn router(interface: &Arc<str>, store: Option<&str>) -> Router {
    let (interface, policy) = (interface.clone(), policy(store));
    Router::new()
        .route("/v1/openapi.json", get(async move || ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")], interface.to_string())))
        .route("/", get(page).with_state(policy.clone()))
        .route("/{*path}", get(page).with_state(policy))
        .merge(SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from("/v1/openapi.json")))
        .layer(CompressionLayer::new())
}

async fn page(State(policy): State<Arc<str>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let reserved = path == "v1" || path.starts_with("v1/") || path.starts_with("internal") || path == "metrics" || path.starts_with(".well-known/");
    if reserved || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(StatusCode::NOT_FOUND, "request.no_such_address", "There is nothing at this address.").into_response();
    }
    match Files::get(path) {
        Some(file) if !path.is_empty() => answer(path, file, request.headers(), &policy),
        // A dot means a file, except in a member's handle.
        _ if path.contains('.') && !path.starts_with("u/") => Problem::new(StatusCode::NOT_FOUND, "request.no_such_address", "There is no such file.").into_response(),
        _ => match Files::get("index.html") {
            Some(file) => answer("index.html", file, request.headers(), &policy),
            None => (headers("index.html", "\"none\"", &policy), NO_PAGE).into_response(),
        },
    }
}

fn answer(path: &str, file: rust_embed::EmbeddedFile, asked: &HeaderMap, policy: &str) -> Response {
    let tag = format!("\"{}\"", hex::encode(&file.metadata.sha256_hash()[..16]));
    let headers = headers(path, &tag, policy);
    if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    let body = match file.data {
        Cow::Borrowed(bytes) => axum::body::Body::from(bytes),
        Cow::Owned(bytes) => axum::body::Body::from(bytes),
    };
    (headers, body).into_response()
}

fn headers(path: &str, tag: &str, policy: &str) -> HeaderMap {
    // Built names carry a hash of their content, so they never change.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let rows: [(HeaderName, &str); 7] = [
        (header::CONTENT_TYPE, content_type(path)),
        (header::CACHE_CONTROL, caching),
        (header::ETAG, tag),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), "geolocation=(), payment=()"),
    ];
    rows.into_iter().filter_map(|(name, value)| HeaderValue::from_str(value).ok().map(|value| (name, value))).collect()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_show_what_lies_in_the_store_only_where_readers_are_sent_there() {
        assert!(!policy(None).contains("http"));
        let policy = policy(Some("https://media.example.org"));
        assert!(policy.contains("img-src 'self' data: https://media.example.org; media-src 'self' blob: https://media.example.org; connect-src 'self';"), "{policy}");
    }
}
