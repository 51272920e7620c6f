//! Every signed URL with every operation of the API: none opens more than its scope, to any client.
//!
//! Owns the walk: the operations come from the running product's own OpenAPI document, so a new one is tested as soon
//! as it is documented. Invariant: the client and the signature decide what a response may contain, never the
//! operation.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{TimeDelta, Utc};
use futures::StreamExt as _;
use kit::signed_url::UrlSigner;
use media::OWNER_ONLY_FIELDS;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Member, Server};

/// Texts in the photo's metadata that are nowhere else.
const PLANTED_METADATA: [&str; 3] = ["PlantedMaker", "PlantedCamera", "2019:03:04"];
/// Fields that no view for others has, at any depth.
const FORBIDDEN_FIELDS: [&str; 8] =
    ["access_token", "refresh_token", "place", "location", "gps", "latitude", "longitude", "email"];

/// Returns a photo whose metadata has a camera and a time.
fn photo(folder: &TempDir, colour: &str) -> Vec<u8> {
    let path = folder.path().join(format!("{colour}.jpg"));
    testkit::ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &format!("color={colour}:s=64x48"),
        "-frames:v",
        "1",
        path.to_str().unwrap(),
    ]);
    let mut bytes = std::fs::read(path).unwrap();
    let texts = [(0x010f_u16, "PlantedMaker\0"), (0x0110, "PlantedCamera\0"), (0x0132, "2019:03:04 05:06:07\0")];
    let mut tiff = b"MM\0*\0\0\0\x08\0\x03".to_vec();
    let mut at = 8 + 2 + 12 * texts.len() + 4;
    for (tag, text) in texts {
        tiff.extend(tag.to_be_bytes());
        tiff.extend(2_u16.to_be_bytes());
        tiff.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
        tiff.extend(u32::try_from(at).unwrap().to_be_bytes());
        at += text.len();
    }
    tiff.extend([0; 4]);
    tiff.extend(texts.iter().flat_map(|(_, text)| text.bytes()));
    let mut segment = vec![0xff, 0xe1];
    segment.extend(u16::try_from(tiff.len() + 8).unwrap().to_be_bytes());
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    bytes.splice(2..2, segment);
    bytes
}

fn clip(folder: &TempDir) -> Vec<u8> {
    let path = folder.path().join("clip.mp4");
    testkit::ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=128x72:r=10:d=1",
        "-pix_fmt",
        "yuv420p",
        path.to_str().unwrap(),
    ]);
    std::fs::read(path).unwrap()
}

/// An operation of the API.
struct Operation {
    method: Method,
    path: String,
    id: String,
}

impl Operation {
    /// Returns its URL for an item, with a signature in the query.
    fn url(&self, item: &Value, rendition: &str, signature: Option<&str>) -> String {
        let (id, ending) =
            (item["id"].as_str().unwrap(), item["content_type"].as_str().unwrap().rsplit('/').next().unwrap());
        let name = format!("{id}.{ending}");
        let values = [
            ("{id}", id),
            ("{name}", &name),
            ("{handle}", "ada"),
            ("{rendition}", rendition),
            ("{file}", "playlist.m3u8"),
            ("{sheet}", "0.jpg"),
        ];
        let path = values.iter().fold(self.path.clone(), |path, (mark, value)| path.replace(mark, value));
        signature.map_or(path.clone(), |signature| format!("{path}?t={signature}"))
    }

    /// Returns the scope that opens it; `None` if no signature does.
    fn scope(&self) -> Option<&'static str> {
        match self.path.as_str() {
            "/v1/media/{id}/events" => Some("events"),
            "/v1/media/{id}/original" => Some("original"),
            "/v1/files/{name}" => Some("view"),
            path if path.starts_with("/v1/media/{id}/") => Some("view"),
            _ => None,
        }
    }
}

fn operations(document: &Value) -> Vec<Operation> {
    let methods = [
        ("get", Method::GET),
        ("head", Method::HEAD),
        ("post", Method::POST),
        ("patch", Method::PATCH),
        ("put", Method::PUT),
        ("delete", Method::DELETE),
    ];
    let paths = document["paths"].as_object().unwrap();
    let every = paths.iter().flat_map(|(path, item)| {
        methods.iter().filter_map(move |(name, method)| Some((path, method, item.get(name)?)))
    });
    every
        .map(|(path, method, about)| Operation {
            method: method.clone(),
            path: path.clone(),
            id: about["operationId"].as_str().unwrap_or_default().to_owned(),
        })
        .collect()
}

