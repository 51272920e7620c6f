//! Why the parts of the roles make no route table.
//!
//! Invariant: an error names the path, and who has it, so that it can be mended without a search.

use http::Method;

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
    /// An operation of operators that does not say which role it needs, or a role that does not exist.
    #[error(
        "{method} {path} of {role} is an operation of operators; its `x-admin-role` must be viewer, developer, \
         moderator or operator, and no other operation has one"
    )]
    AdminRole {
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The role.
        role: &'static str,
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
