//! What an API key may be used for: the tag and the method of the operation decide.
//!
//! Invariant: a token with a scope reaches only operations that the scope names; what has no tag, is no operation, or
//! is one of operators, is refused. A key of the team that acts for no member reads what everybody may read, as far as
//! its scope goes, and changes nothing. A token for appeals reaches only what says that it is for suspended members.

use http::Method;
use http_server::Problem;
use http_server::auth::{Claims, appeals_only};
use http_server::problem::every_role;

use crate::routes::Operation;

/// The tag of operations that no key reaches, whatever its scope says: those of the account itself.
const EXCLUDED_TAG: &str = "accounts";

/// Refuses a token whose scope does not have the operation. A token without a scope is a member's own, and passes.
pub(crate) fn check(claims: &Claims, operation: Option<&Operation>, method: &Method) -> Result<(), Problem> {
    if claims.scope.is_empty() {
        return Ok(());
    }
    if claims.are_for_appeals() {
        let is_open = operation.is_some_and(|operation| operation.is_for_suspended);
        return if is_open { Ok(()) } else { Err(appeals_only()) };
    }
    let Some(operation) = operation.filter(|operation| is_for_keys(operation)) else {
        return Err(Problem::of(every_role::AUTH_SCOPE, "An API key can't be used for this."));
    };
    let act = if is_read(method) { "read" } else { "write" };
    let needed = format!("{}:{act}", operation.tag);
    if claims.scope.contains(&needed) {
        return Ok(());
    }
    Err(Problem::of(every_role::AUTH_SCOPE, format!("This needs an API key with the scope `{needed}`.")))
}

/// Refuses a key of the team that acts for no member what its scope does not have, and what not everybody may read.
pub(crate) fn check_team(claims: &Claims, operation: Option<&Operation>, method: &Method) -> Result<(), Problem> {
    check(claims, operation, method)?;
    if is_read(method) && operation.is_some_and(|operation| !operation.needs_token) {
        return Ok(());
    }
    Err(Problem::of(
        every_role::AUTH_SCOPE,
        "By itself, a key of the team reads what everybody may read. To act for a member, it needs the scope \
         `members:act`, and the member's handle or id in `Tutti-On-Behalf-Of`.",
    ))
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
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
            needs_token: false,
            is_for_suspended: false,
            has_json_body: false,
        }
    }

    fn claims(scope: &[&str]) -> Claims {
        Claims {
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
        }
    }

    fn allows_operation(scope: &[&str], operation: Option<&Operation>, method: &Method) -> bool {
        check(&claims(scope), operation, method).is_ok()
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
    fn a_token_for_appeals_reaches_only_what_is_open_to_suspended_members() {
        let scope = [http_server::auth::APPEALS_SCOPE];
        for (tag, method) in [("media", Method::GET), ("moderation", Method::POST), ("accounts", Method::GET)] {
            assert!(!allows(&scope, Some(tag), &method), "{method} {tag}");
            let open = Operation { is_for_suspended: true, ..operation(tag, &method) };
            assert!(allows_operation(&scope, Some(&open), &method), "{method} {tag}");
        }
        assert!(!allows(&scope, None, &Method::GET));
        let open = Operation { is_for_suspended: true, ..operation("accounts", &Method::GET) };
        assert!(!allows_operation(&["media:read"], Some(&open), &Method::GET), "an API key is something else");
    }

    #[test]
    fn a_key_of_the_team_reads_by_itself_what_everybody_may_read() {
        let team = claims(&["media:read", "media:write", "members:act"]);
        let allows = |operation: &Operation| check_team(&team, Some(operation), &operation.method).is_ok();
        assert!(allows(&operation("media", &Method::GET)));
        assert!(!allows(&operation("media", &Method::POST)), "what changes something is a member's");
        assert!(!allows(&operation("albums", &Method::GET)) && !allows(&operation("accounts", &Method::GET)));
        assert!(!allows(&Operation { needs_token: true, ..operation("media", &Method::GET) }));
        assert!(!allows(&Operation { required: Some(OperatorRole::Viewer), ..operation("media", &Method::GET) }));
        assert!(check_team(&team, None, &Method::GET).is_err());
    }

    #[test]
    fn a_members_own_token_reaches_everything() {
        assert!(allows(&[], Some("accounts"), &Method::DELETE) && allows(&[], None, &Method::GET));
    }
}