/// A signature and what it opens, if anything.
#[derive(Clone)]
struct Signature {
    text: String,
    /// The item and the scope; `None` if the signature has expired or was forged.
    opens: Option<(String, &'static str)>,
}

/// Returns the signatures in a text.
fn signatures(text: &str) -> BTreeSet<&str> {
    text.split("t=")
        .skip(1)
        .filter_map(|rest| {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '-' | '_')).unwrap_or(rest.len());
            rest.get(..end)
                .filter(|found| found.split_once('.').is_some_and(|(end, mac)| end.len() >= 5 && mac.len() >= 20))
        })
        .collect()
}

/// Returns all JSON in a body: a document, or the data of server-sent events.
fn documents(text: &str) -> Vec<Value> {
    let events = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .filter_map(|data| serde_json::from_str(data.trim()).ok());
    serde_json::from_str(text).into_iter().chain(events).collect()
}

/// Collects every object in a value, at any depth.
fn objects<'a>(value: &'a Value, found: &mut Vec<&'a serde_json::Map<String, Value>>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| objects(value, found)),
        Value::Object(object) => {
            found.push(object);
            object.values().for_each(|value| objects(value, found));
        }
        _ => {}
    }
}

/// Returns what a response has that a client that isn't the owner may not read.
fn leaks(text: &str, shown: Option<&Signature>, secrets: &[String]) -> Vec<String> {
    let repeated = shown.filter(|shown| shown.opens.is_some()).map(|shown| shown.text.as_str());
    let mut found: Vec<String> = signatures(text)
        .into_iter()
        .filter(|signature| Some(*signature) != repeated)
        .map(|signature| format!("signature {signature}"))
        .collect();
    found.extend(
        secrets
            .iter()
            .map(String::as_str)
            .chain(PLANTED_METADATA)
            .filter(|secret| text.contains(secret))
            .map(str::to_owned),
    );
    for document in documents(text) {
        let mut all = Vec::new();
        objects(&document, &mut all);
        for object in all {
            found.extend(
                FORBIDDEN_FIELDS
                    .iter()
                    .filter(|name| object.get(**name).is_some_and(|value| !value.is_null()))
                    .map(|name| format!("field {name}")),
            );
            let value = |path: &str| match path.split_once('.') {
                Some((outer, inner)) => object.get(outer).and_then(|outer| outer.get(inner)),
                None => object.get(path),
            };
            found.extend(
                OWNER_ONLY_FIELDS
                    .iter()
                    .filter(|path| value(path).is_some_and(|value| !value.is_null()))
                    .map(|path| format!("field {path}")),
            );
        }
    }
    found
}

/// Whether a body has credentials for other requests.
fn holds_credentials(text: &str) -> bool {
    !signatures(text).is_empty() || text.contains("\"access_token\"") || text.contains("\"refresh_token\"")
}

struct Response {
    status: u16,
    cache: String,
    text: String,
}

async fn ask(request: reqwest::RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let cache =
        response.headers().get("cache-control").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let status = response.status().as_u16();
    // The event stream of an item that is not ready has no end; its beginning is enough.
    let live =
        response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let mut bytes = Vec::new();
    let mut body = response.bytes_stream();
    while let Some(Ok(chunk)) = body.next().await {
        bytes.extend_from_slice(&chunk);
        if live && bytes.ends_with(b"\n\n") {
            break;
        }
    }
    Response { status, cache, text: String::from_utf8_lossy(&bytes).into_owned() }
}

/// Uploads six items of Ada's: a photo and a film for each audience.
async fn upload_items(ada: &Member, folder: &TempDir) -> Vec<Value> {
    let clip = clip(folder);
    let mut ids = Vec::new();
    for (audience, colour) in [("private", "red"), ("unlisted", "green"), ("public", "blue")] {
        for (name, kind, bytes) in
            [("p.jpg", "image/jpeg", photo(folder, colour)), ("c.mp4", "video/mp4", clip.clone())]
        {
            let item = ada.upload(&format!("{name}&visibility={audience}"), kind, bytes).await;
            ids.push(item["id"].as_str().unwrap().to_owned());
        }
    }
    let mut items = Vec::new();
    for id in ids {
        items.push(ada.wait_for_state(&id, "ready").await);
    }
    items
}

