//! The encryption of a Web Push message for one browser (RFC 8291), as one record of `aes128gcm` (RFC 8188).
//!
//! Written here on `ring`, which the tree has: the libraries for it bring OpenSSL or a second set of primitives.
//! Invariant: each message has an ephemeral key and a salt of its own, so no nonce is ever used twice.

use base::Random;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::SystemRandom;

use crate::model::WebAddress;

/// The longest message: what every push service must take (RFC 8030 §7.2) as its body.
pub(super) const MAX_MESSAGE_BYTES: usize = 4096;
/// The record size in the header: the message is one record.
const RECORD_BYTES: u32 = 4096;
const SALT_BYTES: usize = 16;
const CONTENT_KEY_BYTES: usize = 16;
const KEY_MATERIAL_BYTES: usize = 32;
/// The public key of this server in the header: an uncompressed point.
const PUBLIC_KEY_BYTES: u8 = 65;
/// Ends the last record (RFC 8188 §2).
const LAST_RECORD: u8 = 2;

/// How many bytes are derived.
struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// Encrypts a message for a browser. Fails if its public key is no point of the curve.
pub(super) fn encrypt(address: &WebAddress, message: &[u8], random: &Random) -> Result<Vec<u8>, Unspecified> {
    // `ring` draws this key itself, from the operating system.
    let own_key = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
    let own_public_key = own_key.compute_public_key()?;
    let salt = random.bytes::<SALT_BYTES>();
    let their_public_key = UnparsedPublicKey::new(&ECDH_P256, &address.public_key);
    agree_ephemeral(own_key, &their_public_key, |shared_secret| {
        seal(address, own_public_key.as_ref(), shared_secret, salt, message)
    })?
}

/// Encrypts a message with the secret that both sides share.
fn seal(
    address: &WebAddress,
    own_public_key: &[u8],
    shared_secret: &[u8],
    salt: [u8; SALT_BYTES],
    message: &[u8],
) -> Result<Vec<u8>, Unspecified> {
    let (content_key, nonce) = derive(address, own_public_key, shared_secret, salt)?;
    let mut sealed = [message, &[LAST_RECORD]].concat();
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content_key)?);
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)?;
    let size = RECORD_BYTES.to_be_bytes();
    Ok([salt.as_slice(), &size, &[PUBLIC_KEY_BYTES], own_public_key, &sealed].concat())
}

/// Derives the key and the nonce of the only record (RFC 8291 §3.4, RFC 8188 §2.2 and §2.3).
fn derive(
    address: &WebAddress,
    own_public_key: &[u8],
    shared_secret: &[u8],
    salt: [u8; SALT_BYTES],
) -> Result<([u8; CONTENT_KEY_BYTES], [u8; NONCE_LEN]), Unspecified> {
    let mut key_material = [0; KEY_MATERIAL_BYTES];
    Salt::new(HKDF_SHA256, &address.auth_secret)
        .extract(shared_secret)
        .expand(&[b"WebPush: info\0", &address.public_key, own_public_key], Bytes(KEY_MATERIAL_BYTES))?
        .fill(&mut key_material)?;
    let pseudorandom = Salt::new(HKDF_SHA256, &salt).extract(&key_material);
    let (mut content_key, mut nonce) = ([0; CONTENT_KEY_BYTES], [0; NONCE_LEN]);
    pseudorandom.expand(&[b"Content-Encoding: aes128gcm\0"], Bytes(CONTENT_KEY_BYTES))?.fill(&mut content_key)?;
    pseudorandom.expand(&[b"Content-Encoding: nonce\0"], Bytes(NONCE_LEN))?.fill(&mut nonce)?;
    Ok((content_key, nonce))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    fn decode(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8291, appendix A.
    #[test]
    fn the_example_of_the_specification_comes_out() {
        let address = WebAddress::of_stored(
            "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        )
        .unwrap();
        let own_public_key =
            decode("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
        let shared_secret = decode("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
        let salt: [u8; SALT_BYTES] = decode("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let (content_key, nonce) = derive(&address, &own_public_key, &shared_secret, salt).unwrap();
        assert_eq!(content_key.as_slice(), decode("oIhVW04MRdy2XN9CiKLxTg"));
        assert_eq!(nonce.as_slice(), decode("4h_95klXJ5E_qnoN"));
        let message = b"When I grow up, I want to be a watermelon";
        let sealed = seal(&address, &own_public_key, &shared_secret, salt, message).unwrap();
        let expected = [
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK",
            "6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
        ];
        assert_eq!(URL_SAFE_NO_PAD.encode(sealed), expected.concat());
    }

    #[test]
    fn only_the_browser_opens_what_is_sealed_for_it() {
        let own_key = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).unwrap();
        let public_key = own_key.compute_public_key().unwrap();
        let auth_secret = [7; 16];
        let address = WebAddress {
            endpoint: url::Url::parse("https://push.example/1").unwrap(),
            public_key: public_key.as_ref().try_into().unwrap(),
            auth_secret,
        };
        let sealed = encrypt(&address, b"hello", &Random::system()).unwrap();
        let (header, body) = sealed.split_at(SALT_BYTES + 4 + 1 + usize::from(PUBLIC_KEY_BYTES));
        let salt: [u8; SALT_BYTES] = header[..SALT_BYTES].try_into().unwrap();
        let sender = header[SALT_BYTES + 5..].to_vec();
        let opened = agree_ephemeral(own_key, &UnparsedPublicKey::new(&ECDH_P256, &sender), |shared_secret| {
            let (content_key, nonce) = derive(&address, &sender, shared_secret, salt).unwrap();
            let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content_key).unwrap());
            let mut text = body.to_vec();
            key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text).unwrap().to_vec()
        });
        assert_eq!(opened.unwrap(), [b"hello".as_slice(), &[LAST_RECORD]].concat());
        // A point that is not on the curve.
        let wrong = WebAddress { public_key: [4; 65], ..address };
        assert!(encrypt(&wrong, b"hello", &Random::system()).is_err());
    }
}
