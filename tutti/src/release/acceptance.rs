//! The acceptance of a release by a tester: a statement about one binary, signed with the tester's key.
//!
//! The statement is a text, and its bytes are what is signed, so that no program has to write it alike. Invariant: a
//! statement that is returned was signed by one of the testers, about this version and this binary.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// What a signature is about: that of another text with the same key is no acceptance.
const PURPOSE: &str = "tutti release acceptance 1\n";
/// What a private key of Ed25519 has before its 32 bytes: PKCS#8 (RFC 8410 section 7), as OpenSSL writes it.
const PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// One who may accept releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tester {
    name: String,
    key: [u8; 32],
}

impl Tester {
    /// Reads a name, a space and a public key in base64.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, key) = text.trim().rsplit_once(' ')?;
        let key: [u8; 32] = STANDARD.decode(key).ok()?.try_into().ok()?;
        VerifyingKey::from_bytes(&key).ok()?;
        (!name.trim().is_empty()).then(|| Self { name: name.trim().to_owned(), key })
    }
}

/// What a tester says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statement {
    /// The release.
    pub(super) version: String,
    /// The SHA-256 of its binary, as hexadecimal digits.
    pub(super) binary_sha256: String,
    /// Where it was tested.
    pub(super) environment: String,
    /// What was tested.
    pub(super) notes: String,
    /// When it was accepted.
    pub(super) accepted_at: DateTime<Utc>,
}

/// A signed statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Acceptance {
    /// The statement, as JSON.
    statement: String,
    /// The signature of its bytes, in base64.
    signature: String,
}

/// Returns a private key in PEM, and its public key in base64.
pub(crate) fn new_key(seed: [u8; 32]) -> (String, String) {
    let text = STANDARD.encode([PREFIX.as_slice(), &seed].concat());
    (format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"), public_key(&seed))
}

fn public_key(seed: &[u8; 32]) -> String {
    STANDARD.encode(SigningKey::from_bytes(seed).verifying_key().to_bytes())
}

/// Reads a private key in PEM. Text before it is skipped (RFC 7468 section 2).
fn read_key(pem: &str) -> Option<[u8; 32]> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (text, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    STANDARD.decode(text).ok()?.strip_prefix(PREFIX.as_slice())?.try_into().ok()
}

/// Signs a statement with a private key in PEM. Returns it with the public key; `None` if that is no key.
pub(super) fn sign(statement: &Statement, pem: &str) -> Option<(Acceptance, String)> {
    let (seed, statement) = (read_key(pem)?, serde_json::to_string(statement).ok()?);
    let signature: Signature = SigningKey::from_bytes(&seed).sign(&message(&statement));
    let acceptance = Acceptance { statement, signature: STANDARD.encode(signature.to_bytes()) };
    Some((acceptance, public_key(&seed)))
}

fn message(statement: &str) -> Vec<u8> {
    [PURPOSE.as_bytes(), statement.as_bytes()].concat()
}

/// Returns the statement and its tester's name; or else why it is no acceptance of this binary.
pub(super) fn verify(
    acceptance: &Acceptance,
    testers: &[Tester],
    (version, binary_sha256): (&str, &str),
) -> Result<(Statement, String), String> {
    let signature = STANDARD.decode(&acceptance.signature).ok().and_then(|bytes| Signature::from_slice(&bytes).ok());
    let signature = signature.ok_or("its signature is none")?;
    let message = message(&acceptance.statement);
    let signs = |tester: &&Tester| {
        VerifyingKey::from_bytes(&tester.key).is_ok_and(|key| key.verify_strict(&message, &signature).is_ok())
    };
    let tester = testers.iter().find(signs).ok_or("no tester of release.testers has signed it")?;
    let statement: Statement =
        serde_json::from_str(&acceptance.statement).map_err(|error| format!("its statement can't be read: {error}"))?;
    if statement.version != version {
        return Err(format!("it is of {}, and this is {version}", statement.version));
    }
    if statement.binary_sha256 != binary_sha256 {
        return Err("it is of another binary of this version: what was tested is not what would run".to_owned());
    }
    Ok((statement, tester.name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement {
            version: "1.2.3".into(),
            binary_sha256: "ab".into(),
            environment: "staging".into(),
            notes: "the list".into(),
            accepted_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_what_a_tester_signed_about_this_binary_is_an_acceptance() {
        let ((ada, ada_public), (eve, _)) = (new_key([1; 32]), new_key([2; 32]));
        let testers = [Tester::parse(&format!("Ada L. {ada_public}")).unwrap()];
        let (accepted, public) = sign(&statement(), &ada).unwrap();
        assert_eq!(public, ada_public);
        assert_eq!(verify(&accepted, &testers, ("1.2.3", "ab")).unwrap(), (statement(), "Ada L.".to_owned()));
        let refused = |acceptance: &Acceptance, of| verify(acceptance, &testers, of).unwrap_err();
        assert!(refused(&accepted, ("1.2.4", "ab")).contains("it is of 1.2.3"));
        assert!(refused(&accepted, ("1.2.3", "cd")).contains("another binary"));
        let forged = sign(&statement(), &eve).unwrap().0;
        assert!(refused(&forged, ("1.2.3", "ab")).contains("no tester"));
        let changed = Acceptance { statement: accepted.statement.replace("1.2.3", "1.2.4"), ..accepted.clone() };
        assert!(refused(&changed, ("1.2.4", "ab")).contains("no tester"));
        let torn = Acceptance { signature: "x".into(), ..accepted };
        assert!(refused(&torn, ("1.2.3", "ab")).contains("signature"));
    }

    #[test]
    fn keys_of_openssl_are_read_and_what_is_none_is_refused() {
        // RFC 8410 section 10.3.
        let key = "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC";
        let pem = format!("a line before\n-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
        assert_eq!(read_key(&pem).unwrap()[..4], [0xd4, 0xee, 0x72, 0xdb]);
        assert_eq!(read_key(&new_key([7; 32]).0), Some([7; 32]));
        assert!(read_key("").is_none() && read_key(&pem.replace("MC4C", "MC4D")).is_none());
        for text in ["", "Ada", "Ada AAAA", " QUJD"] {
            assert_eq!(Tester::parse(text), None, "{text}");
        }
    }
}
