//! Examples of pages of a list: `{"items": […], "next": null}` with the example of the item.
//!
//! Does not own the item's example, which is its role's. Invariant: every page whose item has an example has one too.

use serde_json::{Value, json};
use utoipa::openapi::{Components, RefOr, Schema};

const SCHEMAS: &str = "#/components/schemas/";

/// Adds an example to each schema that is a page of a list.
pub(super) fn fill(components: &mut Components) {
    let examples: Vec<(String, Value)> = components
        .schemas
        .iter()
        .filter_map(|(name, schema)| Some((name.clone(), page_example(schema, components)?)))
        .collect();
    for (name, example) in examples {
        if let Some(RefOr::T(Schema::Object(page))) = components.schemas.get_mut(&name) {
            page.example.get_or_insert(example);
        }
    }
}

/// Returns the example of a page; `None` if the schema is no page, or its item has no example.
fn page_example(schema: &RefOr<Schema>, components: &Components) -> Option<Value> {
    let RefOr::T(Schema::Object(page)) = schema else { return None };
    if page.properties.len() != 2 || !page.properties.contains_key("next") {
        return None;
    }
    let items = serde_json::to_value(page.properties.get("items")?).ok()?;
    // A generic page has its item's schema in place of a reference.
    let item = match items.pointer("/items/$ref").and_then(Value::as_str) {
        Some(reference) => serde_json::to_value(components.schemas.get(reference.strip_prefix(SCHEMAS)?)?).ok()?,
        None => items.get("items")?.clone(),
    };
    let example = item.get("example").or_else(|| item.pointer("/examples/0"))?;
    Some(json!({ "items": [example], "next": null }))
}
