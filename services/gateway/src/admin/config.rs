//! `[admin]` in the configuration.
//!
//! Invariant: by default only this machine reaches the listener. No key lets an operator in without a second factor.

use std::net::SocketAddr;
use std::path::PathBuf;

use base::Networks;
use base::config::{Error, Section};
use http_server::tls::CertificateFiles;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::{Config as Limits, certificate_files, parse_origin};

/// Requests in progress at once: a few dozen operators, each with a page that loads.
const REQUESTS_AT_ONCE: usize = 256;
/// The largest request body in bytes.
const MAX_BODY_BYTES: u64 = 16 << 20;

/// The operators' listener.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address of the operators' listener.
    #[schema(value_type = String)]
    pub listen: SocketAddr,
    /// The networks whose clients may use it, such as `["10.8.0.0/16", "2001:db8::/32"]`. For all others nothing is
    /// there. If the list is empty, every client that reaches the address may use it.
    pub networks: Vec<String>,
    /// How many trusted proxies stand in front of it, as `gateway.trusted_hops`.
    pub trusted_hops: usize,
    /// The origin under which operators open the console, such as `https://console.tutti.example`. Operators can use
    /// their passkeys there if its host is that of `mail.site_url` or below it.
    pub public_url: String,
    /// A PEM file with the certificate of the operators' listener, as `gateway.tls_certificate_file`.
    #[schema(value_type = Option<String>)]
    pub tls_certificate_file: Option<PathBuf>,
    /// A PEM file with the private key of that certificate.
    #[schema(value_type = Option<String>)]
    pub tls_key_file: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8082)),
            networks: Vec::new(),
            trusted_hops: 0,
            public_url: String::new(),
            tls_certificate_file: None,
            tls_key_file: None,
        }
    }
}

/// Returns the sections for the configuration reference.
pub(super) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("admin").with_rule(|config| config.section::<Config>("admin")?.check())]
}

impl Config {
    /// Refuses values that can't be used.
    fn check(&self) -> Result<(), Error> {
        self.networks().map(drop)?;
        self.tls().map(drop)?;
        if self.public_url.is_empty() { Ok(()) } else { parse_origin("admin.public_url", &self.public_url).map(drop) }
    }

    /// Returns the files of the listener's certificate, if it has one.
    pub fn tls(&self) -> Result<Option<CertificateFiles>, Error> {
        certificate_files("admin", self.tls_certificate_file.as_deref(), self.tls_key_file.as_deref())
    }

    /// Returns the networks that may use the listener.
    pub(super) fn networks(&self) -> Result<Networks, Error> {
        Networks::parse(&self.networks).map_err(|text| {
            Error::Unusable(format!(
                "admin.networks contains {text:?}, which is no network; write networks like \"10.8.0.0/16\""
            ))
        })
    }

    /// Returns the limits of the listener. Pages of other origins may never call it.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            requests_at_once: REQUESTS_AT_ONCE,
            max_body_bytes: MAX_BODY_BYTES,
            trusted_hops: self.trusted_hops,
            allowed_origins: Vec::new(),
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_the_console_is_an_origin() {
        let check = |url: &str| Config { public_url: url.to_owned(), ..Config::default() }.check();
        assert!(check("").is_ok() && check("https://console.tutti.example").is_ok());
        for wrong in ["console.tutti.example", "https://tutti.example/console", "*"] {
            let error = check(wrong).unwrap_err().to_string();
            assert!(error.contains("admin.public_url") && error.contains("no origin"), "{error}");
        }
    }
}
