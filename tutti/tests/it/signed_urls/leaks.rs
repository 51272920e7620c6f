//! Signatures, and what a response reveals to a client that isn't the owner.
//!
//! Invariant: a text is searched as it is and as JSON at every depth, so an embedded document hides nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{TimeDelta, Utc};
use http_server::signed_url::UrlSigner;
use media::OWNER_ONLY_FIELDS;
use serde_json::Value;

use super::items::PLANTED_METADATA;

/// Fields that no view for others has, at any depth.
const FORBIDDEN_FIELDS: [&str; 8] =
    ["access_token", "refresh_token", "place", "location", "gps", "latitude", "longitude", "email"];

/// A signature and what it opens, if anything.
#[derive(Clone)]
pub(super) struct Signature {
    pub(super) text: String,
    /// The item and the scope; `None` if the signature has expired or was forged.
    pub(super) opens: Option<(String, &'static str)>,
    /// The item for which it was made, or from whose signature it was forged.
    pub(super) item: String,
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
pub(super) fn leaks(text: &str, shown: Option<&Signature>, secrets: &[String]) -> Vec<String> {
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
pub(super) fn holds_credentials(text: &str) -> bool {
    !signatures(text).is_empty() || text.contains("\"access_token\"") || text.contains("\"refresh_token\"")
}

/// Returns every signature in Ada's views, and forgeries that need no key.
pub(super) fn all_signatures(items: &[Value], key: Option<[u8; 32]>) -> Vec<Signature> {
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
                item: id.to_owned(),
            }));
        }
    }
    for (text, (item, _)) in opening.iter().take(6) {
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
            all.push(Signature { text: forged, opens: None, item: item.clone() });
        }
    }
    all.extend(opening.into_iter().map(|(text, opens)| Signature { text, item: opens.0.clone(), opens: Some(opens) }));
    all
}
