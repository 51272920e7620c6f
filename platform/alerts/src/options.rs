//! The `[alerts]` section: who is told, and of what.
//!
//! Invariant: with the defaults nothing is evaluated and nothing is sent.

use std::path::PathBuf;

use base::Networks;
use base::config::{Error, Secret};
use chrono::TimeDelta;
use reqwest::Certificate;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::rules::RULES;

/// The most addresses that are mailed.
const MAX_RECIPIENTS: usize = 20;

/// Alerts of the server itself, for installations without Prometheus.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AlertOptions {
    /// The addresses that are mailed, such as `["ops@example.org"]`. Mails go through `[mail]` and need a database, so
    /// a disk that is full may keep them back: a webhook needs neither.
    pub mail_to: Vec<String>,
    /// The URL that alerts are posted to, in the form of Alertmanager's webhooks.
    pub webhook_url: Option<String>,
    /// A token for it, which is sent as `Authorization: Bearer`. It is safer in a file.
    #[schema(value_type = Option<String>)]
    pub webhook_token: Option<Secret>,
    /// A file that contains only that token.
    #[schema(value_type = Option<String>)]
    pub webhook_token_file: Option<PathBuf>,
    /// Networks that the webhook may be in although they are not on the public internet, also without TLS, such as
    /// `["10.0.0.0/8"]`.
    pub allow_networks: Vec<String>,
    /// A PEM file of certificates to trust in addition to the system's.
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
    /// An `https` URL of the site, such as `https://tutti.example/healthz`: the end of its certificate is read every
    /// six hours, and every ten minutes where it can't be read or ends within 14 days. If unset, certificates are not
    /// watched.
    pub certificate_url: Option<String>,
    /// Hours after which an alert that still fires is told again; 0 for never.
    pub repeat_hours: u32,
    /// Alerts that are not evaluated, such as `["DrillOld"]`.
    pub disabled: Vec<String>,
    /// The role whose process tells what all processes know alike: dead letters, and certificates.
    pub role: String,
}

impl Default for AlertOptions {
    fn default() -> Self {
        Self {
            mail_to: Vec::new(),
            webhook_url: None,
            webhook_token: None,
            webhook_token_file: None,
            allow_networks: Vec::new(),
            ca_file: None,
            certificate_url: None,
            repeat_hours: 4,
            disabled: Vec::new(),
            role: "accounts".to_owned(),
        }
    }
}

impl AlertOptions {
    /// Whether alerts are told at all.
    pub fn is_on(&self) -> bool {
        !self.mail_to.is_empty() || self.webhook_url.is_some()
    }

    /// Returns an error if a value can't be used: a sentence that names the key.
    pub fn check(&self) -> Result<(), Error> {
        if self.mail_to.len() > MAX_RECIPIENTS {
            return Err(Error::Unusable(format!("alerts.mail_to has more than {MAX_RECIPIENTS} addresses")));
        }
        if let Some(wrong) = self.mail_to.iter().find(|address| mail::Address::parse(address).is_none()) {
            return Err(Error::Unusable(format!("alerts.mail_to contains {wrong:?}, which is no address for mails")));
        }
        self.webhook()?;
        self.certificate()?;
        self.token()?;
        self.networks()?;
        self.certificates()?;
        if let Some(unknown) = self.disabled.iter().find(|name| !RULES.iter().any(|rule| rule.name == **name)) {
            let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
            let known = names.join(", ");
            return Err(Error::Unusable(format!(
                "alerts.disabled contains {unknown:?}, which is no alert; there are {known}"
            )));
        }
        Ok(())
    }

    /// Returns the webhook's URL.
    pub(crate) fn webhook(&self) -> Result<Option<Url>, Error> {
        parse_url("alerts.webhook_url", self.webhook_url.as_deref(), &["https", "http"])
    }

    /// Returns the URL whose certificate is watched.
    pub(crate) fn certificate(&self) -> Result<Option<Url>, Error> {
        parse_url("alerts.certificate_url", self.certificate_url.as_deref(), &["https"])
    }

    /// Returns the webhook's token.
    pub(crate) fn token(&self) -> Result<Option<Secret>, Error> {
        let Some(path) = &self.webhook_token_file else { return Ok(self.webhook_token.clone()) };
        if self.webhook_token.is_some() {
            let both = "alerts.webhook_token and alerts.webhook_token_file are both set; leave one out";
            return Err(Error::Unusable(both.to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::Unusable(format!("alerts.webhook_token_file {} can't be read: {error}", path.display()))
        })?;
        Ok(Some(text.lines().next().unwrap_or_default().trim().into()))
    }

    /// Returns the networks that the webhook may be in although they are not public.
    pub(crate) fn networks(&self) -> Result<Networks, Error> {
        outgoing::networks("alerts.allow_networks", &self.allow_networks)
    }

    /// Returns the certificates to trust in addition to the system's.
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        outgoing::certificates("alerts.ca_file", self.ca_file.as_deref())
    }

    /// Returns after which time an alert is told again; `None` for never.
    pub(crate) fn repeat(&self) -> Option<TimeDelta> {
        (self.repeat_hours > 0).then(|| TimeDelta::hours(self.repeat_hours.into()))
    }
}

fn parse_url(key: &str, text: Option<&str>, schemes: &[&str]) -> Result<Option<Url>, Error> {
    let Some(text) = text else { return Ok(None) };
    // Not with the text, which may hold a secret.
    let begins = schemes.join(":// or ");
    let unusable = || Error::Unusable(format!("{key} is no URL with a host; it must begin with {begins}://"));
    let url = Url::parse(text).map_err(|_| unusable())?;
    if url.host().is_none() || !schemes.contains(&url.scheme()) {
        return Err(unusable());
    }
    Ok(Some(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_on_by_default_and_wrong_values_name_their_key() {
        let off = AlertOptions::default();
        off.check().unwrap();
        assert!(!off.is_on());
        let on = AlertOptions { mail_to: vec!["ops@example.org".into()], ..off.clone() };
        on.check().unwrap();
        assert!(on.is_on());
        let file = Some(PathBuf::from("/nowhere/token"));
        let wrong = [
            (AlertOptions { mail_to: vec!["no address".into()], ..off.clone() }, "alerts.mail_to"),
            (AlertOptions { mail_to: vec!["a@example.org".into(); 21], ..off.clone() }, "alerts.mail_to"),
            (AlertOptions { webhook_url: Some("ftp://LEAKME@x".into()), ..off.clone() }, "alerts.webhook_url"),
            (AlertOptions { certificate_url: Some("http://x".into()), ..off.clone() }, "alerts.certificate_url"),
            (AlertOptions { webhook_token_file: file.clone(), ..off.clone() }, "can't be read"),
            (
                AlertOptions { webhook_token: Some("LEAKME".into()), webhook_token_file: file, ..off.clone() },
                "leave one out",
            ),
            (AlertOptions { allow_networks: vec!["x".into()], ..off.clone() }, "alerts.allow_networks"),
            (AlertOptions { disabled: vec!["Nothing".into()], ..off }, "alerts.disabled"),
        ];
        for (options, key) in wrong {
            let error = options.check().unwrap_err().to_string();
            assert!(error.contains(key) && !error.contains("LEAKME"), "{key}: {error}");
        }
    }
}