/// Returns every signature in Ada's views, and forgeries that need no key.
fn all_signatures(items: &[Value], key: Option<[u8; 32]>) -> Vec<Signature> {
    let mut all = Vec::new();
    let mut opening = BTreeMap::new();
    for item in items {
        let id = item["id"].as_str().unwrap();
        for (part, url) in item["urls"].as_object().unwrap() {
            for text in url.as_str().map(signatures).unwrap_or_default() {
                let scope = ["original", "events"].into_iter().find(|scope| *scope == part).unwrap_or("view");
                opening.insert(text.to_owned(), (id.to_owned(), scope));
            }
        }
        if let Some(key) = key {
            let (url_signer, long_ago) = (UrlSigner::new(key), Utc::now() - TimeDelta::days(3));
            all.extend(["view", "original", "events"].map(|scope| Signature {
                text: url_signer.sign(scope, id, long_ago, TimeDelta::hours(1)),
                opens: None,
            }));
        }
    }
    for text in opening.keys().take(6) {
        let (end, mac) = text.split_once('.').unwrap();
        let later = format!("{}z", &end[..end.len() - 1]);
        let flipped = if mac.starts_with('A') { "B" } else { "A" };
        for forged in [
            format!("{later}.{mac}"),
            format!("{end}.{flipped}{}", &mac[1..]),
            format!("{}.{mac}", end.to_uppercase()),
            format!("+{text}"),
            format!("{end}."),
        ] {
            all.push(Signature { text: forged, opens: None });
        }
    }
    all.extend(opening.into_iter().map(|(text, opens)| Signature { text, opens: Some(opens) }));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn no_signature_opens_more_than_it_says_at_any_operation() {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        ["gateway.reads_per_second=0", "gateway.writes_per_second=0", "gateway.anonymous_writes_per_second=0"];
    let server = Server::start(&settings).await;
    let (ada, bob) = (server.sign_up("ada").await, server.sign_up("bob").await);
    let items = upload_items(&ada, &folder).await;
    let document: Value = ada.get("/v1/openapi.json").await;
    let operations = operations(&document);
    assert!(operations.len() > 20 && operations.iter().filter(|operation| operation.scope().is_some()).count() >= 8);
    let film = items.iter().find(|item| item["kind"] == "video").unwrap();
    let master = ada.bytes(&format!("/v1/media/{}/hls/master.m3u8", film["id"].as_str().unwrap())).await;
    let master = String::from_utf8(master).unwrap();
    let rendition = master.lines().find_map(|line| line.strip_suffix("/playlist.m3u8")).unwrap().to_owned();
    // If one process has all roles, its key makes expired signatures.
    let key = std::fs::read(Path::new(server.data()).join("secrets/url-signing.key"))
        .ok()
        .and_then(|key| key.try_into().ok());
    let secrets: Vec<String> = items.iter().map(|item| item["sha256"].as_str().unwrap().to_owned()).collect();
    let mut shown: Vec<Option<Signature>> = all_signatures(&items, key).into_iter().map(Some).collect();
    shown.push(None);

    let client = reqwest::Client::new();
    let mut cases = Vec::new();
    for operation in &operations {
        let reads = matches!(operation.method, Method::GET | Method::HEAD);
        for item in
            if operation.path.contains("{id}") || operation.path.contains("{name}") { &items[..] } else { &items[..1] }
        {
            for signature in &shown {
                // Operations that change something need a token, whatever the query has; two signatures show that.
                if reads
                    || signature.as_ref().is_none_or(|signature| {
                        signature.opens.as_ref().is_some_and(|(id, _)| id == item["id"].as_str().unwrap())
                    })
                {
                    cases.push((operation, item, signature, None));
                    if operation.scope().is_some() {
                        cases.push((operation, item, signature, Some(&bob.token)));
                    }
                }
            }
        }
    }
    let count = cases.len();
    let walked = futures::stream::iter(cases).map(|(operation, item, signature, token)| {
        let url = format!(
            "{}{}",
            server.url,
            operation.url(item, &rendition, signature.as_ref().map(|signature| signature.text.as_str()))
        );
        let request = client.request(operation.method.clone(), url).header("tus-resumable", "1.0.0");
        let request = token.map_or(request.try_clone().unwrap(), |token| request.bearer_auth(token));
        async move { (operation, item, signature, token.is_some(), ask(request).await) }
    });
    let answers: Vec<_> = walked.buffer_unordered(16).collect().await;
    let (mut wrong, mut opened) = (Vec::new(), BTreeSet::new());
    for (operation, item, signature, member, response) in answers {
        let who = format!(
            "{} {} of a {} {} to {}",
            operation.method,
            operation.path,
            item["visibility"],
            item["kind"],
            if member { "bob" } else { "an anonymous client" }
        );
        let what = signature.as_ref().map_or_else(
            || "no signature".to_owned(),
            |signature| format!("{} ({:?})", signature.text, signature.opens),
        );
        let fits = signature.as_ref().is_some_and(|signature| {
            signature
                .opens
                .as_ref()
                .is_some_and(|(id, scope)| item["id"] == id.as_str() && operation.scope() == Some(*scope))
        });
        let (open, ok) = (
            item["visibility"] != "private" && operation.scope() != Some("original"),
            (200..300).contains(&response.status),
        );
        if ok && operation.scope().is_some() && !fits && !open {
            wrong.push(format!("{who} with {what}: {} without permission", response.status));
        }
        if ok && fits {
            opened.extend(operation.scope());
        }
        let untouched = fits && operation.scope() == Some("original");
        if !untouched && operation.id != "sign_up" {
            wrong.extend(
                leaks(&response.text, signature.as_ref().filter(|_| fits), &secrets)
                    .into_iter()
                    .map(|found| format!("{who} with {what}: {found}")),
            );
        }
        if holds_credentials(&response.text) && !response.cache.contains("no-store") {
            wrong.push(format!("{who} with {what}: may be cached ({})", response.cache));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} requests:\n{}",
        wrong.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
    assert_eq!(
        opened.into_iter().collect::<Vec<_>>(),
        ["events", "original", "view"],
        "the walk opens what each scope may open"
    );
    assert_owner_responses_are_not_cached(&server, &ada, &items, &operations, &folder).await;
}

/// Checks the responses to Ada's own token: no cache keeps one with credentials.
async fn assert_owner_responses_are_not_cached(
    server: &Server,
    ada: &Member,
    items: &[Value],
    operations: &[Operation],
    folder: &TempDir,
) {
    let credentials = |handle: &str| json!({ "handle": handle, "email": format!("{handle}@tutti.example"), "password": "a long enough password" });
    let signed_in = ask(server
        .client
        .post(format!("{}/v1/sessions", server.url))
        .json(&json!({ "login": "ada", "password": "a long enough password" })))
    .await;
    let refresh = serde_json::from_str::<Value>(&signed_in.text).unwrap()["refresh_token"].clone();
    let (item, mut with_credentials) = (&items[0], BTreeSet::new());
    for operation in operations {
        let request = ada.request(operation.method.clone(), &operation.url(item, "none", None));
        let request = match operation.id.as_str() {
            "sign_up" => request.json(&credentials("cleo")),
            "sign_in" => request.json(&json!({ "login": "ada", "password": "a long enough password" })),
            "refresh_session" => request.json(&json!({ "refresh_token": refresh })),
            "send_media" => request
                .header("content-type", "image/jpeg")
                .header("idempotency-key", "the same")
                .body(photo(folder, "white")),
            "edit_media" => request.json(&json!({ "name": "another" })),
            "claim_media" => request.json(&json!({ "ids": [item["id"]], "subject": "post:1" })),
            // These would end what the walk needs.
            "erase_me" | "remove_media" | "end_current_session" | "end_session" | "end_all_sessions" => continue,
            _ => request,
        };
        let again = request.try_clone().unwrap();
        // The response to a repeated request comes from the stored one and follows the same rule.
        for response in [ask(request).await, ask(again).await] {
            if holds_credentials(&response.text) {
                assert!(
                    response.cache.contains("no-store"),
                    "{} {}: {:?}",
                    operation.method,
                    operation.path,
                    response.cache
                );
                with_credentials.insert(operation.id.clone());
            }
        }
    }
    for expected in [
        "sign_up",
        "sign_in",
        "refresh_session",
        "send_media",
        "edit_media",
        "claim_media",
        "read_media",
        "list_media",
        "follow_media",
    ] {
        assert!(
            with_credentials.contains(expected),
            "the response of {expected} has no credentials: {with_credentials:?}"
        );
    }
}
