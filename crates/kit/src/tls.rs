//! The TLS provider of a process.
//!
//! Two of our libraries ask for a default one when they make a client. Invariant: it is `ring`, everywhere.

/// Names `ring` as the process's provider of TLS. To be called before the first HTTP client is made; calling it again changes nothing.
pub fn provider() {
    // An error says that it has been named already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
