//! An authenticator as members have it: a device that makes passkeys.
//!
//! Invariant: the device signs whatever it is told, so that a test can be any attacker.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A device with one passkey.
pub(super) struct Device {
    key: EcdsaKeyPair,
    random: SystemRandom,
    /// The id of the credential.
    pub credential: Vec<u8>,
    /// The account's id, as the device remembers it.
    pub user: Vec<u8>,
    /// The counter of signatures.
    pub counter: u32,
    /// The origin that the browser claims.
    pub origin: String,
    /// The flags of the next response: user present (1), user verified (4).
    pub flags: u8,
}

impl Device {
    /// Returns a new device whose credential has this number.
    pub(super) fn new(number: u8) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random).unwrap();
        let (credential, origin) = (vec![number; 32], "http://localhost:5173".to_owned());
        Self { key, random, credential, user: Vec::new(), counter: 1, origin, flags: 5 }
    }

    /// Makes the passkey for the options of `POST /v1/me/factors`.
    pub(super) fn create(&mut self, options: &Value) -> Value {
        let options = &options["publicKey"];
        self.user = URL_SAFE_NO_PAD.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt");
        attestation.push(0x64);
        attestation.extend(b"none");
        attestation.push(0x67);
        attestation.extend(b"attStmt");
        attestation.extend([0xa0, 0x68]);
        attestation.extend(b"authData");
        let data = self.registration_data();
        attestation.extend([0x58, u8::try_from(data.len()).unwrap()]);
        attestation.extend(data);
        json!({
            "id": URL_SAFE_NO_PAD.encode(&self.credential),
            "rawId": URL_SAFE_NO_PAD.encode(&self.credential),
            "type": "public-key",
            "response": {
                "attestationObject": URL_SAFE_NO_PAD.encode(attestation),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(self.client_data("webauthn.create", &options["challenge"])),
            },
            "clientExtensionResults": {},
        })
    }

    /// Signs the challenge of options for `navigator.credentials.get()`.
    pub(super) fn sign(&mut self, options: &Value) -> Value {
        self.counter += 1;
        self.sign_again(options)
    }

    /// Signs without counting.
    pub(super) fn sign_again(&self, options: &Value) -> Value {
        let client_data = self.client_data("webauthn.get", &options["publicKey"]["challenge"]);
        let data = self.authenticator_data(self.flags);
        let signed = [data.clone(), Sha256::digest(&client_data).to_vec()].concat();
        let signature = self.key.sign(&self.random, &signed).unwrap();
        json!({
            "id": URL_SAFE_NO_PAD.encode(&self.credential),
            "rawId": URL_SAFE_NO_PAD.encode(&self.credential),
            "type": "public-key",
            "response": {
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "signature": URL_SAFE_NO_PAD.encode(signature.as_ref()),
                "userHandle": URL_SAFE_NO_PAD.encode(&self.user),
            },
            "clientExtensionResults": {},
        })
    }

    fn client_data(&self, kind: &str, challenge: &Value) -> Vec<u8> {
        let data = json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false});
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest(b"localhost").to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// Returns the data with the new credential (WebAuthn Level 3 §6.5.1), whose key has the form of RFC 9053 §7.1.1.
    fn registration_data(&self) -> Vec<u8> {
        let mut data = self.authenticator_data(self.flags | 0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.credential.len()).unwrap().to_be_bytes());
        data.extend(&self.credential);
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        data
    }
}
