//! Schemas as generators of clients understand them: what is optional can be left out and is never null, and the items
//! of a list have the name of their schema.
//!
//! Owns only how a request or response is described, not what it may be. Invariant: an operation's parameters and
//! bodies have no null in their types, except inside of a JSON body.

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ArrayItems, SchemaType, Type};
use utoipa::openapi::{Components, Ref, RefOr, Schema};

/// Removes null from the types of the parameters and of the body of an operation. Neither a header nor a query can have
/// it, and a body that is optional is left out.
pub(super) fn remove_null(operation: &mut Operation) {
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && let Some(schema) = &mut parameter.schema
        {
            remove_null_of(schema);
        }
    }
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(schema) = &mut content.schema
        {
            remove_null_of(schema);
        }
    }
}

fn remove_null_of(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => {
            if let SchemaType::Array(types) = &mut object.schema_type {
                types.retain(|kind| *kind != Type::Null);
                if let [only] = types.as_slice() {
                    object.schema_type = SchemaType::Type(only.clone());
                }
            }
        }
        RefOr::T(Schema::OneOf(alternatives)) => {
            alternatives.items.retain(|alternative| !is_null(alternative));
            if let [only] = alternatives.items.as_slice() {
                *schema = only.clone();
            }
        }
        _ => {}
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

/// Replaces the item of each list by a reference to the schema that it is. A generic list has its item's schema in
/// place of a reference, from which generators make a second type.
pub(super) fn name_items(components: &mut Components) {
    let names: Vec<(String, String)> = components
        .schemas
        .iter()
        .filter_map(|(list, schema)| {
            let item = item_of(schema)?;
            let (name, _) = components.schemas.iter().find(|(_, schema)| *schema == item)?;
            Some((list.clone(), name.clone()))
        })
        .collect();
    for (list, name) in names {
        if let Some(RefOr::T(Schema::Object(page))) = components.schemas.get_mut(&list)
            && let Some(RefOr::T(Schema::Array(items))) = page.properties.get_mut("items")
        {
            items.items = ArrayItems::RefOrSchema(Box::new(RefOr::Ref(Ref::from_schema_name(name))));
        }
    }
}

/// Returns the schema of a list's items; `None` if the schema is no list.
fn item_of(schema: &RefOr<Schema>) -> Option<&RefOr<Schema>> {
    let RefOr::T(Schema::Object(page)) = schema else { return None };
    page.properties.get("next")?;
    let RefOr::T(Schema::Array(items)) = page.properties.get("items")? else { return None };
    match &items.items {
        ArrayItems::RefOrSchema(item) => Some(item.as_ref()),
        ArrayItems::False => None,
    }
}
