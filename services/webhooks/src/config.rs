//! The `[webhooks]` section.
//!
//! Invariant: by default requests go to the public internet only, with TLS.

use std::path::PathBuf;

use base::Networks;
use base::config::{Error, Section};
use reqwest::{Certificate, Client};
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
        Networks::parse(&self.allow_networks).map_err(|text| {
            Error::Unusable(format!(
                "webhooks.allow_networks contains {text:?}, which is no network; write networks like \"127.0.0.0/8\""
            ))
        })
    }

    /// Returns the certificates to trust in addition to the system's.
    pub(crate) fn certificates(&self) -> Result<Vec<Certificate>, Error> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let unusable = |reason: String| Error::Unusable(format!("webhooks.ca_file {} {reason}", path.display()));
        let pem = std::fs::read(path).map_err(|error| unusable(format!("can't be read: {error}")))?;
        let certificates = Certificate::from_pem_bundle(&pem).unwrap_or_default();
        base::tls::install_provider();
        // Only a client looks into them.
        let client = Client::builder().tls_certs_only(certificates.clone()).build();
        if certificates.is_empty() || client.is_err() {
            return Err(unusable("has no certificates, or one that can't be read; write them as PEM".to_owned()));
        }
        Ok(certificates)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_to_trust_is_named_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { ca_file: Some(folder.path().join("ca.pem")), ..Config::default() };
        let said = || config.certificates().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said().contains("webhooks.ca_file") && said().contains("can't be read"), "{}", said());
        for text in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nnonsense\n",
            "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(folder.path().join("ca.pem"), text).unwrap();
            assert!(said().contains("ca.pem") && said().contains("PEM"), "{text:?}: {}", said());
        }
        assert!(Config::default().certificates().unwrap().is_empty());
    }
}
