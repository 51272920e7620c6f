//! The operations of the running product, as its OpenAPI document has them.
//!
//! Invariant: a new operation is walked as soon as it is documented.

use reqwest::Method;
use serde_json::Value;

use crate::faults::short_or_long;

/// An operation of the API.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) id: String,
}

impl Operation {
    /// Returns its URL for an item, with a signature in the query.
    pub(super) fn url(&self, item: &Value, rendition: &str, signature: Option<&str>) -> String {
        let (id, ending) =
            (item["id"].as_str().unwrap(), item["content_type"].as_str().unwrap().rsplit('/').next().unwrap());
        let name = format!("{id}.{ending}");
        let values = [
            ("{id}", id),
            ("{media_id}", id),
            ("{name}", &name),
            ("{handle}", "ada"),
            ("{rendition}", rendition),
            ("{file}", "playlist.m3u8"),
            ("{link}", "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b60"),
            ("{token}", "3hW9dKx0Qp7LmT2vBnYc4R"),
            ("{sheet}", "0.jpg"),
            ("{lang}", "en"),
        ];
        let path = values.iter().fold(self.path.clone(), |path, (mark, value)| path.replace(mark, value));
        signature.map_or(path.clone(), |signature| format!("{path}?t={signature}"))
    }

    /// Returns how many of the items it is walked with: the first one if it names none; if it names something else by
    /// an id, the first two, which are private, and in `make faults` all.
    pub(super) fn item_count(&self, all: usize) -> usize {
        match (self.is_about_items(), self.path.contains("{id}")) {
            (true, _) => all,
            (false, true) => short_or_long(2, all),
            (false, false) => 1,
        }
    }

    /// Whether what it names is an item.
    pub(super) fn is_about_items(&self) -> bool {
        self.path.starts_with("/v1/media/") || self.path.contains("/songs/") || self.path.contains("{name}")
    }

    /// Returns the scope that opens it; `None` if no signature does.
    pub(super) fn scope(&self) -> Option<&'static str> {
        match self.path.as_str() {
            "/v1/media/{id}/events" => Some("events"),
            "/v1/media/{id}/original" => Some("original"),
            "/v1/files/{name}" => Some("view"),
            "/v1/media/{id}/restore" | "/v1/media/{id}/links" | "/v1/media/{id}/links/{link}" => None,
            path if path.starts_with("/v1/media/{id}/") => Some("view"),
            _ => None,
        }
    }
}

pub(super) fn operations(document: &Value) -> Vec<Operation> {
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
