//! Roles: what an account may do beyond its own account and media.
//!
//! Invariant: an account has each role at most once, in the table's order.

use crate::error::Error;

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Every account has this role.
    Member,
    /// Reviews submissions to campaigns.
    Curator,
    /// Decides on reports.
    Moderator,
    /// Sees metrics and changes nothing.
    Viewer,
    /// Sees the state of the system.
    Developer,
    /// Operates the installation.
    Operator,
}

/// The roles with their names in tokens.
const NAMES: [(Role, &str); 6] = [
    (Role::Member, "member"),
    (Role::Curator, "curator"),
    (Role::Moderator, "moderator"),
    (Role::Viewer, "viewer"),
    (Role::Developer, "developer"),
    (Role::Operator, "operator"),
];

impl Role {
    /// Returns the role with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, known)| *known == name).map(|(role, _)| *role)
    }

    fn name(self) -> &'static str {
        NAMES.iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }
}

/// The roles of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roles(Vec<Role>);

impl Roles {
    /// Returns the roles of a new account.
    pub(crate) fn for_new_account() -> Self {
        Self(vec![Role::Member])
    }

    /// Parses the output of [`Roles::to_text`]. A name that only another release knows is ignored.
    pub(crate) fn parse(text: &str) -> Self {
        let mut roles: Vec<Role> = text.split(' ').filter_map(Role::from_name).collect();
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }

    /// Returns the stored form: names separated by spaces.
    pub(crate) fn to_text(&self) -> String {
        self.names().join(" ")
    }

    /// Returns the names, as they are in tokens.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|role| role.name().to_owned()).collect()
    }

    /// Whether the account has a role.
    pub(crate) fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Whether the account has a role beyond those of the community, so that it works for the installation.
    pub(crate) fn is_staff(&self) -> bool {
        self.0.iter().any(|role| !matches!(role, Role::Member | Role::Curator))
    }

    /// Whether the account has a role beyond the one that every account has.
    pub(crate) fn are_granted(&self) -> bool {
        self.0.iter().any(|role| *role != Role::Member)
    }

    /// Whether none of the other roles is missing here.
    pub(crate) fn include(&self, others: &Self) -> bool {
        others.0.iter().all(|role| self.has(*role))
    }

    /// Adds a role.
    pub(crate) fn with(mut self, role: Role) -> Self {
        self.0.push(role);
        self.0.sort_unstable();
        self.0.dedup();
        self
    }

    /// Removes a role. `Member` is never removed.
    pub(crate) fn without(mut self, role: Role) -> Self {
        self.0.retain(|&has| has != role || has == Role::Member);
        self
    }
}

/// A change of the roles of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RolesChange {
    /// The roles to add.
    pub add: Vec<Role>,
    /// The roles to remove.
    pub remove: Vec<Role>,
}

impl RolesChange {
    /// Parses names of roles. Fails with [`Error::UnknownRole`].
    pub(crate) fn parse(add: &[String], remove: &[String]) -> Result<Self, Error> {
        let parse = |names: &[String]| {
            let role = |name: &String| Role::from_name(name).ok_or_else(|| Error::UnknownRole(name.clone()));
            names.iter().map(role).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self { add: parse(add)?, remove: parse(remove)? })
    }

    /// Returns the roles after the change.
    pub(crate) fn apply(&self, roles: Roles) -> Roles {
        let added = self.add.iter().fold(roles, |roles, role| roles.with(*role));
        self.remove.iter().fold(added, |roles, role| roles.without(*role))
    }

    /// Checks who makes the change: operators don't take their own role `operator`, so that one is left.
    pub(crate) fn check(&self, is_own_account: bool) -> Result<(), Error> {
        if is_own_account && self.remove.contains(&Role::Operator) { Err(Error::OwnOperatorRole) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_kept_once_and_in_order() {
        let roles = Roles::for_new_account().with(Role::Operator).with(Role::Curator).with(Role::Operator);
        assert_eq!(roles.to_text(), "member curator operator");
        assert_eq!(Roles::parse(&roles.to_text()), roles);
        assert_eq!(roles.without(Role::Operator).without(Role::Member).to_text(), "member curator");
        assert_eq!(Roles::parse("member from_next_year").to_text(), "member");
    }

    #[test]
    fn roles_that_are_lost_are_not_included() {
        let (member, curator) = (Roles::for_new_account(), Roles::for_new_account().with(Role::Curator));
        assert!(curator.include(&member) && curator.include(&curator));
        assert!(curator.are_granted() && !member.are_granted());
        assert!(!member.include(&curator) && !member.with(Role::Viewer).include(&curator));
    }
}
