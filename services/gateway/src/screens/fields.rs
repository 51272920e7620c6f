//! `?fields=`: only the named parts of a response, for phones and slow lines.
//!
//! A field is named by its path: `feed.items.author.handle`. A list has its items' fields. Invariant: a selection only
//! takes away, never adds; `degraded` stays, so that a missing part is never taken for an empty one.

use std::collections::BTreeMap;

use axum::response::{IntoResponse as _, Response};
use http_server::problem::every_role;
use http_server::{Json, Problem};
use serde::Serialize;
use serde_json::Value;

/// The most paths of a selection.
const MAX_PATHS: usize = 64;
/// The most names of a path.
const MAX_DEPTH: usize = 8;
/// The field that stays.
const DEGRADED: &str = "degraded";

/// The fields of an object that are wanted; all of them if it is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(BTreeMap<String, Fields>);

impl Fields {
    /// Reads the parameter; without one, everything is wanted.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, Problem> {
        let mut fields = Self::default();
        let Some(text) = text else { return Ok(fields) };
        let paths: Vec<Vec<&str>> = text.split(',').map(|path| path.split('.').collect()).collect();
        let is_name =
            |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase());
        let is_path = |path: &Vec<&str>| path.len() <= MAX_DEPTH && path.iter().all(is_name);
        if paths.len() > MAX_PATHS || !paths.iter().all(is_path) {
            let detail = "`fields` has up to 64 names, separated by commas, such as `me.handle,feed.items.text`.";
            return Err(Problem::of(every_role::BAD_QUERY, detail));
        }
        // The shorter a path, the more it wants: one that is within another adds nothing.
        for path in paths.iter().filter(|path| !paths.iter().any(|other| is_within(path, other))) {
            fields.add(path);
        }
        fields.0.insert(DEGRADED.to_owned(), Self::default());
        Ok(fields)
    }

    fn add(&mut self, path: &[&str]) {
        if let Some((name, rest)) = path.split_first() {
            self.0.entry((*name).to_owned()).or_default().add(rest);
        }
    }

    /// Returns the response with the wanted fields of a view.
    pub(super) fn respond(&self, view: &impl Serialize) -> Result<Response, Problem> {
        let mut value = serde_json::to_value(view).map_err(|error| Problem::fault(&error))?;
        self.retain(&mut value);
        Ok(Json(value).into_response())
    }

    fn retain(&self, value: &mut Value) {
        if self.0.is_empty() {
            return;
        }
        match value {
            Value::Object(object) => {
                object.retain(|name, _| self.0.contains_key(name));
                for (name, inner) in object.iter_mut() {
                    if let Some(fields) = self.0.get(name) {
                        fields.retain(inner);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.retain(item)),
            _ => {}
        }
    }
}

/// Whether a path is within what another one names.
fn is_within(path: &[&str], other: &[&str]) -> bool {
    other.len() < path.len() && path.starts_with(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selected(fields: Option<&str>) -> Option<Value> {
        let mut value = json!({
            "me": {"handle": "ada", "id": 7},
            "feed": {"items": [{"text": "a", "author": {"handle": "bob", "id": 8}}, {"text": "b"}], "next": null},
            "degraded": [],
        });
        Fields::parse(fields).ok()?.retain(&mut value);
        Some(value)
    }

    #[test]
    fn a_selection_has_what_is_named_and_what_is_missing() {
        let all = selected(None).unwrap();
        assert_eq!(all["feed"]["items"][0]["author"]["id"], 8);
        let handles = json!({
            "me": {"handle": "ada"},
            "feed": {"items": [{"author": {"handle": "bob"}}, {}]},
            "degraded": [],
        });
        assert_eq!(selected(Some("feed.items.author.handle,me.handle")).unwrap(), handles);
        assert_eq!(selected(Some("me.handle,me,me.id.x")).unwrap(), json!({"me": all["me"], "degraded": []}));
        assert_eq!(selected(Some("nothing")).unwrap(), json!({"degraded": []}));
        let many = ["a"; MAX_PATHS + 1].join(",");
        for wrong in ["", ",", "me.", "me..id", "ME", "a b", "a.b.c.d.e.f.g.h.i", many.as_str()] {
            assert_eq!(selected(Some(wrong)), None, "{wrong}");
        }
    }
}
