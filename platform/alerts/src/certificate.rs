//! When the site's certificate ends.
//!
//! What ends TLS for clients may stand before the server, so it asks its own site as a client does. Invariant: a
//! certificate that clients refuse counts as one that has ended; a site that can't be reached tells nothing.

use std::error::Error;
use std::time::Duration;

use base::error::chain;
use chrono::{DateTime, Utc};
use reqwest::redirect::Policy;
use reqwest::tls::TlsInfo;
use reqwest::{Certificate, Client};
use url::Url;

const TOTAL_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that sees certificates.
pub(crate) struct CertificateReader {
    client: Client,
    url: Url,
}

impl CertificateReader {
    /// Returns a reader of the certificate of a URL; `None` if no client can be created.
    pub(crate) fn new(url: Url, trusted: Vec<Certificate>) -> Option<Self> {
        let client = Client::builder()
            .tls_info(true)
            .https_only(true)
            .no_proxy()
            .redirect(Policy::none())
            .tls_certs_merge(trusted)
            .pool_max_idle_per_host(0)
            .timeout(TOTAL_TIMEOUT)
            .build();
        let warn = |error: &reqwest::Error| {
            tracing::warn!(error = chain(error), "the site's certificate can't be watched");
        };
        Some(Self { client: client.inspect_err(warn).ok()?, url })
    }

    /// Returns when the certificate ends: `now` if it is refused; an error is a sentence.
    pub(crate) async fn end(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
        let response = match self.client.head(self.url.clone()).send().await {
            Ok(response) => response,
            Err(error) if is_refused(&error) => return Ok(now),
            Err(error) => return Err(chain(&error.without_url())),
        };
        let info = response.extensions().get::<TlsInfo>();
        let der = info.and_then(TlsInfo::peer_certificate).ok_or("the connection has no certificate")?;
        end_of(der).ok_or_else(|| "its certificate can't be read".to_owned())
    }
}

/// Returns when a certificate in DER ends.
fn end_of(der: &[u8]) -> Option<DateTime<Utc>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
}

/// Whether a connection failed because of the server's certificate.
fn is_refused(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if base::tls::certificate_problem(error).is_some() {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use testkit::engines::{Authority, TlsTerminator};

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_end_of_a_certificate_is_read_and_a_refused_one_has_ended() {
        base::tls::install_provider();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, Router::new()).await });
        let now = DateTime::UNIX_EPOCH;
        // The dates are those of the library that makes the certificates.
        for (authority, expected) in [(Authority::new(), 67_090_118_400), (Authority::with_expired_server(), 0)] {
            let front = TlsTerminator::before(port, &authority);
            let trusted = Certificate::from_pem_bundle(&std::fs::read(authority.ca_file()).unwrap()).unwrap();
            let url = Url::parse(&format!("https://localhost:{}/", front.port())).unwrap();
            let end = CertificateReader::new(url, trusted).unwrap().end(now).await.unwrap();
            assert_eq!(end.timestamp(), expected, "{end}");
        }
        let closed = Url::parse("https://localhost:1/").unwrap();
        assert!(CertificateReader::new(closed, Vec::new()).unwrap().end(now).await.is_err());
        assert_eq!(end_of(b"no certificate"), None);
    }
}
