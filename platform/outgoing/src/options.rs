//! The settings of outgoing requests that several roles have: networks to allow, and certificates to trust.
//!
//! Invariant: an error names the key and says what it must be.

use std::path::Path;

use base::Networks;
use base::config::Error;
use reqwest::{Certificate, Client};

/// Reads the networks of a key that requests may go to although they are not on the public internet.
pub fn networks(key: &str, texts: &[String]) -> Result<Networks, Error> {
    Networks::parse(texts).map_err(|text| {
        Error::Unusable(format!("{key} contains {text:?}, which is no network; write networks like \"127.0.0.0/8\""))
    })
}

/// Reads the PEM file of a key: certificates to trust in addition to the system's.
pub fn certificates(key: &str, path: Option<&Path>) -> Result<Vec<Certificate>, Error> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let unusable = |reason: String| Error::Unusable(format!("{key} {} {reason}", path.display()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_to_trust_is_named_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        let said = || certificates("webhooks.ca_file", Some(&file)).err().map(|error| error.to_string());
        let read = |said: Option<String>| said.unwrap_or_default();
        let missing = read(said());
        assert!(missing.contains("webhooks.ca_file") && missing.contains("can't be read"), "{missing}");
        for text in [
            "",
            "nonsense",
            "-----BEGIN CERTIFICATE-----\nnonsense\n",
            "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n",
        ] {
            std::fs::write(&file, text).unwrap();
            let wrong = read(said());
            assert!(wrong.contains("ca.pem") && wrong.contains("PEM"), "{text:?}: {wrong}");
        }
        assert!(certificates("webhooks.ca_file", None).unwrap().is_empty());
    }
}
