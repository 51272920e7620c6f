//! Making and reading the key of an installation for Web Push.
//!
//! Invariant: a key that is made can be read.

use base::Random;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey};

/// Everything of a private key of P-256 before its number: PKCS#8 (RFC 5958) around an `ECPrivateKey` without the
/// public key (RFC 5915).
const PREFIX: [u8; 35] = [
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
];
const NUMBER_BYTES: usize = 32;
/// An uncompressed point.
const UNCOMPRESSED: u8 = 4;
const LINE_CHARS: usize = 64;
/// Draws until a number is below the order of the curve; the first one fails once in four thousand million.
const MAX_DRAWS: u32 = 8;

/// Returns a new private key for Web Push as PEM (PKCS#8), and its public key in base64url.
pub fn new_vapid_key(random: &Random) -> Option<(String, String)> {
    (0..MAX_DRAWS).find_map(|_| {
        let pem = pem(&random.bytes());
        let (_, public_key) = read_vapid_key(&pem)?;
        Some((pem, public_key))
    })
}

fn pem(number: &[u8; NUMBER_BYTES]) -> String {
    let text = STANDARD.encode([PREFIX.as_slice(), number].concat());
    let (first, last) = text.split_at(LINE_CHARS.min(text.len()));
    format!("-----BEGIN PRIVATE KEY-----\n{first}\n{last}\n-----END PRIVATE KEY-----\n")
}

/// Reads a private key of P-256 in PEM, and returns it with its public key: an uncompressed point in base64url.
pub(super) fn read_vapid_key(pem: &str) -> Option<(EncodingKey, String)> {
    let key = EncodingKey::from_ec_pem(pem.as_bytes()).ok()?;
    let AlgorithmParameters::EllipticCurve(point) = Jwk::from_encoding_key(&key, Algorithm::ES256).ok()?.algorithm
    else {
        return None;
    };
    let coordinate = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == NUMBER_BYTES);
    let point = [vec![UNCOMPRESSED], coordinate(&point.x)?, coordinate(&point.y)?].concat();
    Some((key, URL_SAFE_NO_PAD.encode(point)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_public_key_of_the_specification() {
        // RFC 8291, appendix A: the keys of the application server.
        let number = URL_SAFE_NO_PAD.decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw").unwrap();
        let (_, public_key) = read_vapid_key(&pem(&number.try_into().unwrap())).unwrap();
        assert_eq!(
            public_key,
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"
        );
    }

    #[test]
    fn keys_differ_and_what_is_none_is_refused() {
        let random = Random::seeded(1);
        assert_ne!(new_vapid_key(&random).unwrap(), new_vapid_key(&random).unwrap());
        assert!(read_vapid_key(&pem(&[0; NUMBER_BYTES])).is_none() && read_vapid_key(&pem(&[255; 32])).is_none());
        assert!(read_vapid_key("").is_none() && read_vapid_key("-----BEGIN PRIVATE KEY-----\n").is_none());
    }
}
