//! What an API key may be used for: the tag and the method of the operation decide.
//!
//! Invariant: a token with a scope reaches only operations that the scope names; what has no tag, is no operation, or
//! is one of operators, is refused.

use http::Method;
use http_server::Problem;
use http_server::auth::Claims;
use http_server::problem::every_role;

use crate::routes::Operation;

/// The tag of operations that no key reaches, whatever its scope says: those of the account itself.
const EXCLUDED_TAG: &str = "accounts";

/// Refuses a token whose scope does not have the operation. A token without a scope is a member's own, and passes.
pub(crate) fn check(claims: &Claims, operation: Option<&Operation>, method: &Method) -> Result<(), Problem> {
    if claims.scope.is_empty() {
        return Ok(());
    }
    let Some(operation) = operation.filter(|operation| is_for_keys(operation)) else {
        return Err(Problem::of(every_role::AUTH_SCOPE, "An API key can't be used for this."));
    };
    let act = if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) { "read" } else { "write" };
    let needed = format!("{}:{act}", operation.tag);
    if claims.scope.contains(&needed) {
        return Ok(());
    }
    Err(Problem::of(every_role::AUTH_SCOPE, format!("This needs an API key with the scope `{needed}`.")))
}

/// Whether there are scopes for an operation.
fn is_for_keys(operation: &Operation) -> bool {
    operation.required.is_none() && !operation.tag.is_empty() && operation.tag != EXCLUDED_TAG
}

#[cfg(test)]
mod tests {
    use http_server::operators::OperatorRole;
    use uuid::Uuid;

    use super::*;

    fn allows(scope: &[&str], tag: Option<&str>, method: &Method) -> bool {
        allows_operation(scope, tag.map(|tag| operation(tag, method)).as_ref(), method)
    }

    fn operation(tag: &str, method: &Method) -> Operation {
        Operation {
            method: method.clone(),
            role: "media",
            is_stream: false,
            has_cookies: false,
            tag: tag.to_owned(),
            required: None,
        }
    }

    fn allows_operation(scope: &[&str], operation: Option<&Operation>, method: &Method) -> bool {
        let claims = Claims {
            sub: Uuid::nil(),
            sid: Uuid::nil(),
            handle: "ada".into(),
            roles: Vec::new(),
            confirmed: true,
            version: 0,
            scope: scope.iter().map(|&scope| scope.to_owned()).collect(),
            iss: http_server::auth::ISSUER.into(),
            iat: 0,
            exp: 0,
            amr: Vec::new(),
            auth_time: 0,
            operators: false,
        };
        check(&claims, operation, method).is_ok()
    }

    #[test]
    fn a_scope_allows_its_tag_and_its_methods_only() {
        let scope = ["media:read", "albums:write"];
        assert!(allows(&scope, Some("media"), &Method::GET) && allows(&scope, Some("media"), &Method::HEAD));
        assert!(allows(&scope, Some("albums"), &Method::POST) && allows(&scope, Some("albums"), &Method::DELETE));
        for (tag, method) in [("media", Method::POST), ("albums", Method::GET), ("delivery", Method::GET)] {
            assert!(!allows(&scope, Some(tag), &method), "{method} {tag}");
        }
    }

    #[test]
    fn no_scope_reaches_the_account_nor_what_is_no_operation() {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            assert!(!allows(&["accounts:read", "accounts:write"], Some("accounts"), &method), "{method}");
            assert!(!allows(&[":read", ":write"], Some(""), &method) && !allows(&["media:read"], None, &method));
        }
    }

    #[test]
    fn no_scope_reaches_an_operation_of_operators() {
        let of_operators = Operation { required: Some(OperatorRole::Viewer), ..operation("media", &Method::GET) };
        assert!(!allows_operation(&["media:read", "operators:read"], Some(&of_operators), &Method::GET));
        assert!(allows_operation(&[], Some(&of_operators), &Method::GET), "its role is checked elsewhere");
    }

    #[test]
    fn a_members_own_token_reaches_everything() {
        assert!(allows(&[], Some("accounts"), &Method::DELETE) && allows(&[], None, &Method::GET));
    }
}
