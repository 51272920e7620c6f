//! The routes of embedded files: the page, the API documentation, and the OpenAPI and AsyncAPI documents.
//!
//! The page does its own routing; `routes.json` in it has the patterns of its paths, and any other path is a 404 with
//! the page as its body, which says so to people. The page of an item or an album that everyone may read has a preview
//! in its head; the page below `/embed/` may be framed by other sites. Invariant: no response depends on who asks, and
//! none has anything of members but such previews; neither listener has a page of the other.

use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_server::Policy;
use http_server::Problem;
use http_server::problem::every_role;

use crate::precompressed::{DOCS, PAGE, PrecompressedFile, find};
use crate::preview_tags::PagePreview;
use crate::preview_urls::{album_of_page, item_of_page};
use crate::previews::Previews;
use crate::{oembed, preview_tags};

const PAGE_NOT_BUILT: &str = "<!doctype html><html lang=en><head><title>Tutti</title></head><body><p>This binary was \
                              built without the page. Run <code>make run</code>, or read <a href=/docs>the API \
                              documentation</a>.</body></html>";

/// The operators' console, among the files of the page. It is a build of its own: its other files are below
/// [`CONSOLE_ASSETS`].
const CONSOLE: &str = "console.html";
const CONSOLE_ASSETS: &str = "assets/console/";
/// The files of the page that the console names, too.
const CONSOLE_SHARED: [&str; 3] = ["favicon.ico", "favicon.svg", "theme.js"];
const CONSOLE_NOT_BUILT: &str = "<!doctype html><html lang=en><head><title>Tutti, operators</title></head><body>\
                                 <p>This is the operators' listener. <a href=/docs/>The documentation of its API</a> \
                                 says what it has.</body></html>";

/// Tells search engines what they may do with a page, as the `robots` tag does.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// What the paths of links that expire begin with; the token follows.
const SHARED_PREFIX: &str = "s/";
/// What the paths of the player in pages of other sites begin with.
const EMBED_PREFIX: &str = "embed/";

/// The routes of this module, each as its path pattern and an example path. Tests visit them all.
pub const STATIC_ROUTES: [(&str, &str); 8] = [
    ("/v1/openapi.json", "/v1/openapi.json"),
    (ASYNCAPI_ROUTE, ASYNCAPI_ROUTE),
    ("/docs", "/docs"),
    ("/docs/", "/docs/"),
    ("/docs/{file}", "/docs/swagger-ui-bundle.js"),
    (OEMBED_ROUTE, "/oembed"),
    ("/", "/"),
    (PAGE_ROUTE, "/index.html"),
];

/// The route of the document that describes the frames of WebSockets.
const ASYNCAPI_ROUTE: &str = "/v1/asyncapi.json";

/// The route of oEmbed, and that of the page's paths. Media is asked for what some of these respond with.
pub(crate) const OEMBED_ROUTE: &str = "/oembed";
pub(crate) const PAGE_ROUTE: &str = "/{*path}";

/// What the page's routes share.
#[derive(Clone)]
struct PageState {
    policy: Policy,
    embed_policy: Policy,
    previews: Previews,
}

/// Returns the routes of [`STATIC_ROUTES`], with the OpenAPI document and the AsyncAPI document.
pub(crate) fn router(
    (openapi_json, asyncapi_json): (&Arc<str>, &Arc<str>),
    object_store_origin: Option<&str>,
    previews: Previews,
) -> Router {
    let pages = PageState {
        policy: Policy::page(object_store_origin),
        embed_policy: Policy::embed(object_store_origin),
        previews: previews.clone(),
    };
    documentation(openapi_json)
        .merge(description(ASYNCAPI_ROUTE, asyncapi_json))
        .route(OEMBED_ROUTE, get(oembed::respond).with_state(previews))
        .route("/", get(page).with_state(pages.clone()))
        .route(PAGE_ROUTE, get(page).with_state(pages))
}

/// Returns the routes of the operators' listener: its OpenAPI document and the documentation of its API, and the
/// console at every other path, which are a part of [`STATIC_ROUTES`].
pub(crate) fn operators_router(openapi_json: &Arc<str>) -> Router {
    documentation(openapi_json).route("/", get(console)).route(PAGE_ROUTE, get(console))
}

