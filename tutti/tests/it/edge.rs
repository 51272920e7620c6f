//! The listeners as an anonymous client meets them: every route is behind the same guard, and every JSON operation
//! parses its body strictly.
//!
//! The routes come from `docs/openapi.json`, which is the API byte for byte, from the gateway's table of static files,
//! and from what the process adds. Invariant: a new route is tested here without a change to this file.

use std::path::Path;

use futures::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::Method;
use serde_json::Value;

use crate::server::Server;

/// Routes that the process adds to the public listener, and unknown ones.
const OTHER_ROUTES: [(&str, &str); 7] = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/readyz"),
    ("GET", "/nowhere"),
    ("GET", "/nowhere.js"),
    ("POST", "/v1/nothing"),
    ("PUT", "/v1/me"),
];
const OPERATIONS_ROUTES: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/nowhere"];

fn openapi() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openapi.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Returns every operation of the OpenAPI document: method, path with filled parameters, and description.
pub(crate) fn operations() -> Vec<(Method, String, Value)> {
    let mut operations = Vec::new();
    for (path, methods) in openapi()["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap().iter().filter(|(_, operation)| operation.is_object()) {
            let filled: Vec<&str> = path.split('/').map(|part| example(operation, part).unwrap_or(part)).collect();
            operations.push((method.to_uppercase().parse().unwrap(), filled.join("/"), operation.clone()));
        }
    }
    assert!(operations.len() > 30, "the interface was not read");
    operations
}

/// Returns the example of a parameter, whose place in a path is a segment like `{id}`.
fn example<'a>(operation: &'a Value, segment: &str) -> Option<&'a str> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    let parameters = operation["parameters"].as_array()?;
    parameters.iter().find(|parameter| parameter["in"] == "path" && parameter["name"] == name)?["example"].as_str()
}

/// Returns every route of the public listener.
fn public_routes() -> Vec<(Method, String)> {
    let known = operations().into_iter().map(|(method, path, _)| (method, path));
    let files = gateway::STATIC_ROUTES
        .iter()
        .flat_map(|(_, path)| [(Method::GET, (*path).to_owned()), (Method::POST, (*path).to_owned())]);
    let document = openapi();
    let gets = document["paths"].as_object().unwrap().keys().map(|path| {
        let filled: Vec<&str> = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        (Method::GET, filled.join("/"))
    });
    let others = OTHER_ROUTES.iter().map(|(method, path)| (method.parse().unwrap(), (*path).to_owned()));
    known.chain(files).chain(gets).chain(others).collect()
}

/// Sends a request without a body. Returns the status and the code of the problem, if it is one.
pub(crate) async fn status_and_code(
    server: &Server,
    method: &Method,
    url: String,
    headers: HeaderMap,
) -> (u16, String) {
    let response = server.client.request(method.clone(), url).headers(headers).send().await.unwrap();
    let status = response.status().as_u16();
    let problem: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default();
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_every_listener_stands_behind_the_guard() {
    let server = Server::start(&["gateway.reads_per_second=1", "gateway.anonymous_writes_per_second=1"]).await;
    let long = "a".repeat(9000);
    let many: HeaderMap =
        (0..90).map(|at| (format!("x-{at}").parse::<HeaderName>().unwrap(), HeaderValue::from_static("1"))).collect();
    let public = public_routes().into_iter().map(|(method, path)| (method, format!("{}{path}", server.url)));
    let operations = server
        .operations_urls()
        .into_iter()
        .flat_map(|address| OPERATIONS_ROUTES.map(|path| (Method::GET, format!("{address}{path}"))));
    let routes: Vec<(Method, String)> = public.chain(operations).collect();
    let mut open = Vec::new();
    for (method, url) in &routes {
        let too_long = status_and_code(&server, method, format!("{url}?{long}"), HeaderMap::new()).await;
        let too_many = status_and_code(&server, method, url.clone(), many.clone()).await;
        if too_long.0 != 414 || too_many.0 != 431 {
            open.push(format!("{method} {url}: {too_long:?} {too_many:?}"));
        }
    }
    assert!(open.is_empty(), "these routes are outside the guard:\n{}", open.join("\n"));
    // The guard counts every route: a client over its limit is refused at each public one.
    let counted = futures::stream::iter(public_routes())
        .map(|(method, path)| find_uncounted(&server, method, path))
        .buffer_unordered(8);
    let open: Vec<String> = counted.filter_map(std::future::ready).collect().await;
    assert!(open.is_empty(), "these routes are not counted:\n{}", open.join("\n"));
}

/// Sends requests until one is refused as too many. Returns the route if none is.
async fn find_uncounted(server: &Server, method: Method, path: String) -> Option<String> {
    // Health checks have a larger limit of their own, ten seconds' worth of fifty, which fills up again meanwhile.
    let (max_requests, at_once) = if path.ends_with('z') { (5_000, 32) } else { (30, 1) };
    let is_refused = futures::stream::iter(0..max_requests)
        .map(|_| status_and_code(server, &method, format!("{}{path}", server.url), HeaderMap::new()))
        .buffer_unordered(at_once)
        .any(|(status, code)| {
            std::future::ready(status == 429 && (method == Method::HEAD || code == "request.too_many"))
        })
        .await;
    (!is_refused).then(|| format!("{method} {path}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_json_operation_refuses_what_could_be_read_in_two_ways() {
    let server = Server::start(&["gateway.writes_per_second=0", "gateway.anonymous_writes_per_second=0"]).await;
    let ada = server.sign_up("ada").await;
    let deep = format!("{}{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    let rows: [(&[u8], u16, &str); 9] = [
        (b"[]", 422, "must be an object"),
        (b"[\"ada\", \"a long enough password\", null, null]", 422, "must be an object"),
        (b"null", 422, "must be an object"),
        (b"\"text\"", 422, "must be an object"),
        (b"{\"password\":\"a\",\"password\":\"b\"}", 422, "is there twice"),
        (b"{} {}", 400, "is not JSON"),
        (b"{\"password\":NaN}", 400, "is not JSON"),
        (b"{\"password\":\"\xff\"}", 400, "is not JSON"),
        (deep.as_bytes(), 400, "nested too deeply"),
    ];
    let mut wrong = Vec::new();
    let mut walked = 0;
    for (method, path, operation) in operations() {
        if operation.pointer("/requestBody/content/application~1json").is_none() {
            continue;
        }
        walked += 1;
        for (body, status, words) in rows {
            let response = ada
                .request(method.clone(), &path)
                .header("content-type", "application/json")
                .body(body.to_vec())
                .send()
                .await
                .unwrap();
            let got = response.status().as_u16();
            let problem: Value = response.json().await.unwrap();
            if got != status || !problem["detail"].as_str().unwrap_or_default().contains(words) {
                wrong.push(format!(
                    "{method} {path}: {} got {problem}",
                    String::from_utf8_lossy(&body[..body.len().min(60)])
                ));
            }
        }
    }
    assert!(walked >= 8, "only {walked} operations were walked");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // None of the requests had an effect.
    assert_eq!(ada.get("/v1/me").await["handle"], "ada");
}
