//! The secrets of authenticator apps at rest.
//!
//! Owns their scope; [`http_server::sealed_secret`] encrypts. Invariant: what was sealed for one factor opens for no
//! other.

use base::Random;
use http_server::sealed_secret;
use http_server::signed_url::UrlSigner;
use uuid::Uuid;

use crate::error::Error;

/// The scope of the derived keys.
const SCOPE: &str = "accounts.totp";

/// Encrypts the secret of a factor.
pub(crate) fn seal(signer: &UrlSigner, random: &Random, factor: Uuid, secret: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(sealed_secret::seal(signer, random, (SCOPE, &factor.to_string()), secret)?)
}

/// Decrypts the secret of a factor. Fails if it was sealed for another factor, or with another installation's secret.
pub(crate) fn open(signer: &UrlSigner, factor: Uuid, sealed: &[u8]) -> Result<Vec<u8>, Error> {
    Ok(sealed_secret::open(signer, (SCOPE, &factor.to_string()), sealed)?)
}
