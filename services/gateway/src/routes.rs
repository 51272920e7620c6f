//! The route table: which role serves which operation, derived from the OpenAPI part of each role.
//!
//! A part's paths are the role's public ones. Extensions of an operation say what OpenAPI has no field for: `x-stream`
//! (the response is a stream), `x-cookies` (cookies are forwarded) and `x-wildcard` (the path's last parameter is the
//! whole rest of the path). Invariant: a path that is in no part, or that is not below one of [`PUBLIC_PREFIXES`], is
//! not forwarded.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use service::RoleInterface;
use utoipa::openapi::path::{Operation as Documented, PathItem};

/// Every path of a part begins with one of these. The paths of internal requests and metrics don't.
const PUBLIC_PREFIXES: [&str; 2] = ["/v1/", "/.well-known/"];
const STREAM: &str = "x-stream";
const COOKIES: &str = "x-cookies";
const WILDCARD: &str = "x-wildcard";

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

/// Why the parts of the roles make no route table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// Two roles have the same operation.
    #[error("{method} {path} is an operation of two roles, {first} and {second}; remove it from one of them")]
    Duplicate {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// One of the roles.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// Two paths match the same requests, one of them with the whole rest of the path.
    #[error("{first} and {second} match the same requests; `x-wildcard` is set for one of them only")]
    Ambiguous {
        /// One of the paths.
        first: String,
        /// The other one.
        second: String,
    },
    /// A path that must not be reached from outside.
    #[error("the OpenAPI part of {role} has {path}, but public paths begin with /v1/ or /.well-known/")]
    NotPublic {
        /// The role.
        role: &'static str,
        /// The path.
        path: String,
    },
    /// A path that can't be matched.
    #[error("the OpenAPI part of {role} has {path}, but a parameter is a whole segment, and `x-wildcard` needs one")]
    Unsupported {
        /// The role.
        role: &'static str,
        /// The path.
        path: String,
    },
}

impl RouteTable {
    /// Derives the table from the parts of all roles, wherever they run.
    pub fn derive(roles: &[RoleInterface]) -> Result<Self, RouteError> {
        let mut by_shape: BTreeMap<String, Route> = BTreeMap::new();
        for interface in roles {
            for (path, item) in &interface.openapi.paths.paths {
                add(&mut by_shape, interface.role, path, item)?;
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
        });
    }
    Ok(())
}

/// Returns the operations of a path with their methods.
fn documented(item: &PathItem) -> impl Iterator<Item = (Method, &Documented)> {
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

fn has_flag(operation: &Documented, name: &str) -> bool {
    operation.extensions.as_ref().and_then(|extensions| extensions.get(name)).is_some_and(|value| *value == true)
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
    use utoipa::openapi::extensions::ExtensionsBuilder;
    use utoipa::openapi::path::{HttpMethod, OperationBuilder, PathsBuilder};
    use utoipa::openapi::{OpenApi, OpenApiBuilder};

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
        RoleInterface { role, openapi: part(rows), codes: &[] }
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
    fn the_same_operation_in_two_roles_is_an_error_that_names_both() {
        let media = interface("media", &[(HttpMethod::Get, "/v1/files/{id}", &[])]);
        let delivery = interface("delivery", &[(HttpMethod::Get, "/v1/files/{name}", &[])]);
        let text = RouteTable::derive(&[media, delivery]).unwrap_err().to_string();
        assert!(text.starts_with("GET /v1/files/{name} ") && text.contains("media and delivery"), "{text}");
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
