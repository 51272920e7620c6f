//! Which access tokens are valid, tested with forged ones. Every token here is signed with the issuer's own key unless
//! the test says otherwise, so that only what the test changed can be the reason of a refusal.

use base::Clock;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use http_server::auth::{JwkSet, Verifier};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const KEY_ID: &str = "the-key-of-the-house";

/// An Ed25519 key in PKCS#8, version 1 (RFC 8410, section 7).
pub(super) fn key(seed: u8) -> EncodingKey {
    let head = hex::decode("302e020100300506032b657004220420").unwrap();
    EncodingKey::from_ed_der(&[head, vec![seed; 32]].concat())
}

pub(super) fn public(key: &EncodingKey) -> Jwk {
    let mut jwk = Jwk::from_encoding_key(key, Algorithm::EdDSA).unwrap();
    jwk.common.key_id = Some(KEY_ID.to_owned());
    jwk
}

struct Issuer {
    clock: Clock,
    verifier: Verifier,
}

impl Issuer {
    fn new() -> Self {
        base::tls::install_provider();
        let clock = Clock::fixed(chrono::Utc::now());
        let verifier = Verifier::pinned(&JwkSet { keys: Vec::new() }, clock.clone());
        verifier.pin_keys(&JwkSet { keys: vec![public(&key(7))] });
        Self { clock, verifier }
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// Returns valid claims with these changes; `null` removes one.
    fn claims(&self, changes: &Value) -> Value {
        let (account, session) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
        let mut claims = json!({"sub": account, "sid": session, "handle": "ada", "roles": ["member"],
            "iss": "tutti", "iat": self.now(), "exp": self.now() + 900});
        merge(&mut claims, changes);
        claims
    }

    /// Returns `ok`, or the code of the refusal.
    async fn verify(&self, token: &str) -> String {
        match self.verifier.verify(token).await {
            Ok(claims) => {
                assert_eq!(claims.handle, "ada");
                "ok".to_owned()
            }
            Err(problem) => {
                assert_eq!(problem.status, 401, "{problem:?}");
                problem.code.into_owned()
            }
        }
    }

    async fn verify_claims(&self, changes: Value) -> String {
        self.verify(&token(&header(&json!({})), &self.claims(&changes), &key(7))).await
    }

    async fn verify_header(&self, changes: Value) -> String {
        self.verify(&token(&header(&changes), &self.claims(&json!({})), &key(7))).await
    }
}

pub(super) fn header(changes: &Value) -> Value {
    let mut header = json!({"typ": "JWT", "alg": "EdDSA", "kid": KEY_ID});
    merge(&mut header, changes);
    header
}

fn merge(into: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            into.as_object_mut().unwrap().remove(name);
        } else {
            into[name] = value.clone();
        }
    }
}

fn signing_input(header: &Value, claims: &Value) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()))
}

pub(super) fn token(header: &Value, claims: &Value, key: &EncodingKey) -> String {
    let input = signing_input(header, claims);
    let signature = jsonwebtoken::crypto::sign(input.as_bytes(), key, Algorithm::EdDSA).unwrap();
    format!("{input}.{signature}")
}

#[tokio::test]
async fn a_token_does_not_hold_before_its_time_nor_after() {
    let issuer = Issuer::new();
    let now = issuer.now();
    for fine in [
        json!({}),
        json!({"nbf": now}),
        json!({"nbf": now + 300}),
        json!({"iat": now + 300}),
        json!({"nbf": 0, "iat": 0}),
    ] {
        assert_eq!(issuer.verify_claims(fine.clone()).await, "ok", "{fine}");
    }
    for early in [json!({"nbf": now + 301}), json!({"iat": now + 301}), json!({"nbf": i64::MAX, "exp": i64::MAX})] {
        assert_eq!(issuer.verify_claims(early.clone()).await, "auth.not_yet_valid", "{early}");
    }
    assert_eq!(issuer.verify_claims(json!({"exp": now})).await, "auth.expired");
    for malformed in [
        json!({"nbf": "soon"}),
        json!({"exp": "never"}),
        json!({"exp": null}),
        json!({"iat": null}),
        json!({"exp": 1e300}),
    ] {
        assert_eq!(issuer.verify_claims(malformed.clone()).await, "auth.invalid_token", "{malformed}");
    }
}

#[tokio::test]
async fn a_token_whose_signature_is_remembered_is_held_to_its_times_all_the_same() {
    let issuer = Issuer::new();
    let early = token(&header(&json!({})), &issuer.claims(&json!({"nbf": issuer.now() + 600})), &key(7));
    for _ in 0..2 {
        assert_eq!(issuer.verify(&early).await, "auth.not_yet_valid");
    }
    issuer.clock.advance(TimeDelta::seconds(600));
    assert_eq!(issuer.verify(&early).await, "ok");
    issuer.clock.advance(TimeDelta::seconds(300));
    assert_eq!(issuer.verify(&early).await, "auth.expired");
}

