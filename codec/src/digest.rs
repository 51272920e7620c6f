//! Digests of uploads: SHA-256 while the bytes stream by, SHA-1 where tus asks for it, and the header fields in which a
//! client sends the digest it expects.
//!
//! Owns hashing and parsing `Repr-Digest`, `Content-Digest` (RFC 9530) and `Upload-Checksum` (tus 1.0). It does not
//! decide what a mismatch means. Invariant: a field that cannot be parsed is an error, never "no digest".

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// The longest header field in bytes that is parsed; longer ones are refused unread.
const MAX_HEADER_BYTES: usize = 2048;

/// Why a digest field cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The field does not match its specification.
    #[error("the digest cannot be parsed; send it as sha-256=:<base64>: or, for tus, as sha256 <base64>")]
    Malformed,
    /// A tus checksum with an unsupported algorithm.
    #[error("this checksum algorithm is not supported; use sha1 or sha256")]
    UnknownAlgorithm,
}

/// The digests of all data that was fed to a [`Hasher`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256.
    pub sha256: [u8; 32],
    /// SHA-1, where it was requested. It detects accidental damage, not deliberate changes.
    pub sha1: Option<[u8; 20]>,
}

/// Hashes a stream.
#[derive(Debug, Clone, Default)]
pub struct Hasher {
    sha256: Sha256,
    sha1: Option<Sha1>,
}

impl Hasher {
    /// Returns a hasher of SHA-256.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a hasher of SHA-256 and SHA-1.
    pub fn with_sha1() -> Self {
        Self { sha1: Some(Sha1::default()), ..Self::default() }
    }

    /// Adds the next bytes of the stream.
    pub fn update(&mut self, data: &[u8]) {
        self.sha256.update(data);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(data);
        }
    }

    /// Returns the digests of all bytes added.
    pub fn finish(self) -> Digests {
        Digests { sha256: self.sha256.finalize().into(), sha1: self.sha1.map(|sha1| sha1.finalize().into()) }
    }
}

/// Parses `Repr-Digest` or `Content-Digest`: a structured-field dictionary of byte sequences (RFC 9530 §2, RFC 9651
/// §3.2). Returns `None` where it names only algorithms other than `sha-256`.
pub fn repr_digest(header: &str) -> Result<Option<[u8; 32]>, Error> {
    if header.len() > MAX_HEADER_BYTES || header.trim().is_empty() {
        return Err(Error::Malformed);
    }
    let mut found = None;
    for member in header.split(',') {
        let (name, value) = member.trim_matches([' ', '\t']).split_once('=').ok_or(Error::Malformed)?;
        let is_key = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.*".contains(&b));
        // A byte sequence is enclosed in colons; parameters may follow after a semicolon and are ignored.
        let value = value.split(';').next().unwrap_or_default().trim_end_matches(' ');
        let encoded = value.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
        let bytes =
            encoded.and_then(|encoded| STANDARD.decode(encoded).ok()).filter(|_| is_key).ok_or(Error::Malformed)?;
        if name == "sha-256" {
            // The last of equal keys counts.
            found = Some(bytes.try_into().map_err(|_| Error::Malformed)?);
        }
    }
    Ok(found)
}

/// The digest that a tus client expects of one `PATCH` body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-1, which every tus server must support.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

impl Checksum {
    /// Returns whether `digests` has the expected value. SHA-1 needs a [`Hasher::with_sha1`].
    pub fn matches(&self, digests: &Digests) -> bool {
        match self {
            Self::Sha1(expected) => digests.sha1.as_ref() == Some(expected),
            Self::Sha256(expected) => digests.sha256 == *expected,
        }
    }
}

/// Parses `Upload-Checksum`: an algorithm, a space, and the base64 of the digest (tus 1.0, checksum extension).
pub fn tus_checksum(header: &str) -> Result<Checksum, Error> {
    if header.len() > MAX_HEADER_BYTES {
        return Err(Error::Malformed);
    }
    let (algorithm, encoded) = header.trim().split_once(' ').ok_or(Error::Malformed)?;
    let bytes = STANDARD.decode(encoded.trim()).map_err(|_| Error::Malformed)?;
    match algorithm {
        "sha1" => bytes.try_into().map(Checksum::Sha1).map_err(|_| Error::Malformed),
        "sha256" => bytes.try_into().map(Checksum::Sha256).map_err(|_| Error::Malformed),
        _ => Err(Error::UnknownAlgorithm),
    }
}

/// Returns bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// Parses hexadecimal of either case; `None` where it is not valid.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| char::from(*b).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `printf hello | sha256sum`, as base64.
    const HELLO: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";

    fn hello() -> Digests {
        let mut hasher = Hasher::with_sha1();
        hasher.update(b"hel");
        hasher.update(b"lo");
        hasher.finish()
    }

    #[test]
    fn a_stream_is_hashed_incrementally() {
        assert_eq!(hex(&hello().sha256), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert_eq!(hello().sha1.map(|d| hex(&d)).unwrap(), "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
        assert_eq!(Hasher::new().finish().sha1, None);
    }

    #[test]
    fn digest_fields() {
        let expected = Ok(Some(hello().sha256));
        assert_eq!(repr_digest(&format!("sha-256=:{HELLO}:")), expected);
        assert_eq!(repr_digest(&format!("sha-512=:AAAA:,\t sha-256=:{HELLO}:;q=1")), expected);
        assert_eq!(repr_digest("sha-512=:AAAA:"), Ok(None));
        for bad in [
            "",
            " ",
            "sha-256",
            "sha-256=",
            "sha-256=::",
            "sha-256=:AAAA:",
            "sha-256=abc",
            "SHA-256=:AAAA:",
            ",",
            "sha-256=:*:",
        ] {
            assert_eq!(repr_digest(bad), Err(Error::Malformed), "{bad}");
        }
        assert_eq!(repr_digest(&"a=:AAAA:,".repeat(1000)), Err(Error::Malformed));
    }

    #[test]
    fn tus_checksums() {
        let sha256 = tus_checksum(&format!("sha256 {HELLO}")).unwrap();
        let sha1 = tus_checksum("sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=").unwrap();
        assert!(sha256.matches(&hello()) && sha1.matches(&hello()));
        assert!(!sha1.matches(&Hasher::new().finish()));
        assert_eq!(tus_checksum("md5 XUFAKrxLKna5cZ2REBfFkg=="), Err(Error::UnknownAlgorithm));
        for bad in ["", "sha1", "sha1 ", "sha1 AAAA", "sha256 !"] {
            assert_eq!(tus_checksum(bad), Err(Error::Malformed), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn hex_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            prop_assert_eq!(from_hex(&hex(&bytes)), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[a-z0-9=:;, -]*") {
            let _ = (repr_digest(&text), tus_checksum(&text), from_hex(&text));
        }
    }
}
