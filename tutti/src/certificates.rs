//! The certificates of a process's listeners: which ones the configuration names, and whether they can be used.
//!
//! Invariant: a listener with a certificate that can't be used does not open; it never falls back to plain HTTP.

use base::Clock;
use base::config::Config;
use http_server::tls::{self, CertificateFiles, Tls};
use service::Service;

use crate::CommandError;
use crate::listeners::ADMIN;

/// The role whose listener is the public one.
const GATEWAY: &str = "gateway";
/// The configuration keys of private keys, for what checks who can read them.
const KEYS: [&str; 2] = ["gateway.tls_key_file", "admin.tls_key_file"];

/// The TLS of the listeners that have it.
pub(crate) struct ListenersTls {
    pub(crate) public: Option<Tls>,
    pub(crate) operators: Option<Tls>,
    pub(crate) metrics: tls::Metrics,
}

/// Returns the files of the public listener's certificate, and of the operators' one.
pub(crate) fn files(config: &Config) -> Result<[Option<CertificateFiles>; 2], CommandError> {
    let public: gateway::Config = config.section(GATEWAY)?;
    let operators: gateway::AdminConfig = config.section(ADMIN)?;
    Ok([public.tls()?, operators.tls()?])
}

/// Returns the files of private keys, each with its key of the configuration.
pub(crate) fn secret_files(
    config: &Config,
) -> Result<impl Iterator<Item = (&'static str, std::path::PathBuf)>, CommandError> {
    let files = files(config)?;
    Ok(KEYS.into_iter().zip(files).filter_map(|(key, files)| Some((key, files?.key))))
}

/// Reads the certificates of the listeners that these roles open. A listener whose role does not run here is private,
/// and has none.
pub(crate) fn load(config: &Config, services: &[Service], clock: &Clock) -> Result<ListenersTls, CommandError> {
    let metrics = tls::Metrics::default();
    let [public, operators] = files(config)?;
    let load = |files: Option<CertificateFiles>, role: &str, listener: &'static str| {
        let files = files.filter(|_| services.iter().any(|service| service.name == role));
        files.map(|files| Tls::load(files, listener, clock.clone(), &metrics)).transpose()
    };
    let (public, operators) = (load(public, GATEWAY, "public")?, load(operators, ADMIN, "operators")?);
    Ok(ListenersTls { public, operators, metrics })
}
