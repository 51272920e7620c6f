//! The route table: which role serves which operation, derived from the OpenAPI part of each role.
//!
//! A part's paths are the role's public ones. Extensions of an operation say what OpenAPI has no field for: `x-stream`
//! (the response is a stream), `x-cookies` (cookies are forwarded) and `x-wildcard` (the path's last parameter is the
//! whole rest of the path). `x-suspended` opens it to members who are suspended. Two say what the operators' listener
//! has: `x-admin-role`, which every operation below [`ADMIN_PREFIX`] must have, and `x-admin-sign-in`, by which public
//! operations of a sign-in are on that listener too.
//! Invariant: a path that is in no part, or that is not below one of [`PUBLIC_PREFIXES`], is not forwarded, and an
//! operation of operators is in no public table.

mod documented;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use http_server::operators::OperatorRole;
use service::RoleInterface;
use utoipa::openapi::path::{Operation as Documented, PathItem};

pub use self::documented::ADMIN_PREFIX;
use self::documented::{documented, has_flag, has_json_body, needs_token, required_role};
use crate::route_error::RouteError;

/// Every path of a part begins with one of these. The paths of internal requests and metrics don't.
const PUBLIC_PREFIXES: [&str; 2] = ["/v1/", "/.well-known/"];
const ADMIN_SIGN_IN: &str = "x-admin-sign-in";
const STREAM: &str = "x-stream";
const COOKIES: &str = "x-cookies";
const WILDCARD: &str = "x-wildcard";
const SUSPENDED: &str = "x-suspended";

/// An operation of a role.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its method.
    pub method: Method,
    /// The role that serves it.
    pub role: &'static str,
    /// Whether its response is a stream, so that a request counts as several. The stream budget itself goes by the
    /// response's content type.
    pub is_stream: bool,
    /// Whether cookies are forwarded, in both directions. From all other requests and responses the gateway removes
    /// them, so that no role can rely on one.
    pub has_cookies: bool,
    /// Its first tag, by which the scopes of API keys name it; empty without one.
    pub tag: String,
    /// What the caller needs to be, if it is an operation of operators.
    pub required: Option<OperatorRole>,
    /// Whether it can be used with a token only.
    pub needs_token: bool,
    /// Whether a member who is suspended may use it, with a token for appeals.
    pub is_for_suspended: bool,
    /// Whether its request has a JSON body, which has a bound of its own.
    pub has_json_body: bool,
}

/// A listener with a route table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerKind {
    /// The public one.
    Public,
    /// The one of operators.
    Operators,
}

impl ListenerKind {
    /// Whether the listener has an operation. The assembly of its OpenAPI document uses the same rule.
    pub fn has(self, path: &str, operation: &Documented) -> bool {
        match self {
            Self::Public => !path.starts_with(ADMIN_PREFIX),
            Self::Operators => path.starts_with(ADMIN_PREFIX) || has_flag(operation, ADMIN_SIGN_IN),
        }
    }
}

/// A path and its operations.
#[derive(Debug, Clone)]
pub struct Route {
    /// The path's pattern, as axum writes it.
    pub pattern: String,
    /// The path as the role's part has it.
    pub path: String,
    /// The operations: at least one, each with another method.
    pub operations: Vec<Operation>,
    /// The role that receives all other methods, and refuses them.
    role: &'static str,
}

impl Route {
    /// Returns the operation of a method. HEAD is GET's where it is not documented.
    pub fn operation(&self, method: &Method) -> Option<&Operation> {
        let find = |method: &Method| self.operations.iter().find(|operation| operation.method == *method);
        find(method).or_else(|| if *method == Method::HEAD { find(&Method::GET) } else { None })
    }

    /// Returns the role that receives the requests of a method, also those that it will refuse.
    pub fn role(&self, method: &Method) -> &'static str {
        self.operation(method).map_or(self.role, |operation| operation.role)
    }
}

/// The route table; clones share it.
#[derive(Debug, Clone, Default)]
pub struct RouteTable(Arc<BTreeMap<String, Arc<Route>>>);

