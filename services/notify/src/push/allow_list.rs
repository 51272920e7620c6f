//! Whose devices get pushes: in production all of them, elsewhere those of the environment's list.
//!
//! Invariant: the first push that is withheld is logged, and no other one.

use std::sync::atomic::{AtomicBool, Ordering};

use base::Environment;
use contract::AccountId;

/// See the module.
pub(super) struct AllowList {
    environment: Environment,
    is_logged: AtomicBool,
}

impl AllowList {
    pub(super) fn new(environment: Environment) -> Self {
        Self { environment, is_logged: AtomicBool::new(false) }
    }

    /// Whether pushes may go to a member's devices.
    pub(super) fn allows(&self, member: AccountId) -> bool {
        if self.environment.is_production() || self.environment.may_push(&member.0.to_string()) {
            return true;
        }
        if !self.is_logged.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                environment = self.environment.name,
                "a push was withheld: outside production they go only to the accounts of environment.push_allowed; \
                 others are counted in tutti_notify_pushes_withheld_total and not logged"
            );
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn outside_production_only_named_accounts_get_pushes() {
        let (ada, bob) = (AccountId(Uuid::from_u128(1)), AccountId(Uuid::from_u128(2)));
        let environment =
            Environment { name: "dev".into(), push_allowed: vec![ada.0.to_string()], ..Environment::default() };
        let list = AllowList::new(environment);
        assert!(list.allows(ada) && !list.allows(bob) && list.is_logged.load(Ordering::Relaxed));
        assert!(AllowList::new(Environment::default()).allows(bob));
    }
}
