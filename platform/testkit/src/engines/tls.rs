//! TLS for tests: a new certificate authority for each test, and a TLS listener in front of an engine that is built
//! without TLS.
//!
//! Invariant: no key outlives its test, and none is in the repository.

use std::net::TcpListener as StdListener;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A certificate authority and a certificate for `localhost` that it signed, both as PEM files in a temporary folder.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Authority {
    /// Creates an authority with new keys.
    pub fn new() -> Self {
        Self::signing(|_| {})
    }

    /// Creates an authority whose server's certificate has expired.
    pub fn with_expired_server() -> Self {
        Self::signing(|server| server.not_after = date_time_ymd(2020, 1, 1))
    }

    /// Creates an authority that signs a certificate after `change`.
    fn signing(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut authority = CertificateParams::new(Vec::new()).expect("a certificate needs no name");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("keys can be made"))
            .expect("it signs itself");
        let key = KeyPair::generate().expect("keys can be made");
        let mut server = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        change(&mut server);
        let server = server.signed_by(&key, &authority).expect("it is signed");
        for (name, text) in
            [("ca.pem", authority.pem()), ("server.pem", server.pem()), ("server.key", key.serialize_pem())]
        {
            std::fs::write(folder.path().join(name), text).expect("the temporary folder is writable");
        }
        Self { certificate: server.der().clone(), key: key.serialize_der(), folder }
    }

    /// Returns the path of the authority's certificate, which clients should trust.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Returns the paths of the server's certificate and key.
    pub fn server_files(&self) -> (PathBuf, PathBuf) {
        (self.folder.path().join("server.pem"), self.folder.path().join("server.key"))
    }

    fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports the default versions")
            .with_no_client_auth();
        TlsAcceptor::from(Arc::new(
            config.with_single_cert(vec![self.certificate.clone()], key).expect("the key belongs to the certificate"),
        ))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// A TLS listener that forwards to an engine in plain text; it stops when it is dropped.
#[derive(Debug)]
pub struct TlsTerminator {
    port: u16,
    runtime: Option<tokio::runtime::Runtime>,
}

impl TlsTerminator {
    /// Starts a listener with TLS from the first byte, as HTTP needs it.
    pub fn before(port: u16, authority: &Authority) -> Self {
        Self::start(port, authority.acceptor(), false)
    }

    /// Starts a listener for PostgreSQL, whose client first asks in plain text for TLS (PostgreSQL manual, 54.2.10).
    pub fn before_postgres(port: u16, authority: &Authority) -> Self {
        Self::start(port, authority.acceptor(), true)
    }

    fn start(upstream_port: u16, acceptor: TlsAcceptor, starts_in_plain_text: bool) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let listener = StdListener::bind("127.0.0.1:0").expect("a free port exists");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        listener.set_nonblocking(true).expect("a socket can be set to non-blocking");
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime takes sockets");
            while let Ok((client, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                // A client that doesn't trust the certificate closes the connection, which some tests expect.
                tokio::spawn(async move { forward(client, upstream_port, acceptor, starts_in_plain_text).await.ok() });
            }
        });
        Self { port, runtime: Some(runtime) }
    }

    /// Returns the port that it listens on; the certificate is valid for `localhost`.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TlsTerminator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn forward(
    mut client: TcpStream,
    upstream_port: u16,
    acceptor: TlsAcceptor,
    starts_in_plain_text: bool,
) -> std::io::Result<()> {
    if starts_in_plain_text {
        // SSLRequest: its length, and 80877103.
        let mut request = [0; 8];
        client.read_exact(&mut request).await?;
        client.write_all(b"S").await?;
    }
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(("127.0.0.1", upstream_port)).await?;
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}
