//! The TLS provider of a process.
//!
//! Two of our libraries ask for a default provider when they create a client. Invariant: it is `ring`, everywhere.

/// Installs `ring` as the process's TLS provider. Call it before the first HTTP client is created; calling it again
/// changes nothing.
pub fn install_provider() {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
