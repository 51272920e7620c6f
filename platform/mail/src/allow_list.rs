//! Whose mails leave: in production all of them, elsewhere those of the environment's list.
//!
//! The folder keeps every mail, as no person receives those. Invariant: a mail that may not leave is counted each time
//! and logged once, without its address.

use std::sync::atomic::{AtomicBool, Ordering};

use base::Environment;

use super::address::Address;
use super::error::Error;
use super::options::EngineKind;

/// See the module.
pub(crate) struct AllowList {
    /// The environment whose list counts; `None` if every mail may leave.
    environment: Option<Environment>,
    is_logged: AtomicBool,
}

impl AllowList {
    pub(crate) fn new(environment: Environment, engine: EngineKind) -> Self {
        let counts = engine == EngineKind::Smtp && !environment.is_production();
        Self { environment: counts.then_some(environment), is_logged: AtomicBool::new(false) }
    }

    /// Returns an error if no mail may go to the address.
    pub(crate) fn check(&self, to: &Address) -> Result<(), Error> {
        match &self.environment {
            Some(environment) if !environment.may_mail(to.as_str()) => {
                if !self.is_logged.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        environment = environment.name,
                        "a mail was withheld: outside production they go only to those of environment.mail_allowed; \
                         others are counted in tutti_mail_attempts_total and not logged"
                    );
                }
                Err(Error::Withheld)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_mail_server_outside_production_has_a_list() {
        let staging =
            Environment { name: "staging".into(), mail_allowed: vec!["@a.example".into()], ..Environment::default() };
        let (known, stranger) = (Address::parse("x@a.example").unwrap(), Address::parse("x@b.example").unwrap());
        let list = AllowList::new(staging.clone(), EngineKind::Smtp);
        assert!(list.check(&known).is_ok() && matches!(list.check(&stranger), Err(Error::Withheld)));
        assert!(AllowList::new(staging, EngineKind::Folder).check(&stranger).is_ok());
        assert!(AllowList::new(Environment::default(), EngineKind::Smtp).check(&stranger).is_ok());
    }
}
