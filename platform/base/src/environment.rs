//! Which environment a process belongs to, and whom it may reach: `[environment]` in the configuration.
//!
//! Owns the names and the allow-lists. Does not own where a database records its environment (`db::environment`).
//! Invariant: outside production no mail, no push and no webhook leaves the process but to those whom a list names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::{Config, Error};

/// The environment that members use. Without a configuration, an installation is that one.
pub const PRODUCTION: &str = "production";
const MAX_NAME_CHARS: usize = 30;
/// The entry of a list that stands for all addresses, or all hosts.
const ALL: &str = "*";

/// Which environment a process belongs to. The databases of an installation record theirs, and a process of another one
/// does not start on them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Environment {
    /// Its name: lower-case letters, digits and `-`. In every other environment than `production`, mails, pushes and
    /// webhooks go only to those whom the lists below name.
    pub name: String,
    /// Random characters that tell two environments of one name apart. If unset, the name alone counts. `tutti env new`
    /// makes them.
    pub fingerprint: String,
    /// To whom an environment other than `production` sends mails through a mail server: addresses, `@example.org` for
    /// all of a domain, or `*` for all, where the server is a mail catcher. The others become dead letters. The
    /// folder of mails takes all: no person receives those.
    pub mail_allowed: Vec<String>,
    /// To whose devices an environment other than `production` sends pushes: ids of accounts. The others are dropped.
    pub push_allowed: Vec<String>,
    /// The hosts to which an environment other than `production` sends webhooks, such as `hooks.example.org`, or `*`
    /// for all. Attempts for others fail, as those of a receiver that does not answer.
    pub webhook_allowed: Vec<String>,
}

impl Default for Environment {
    fn default() -> Self {
        Self {
            name: PRODUCTION.to_owned(),
            fingerprint: String::new(),
            mail_allowed: Vec::new(),
            push_allowed: Vec::new(),
            webhook_allowed: Vec::new(),
        }
    }
}

impl Environment {
    /// Reads the section.
    pub fn of(config: &Config) -> Result<Self, Error> {
        let environment: Self = config.section("environment")?;
        environment.check()?;
        Ok(environment)
    }

    /// Returns an error that says what to do if the section can't be used.
    fn check(&self) -> Result<(), Error> {
        if !is_name(&self.name) {
            return Err(Error::Unusable(format!(
                "environment.name must be 1 to {MAX_NAME_CHARS} lower-case letters, digits and `-`, the first a letter"
            )));
        }
        if let Some(host) = self.webhook_allowed.iter().find(|host| host.is_empty() || host.contains(['/', '@', ' '])) {
            return Err(Error::Unusable(format!(
                "`{host}` in environment.webhook_allowed is no host such as \"hooks.example.org\""
            )));
        }
        match self.mail_allowed.iter().find(|entry| !is_entry(entry)) {
            Some(entry) => Err(Error::Unusable(format!(
                "`{entry}` in environment.mail_allowed is neither an address nor a domain such as \"@example.org\""
            ))),
            None => Ok(()),
        }
    }

    /// Whether it is the one that members use.
    pub fn is_production(&self) -> bool {
        self.name == PRODUCTION
    }

    /// Whether a mail may go to an address, which is in lower case.
    pub fn may_mail(&self, address: &str) -> bool {
        let is_named = |entry: &String| {
            let entry = entry.to_ascii_lowercase();
            entry == ALL || if entry.starts_with('@') { address.ends_with(&entry) } else { address == entry }
        };
        self.is_production() || self.mail_allowed.iter().any(is_named)
    }

    /// Whether a push may go to the devices of the account with this id.
    pub fn may_push(&self, account: &str) -> bool {
        self.is_production() || self.push_allowed.iter().any(|allowed| allowed == account)
    }

    /// Whether a webhook may go to a host, which is in lower case.
    pub fn may_call(&self, host: &str) -> bool {
        let is_named = |entry: &String| entry == ALL || entry.eq_ignore_ascii_case(host);
        self.is_production() || self.webhook_allowed.iter().any(is_named)
    }
}

/// Whether a text is an address, a domain or [`ALL`].
fn is_entry(entry: &str) -> bool {
    entry == ALL || (entry.contains('@') && !entry.ends_with('@'))
}

/// Whether a text can be the name of an environment: it becomes a part of the names of databases and streams.
pub fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_CHARS
        && text.starts_with(|letter: char| letter.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_production_only_those_who_are_named_are_reached() {
        let staging = Environment {
            name: "staging".into(),
            mail_allowed: vec!["Ada@example.org".into(), "@tutti.example".into()],
            push_allowed: vec!["a1".into()],
            webhook_allowed: vec!["Hooks.example.org".into()],
            ..Environment::default()
        };
        staging.check().unwrap();
        assert!(staging.may_mail("ada@example.org") && staging.may_mail("x@tutti.example") && staging.may_push("a1"));
        assert!(!staging.may_mail("bob@example.org") && !staging.may_mail("x@not-tutti.example"));
        assert!(!staging.may_push("a2") && !staging.may_push(""));
        assert!(staging.may_call("hooks.example.org") && !staging.may_call("x.hooks.example.org"));
        let caught = Environment { mail_allowed: vec![ALL.into()], ..staging };
        assert!(caught.check().is_ok() && caught.may_mail("bob@example.org"));
        let production = Environment::default();
        assert!(production.may_mail("bob@example.org") && production.may_push("a2"));
        assert!(production.may_call("hooks.example.org"));
        let wrong = Environment { webhook_allowed: vec!["https://a".into()], ..Environment::default() };
        assert!(wrong.check().unwrap_err().to_string().contains("webhook_allowed"));
    }

    #[test]
    fn a_name_is_plain_and_an_entry_is_an_address_or_a_domain() {
        assert!(["a", "staging", "dev-2"].into_iter().all(is_name));
        assert!(["", "-a", "2a", "A", "a_b", "a/b", "a".repeat(31).as_str()].into_iter().all(|text| !is_name(text)));
        for entry in ["example.org", "ada@", ""] {
            let wrong = Environment { mail_allowed: vec![entry.into()], ..Environment::default() };
            assert!(wrong.check().unwrap_err().to_string().contains("mail_allowed"), "{entry}");
        }
    }
}
