//! Every signed URL with every operation of the API: none opens more than its scope, to any client.
//!
//! Owns the walk: the operations come from the running product's own OpenAPI document, so a new one is tested as soon
//! as it is documented. Invariant: the client and the signature decide what a response may contain, never the
//! operation.

mod items;
mod leaks;
mod operations;

use std::collections::BTreeSet;
use std::path::Path;

use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use self::items::{photo, upload_items};
use self::leaks::{Signature, all_signatures, holds_credentials, leaks};
use self::operations::{Operation, operations};
use crate::faults::short_or_long;
use crate::server::{Member, Server};

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
        for item in &items[..operation.item_count(items.len())] {
            for signature in &shown {
                // What opens nothing is shown to the item that it is about, and to operations that a signature opens;
                // what opens another item, to operations that name an item. In `make faults`, all is shown to all.
                let opens_nothing = signature.as_ref().is_some_and(|signature| signature.opens.is_none());
                let is_about_another =
                    signature.as_ref().is_some_and(|signature| item["id"] != signature.item.as_str());
                let is_left_out = match (opens_nothing, is_about_another) {
                    (true, is_about_another) => is_about_another || operation.scope().is_none(),
                    (false, is_about_another) => is_about_another && !operation.is_about_items(),
                };
                if is_left_out && short_or_long(true, false) {
                    continue;
                }
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
    let credentials = |handle: &str| {
        json!({
            "handle": handle,
            "email": format!("{handle}@tutti.example"),
            "password": "a long enough password",
        })
    };
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
            "put_captions" => request.body("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"),
            "create_download" => request.json(&json!({ "ids": [item["id"]] })),
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
        "create_download",
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
