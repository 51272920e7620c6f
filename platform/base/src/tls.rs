//! The TLS provider of a process, and why a certificate is refused.
//!
//! Two of our libraries ask for a default provider when they create a client. Invariant: it is `ring`, everywhere.

use std::error::Error;
use std::io;

use rustls::CertificateError;

/// Installs `ring` as the process's TLS provider. Call it before the first HTTP client is created; calling it again
/// changes nothing.
pub fn install_provider() {
    // An error says that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Returns what is wrong with the certificate of a server, if that is why a connection failed: a clause whose subject
/// is the certificate. `cause` is an error in the chain of sources of a client's error.
pub fn certificate_problem(cause: &(dyn Error + 'static)) -> Option<&'static str> {
    let mut cause = cause;
    // The source of an I/O error is that of the error in it, which is skipped.
    while let Some(error) = cause.downcast_ref::<io::Error>() {
        cause = error.get_ref()?;
    }
    let rustls::Error::InvalidCertificate(problem) = cause.downcast_ref::<rustls::Error>()? else { return None };
    Some(match problem {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => "is for another name",
        CertificateError::Revoked => "was revoked",
        // A wrong signature is that of another authority with the name of one that is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "is not signed by an authority that this server trusts"
        }
        _ => "is not valid",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_found_below_errors_of_input_and_output() {
        let expired = rustls::Error::InvalidCertificate(CertificateError::Expired);
        let nested = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, expired));
        assert_eq!(certificate_problem(&nested), Some("has expired"));
        let stranger = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(certificate_problem(&stranger).is_some_and(|problem| problem.contains("authority")));
        for other in [io::Error::other(rustls::Error::DecryptError), io::ErrorKind::ConnectionRefused.into()] {
            assert_eq!(certificate_problem(&other), None);
        }
    }
}
