//! Encryption of the secrets of authenticator apps at rest (AES-128-GCM).
//!
//! Each factor has a key of its own, derived from the installation's secret (`secrets.url_signing_key_file`, or the
//! file in the data folder), which is not in the database. So a reader of the database, or of a backup of it, can make
//! no codes; a reader of the whole data folder, or of the memory of this role, can. Invariant: what was sealed for one
//! factor opens for no other.

use base::Random;
use http_server::signed_url::UrlSigner;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use uuid::Uuid;

use crate::error::Error;

/// The scope of the derived keys.
const SCOPE: &str = "accounts.totp";

/// Encrypts the secret of a factor: a random nonce, the ciphertext and its tag.
pub(crate) fn seal(signer: &UrlSigner, random: &Random, factor: Uuid, secret: &[u8]) -> Result<Vec<u8>, Error> {
    let nonce = random.bytes::<NONCE_LEN>();
    let mut text = secret.to_vec();
    key(signer, factor)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .map_err(|_| Error::Sealing)?;
    Ok([nonce.as_slice(), &text].concat())
}

/// Decrypts the secret of a factor. Fails if it was sealed for another factor, or with another installation's secret.
pub(crate) fn open(signer: &UrlSigner, factor: Uuid, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>().ok_or(Error::Sealing)?;
    let mut text = text.to_vec();
    let opened = key(signer, factor)?
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut text)
        .map_err(|_| Error::Sealing)?;
    Ok(opened.to_vec())
}

fn key(signer: &UrlSigner, factor: Uuid) -> Result<LessSafeKey, Error> {
    let bytes = signer.keyed_hash(SCOPE, &factor.to_string());
    Ok(LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &bytes).map_err(|_| Error::Sealing)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_factor_in_its_installation_only() {
        let (signer, random, factor) = (UrlSigner::new([7; 32]), Random::seeded(1), Uuid::from_u128(1));
        let sealed = seal(&signer, &random, factor, b"12345678901234567890").unwrap();
        assert!(!sealed.windows(8).any(|window| b"12345678901234567890".windows(8).any(|part| part == window)));
        assert_eq!(open(&signer, factor, &sealed).unwrap(), b"12345678901234567890");
        assert!(open(&signer, Uuid::from_u128(2), &sealed).is_err());
        assert!(open(&UrlSigner::new([8; 32]), factor, &sealed).is_err());
        assert!(open(&signer, factor, &sealed[..sealed.len() - 1]).is_err());
        assert!(open(&signer, factor, b"short").is_err());
        assert_ne!(seal(&signer, &random, factor, b"12345678901234567890").unwrap(), sealed, "another nonce");
    }
}
