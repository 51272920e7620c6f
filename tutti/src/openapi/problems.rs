//! The problems of each operation: its own codes, and those of the layers around every handler.
//!
//! Owns the rules for the latter. Their truth is the gateway's guard and body limit, and `http_server`. Invariant: a
//! code that an operation names is in the table of its role or in the common one.

use std::collections::{BTreeMap, BTreeSet};

use gateway::ADMIN_PREFIX;
use http_server::problem::{Code, every_role};
use serde_json::Value;
use service::RoleInterface;
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::{Ref, RefOr, Response};

use super::problem_response::{self, extend, reason};
use super::{CODES, CodeUse};
use crate::CommandError;

/// A rule: operations of a kind can return these codes.
pub(super) struct Rule {
    kind: Kind,
    /// The operations, for the page of errors.
    #[cfg_attr(not(test), expect(dead_code, reason = "for docs/errors.md, which a test writes"))]
    pub(super) operations: &'static str,
    pub(super) codes: &'static [&'static Code],
}

/// A kind of operations.
#[derive(Clone, Copy)]
enum Kind {
    All,
    /// Its path has a parameter.
    PathParameter,
    /// It has parameters in the query.
    Query,
    Body,
    JsonBody,
    /// Its method may change something.
    Write,
    /// It accepts an access token.
    Token,
    /// It can't be used without one.
    RequiredToken,
    /// It is one of operators.
    Operators,
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        kind: Kind::All,
        operations: "every operation",
        codes: &[
            every_role::MALFORMED,
            every_role::URL_TOO_LONG,
            every_role::TOO_MANY_REQUESTS,
            every_role::HEAD_TOO_LARGE,
            every_role::TOO_MANY_HEADERS,
            every_role::SERVER_FAULT,
            every_role::SERVER_UNAVAILABLE,
            every_role::SERVER_OVERLOADED,
            every_role::SERVER_TOO_LATE,
        ],
    },
    Rule {
        kind: Kind::PathParameter,
        operations: "every operation with a parameter in its path",
        codes: &[every_role::NO_SUCH_URL],
    },
    Rule { kind: Kind::Query, operations: "every operation with a query", codes: &[every_role::BAD_QUERY] },
    Rule {
        kind: Kind::Body,
        operations: "every operation with a body",
        codes: &[every_role::BROKEN_OFF, every_role::TOO_SLOW, every_role::TOO_LARGE],
    },
    Rule {
        kind: Kind::JsonBody,
        operations: "every operation with a JSON body",
        codes: &[
            every_role::NOT_JSON,
            every_role::UNSUPPORTED_CONTENT_TYPE,
            every_role::CONTENT_ENCODING,
            every_role::INVALID,
        ],
    },
    Rule {
        kind: Kind::Write,
        operations: "every operation that changes something",
        codes: &[every_role::SERVER_STORAGE_FULL],
    },
    Rule {
        kind: Kind::Token,
        operations: "every operation, if a token is sent",
        codes: &[
            every_role::AUTH_INVALID_TOKEN,
            every_role::AUTH_SESSION_ENDED,
            every_role::AUTH_EXPIRED,
            every_role::AUTH_NOT_YET_VALID,
            every_role::AUTH_SUSPENDED,
            every_role::AUTH_SCOPE,
            every_role::AUTH_ON_BEHALF_OF,
        ],
    },
    Rule {
        kind: Kind::RequiredToken,
        operations: "every operation that needs a token",
        codes: &[every_role::AUTH_REQUIRED],
    },
    Rule {
        kind: Kind::Operators,
        operations: "every operation of operators",
        codes: &[
            every_role::AUTH_ROLE_REQUIRED,
            every_role::AUTH_OPERATORS_SESSION,
            every_role::AUTH_SECOND_FACTOR_REQUIRED,
        ],
    },
];

impl Kind {
    fn has(self, operation: &Operation, method: &str, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::PathParameter => path.contains('{'),
            Self::Query => has_query(operation),
            Self::Body => operation.request_body.is_some(),
            Self::JsonBody => has_json_body(operation),
            Self::Write => !matches!(method, "get" | "head" | "options"),
            Self::Token => !tokens(operation).is_empty(),
            Self::RequiredToken => {
                let tokens = tokens(operation);
                !tokens.is_empty() && tokens.into_iter().all(|required| required)
            }
            Self::Operators => path.starts_with(ADMIN_PREFIX),
        }
    }
}

fn has_query(operation: &Operation) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters.into_iter().any(|parameter| match parameter {
        RefOr::T(parameter) => matches!(parameter.parameter_in, ParameterIn::Query | ParameterIn::QueryString),
        RefOr::Ref(_) => false,
    })
}

