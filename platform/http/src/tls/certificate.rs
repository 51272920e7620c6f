//! A certificate and its key, from two PEM files.
//!
//! Does not own who uses it. Invariant: a key that was parsed belongs to its certificate.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

/// The largest file that is read: a chain has some kilobytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A digest of both files.
pub(super) type Fingerprint = [u8; 32];

/// The files of a certificate with the chain of its authorities, and of its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, then those of the authorities between it and the one that clients trust.
    pub certificate: PathBuf,
    /// Its private key: PKCS #8, PKCS #1 or SEC 1, not encrypted.
    pub key: PathBuf,
}

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read.
    #[error("the file {} can't be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, io::Error),
    /// There is no certificate in the file.
    #[error("the file {} contains no certificate in PEM", .0.display())]
    NoCertificate(PathBuf),
    /// There is no key in the file.
    #[error("the file {} contains no private key in PEM, or an encrypted one", .0.display())]
    NoKey(PathBuf),
    /// They are not a pair.
    #[error("the key in {} does not belong to the certificate in {}", .0.key.display(), .0.certificate.display())]
    NotAPair(CertificateFiles),
    /// rustls can't use them.
    #[error("the certificate in {} can't be used: {}", .0.display(), .1)]
    Unusable(PathBuf, rustls::Error),
    /// It has ended.
    #[error("the certificate in {} has expired at {}", .0.display(), .1)]
    Expired(PathBuf, DateTime<Utc>),
    /// The TLS library refuses its settings.
    #[error("TLS can't be set up: {0}")]
    Provider(rustls::Error),
}

/// The bytes of both files.
pub(super) struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// A certificate that can be used.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// When the first certificate of its chain to end does so.
    pub(super) not_after: DateTime<Utc>,
}

impl CertificateFiles {
    /// Returns the files that two keys of a configuration name; `None` if neither is set, and an error if only one is.
    pub fn of(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Self>, OnlyOneFile> {
        match (certificate, key) {
            (Some(certificate), Some(key)) => {
                Ok(Some(Self { certificate: certificate.to_owned(), key: key.to_owned() }))
            }
            (None, None) => Ok(None),
            _ => Err(OnlyOneFile),
        }
    }

    /// Returns how long the certificate is valid from `now` on. Fails if a listener could not use it.
    pub fn validity(&self, now: DateTime<Utc>) -> Result<TimeDelta, Error> {
        let certificate = self.parse(&self.read()?)?;
        certificate.check(self, now)?;
        Ok(certificate.not_after - now)
    }

    /// Reads both files.
    pub(super) fn read(&self) -> Result<Pem, Error> {
        Ok(Pem { certificate: read(&self.certificate)?, key: read(&self.key)? })
    }

    /// Parses what was read.
    pub(super) fn parse(&self, pem: &Pem) -> Result<Certificate, Error> {
        let no_certificate = || Error::NoCertificate(self.certificate.clone());
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(&pem.certificate).collect::<Result<_, _>>().map_err(|_| no_certificate())?;
        let not_after = chain.iter().map(|certificate| not_after(certificate)).min().flatten();
        let not_after = not_after.ok_or_else(no_certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&pem.key).map_err(|_| Error::NoKey(self.key.clone()))?;
        let provider = rustls::crypto::ring::default_provider();
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => Error::NotAPair(self.clone()),
            error => Error::Unusable(self.certificate.clone(), error),
        })?;
        Ok(Certificate { key: Arc::new(key), not_after })
    }
}

/// One of the two files is named and the other is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a certificate needs its key, and a key its certificate: name both files, or neither")]
pub struct OnlyOneFile;

impl Certificate {
    /// Refuses a certificate that has ended.
    pub(super) fn check(&self, files: &CertificateFiles, now: DateTime<Utc>) -> Result<(), Error> {
        if self.not_after > now { Ok(()) } else { Err(Error::Expired(files.certificate.clone(), self.not_after)) }
    }
}

impl Pem {
    /// Returns a digest of both files, to notice changes by.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update((self.certificate.len() as u64).to_be_bytes());
        hash.update(&self.certificate);
        hash.update(&self.key);
        hash.finalize().into()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| Error::Unreadable(path.to_owned(), error))?;
    Ok(bytes)
}

/// Returns when a certificate ends (RFC 5280 §4.1.2.5); `None` if it can't be parsed.
fn not_after(certificate: &[u8]) -> Option<DateTime<Utc>> {
    let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
    DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
}