impl RouteTable {
    /// Derives the public table from the parts of all roles, wherever they run.
    pub fn derive(roles: &[RoleInterface]) -> Result<Self, RouteError> {
        Self::derive_for(ListenerKind::Public, roles)
    }

    /// Derives the table of a listener from the parts of all roles. Every part is checked whole.
    pub fn derive_for(listener: ListenerKind, roles: &[RoleInterface]) -> Result<Self, RouteError> {
        let mut by_shape: BTreeMap<String, Route> = BTreeMap::new();
        for interface in roles {
            for (path, item) in &interface.openapi.paths.paths {
                add(&mut by_shape, listener, interface.role, path, item)?;
            }
        }
        let routes = by_shape.into_values().map(|route| (route.pattern.clone(), Arc::new(route)));
        Ok(Self(Arc::new(routes.collect())))
    }

    /// Returns the routes, sorted by pattern.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.0.values()
    }

    /// Returns the route with an axum pattern, such as that of a matched request.
    pub fn find(&self, pattern: &str) -> Option<&Route> {
        self.0.get(pattern).map(Arc::as_ref)
    }
}

/// Adds a path of a role's part. `routes` has one route for all paths that match the same requests, whatever the names
/// of their parameters.
fn add(
    routes: &mut BTreeMap<String, Route>,
    listener: ListenerKind,
    role: &'static str,
    path: &str,
    item: &PathItem,
) -> Result<(), RouteError> {
    if !PUBLIC_PREFIXES.iter().any(|prefix| path.starts_with(prefix)) {
        return Err(RouteError::NotPublic { role, path: path.to_owned() });
    }
    let is_wildcard = documented(item).any(|(_, operation)| has_flag(operation, WILDCARD));
    let pattern = pattern(path, is_wildcard).ok_or_else(|| RouteError::Unsupported { role, path: path.to_owned() })?;
    for (method, operation) in documented(item) {
        let required = required_role(path, operation).map_err(|()| RouteError::AdminRole {
            method: method.clone(),
            path: path.to_owned(),
            role,
        })?;
        if !listener.has(path, operation) {
            continue;
        }
        let route = routes.entry(shape(path)).or_insert_with(|| Route {
            pattern: pattern.clone(),
            path: path.to_owned(),
            operations: Vec::new(),
            role,
        });
        if route.pattern.contains("{*") != is_wildcard {
            return Err(RouteError::Ambiguous { first: route.path.clone(), second: path.to_owned() });
        }
        if let Some(other) = route.operations.iter().find(|other| other.method == method) {
            return Err(RouteError::Duplicate { method, path: path.to_owned(), first: other.role, second: role });
        }
        route.operations.push(Operation {
            method,
            role,
            is_stream: has_flag(operation, STREAM),
            has_cookies: has_flag(operation, COOKIES),
            tag: operation.tags.iter().flatten().next().cloned().unwrap_or_default(),
            required,
            needs_token: needs_token(operation),
            is_for_suspended: has_flag(operation, SUSPENDED),
            has_json_body: has_json_body(operation),
        });
    }
    Ok(())
}

/// Returns the pattern that axum matches. `None` if a parameter is only part of a segment, or if there is none for the
/// rest of the path.
fn pattern(path: &str, is_wildcard: bool) -> Option<String> {
    let is_supported = |segment: &str| {
        parameter(segment)
            .map_or(!segment.contains(['{', '}']), |name| !name.is_empty() && !name.contains(['{', '}', '*']))
    };
    if !path.split('/').all(is_supported) {
        return None;
    }
    if !is_wildcard {
        return Some(path.to_owned());
    }
    let (start, last) = path.rsplit_once('/')?;
    Some(format!("{start}/{{*{}}}", parameter(last)?))
}

