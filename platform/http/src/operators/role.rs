//! Which roles may call an operation of the operators' listener.
//!
//! Owns the one table of requirement and roles. Invariant: what is not in the table is refused.

use crate::auth::Claims;
use crate::problem::{Problem, every_role};

/// The value of `amr` that says that a second factor was checked (RFC 8176).
const MULTI_FACTOR: &str = "mfa";

/// What an operation of the operators' listener requires, as its OpenAPI extension `x-admin-role` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperatorRole {
    /// Reading what says how the installation is doing and who its members are.
    Viewer,
    /// Jobs, dead letters, logs.
    Developer,
    /// Reports and what is decided about them.
    Moderator,
    /// Everything.
    Operator,
}

/// Each requirement with its name, and the roles of an account that fulfil it.
const HOLDERS: [(OperatorRole, &str, &[&str]); 4] = [
    (OperatorRole::Viewer, "viewer", &["viewer", "developer", "moderator", "operator"]),
    (OperatorRole::Developer, "developer", &["developer", "operator"]),
    (OperatorRole::Moderator, "moderator", &["moderator", "operator"]),
    (OperatorRole::Operator, "operator", &["operator"]),
];

impl OperatorRole {
    /// All requirements.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Developer, Self::Moderator, Self::Operator];

    /// Returns the requirement with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        HOLDERS.iter().find(|(_, known, _)| *known == name).map(|(role, ..)| *role)
    }

    /// Returns the name.
    pub fn name(self) -> &'static str {
        HOLDERS.iter().find(|(role, ..)| *role == self).map_or("", |(_, name, _)| name)
    }

    /// Whether an account with these roles fulfils the requirement.
    pub fn is_fulfilled_by(self, roles: &[String]) -> bool {
        HOLDERS.iter().any(|(required, _, holders)| {
            *required == self && roles.iter().any(|role| holders.contains(&role.as_str()))
        })
    }
}

/// Checks that a caller may use an operation: by role, with a session of the operators' listener, and with a second
/// factor; never with an API key. Returns the 403 that says what is missing.
pub fn authorize(claims: &Claims, required: OperatorRole) -> Result<(), Problem> {
    if !claims.scope.is_empty() {
        return Err(Problem::of(every_role::AUTH_SCOPE, "An API key can't be used for what operators do."));
    }
    if !required.is_fulfilled_by(&claims.roles) {
        let detail = format!("This needs the role `{}`. An operator can give it to your account.", required.name());
        return Err(Problem::of(every_role::AUTH_ROLE_REQUIRED, detail));
    }
    if !claims.operators {
        return Err(Problem::of(
            every_role::AUTH_OPERATORS_SESSION,
            "Sign in at the operators' listener: a session of the site is not valid here.",
        ));
    }
    if !claims.amr.iter().any(|method| method == MULTI_FACTOR) {
        return Err(Problem::of(
            every_role::AUTH_SECOND_FACTOR_REQUIRED,
            "Operators sign in with a second factor. Add an authenticator app or a passkey in the settings of your \
             account on the site, then sign in here again and use it.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn claims(roles: &[&str], amr: &[&str], operators: bool) -> Claims {
        Claims {
            sub: Uuid::nil(),
            sid: Uuid::nil(),
            handle: "ada".into(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            confirmed: true,
            version: 0,
            scope: Vec::new(),
            iss: crate::auth::ISSUER.into(),
            iat: 0,
            exp: 0,
            amr: amr.iter().map(|&method| method.to_owned()).collect(),
            auth_time: 0,
            operators,
        }
    }

    #[test]
    fn each_requirement_is_fulfilled_by_its_row_only() {
        let roles = ["member", "curator", "viewer", "developer", "moderator", "operator", "king"];
        let fulfilled = |required: OperatorRole| -> Vec<&str> {
            roles.into_iter().filter(|role| required.is_fulfilled_by(&[(*role).to_owned()])).collect()
        };
        assert_eq!(fulfilled(OperatorRole::Viewer), ["viewer", "developer", "moderator", "operator"]);
        assert_eq!(fulfilled(OperatorRole::Developer), ["developer", "operator"]);
        assert_eq!(fulfilled(OperatorRole::Moderator), ["moderator", "operator"]);
        assert_eq!(fulfilled(OperatorRole::Operator), ["operator"]);
        for role in OperatorRole::ALL {
            assert_eq!(OperatorRole::from_name(role.name()), Some(role));
        }
        assert_eq!(OperatorRole::from_name("member"), None);
    }

    #[test]
    fn a_role_an_operators_session_and_a_second_factor_are_all_required() {
        let check = |claims: &Claims| authorize(claims, OperatorRole::Operator).map_err(|problem| problem.code);
        assert_eq!(check(&claims(&["member", "operator"], &["pwd", "otp", "mfa"], true)), Ok(()));
        assert_eq!(check(&claims(&["viewer"], &["pwd", "mfa"], true)), Err("auth.role_required".into()));
        assert_eq!(check(&claims(&["operator"], &["mfa"], false)), Err("auth.operators_session_required".into()));
        assert_eq!(check(&claims(&["operator"], &["pwd", "otp"], true)), Err("auth.second_factor_required".into()));
    }

    #[test]
    fn an_api_key_is_refused_whatever_else_its_token_says() {
        let key = Claims { scope: vec!["media:read".into()], ..claims(&["operator"], &["mfa"], true) };
        for required in OperatorRole::ALL {
            assert_eq!(authorize(&key, required).map_err(|problem| problem.code), Err("auth.scope".into()));
        }
    }
}
