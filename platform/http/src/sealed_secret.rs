//! Encryption of small secrets at rest (AES-128-GCM), such as those of authenticator apps and of webhooks.
//!
//! Each subject of a scope has a key of its own, derived from the installation's secret
//! (`secrets.url_signing_key_file`, or the file in the data folder), which is not in the database. So a reader of the
//! database, or of a backup of it, has no secret; a reader of the whole data folder, or of the memory of a role, has.
//! Invariant: what was sealed for one subject opens for no other.

use base::Random;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use crate::signed_url::UrlSigner;

/// A secret that can't be sealed, or that was not sealed for this subject in this installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret can't be encrypted or decrypted")]
pub struct SealingError;

/// Encrypts a secret for a subject of a scope: a random nonce, the ciphertext and its tag.
pub fn seal(
    signer: &UrlSigner,
    random: &Random,
    (scope, subject): (&str, &str),
    secret: &[u8],
) -> Result<Vec<u8>, SealingError> {
    let nonce = random.bytes::<NONCE_LEN>();
    let mut text = secret.to_vec();
    key(signer, scope, subject)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .map_err(|_| SealingError)?;
    Ok([nonce.as_slice(), &text].concat())
}

/// Decrypts a secret. Fails if it was sealed for another subject or scope, or with another installation's secret.
pub fn open(signer: &UrlSigner, (scope, subject): (&str, &str), sealed: &[u8]) -> Result<Vec<u8>, SealingError> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(SealingError)?;
    let mut text = text.to_vec();
    let opened = key(signer, scope, subject)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut text)
        .map_err(|_| SealingError)?;
    Ok(opened.to_vec())
}

fn key(signer: &UrlSigner, scope: &str, subject: &str) -> Result<LessSafeKey, SealingError> {
    let bytes = signer.keyed_hash(scope, subject);
    Ok(LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &bytes).map_err(|_| SealingError)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_subject_in_its_installation_only() {
        let (signer, random, subject) = (UrlSigner::new([7; 32]), Random::seeded(1), ("accounts.totp", "1"));
        let sealed = seal(&signer, &random, subject, b"12345678901234567890").unwrap();
        assert!(!sealed.windows(8).any(|window| b"12345678901234567890".windows(8).any(|part| part == window)));
        assert_eq!(open(&signer, subject, &sealed).unwrap(), b"12345678901234567890");
        assert_eq!(open(&signer, ("accounts.totp", "2"), &sealed), Err(SealingError));
        assert_eq!(open(&signer, ("webhooks.secret", "1"), &sealed), Err(SealingError));
        assert!(open(&UrlSigner::new([8; 32]), subject, &sealed).is_err());
        assert!(open(&signer, subject, &sealed[..sealed.len() - 1]).is_err());
        assert!(open(&signer, subject, b"short").is_err());
        assert_ne!(seal(&signer, &random, subject, b"12345678901234567890").unwrap(), sealed, "another nonce");
    }
}