fn has_json_body(operation: &Operation) -> bool {
    let Some(RefOr::T(body)) = &operation.request_body else { return false };
    body.content.keys().any(|kind| kind == "application/json")
}

/// Returns the alternatives of an operation's security: whether each needs the token. Empty if the operation says
/// nothing about security.
fn tokens(operation: &Operation) -> Vec<bool> {
    let alternatives = operation.security.iter().flatten();
    alternatives
        .map(|alternative| {
            serde_json::to_value(alternative).is_ok_and(|value| value != Value::Null && value.get("token").is_some())
        })
        .collect()
}

/// Adds a response for each status with which the operation can fail. Returns the codes. Responses that consist of
/// common codes only are shared.
pub(super) fn add(
    operation: &mut Operation,
    method: &str,
    path: &str,
    interface: &RoleInterface,
    shared: &mut BTreeMap<String, RefOr<Response>>,
) -> Result<Vec<CodeUse>, CommandError> {
    let operation_id = operation.operation_id.clone().ok_or_else(|| format!("{method} {path} has no operation id"))?;
    let of_rules: Vec<&'static Code> = RULES
        .iter()
        .filter(|rule| rule.kind.has(operation, method, path))
        .flat_map(|rule| rule.codes)
        .copied()
        .collect();
    let used = |role, code, is_by_rule| CodeUse { role, code, operation_id: operation_id.clone(), is_by_rule };
    let mut uses: Vec<CodeUse> = of_rules.iter().map(|code| used(None, *code, true)).collect();
    for name in own_codes(operation) {
        let has_body = operation.request_body.is_some();
        let (role, code) = find(interface, &name, has_body)
            .ok_or_else(|| format!("{operation_id} has the code {name}, which is in no table of {}", interface.role))?;
        if !uses.iter().any(|used| used.code == code) {
            uses.push(used(role, code, false));
        }
    }
    let mut by_status: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    for used in &uses {
        by_status.entry(used.code.status).or_default().insert(used.code.code);
    }
    for (status, names) in by_status {
        let codes: Vec<&Code> = names
            .into_iter()
            .filter_map(|name| {
                uses.iter().map(|used| used.code).find(|code| (code.status, code.code) == (status, name))
            })
            .collect();
        let is_shared = codes.iter().all(|code| of_rules.contains(code));
        let key = status.to_string();
        let response = match operation.responses.responses.remove(&key) {
            Some(RefOr::T(documented)) => RefOr::T(extend(documented, &codes)),
            _ if is_shared => {
                let name = shared_name(status, &codes);
                shared.entry(name.clone()).or_insert_with(|| RefOr::T(problem_response::of(&codes)));
                RefOr::Ref(Ref::from_response_name(name))
            }
            _ => RefOr::T(problem_response::of(&codes)),
        };
        operation.responses.responses.insert(key, response);
    }
    Ok(uses)
}

/// Returns the codes that an operation names, some with a status before them.
fn own_codes(operation: &Operation) -> Vec<String> {
    let codes = operation.extensions.as_ref().and_then(|extensions| extensions.get(CODES));
    let names = codes.and_then(Value::as_array).into_iter().flatten();
    names.map(|name| name.as_str().map_or_else(|| name.to_string(), str::to_owned)).collect()
}

/// Finds a code in the table of a role, or else in the common one, with the name of the role that has it. The common
/// table has some codes twice: with 400 for the query and the headers, and with another status for the body. Where an
/// operation has the other one, it says the status: `422 request.invalid`.
fn find(interface: &RoleInterface, name: &str, has_body: bool) -> Option<(Option<&'static str>, &'static Code)> {
    if let Some((status, name)) = name.split_once(' ') {
        let status = status.parse().ok()?;
        let of_status = |code: &&Code| (code.status, code.code) == (status, name);
        return every_role::CODES.iter().copied().find(of_status).map(|code| (None, code));
    }
    if let Some(code) = interface.codes.iter().find(|code| code.code == name) {
        return Some((Some(interface.role), code));
    }
    let rows = || every_role::CODES.iter().copied().filter(|code| code.code == name);
    let fitting = rows().find(|code| (code.status != 400) == has_body);
    fitting.or_else(|| rows().next()).map(|code| (None, code))
}

/// Returns the name of a response that operations share: that of the status if it has all codes that a rule gives it,
/// else also those codes.
fn shared_name(status: u16, codes: &[&Code]) -> String {
    let title: String = reason(status).chars().filter(char::is_ascii_alphanumeric).collect();
    let all = RULES.iter().flat_map(|rule| rule.codes).filter(|code| code.status == status).count();
    if codes.len() == all {
        return title;
    }
    let names = codes.iter().map(|code| code.code.rsplit('.').next().unwrap_or(code.code));
    [title.as_str()].into_iter().chain(names).collect::<Vec<_>>().join("_")
}
