//! The `[webhooks]` section.
//!
//! Invariant: by default requests go to the public internet only, with TLS.

use base::Networks;
use base::config::{Error, Section};
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
}

/// Returns the sections of this role for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("webhooks").with_rule(|config| Config::load(config).map(drop))]
}

impl Default for Config {
    fn default() -> Self {
        Self { max_webhooks: 20, max_waiting: 100_000, allow_networks: Vec::new() }
    }
}

impl Config {
    /// Reads and checks `[webhooks]`.
    pub(crate) fn load(configuration: &base::config::Config) -> Result<Self, Error> {
        let config: Self = configuration.section("webhooks")?;
        config.networks()?;
        Ok(config)
    }

    /// Returns the networks that requests may go to although they are not on the public internet.
    pub(crate) fn networks(&self) -> Result<Networks, Error> {
        Networks::parse(&self.allow_networks).map_err(|text| {
            Error::Unusable(format!(
                "webhooks.allow_networks contains {text:?}, which is no network; write networks like \"127.0.0.0/8\""
            ))
        })
    }
}
