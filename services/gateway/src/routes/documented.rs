//! What the OpenAPI part of a role says of an operation.
//!
//! Owns the reading of it, not what the gateway makes of it ([`super`]). Invariant: what a part does not say is a no.

use http::Method;
use http_server::operators::OperatorRole;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation as Documented, PathItem};

/// Every path of the operators' listener begins with this, but for those of a sign-in. No public path does.
pub const ADMIN_PREFIX: &str = "/v1/admin/";
/// The extension that says what the caller of an operation of operators needs to be.
pub(super) const ADMIN_ROLE: &str = "x-admin-role";

/// Returns what the caller of an operation needs to be; `None` for an operation that is not one of operators. Fails if
/// the operation's extension does not fit its path.
pub(super) fn required_role(path: &str, operation: &Documented) -> Result<Option<OperatorRole>, ()> {
    let named = operation.extensions.as_ref().and_then(|extensions| extensions.get(ADMIN_ROLE));
    match (path.starts_with(ADMIN_PREFIX), named) {
        (true, Some(name)) => name.as_str().and_then(OperatorRole::from_name).map(Some).ok_or(()),
        (false, None) => Ok(None),
        _ => Err(()),
    }
}

/// Returns the operations of a path with their methods.
pub(super) fn documented(item: &PathItem) -> impl Iterator<Item = (Method, &Documented)> {
    let operations = [
        (Method::GET, &item.get),
        (Method::HEAD, &item.head),
        (Method::OPTIONS, &item.options),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
        (Method::TRACE, &item.trace),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// Whether an operation has an extension whose value is `true`.
pub(super) fn has_flag(operation: &Documented, name: &str) -> bool {
    operation.extensions.as_ref().and_then(|extensions| extensions.get(name)).is_some_and(|value| *value == true)
}

/// Whether every alternative of an operation's security has the token, and there is one.
pub(super) fn needs_token(operation: &Documented) -> bool {
    let mut alternatives = operation.security.iter().flatten().map(|alternative| {
        serde_json::to_value(alternative).is_ok_and(|alternative| alternative.get("token").is_some())
    });
    alternatives.next().is_some_and(|first| first && alternatives.all(|has_token| has_token))
}

/// Whether the request of an operation has a body of JSON.
pub(super) fn has_json_body(operation: &Documented) -> bool {
    let Some(RefOr::T(body)) = &operation.request_body else { return false };
    body.content.contains_key("application/json")
}
