//! TLS of a listener: its certificate, which is read again when its files change, and handshakes.
//!
//! Does not own connections. TLS 1.3 and 1.2, by rustls with `ring`. Invariant: there is always a certificate that can
//! be used; a new one is for connections that come after it, and ends none.

mod certificate;
mod metrics;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, TlsAcceptor};

use base::Clock;
use base::tasks::Tasks;

use self::certificate::{Certificate, Fingerprint};
pub use self::certificate::{CertificateFiles, Error};
pub use self::metrics::Metrics;
pub(crate) use self::metrics::{HandshakeOutcome, ListenerMetrics};

/// How often the files are looked at. A certificate is replaced days before it ends.
const RELOAD_INTERVAL: Duration = Duration::from_secs(10);

/// The protocols that are offered in the handshake (ALPN, RFC 7301), the best first.
const PROTOCOLS: [&[u8]; 2] = [HTTP2, b"http/1.1"];
const HTTP2: &[u8] = b"h2";

/// The TLS of one listener.
#[derive(Debug, Clone)]
pub struct Tls(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    acceptor: Arc<ServerConfig>,
    current: Arc<Current>,
    files: CertificateFiles,
    /// What the files contained when they were read last, also if that could not be used; `None` if they could not be
    /// read.
    seen: Mutex<Option<Fingerprint>>,
    clock: Clock,
    metrics: ListenerMetrics,
}

/// The certificate that handshakes get.
#[derive(Debug)]
struct Current(RwLock<Certificate>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().key.clone())
    }
}

impl Tls {
    /// Reads the certificate of a listener. One that has expired is used until there is another: a client that knows
    /// the reason can go on, and one that finds no server at all can't.
    pub fn load(
        files: CertificateFiles,
        listener: &'static str,
        clock: Clock,
        metrics: &Metrics,
    ) -> Result<Self, Error> {
        let pem = files.read()?;
        let certificate = files.parse(&pem)?;
        if let Err(error) = certificate.check(&files, clock.now()) {
            tracing::warn!(%error, listener, "the certificate of a listener can't be trusted by any client");
        }
        let seen = Mutex::new(Some(pem.fingerprint()));
        let current = Arc::new(Current(RwLock::new(certificate)));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut acceptor = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(Error::Provider)?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        acceptor.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // A client that comes back saves the server a signature, and the server remembers nothing of it.
        acceptor.ticketer = rustls::crypto::ring::Ticketer::new().map_err(Error::Provider)?;
        let metrics = metrics.of(listener);
        let tls = Self(Arc::new(Inner { acceptor: Arc::new(acceptor), current, files, seen, clock, metrics }));
        tls.set_expiry();
        Ok(tls)
    }

    /// Looks at the files until the process stops.
    pub(crate) fn reload_on_change(&self, tasks: &Tasks) {
        let (tls, owner) = (self.clone(), tasks.clone());
        tasks.spawn(async move {
            while owner.sleep(RELOAD_INTERVAL).await {
                tls.reload().await;
            }
        });
    }

    /// Takes over what the files contain now, if it has changed and can be used. Otherwise the certificate stays that
    /// was read before.
    pub async fn reload(&self) {
        let Inner { current, files, seen, clock, metrics, .. } = &*self.0;
        let reader = files.clone();
        // It fails only if the process stops.
        let Ok(read) = tokio::task::spawn_blocking(move || reader.read()).await else { return };
        let found = read.as_ref().ok().map(certificate::Pem::fingerprint);
        if std::mem::replace(&mut *seen.lock(), found) != found {
            let usable = read.and_then(|pem| files.parse(&pem)).and_then(|certificate| {
                certificate.check(files, clock.now())?;
                Ok(certificate)
            });
            match usable {
                Ok(certificate) => {
                    tracing::info!(not_after = %certificate.not_after, "a new certificate is used from now on");
                    *current.0.write() = certificate;
                    metrics.count_reload(true);
                }
                Err(error) => {
                    tracing::warn!(%error, "a new certificate can't be used: the one before it stays");
                    metrics.count_reload(false);
                }
            }
        }
        self.set_expiry();
    }

    /// Begins a handshake.
    pub(crate) fn accept<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Accept<S> {
        TlsAcceptor::from(self.0.acceptor.clone()).accept(stream)
    }

    pub(crate) fn metrics(&self) -> &ListenerMetrics {
        &self.0.metrics
    }

    fn set_expiry(&self) {
        let left = self.0.current.0.read().not_after - self.0.clock.now();
        self.0.metrics.expiry.set(left.num_seconds());
    }
}

/// What client and server have agreed to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1, also with a client that names no protocol.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    pub(crate) fn of<S>(stream: &TlsStream<S>) -> Self {
        if stream.get_ref().1.alpn_protocol() == Some(HTTP2) { Self::Http2 } else { Self::Http1 }
    }
}