/// Returns the name of the parameter that a segment is.
fn parameter(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Returns a path without the names of its parameters.
fn shape(path: &str) -> String {
    let segments: Vec<&str> =
        path.split('/').map(|segment| if parameter(segment).is_some() { "{}" } else { segment }).collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::any;
    use service::personal_data::PersonalData;
    use utoipa::openapi::extensions::ExtensionsBuilder;
    use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathsBuilder};
    use utoipa::openapi::security::SecurityRequirement;
    use utoipa::openapi::{OpenApi, OpenApiBuilder};

    use super::documented::ADMIN_ROLE;
    use super::*;

    fn part(rows: &[(HttpMethod, &str, &[&str])]) -> OpenApi {
        let paths = rows.iter().fold(PathsBuilder::new(), |paths, (method, path, flags)| {
            let flags = flags.iter().fold(ExtensionsBuilder::new(), |all, flag| all.add(*flag, true)).build();
            let operation = OperationBuilder::new().extensions(Some(flags)).build();
            paths.path(*path, PathItem::new(method.clone(), operation))
        });
        OpenApiBuilder::new().paths(paths.build()).build()
    }

    fn interface(role: &'static str, rows: &[(HttpMethod, &str, &[&str])]) -> RoleInterface {
        RoleInterface { role, openapi: part(rows).into(), codes: &[], personal_data: PersonalData::Nothing("") }
    }

    #[test]
    fn the_parts_say_what_is_public_and_who_serves_it() {
        let media = interface(
            "media",
            &[
                (HttpMethod::Get, "/v1/media/{id}", &[]),
                (HttpMethod::Delete, "/v1/media/{id}", &[COOKIES]),
                (HttpMethod::Get, "/v1/media/{id}/events", &[STREAM]),
            ],
        );
        let delivery = interface(
            "delivery",
            &[(HttpMethod::Get, "/v1/media/{item}/{part}", &[WILDCARD]), (HttpMethod::Put, "/v1/media/{item}", &[])],
        );
        let table = RouteTable::derive(&[media, delivery]).unwrap();
        let patterns: Vec<&str> = table.routes().map(|route| route.pattern.as_str()).collect();
        assert_eq!(patterns, ["/v1/media/{id}", "/v1/media/{id}/events", "/v1/media/{item}/{*part}"]);
        let item = table.find("/v1/media/{id}").unwrap();
        let flags = |method| item.operation(&method).map(|operation| (operation.is_stream, operation.has_cookies));
        assert_eq!(flags(Method::GET), Some((false, false)));
        assert_eq!(flags(Method::HEAD), Some((false, false)));
        assert_eq!(flags(Method::DELETE), Some((false, true)));
        assert_eq!(flags(Method::OPTIONS), None);
        let role = |method| item.role(&method);
        assert_eq!(role(Method::GET), "media");
        assert_eq!(role(Method::PUT), "delivery");
        assert_eq!(role(Method::OPTIONS), "media", "the first role refuses what none documents");
        assert!(table.find("/v1/media/{id}/events").unwrap().operation(&Method::GET).unwrap().is_stream);
        // axum accepts all of them beside each other.
        let _: Router =
            table.routes().fold(Router::new(), |router, route| router.route(&route.pattern, any(async || ())));
    }

    #[test]
    fn an_operation_needs_a_token_unless_one_alternative_has_none() {
        let with = |security: &[&[&str]]| {
            let alternatives = security.iter().map(|names| {
                names.iter().fold(SecurityRequirement::default(), |all, name| all.add(*name, Vec::<String>::new()))
            });
            OperationBuilder::new().securities(Some(alternatives)).build()
        };
        assert!(needs_token(&with(&[&["token"]])));
        assert!(!needs_token(&with(&[&[], &["token"]])) && !needs_token(&with(&[&["token"], &[]])));
        assert!(!needs_token(&OperationBuilder::new().build()) && !needs_token(&with(&[&["other"]])));
    }

    #[test]
    fn the_same_operation_in_two_roles_is_an_error_that_names_both() {
        let media = interface("media", &[(HttpMethod::Get, "/v1/files/{id}", &[])]);
        let delivery = interface("delivery", &[(HttpMethod::Get, "/v1/files/{name}", &[])]);
        let text = RouteTable::derive(&[media, delivery]).unwrap_err().to_string();
        assert!(text.starts_with("GET /v1/files/{name} ") && text.contains("media and delivery"), "{text}");
    }

    /// Returns a part with one operation, which has these extensions.
    fn with_extensions(path: &str, extensions: &[(&str, serde_json::Value)]) -> RoleInterface {
        let extensions =
            extensions.iter().fold(ExtensionsBuilder::new(), |all, (name, value)| all.add(*name, value.clone()));
        let operation = OperationBuilder::new().extensions(Some(extensions.build())).build();
        let paths = PathsBuilder::new().path(path, PathItem::new(HttpMethod::Post, operation)).build();
        RoleInterface {
            role: "accounts",
            openapi: OpenApiBuilder::new().paths(paths).build().into(),
            codes: &[],
            personal_data: PersonalData::Nothing(""),
        }
    }

    #[test]
    fn operations_of_operators_are_on_their_listener_only() {
        let roles = [
            with_extensions("/v1/admin/accounts", &[(ADMIN_ROLE, "viewer".into())]),
            with_extensions("/v1/sessions", &[(ADMIN_SIGN_IN, true.into())]),
            with_extensions("/v1/me", &[]),
        ];
        let patterns = |listener| -> Vec<String> {
            RouteTable::derive_for(listener, &roles).unwrap().routes().map(|route| route.pattern.clone()).collect()
        };
        assert_eq!(patterns(ListenerKind::Public), ["/v1/me", "/v1/sessions"]);
        assert_eq!(patterns(ListenerKind::Operators), ["/v1/admin/accounts", "/v1/sessions"]);
        let table = RouteTable::derive_for(ListenerKind::Operators, &roles).unwrap();
        let required = |path| table.find(path).unwrap().operation(&Method::POST).unwrap().required;
        assert_eq!(required("/v1/admin/accounts"), Some(OperatorRole::Viewer));
        assert_eq!(required("/v1/sessions"), None);
    }

    #[test]
    fn an_operation_of_operators_without_a_role_prevents_the_start() {
        let wrong: [(&str, Option<(&str, serde_json::Value)>); 5] = [
            ("/v1/admin/accounts", None),
            ("/v1/admin/accounts", Some((ADMIN_ROLE, "king".into()))),
            ("/v1/admin/accounts", Some((ADMIN_ROLE, true.into()))),
            ("/v1/admin/accounts", Some((ADMIN_SIGN_IN, true.into()))),
            ("/v1/accounts", Some((ADMIN_ROLE, "viewer".into()))),
        ];
        for (path, extension) in wrong {
            let role = with_extensions(path, extension.as_slice());
            // Both listeners refuse it, so that a fleet without the role `admin` notices as well.
            for listener in [ListenerKind::Public, ListenerKind::Operators] {
                let error = RouteTable::derive_for(listener, std::slice::from_ref(&role)).unwrap_err();
                assert!(matches!(error, RouteError::AdminRole { .. }), "{path}");
                assert!(error.to_string().contains("x-admin-role"), "{error}");
            }
        }
    }

    #[test]
    fn paths_that_cannot_be_routed_are_errors() {
        let refused = |path: &'static str, flags: &[&str]| {
            RouteTable::derive(&[interface("media", &[(HttpMethod::Get, path, flags)])]).unwrap_err()
        };
        for internal in ["/internal/media/{id}", "/metrics", "/v1", "/{path}", "/docs/{file}"] {
            assert!(matches!(refused(internal, &[]), RouteError::NotPublic { .. }), "{internal}");
        }
        for partial in ["/v1/{name}.jpg", "/v1/a{b}", "/v1/{*rest}", "/v1/{a}{b}"] {
            assert!(matches!(refused(partial, &[]), RouteError::Unsupported { .. }), "{partial}");
        }
        assert!(matches!(refused("/v1/files", &[WILDCARD]), RouteError::Unsupported { .. }));
        let both = [
            interface("media", &[(HttpMethod::Get, "/v1/files/{name}", &[])]),
            interface("delivery", &[(HttpMethod::Put, "/v1/files/{rest}", &[WILDCARD])]),
        ];
        assert!(matches!(RouteTable::derive(&both).unwrap_err(), RouteError::Ambiguous { .. }));
    }
}
