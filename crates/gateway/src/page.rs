//! The page: files inside the binary, and the interface's documentation.
//!
//! Invariant: whatever is served here is ours and the same for everyone; no member's data passes.

use std::io::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kit::Problem;
use sha2::{Digest as _, Sha256};

use crate::static_files::{DOCS, PAGE, Packed, find};

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

/// Every route that is served from here, for those who walk them all: paths, and one address for each.
pub const STATIC_ROUTES: [(&str, &str); 6] =
    [("/v1/openapi.json", "/v1/openapi.json"), ("/docs", "/docs"), ("/docs/", "/docs/"), ("/docs/{file}", "/docs/swagger-ui-bundle.js"), ("/", "/"), ("/{*path}", "/index.html")];

/// The routes of [`STATIC_ROUTES`]; unknown paths without a dot show the page, which routes by itself.
pub(crate) fn router(interface: &Arc<str>, store: Option<&str>) -> Router {
    let (interface, policy) = (packed(interface), policy(store));
    Router::new()
        .route("/v1/openapi.json", get(async move |request: Request| interface.respond(request.headers(), headers("v1/openapi.json", None))))
        .route("/docs", get(async || Redirect::to("/docs/")))
        .route("/docs/", get(async |request: HeaderMap| docs("index.html", &request)))
        .route("/docs/{file}", get(async |Path(file): Path<String>, request: HeaderMap| docs(&file, &request)))
        .route("/", get(page).with_state(policy.clone()))
        .route("/{*path}", get(page).with_state(policy))
}

/// The interface's description, compressed once.
fn packed(interface: &Arc<str>) -> Packed {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let gzip = gzip.write_all(interface.as_bytes()).and_then(|()| gzip.finish()).ok();
    let digest = Sha256::digest(interface.as_bytes());
    Packed { digest: hex::encode(&digest[..16]), identity: Bytes::copy_from_slice(interface.as_bytes()), gzip: gzip.map(Bytes::from), brotli: None }
}

/// A file of Swagger UI.
fn docs(file: &str, request: &HeaderMap) -> Response {
    match find(DOCS, file) {
        Some(found) => found.respond(request, headers(&format!("docs/{file}"), None)),
        None => Problem::new(StatusCode::NOT_FOUND, "request.no_such_address", "There is no such file.").into_response(),
    }
}

async fn page(State(policy): State<Arc<str>>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    let reserved = path == "v1" || path.starts_with("v1/") || path.starts_with("internal") || path == "metrics" || path.starts_with(".well-known/");
    if reserved || !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Problem::new(StatusCode::NOT_FOUND, "request.no_such_address", "There is nothing at this address.").into_response();
    }
    match find(PAGE, path) {
        Some(file) => file.respond(request.headers(), headers(path, Some(&policy))),
        // A dot means a file, except in a member's handle.
        _ if path.contains('.') && !path.starts_with("u/") => Problem::new(StatusCode::NOT_FOUND, "request.no_such_address", "There is no such file.").into_response(),
        _ => match find(PAGE, "index.html") {
            Some(file) => file.respond(request.headers(), headers("index.html", Some(&policy))),
            None => (headers("index.html", Some(&policy)), NO_PAGE).into_response(),
        },
    }
}

/// What every answer with a static file says, besides what its coding and its tag add. `path` is where it lies, without the first slash.
fn headers(path: &str, policy: Option<&str>) -> HeaderMap {
    // Built names carry a hash of their content, so they never change.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let rows: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, content_type(path)),
        (header::CACHE_CONTROL, caching),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), "geolocation=(), payment=()"),
    ];
    let rows = rows.into_iter().chain(policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    rows.filter_map(|(name, value)| HeaderValue::from_str(value).ok().map(|value| (name, value))).collect()
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