/// Returns the routes of an OpenAPI document and of the documentation that is made of it.
fn documentation(openapi_json: &Arc<str>) -> Router {
    description("/v1/openapi.json", openapi_json)
        .route("/docs", get(async || Redirect::to("/docs/")))
        .route("/docs/", get(async |request: HeaderMap| docs("index.html", &request)))
        .route("/docs/{file}", get(async |Path(file): Path<String>, request: HeaderMap| docs(&file, &request)))
}

/// Returns the route of a JSON document that describes the interface.
fn description(path: &'static str, json: &Arc<str>) -> Router {
    let json = json.clone();
    let file = Arc::new(LazyLock::new(move || precompress(&json)));
    let name = path.trim_start_matches('/');
    Router::new().route(
        path,
        get(async move |request: Request| {
            PrecompressedFile::clone(&file).respond(request.headers(), headers(name, &Policy::Api))
        }),
    )
}

/// Responds with a built file of the console, or with the console itself, which does its own routing.
async fn console(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if is_reserved(path) {
        return Problem::of(every_role::NO_SUCH_URL, "There is nothing at this URL.").into_response();
    }
    // No path of the console has a dot, and none of its pages is below `assets/`.
    if path.contains('.') || path.starts_with("assets/") {
        let is_its_own = path.starts_with(CONSOLE_ASSETS) || CONSOLE_SHARED.contains(&path);
        return match find(PAGE, path).filter(|_| is_its_own) {
            Some(file) => file.respond(request.headers(), headers(path, &Policy::page(None))),
            None => Problem::of(every_role::NO_SUCH_URL, "There is no such file.").into_response(),
        };
    }
    let page_headers = headers(CONSOLE, &Policy::page(None));
    match find(PAGE, CONSOLE) {
        Some(file) => file.respond(request.headers(), page_headers),
        None => (page_headers, CONSOLE_NOT_BUILT).into_response(),
    }
}

/// Whether a path is one of the API or of the process, so that no page is at it.
fn is_reserved(path: &str) -> bool {
    path == "v1"
        || path.starts_with("v1/")
        || path.starts_with("internal")
        || path == "metrics"
        || path.starts_with(".well-known/")
}

/// Whether a file of the page is one of the operators' console, which the public listener does not have.
pub(crate) fn is_of_console(path: &str) -> bool {
    path == CONSOLE || path.starts_with(CONSOLE_ASSETS)
}

/// Compresses a document: once, for the first request, as a process may get none.
fn precompress(json: &Arc<str>) -> PrecompressedFile {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let gzip = gzip.write_all(json.as_bytes()).and_then(|()| gzip.finish()).ok();
    let file = PrecompressedFile::uncompressed(Bytes::copy_from_slice(json.as_bytes()));
    PrecompressedFile { gzip: gzip.map(Bytes::from), ..file }
}

/// Responds with a file of Swagger UI.
fn docs(file: &str, request: &HeaderMap) -> Response {
    match find(DOCS, file) {
        Some(found) => found.respond(request, headers(&format!("docs/{file}"), &Policy::Docs)),
        None => Problem::of(every_role::NO_SUCH_URL, "There is no such file.").into_response(),
    }
}

async fn page(State(state): State<PageState>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let path = parts.uri.path().trim_start_matches('/');
    if is_reserved(path) || !matches!(parts.method, Method::GET | Method::HEAD) {
        return Problem::of(every_role::NO_SUCH_URL, "There is nothing at this URL.").into_response();
    }
    if let Some(file) = find(PAGE, path).filter(|_| !is_of_console(path)) {
        return file.respond(&parts.headers, headers(path, &state.policy));
    }
    // A path with a dot is a file, except in a member's handle.
    if path.contains('.') && !path.starts_with("u/") {
        return Problem::of(every_role::NO_SUCH_URL, "There is no such file.").into_response();
    }
    match find_preview(&state.previews, &parts).await {
        Some((origin, preview)) => page_with_preview(&state, &parts, &origin, &preview),
        None => page_itself(&state, &parts),
    }
}

/// Returns the preview of the item or album whose page is requested, and the origin of its URLs.
async fn find_preview(previews: &Previews, parts: &Parts) -> Option<(String, PagePreview)> {
    let (path, origin) = (parts.uri.path(), previews.origin(parts)?);
    // Without a response in time, the page is as useful to people.
    let preview = match (item_of_page(path), album_of_page(path)) {
        (Some(id), _) => PagePreview::Item(previews.find(&id).await.ok()??),
        (None, Some(id)) => PagePreview::Album(previews.find_album(&id).await.ok()??),
        (None, None) => return None,
    };
    Some((origin, preview))
}

