//! Bytes in the description of the interface.
//!
//! Invariant: no value of it exists; a body is read and written as a stream.

use utoipa::openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A body that is bytes: `inline(Binary)` in an operation's description. Its schema is a string of format `binary`,
/// which generators of clients know (in OpenAPI 3.1, only the media type would say so).
pub enum Binary {}

impl PartialSchema for Binary {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Binary {}
