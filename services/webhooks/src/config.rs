//! The `[webhooks]` section.
//!
//! Invariant: by default requests go to the public internet only, with TLS.

use std::path::PathBuf;

use base::Networks;
use base::config::{Error, Section};
use reqwest::Certificate;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Outgoing webhooks.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The most webhooks. Each has one request in progress at most.
    pub max_webhooks: u32,
    /// The most deliveries that may wait for one webhook. More disable it.
    pub max_waiting: u64,
    /// Networks that requests may go to although they are not on the public internet, also without TLS, such as
    /// `["127.0.0.0/8", "::1/128"]` on a developer's machine. Operators can then make this server send requests there.
    pub allow_networks: Vec<String>,
    /// A PEM file of certificates to trust in addition to the system's, for receivers whose certificates an authority
    /// of your own has signed.
    #[schema(value_type = Option<String>)]
    pub ca_file: Option<PathBuf>,
}

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("webhooks").with_rule(|config| Config::load(config).map(drop))]
}

impl Default for Config {
    fn default() -> Self {
        Self { max_webhooks: 20, max_waiting: 100_000, allow_networks: Vec::new(), ca_file: None }
    }
}

impl Config {
    /// Reads and checks `[webhooks]`.
    pub(crate) fn load(configuration: &base::config::Config) -> Result<Self, Error> {
        let config: Self = configuration.section("webhooks")?;
        config.networks()?;
        config.certificates()?;
        Ok(config)
    }

    /// Returns the networks that requests may go to although they are not on the public internet.
    pub(crate) fn networks(&self) -> Result<Networks, Error> {
        outgoing::networks("webhooks.allow_networks", &self.allow_networks)
    }

    /// Returns the certificates to trust in addition to the system's.
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        outgoing::certificates("webhooks.ca_file", self.ca_file.as_deref())
    }
}