#[tokio::test]
async fn a_token_of_another_issuer_or_for_another_audience_is_refused() {
    let issuer = Issuer::new();
    for fine in [json!({"aud": "tutti"}), json!({"aud": ["other", "tutti"]})] {
        assert_eq!(issuer.verify_claims(fine.clone()).await, "ok", "{fine}");
    }
    for wrong in [
        json!({"iss": "evil"}),
        json!({"iss": "TUTTI"}),
        json!({"iss": null}),
        json!({"iss": ["tutti"]}),
        json!({"iss": 7}),
        json!({"aud": "other"}),
        json!({"aud": ["other"]}),
        json!({"aud": []}),
        json!({"aud": 7}),
        json!({"aud": {"tutti": true}}),
    ] {
        assert_eq!(issuer.verify_claims(wrong.clone()).await, "auth.invalid_token", "{wrong}");
    }
}

#[tokio::test]
async fn only_an_ed25519_signature_of_the_house_counts() {
    let issuer = Issuer::new();
    let claims = issuer.claims(&json!({}));
    assert_eq!(
        issuer.verify(&token(&header(&json!({})), &claims, &key(8))).await,
        "auth.invalid_token",
        "a stranger's key"
    );
    // The public key as an HMAC secret, in each form that an attacker could have.
    let jwk = public(&key(7));
    let text = serde_json::to_value(&jwk).unwrap()["x"].as_str().unwrap().to_owned();
    for secret in [URL_SAFE_NO_PAD.decode(&text).unwrap(), text.into_bytes(), serde_json::to_vec(&jwk).unwrap()] {
        for (name, algorithm) in [("HS256", Algorithm::HS256), ("HS512", Algorithm::HS512)] {
            let input = signing_input(&header(&json!({"alg": name})), &claims);
            let signature =
                jsonwebtoken::crypto::sign(input.as_bytes(), &EncodingKey::from_secret(&secret), algorithm).unwrap();
            assert_eq!(issuer.verify(&format!("{input}.{signature}")).await, "auth.invalid_token", "{name}");
        }
    }
    for none in ["none", "None", "NONE", "nOnE", "", "RS256", "ES256", "PS256", "HS256"] {
        let signed = token(&header(&json!({"alg": none})), &claims, &key(7));
        let (input, _) = signed.rsplit_once('.').unwrap();
        for token in [signed.as_str(), &format!("{input}."), input] {
            assert_eq!(issuer.verify(token).await, "auth.invalid_token", "alg {none:?}: {token}");
        }
    }
    let good = token(&header(&json!({})), &claims, &key(7));
    assert_eq!(issuer.verify(&good).await, "ok");
    let (input, signature) = good.rsplit_once('.').unwrap();
    let others = issuer.claims(&json!({"roles": ["operator"]}));
    let forged = format!("{}.{signature}", signing_input(&header(&json!({})), &others));
    for wrong in [
        forged,
        format!("{good}."),
        format!("{good}="),
        format!("{good}A"),
        format!("{input}.{}", &signature[1..]),
        format!(".{good}"),
        "..".into(),
        String::new(),
    ] {
        assert_eq!(issuer.verify(&wrong).await, "auth.invalid_token", "{wrong}");
    }
}

#[tokio::test]
async fn a_header_cannot_bring_a_key_or_another_meaning() {
    let issuer = Issuer::new();
    let thief = key(8);
    let brought = serde_json::to_value(public(&thief)).unwrap();
    for header in [
        json!({"jwk": brought}),
        json!({"jwk": brought, "kid": null}),
        json!({"jku": "http://127.0.0.1:1/keys.json"}),
        json!({"x5u": "http://127.0.0.1:1/chain.pem"}),
    ] {
        let forged = token(&self::header(&header), &issuer.claims(&json!({})), &thief);
        assert_eq!(issuer.verify(&forged).await, "auth.invalid_token", "{header}");
    }
    for kid in ["", "another", "../../dev/null", "the-key-of-the-house\u{0}", "' or 1=1 --", &"k".repeat(10_000)] {
        assert_eq!(issuer.verify_header(json!({"kid": kid})).await, "auth.invalid_token", "{kid:.40}");
    }
    assert_eq!(issuer.verify_header(json!({"kid": null})).await, "auth.invalid_token");
    assert_eq!(issuer.verify_header(json!({"kid": [KEY_ID]})).await, "auth.invalid_token");
    for fine in ["JWT", "jwt", "at+jwt", "application/at+jwt"] {
        assert_eq!(issuer.verify_header(json!({"typ": fine})).await, "ok", "{fine}");
    }
    for wrong in [
        json!({"typ": null}),
        json!({"typ": "dpop+jwt"}),
        json!({"typ": ""}),
        json!({"crit": ["exp"]}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"crit": []}),
    ] {
        assert_eq!(issuer.verify_header(wrong.clone()).await, "auth.invalid_token", "{wrong}");
    }
}

#[tokio::test]
async fn a_key_of_another_kind_in_the_set_is_not_learned() {
    let issuer = Issuer::new();
    let secret = json!({"keys": [{"kty": "oct", "kid": "hmac", "alg": "HS256", "k": URL_SAFE_NO_PAD.encode([1; 32])}]});
    issuer.verifier.pin_keys(&serde_json::from_value(secret).unwrap());
    let input = signing_input(&header(&json!({"alg": "HS256", "kid": "hmac"})), &issuer.claims(&json!({})));
    let signature =
        jsonwebtoken::crypto::sign(input.as_bytes(), &EncodingKey::from_secret(&[1; 32]), Algorithm::HS256).unwrap();
    assert_eq!(issuer.verify(&format!("{input}.{signature}")).await, "auth.invalid_token");
}
