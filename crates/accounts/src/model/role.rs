//! Roles: what an account may do beyond its own things.
//!
//! Invariant: an account has each role at most once, in the table's order.

/// A role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// Everybody who signed up.
    Member,
    /// Reviews submissions to campaigns.
    Curator,
    /// Judges what was reported.
    Moderator,
    /// Sees metrics, changes nothing.
    Viewer,
    /// Sees how the system is doing.
    Developer,
    /// Runs the house.
    Operator,
}

/// The table of roles and their names in tokens.
const NAMES: [(Role, &str); 6] =
    [(Role::Member, "member"), (Role::Curator, "curator"), (Role::Moderator, "moderator"), (Role::Viewer, "viewer"), (Role::Developer, "developer"), (Role::Operator, "operator")];

impl Role {
    /// The role with this name.
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
    /// What a new account may do.
    pub(crate) fn for_new_account() -> Self {
        Self(vec![Role::Member])
    }

    /// Reads [`Roles::to_text`]; a name that only another release knows is passed over.
    pub(crate) fn parse(text: &str) -> Self {
        let mut roles: Vec<Role> = text.split(' ').filter_map(Role::from_name).collect();
        roles.sort_unstable();
        roles.dedup();
        Self(roles)
    }

    /// How roles are stored: names with spaces between them.
    pub(crate) fn to_text(&self) -> String {
        self.names().join(" ")
    }

    /// The names, as tokens carry them.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|role| role.name().to_owned()).collect()
    }

    /// With another role.
    pub(crate) fn with(mut self, role: Role) -> Self {
        self.0.push(role);
        self.0.sort_unstable();
        self.0.dedup();
        self
    }

    /// Without a role. Everybody stays a member.
    pub(crate) fn without(mut self, role: Role) -> Self {
        self.0.retain(|&has| has != role || has == Role::Member);
        self
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
}
