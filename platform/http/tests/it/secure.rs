//! A listener with TLS, and clients for it: an honest one, and one that writes its HTTP/2 frames itself.
//!
//! Invariant: no key outlives its test, and none is in the repository.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{get, post};
use base::Clock;
use base::tasks::Tasks;
use base::telemetry::Metrics;
use bytes::Bytes;
use http_server::auth::{JwkSet, Verifier};
use http_server::tls::{self, CertificateFiles, Tls};
use http_server::{Json, LayerState, Limits, Listener, OverTls, serve_tls, with_common_layers};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Both versions of TLS.
pub(crate) const VERSIONS: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];

/// A listener, and what its handlers have seen.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Tls,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: Tasks,
    pub(crate) seen: Arc<Seen>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) certificate: CertificateDer<'static>,
}

/// What handlers have seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// Requests that have come to `/counted`.
    pub(crate) counted: AtomicUsize,
    /// Requests that are in `/slow` now, and the most there have been.
    pub(crate) slow: AtomicUsize,
    pub(crate) max_slow: AtomicUsize,
    pub(crate) entered: Notify,
    /// Requests in `/untaken`, which never takes their bodies.
    pub(crate) untaken: AtomicUsize,
    /// Bytes that `/endless` has made.
    pub(crate) made: AtomicU64,
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        base::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let certificate = write_pair(folder.path(), 2100);
        let (metrics, tls_metrics) = (Metrics::default(), tls::Metrics::default());
        metrics.register(|registry| tls_metrics.register(registry));
        let tls = Tls::load(files(folder.path()), "public", Clock::system(), &tls_metrics).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, tasks, seen) = (socket.local_addr().unwrap(), Tasks::default(), Arc::new(Seen::default()));
        let verifier = Verifier::pinned(&JwkSet { keys: Vec::new() }, Clock::system());
        let state = LayerState { role: "test", metrics: metrics.clone(), verifier };
        let listener = Listener { socket, limits, open: metrics.connections.clone() };
        serve_tls(listener, tls.clone(), with_common_layers(routes(&seen), state), &tasks);
        Self { address, tls, metrics, tasks, seen, folder, certificate }
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// Returns a client that trusts the listener's certificate, and offers both versions of HTTP.
    pub(crate) fn client(&self) -> reqwest::Client {
        let certificate = reqwest::Certificate::from_der(&self.certificate).unwrap();
        reqwest::Client::builder().tls_certs_only([certificate]).resolve("localhost", self.address).build().unwrap()
    }

    /// Opens a connection that offers these protocols.
    pub(crate) async fn connect(
        &self,
        protocols: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        connect(self.address, &self.certificate, protocols, versions).await
    }

    /// Sends requests over one HTTP/2 connection until the honest client is asked how it went.
    pub(crate) fn honest_client(&self) -> HonestClient {
        let (client, url, stop) = (self.client(), self.url("/ok"), Arc::new(AtomicBool::new(false)));
        let stopped = stop.clone();
        let requests = tokio::spawn(async move {
            let mut requests = 0;
            while !stopped.load(Ordering::Relaxed) || requests == 0 {
                let response = client.get(&url).send().await.unwrap();
                assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
                assert_eq!(response.text().await.unwrap(), "ok");
                requests += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            requests
        });
        HonestClient { stop, requests }
    }
}

/// A client that does what clients do while others attack.
pub(crate) struct HonestClient {
    stop: Arc<AtomicBool>,
    requests: JoinHandle<usize>,
}

impl HonestClient {
    /// Fails if any of its requests has.
    pub(crate) async fn expect_unharmed(self) {
        self.stop.store(true, Ordering::Relaxed);
        assert!(self.requests.await.unwrap() > 0);
    }
}

/// Returns the routes of the tests' listeners.
pub(crate) fn routes(seen: &Arc<Seen>) -> Router {
    let (counted, slow, endless, untaken) = (seen.clone(), seen.clone(), seen.clone(), seen.clone());
    Router::new()
        .route("/ok", get(async || "ok"))
        .route("/scheme", get(async |over_tls: Option<axum::Extension<OverTls>>| format!("{}", over_tls.is_some())))
        .route("/counted", get(async move || counted.counted.fetch_add(1, Ordering::Relaxed).to_string()))
        .route(
            "/slow",
            get(async move || {
                let now = slow.slow.fetch_add(1, Ordering::Relaxed) + 1;
                slow.max_slow.fetch_max(now, Ordering::Relaxed);
                slow.entered.notify_one();
                tokio::time::sleep(Duration::from_millis(400)).await;
                slow.slow.fetch_sub(1, Ordering::Relaxed);
                "slow"
            }),
        )
        .route(
            "/endless",
            get(async move || {
                let chunks = futures::stream::repeat_with(move || {
                    let chunk = Bytes::from_static(&[7; 16 * 1024]);
                    endless.made.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    Ok::<_, std::convert::Infallible>(chunk)
                });
                Body::from_stream(chunks)
            }),
        )
        .route("/json", post(async |Json(value): Json<serde_json::Value>| Json(value)))
        .route("/sink", post(async |body: Bytes| body.len().to_string()))
        .route(
            "/untaken",
            post(async move |request: Request| {
                untaken.untaken.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<()>().await;
                drop(request);
            }),
        )
}

/// Returns the paths of the files in a folder.
pub(crate) fn files(folder: &Path) -> CertificateFiles {
    CertificateFiles { certificate: folder.join("server.pem"), key: folder.join("server.key") }
}

/// Writes a new certificate for `localhost` that ends with this year, and its key. Returns the certificate.
pub(crate) fn write_pair(folder: &Path, year: i32) -> CertificateDer<'static> {
    let key = KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    parameters.not_after = date_time_ymd(year, 12, 31);
    let certificate = parameters.self_signed(&key).unwrap();
    let files = files(folder);
    std::fs::write(files.certificate, certificate.pem()).unwrap();
    std::fs::write(files.key, key.serialize_pem()).unwrap();
    certificate.der().clone()
}

/// Opens a connection to a server whose certificate is this one.
pub(crate) async fn connect(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    protocols: &[&str],
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await?).await
}
