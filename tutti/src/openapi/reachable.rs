//! Removes from a document what none of its operations uses: schemas of another listener's operations, and their tags.
//!
//! Invariant: every reference of the document still leads somewhere.

use std::collections::BTreeSet;

use serde_json::Value;
use utoipa::openapi::OpenApi;

use crate::CommandError;

pub(super) const SCHEMAS: &str = "#/components/schemas/";

/// Removes the schemas that no operation reaches, and the tags that none has.
pub(super) fn retain(document: &mut OpenApi) -> Result<(), CommandError> {
    let value = serde_json::to_value(&*document)?;
    let mut reached = BTreeSet::new();
    let mut left = vec![&value["paths"], &value["components"]["responses"]];
    while let Some(next) = left.pop() {
        let mut names = Vec::new();
        collect_references(next, &mut names);
        for name in names {
            if reached.insert(name.to_owned()) {
                left.push(&value["components"]["schemas"][name]);
            }
        }
    }
    if let Some(components) = &mut document.components {
        components.schemas.retain(|name, _| reached.contains(name));
    }
    let tags: BTreeSet<&str> = operations(&value)
        .flat_map(|operation| operation["tags"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    document.tags.iter_mut().for_each(|described| described.retain(|tag| tags.contains(tag.name.as_str())));
    Ok(())
}

fn operations(document: &Value) -> impl Iterator<Item = &Value> {
    let items = document["paths"].as_object().into_iter().flat_map(|paths| paths.values());
    items.flat_map(|item| item.as_object().into_iter().flat_map(|methods| methods.values()))
}

/// Collects the names of the schemas to which a part of the document refers.
pub(super) fn collect_references<'a>(part: &'a Value, names: &mut Vec<&'a str>) {
    match part {
        Value::Object(fields) => {
            names.extend(fields.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(SCHEMAS)));
            fields.values().for_each(|field| collect_references(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, names)),
        _ => {}
    }
}