/// Responds with the page, with a preview in its head. No coding of it is prepared: it is made for this request.
fn page_with_preview(state: &PageState, parts: &Parts, origin: &str, preview: &PagePreview) -> Response {
    let page = find(PAGE, "index.html").map(|file| file.identity);
    let page = page.as_deref().unwrap_or(PAGE_NOT_BUILT.as_bytes());
    let html = std::str::from_utf8(page).ok().and_then(|page| preview_tags::insert(page, origin, preview));
    let Some(html) = html else { return page_itself(state, parts) };
    let mut headers = headers("index.html", &state.policy);
    // Its URLs have the origin that this client has asked.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    let response = PrecompressedFile::uncompressed(html.into()).respond(&parts.headers, headers);
    if response.status() == StatusCode::NOT_ACCEPTABLE { page_itself(state, parts) } else { response }
}

/// Responds with the page as it was built.
fn page_itself(state: &PageState, parts: &Parts) -> Response {
    let path = parts.uri.path().trim_start_matches('/');
    let is_embedded = path.starts_with(EMBED_PREFIX);
    let policy = if is_embedded { &state.embed_policy } else { &state.policy };
    match find(PAGE, "index.html") {
        Some(file) if is_page(&PAGE_PATTERNS, path) => file.respond(&parts.headers, page_headers(path, policy)),
        Some(file) => {
            // Without its condition: what is not there is not unchanged.
            let mut request_headers = parts.headers.clone();
            request_headers.remove(header::IF_NONE_MATCH);
            let mut response = file.respond(&request_headers, page_headers(path, &state.policy));
            if response.status() == StatusCode::OK {
                *response.status_mut() = StatusCode::NOT_FOUND;
                response.headers_mut().remove(header::ETAG);
            }
            response
        }
        None => (page_headers(path, policy), PAGE_NOT_BUILT).into_response(),
    }
}

/// Returns the headers of the page itself at a path, without those of its coding and entity tag. `path` has no leading
/// slash.
pub(crate) fn page_headers(path: &str, policy: &Policy) -> HeaderMap {
    let mut headers = headers("index.html", policy);
    if path.starts_with(SHARED_PREFIX) {
        // What opens the item is in the URL: no other server gets to know it, and no index.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    }
    if path.starts_with(EMBED_PREFIX) || path.starts_with(SHARED_PREFIX) {
        // The page of the item is the one to index, and of an item that is not public none.
        headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
    }
    headers
}

/// The patterns of the page's paths.
static PAGE_PATTERNS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let file = find(PAGE, "routes.json");
    file.and_then(|file| serde_json::from_slice(&file.identity).ok()).unwrap_or_default()
});

/// Returns whether a path (without its leading slash) fits one of the patterns, in which `:name` stands for any
/// segment.
fn is_page(patterns: &[String], path: &str) -> bool {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    patterns.iter().any(|pattern| {
        let wanted: Vec<&str> = pattern.split('/').filter(|segment| !segment.is_empty()).collect();
        let fits = |(wanted, segment): (&&str, &&str)| wanted.starts_with(':') || wanted == segment;
        wanted.len() == segments.len() && wanted.iter().zip(&segments).all(fits)
    })
}

/// Returns the headers of a static file's response, without those of its coding and entity tag. `path` has no leading
/// slash.
pub(crate) fn headers(path: &str, policy: &Policy) -> HeaderMap {
    // Names of built assets contain a hash of the content, so a response never becomes stale.
    let cache_control = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let pairs = [(header::CONTENT_TYPE, content_type(path)), (header::CACHE_CONTROL, cache_control)];
    let mut headers: HeaderMap =
        pairs.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    policy.fill(&mut headers);
    headers
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
    fn only_the_paths_of_pages_are_pages() {
        let patterns = ["/", "/m/:id", "/settings"].map(str::to_owned);
        assert!(["", "m/abc", "m/abc/", "settings"].iter().all(|path| is_page(&patterns, path)));
        assert!(["m", "m/a/b", "nowhere", "settings/x"].iter().all(|path| !is_page(&patterns, path)));
        // Where the page was built, it has the list.
        assert!(PAGE.is_empty() || is_page(&PAGE_PATTERNS, "m/abc"));
    }
}
