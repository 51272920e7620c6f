//! Passkeys (WebAuthn): challenges for browsers, and the verification of what authenticators respond.
//!
//! Owns the relying party: its id and the origins that it accepts. `webauthn-rs` owns the protocol. Does not own what
//! is stored ([`crate::store::factors`], [`crate::store::passkey_challenges`]). Invariant: every accepted response was
//! made for our origin and our challenge by a user whom the authenticator had verified (PIN, finger, face).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url,
    WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::error::Error;
use crate::model::{Account, CHALLENGE_LIFETIME, Method};
use crate::tokens::sha256;

/// The longest id of a credential (WebAuthn Level 3 §5.8.3 allows 1,023 bytes).
const MAX_CREDENTIAL_ID_BYTES: usize = 1023;

/// The relying party; none if the site can't have passkeys.
#[derive(Debug)]
pub(crate) struct Passkeys(Option<Webauthn>);

/// A challenge for an authenticator that has a passkey already.
pub(crate) struct Challenge {
    /// The hash of the challenge, by which a response finds it.
    pub id: Vec<u8>,
    /// The options for `navigator.credentials.get()`.
    pub options: Value,
    /// What the verification needs, to be stored.
    pub state: String,
}

/// A passkey that was made for a challenge.
pub(crate) struct NewPasskey {
    /// The id of the credential.
    pub credential: Vec<u8>,
    /// Its stored form.
    pub stored: Vec<u8>,
    /// What having made it proves.
    pub method: Method,
}

/// A response of a passkey that was verified.
pub(crate) struct VerifiedPasskey {
    /// The new stored form, with the counter of the response.
    pub stored: Vec<u8>,
    /// What it proves.
    pub method: Method,
}

/// A response of a passkey, not verified yet.
pub(crate) struct Assertion(PublicKeyCredential);

impl Passkeys {
    /// Returns the relying party of the site whose origin is `site_url` (`mail.site_url`). On `localhost` every port is
    /// accepted. Without a host name, or without TLS on another host, passkeys are off: browsers make none there. The
    /// origin of the operators' console (`admin.public_url`) is accepted as well if its host is that of the site or
    /// below it: browsers use the site's passkeys under no other one.
    pub(crate) fn new(site_url: &str, console_url: Option<&str>) -> Self {
        let party = relying_party(site_url, console_url).inspect_err(|reason| {
            tracing::warn!(%reason, "passkeys are off; set mail.site_url to an origin such as https://tutti.example");
        });
        Self(party.ok())
    }

    /// Whether this site can have passkeys.
    pub(crate) fn are_on(&self) -> bool {
        self.0.is_some()
    }

    fn party(&self) -> Result<&Webauthn, Error> {
        self.0.as_ref().ok_or(Error::PasskeysOff)
    }

    /// Begins the making of a passkey. Returns the options for `navigator.credentials.create()`, and the state to be
    /// stored. `existing` are the credentials that the account has already.
    pub(crate) fn begin(&self, account: &Account, existing: Vec<Vec<u8>>) -> Result<(Value, String), Error> {
        let (challenge, state) = self
            .party()?
            .start_passkey_registration(account.id.0, &account.handle, &account.display_name, Some(existing))
            .map_err(internal)?;
        let mut options = to_value(&challenge)?;
        // The library asks for no discoverable credential, with which alone one can sign in without a name.
        if let Some(Value::Object(selection)) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection.insert("residentKey".to_owned(), json!("preferred"));
        }
        Ok((options, to_text(&state)?))
    }

    /// Verifies a new passkey.
    pub(crate) fn finish(&self, credential: Value, state: &[u8]) -> Result<NewPasskey, Error> {
        let credential: RegisterPublicKeyCredential =
            serde_json::from_value(credential).map_err(|_| Error::FactorRefused)?;
        let state: PasskeyRegistration = from_stored(state)?;
        let passkey = self.party()?.finish_passkey_registration(&credential, &state).map_err(|error| {
            log_refusal(&error);
            Error::FactorRefused
        })?;
        if passkey.cred_id().len() > MAX_CREDENTIAL_ID_BYTES {
            return Err(Error::FactorRefused);
        }
        // Whether it is synced is known with its first use; until then it counts as the weaker kind.
        Ok(NewPasskey {
            credential: passkey.cred_id().clone(),
            stored: to_text(&passkey)?.into_bytes(),
            method: Method::SyncedPasskey,
        })
    }

    /// Returns a challenge for these credentials, or, without any, for every passkey of this site.
    pub(crate) fn challenge(&self, credentials: &[Vec<u8>]) -> Result<Challenge, Error> {
        let (challenge, state) = self.party()?.start_discoverable_authentication().map_err(internal)?;
        let id = sha256(&challenge.public_key.challenge);
        let allowed: Vec<Value> = credentials
            .iter()
            .map(|credential| json!({"type": "public-key", "id": URL_SAFE_NO_PAD.encode(credential)}))
            .collect();
        let mut options = to_value(&challenge)?;
        // The page shows its own button instead of suggestions in a field.
        if let Some(options) = options.as_object_mut() {
            options.remove("mediation");
        }
        if let Some(Value::Object(public_key)) = options.get_mut("publicKey") {
            public_key.insert("allowCredentials".to_owned(), Value::Array(allowed));
        }
        Ok(Challenge { id, options, state: to_text(&state)? })
    }

    /// Verifies a response to the challenge of `state`, by the passkey that is stored as `stored`. A counter that does
    /// not grow means that the key was perhaps copied, so the response is refused (WebAuthn Level 3 §7.2, step 22).
    pub(crate) fn verify(&self, assertion: &Assertion, state: &str, stored: &[u8]) -> Result<VerifiedPasskey, Error> {
        let state: DiscoverableAuthentication = from_stored(state.as_bytes())?;
        let mut passkey: Passkey = from_stored(stored)?;
        let party = self.0.as_ref().ok_or(Error::WrongFactor)?;
        let result = party.finish_discoverable_authentication_v2(&assertion.0, state, &passkey).map_err(|error| {
            log_refusal(&error);
            Error::WrongFactor
        })?;
        let method = if result.backup_eligible() { Method::SyncedPasskey } else { Method::DevicePasskey };
        // The stored text changes only if the passkey does, so that uses at the same time don't exclude each other.
        let stored = match passkey.update_credential(&result) {
            Some(true) => to_text(&passkey)?.into_bytes(),
            _ => stored.to_vec(),
        };
        Ok(VerifiedPasskey { stored, method })
    }
}

impl Assertion {
    /// Reads what a browser sent. Fails with [`Error::WrongFactor`] if it has another shape.
    pub(crate) fn parse(sent: &Value) -> Result<Self, Error> {
        PublicKeyCredential::deserialize(sent).map(Self).map_err(|_| Error::WrongFactor)
    }

    /// Returns the id of the challenge that it claims to respond to.
    pub(crate) fn challenge_id(&self) -> Result<Vec<u8>, Error> {
        #[derive(Deserialize)]
        struct ClientData {
            challenge: String,
        }
        let data: ClientData =
            serde_json::from_slice(&self.0.response.client_data_json).map_err(|_| Error::WrongFactor)?;
        Ok(sha256(&URL_SAFE_NO_PAD.decode(data.challenge).map_err(|_| Error::WrongFactor)?))
    }

    /// Returns the id of its credential.
    pub(crate) fn credential(&self) -> &[u8] {
        self.0.get_credential_id()
    }

    /// Returns the id of the account for which the passkey was made, as the authenticator remembers it.
    pub(crate) fn user_handle(&self) -> Option<&[u8]> {
        self.0.get_user_unique_id()
    }
}

/// Returns the relying party of an origin, or why browsers make no passkeys for it.
fn relying_party(site_url: &str, console_url: Option<&str>) -> Result<Webauthn, String> {
    let url = Url::parse(site_url).map_err(|error| error.to_string())?;
    let host = url.domain().ok_or("the site has no host name")?.to_owned();
    let is_local = host == "localhost" || host.ends_with(".localhost");
    if url.scheme() != "https" && !(is_local && url.scheme() == "http") {
        return Err("the site has no https".to_owned());
    }
    let timeout = CHALLENGE_LIFETIME.to_std().unwrap_or_default();
    let builder = WebauthnBuilder::new(&host, &url).map_err(|error| error.to_string())?;
    let builder = match console_url.map(|url| console_origin(url, &host)) {
        Some(Some(origin)) => builder.append_allowed_origin(&origin),
        Some(None) => {
            tracing::warn!(host, "operators sign in without passkeys: admin.public_url is not https at or below it");
            builder
        }
        None => builder,
    };
    let party = builder.rp_name("Tutti").allow_any_port(is_local).timeout(timeout).build();
    party.map_err(|error| error.to_string())
}

/// Returns the origin of the console if passkeys for `host` can be used there: over https, unless both are of this
/// machine, and at this host or below it.
fn console_origin(console_url: &str, host: &str) -> Option<Url> {
    let url = Url::parse(console_url).ok()?;
    let is_local = host == "localhost" || host.ends_with(".localhost");
    let is_safe = url.scheme() == "https" || (is_local && url.scheme() == "http");
    let domain = url.domain()?;
    let is_below = domain == host || domain.strip_suffix(host).is_some_and(|labels| labels.ends_with('.'));
    (is_safe && is_below).then_some(url)
}

fn log_refusal(error: &WebauthnError) {
    if matches!(error, WebauthnError::CredentialPossibleCompromise) {
        tracing::warn!("the counter of a passkey did not grow, so its key may have been copied; it was refused");
    } else {
        tracing::debug!(%error, "a passkey was refused");
    }
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Passkeys(error.to_string())
}

fn to_value(options: &impl Serialize) -> Result<Value, Error> {
    serde_json::to_value(options).map_err(internal)
}

fn to_text(state: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(state).map_err(internal)
}

fn from_stored<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_without_a_name_or_https_has_no_passkeys() {
        for fine in ["http://localhost:8080", "https://tutti.example", "https://tutti.example:8443", "https://a.b.c"] {
            assert!(Passkeys::new(fine, None).are_on(), "{fine}");
        }
        for wrong in ["", "tutti.example", "http://tutti.example", "https://192.0.2.7", "https://[::1]", "ftp://a.b"] {
            let off = Passkeys::new(wrong, Some("https://tutti.example"));
            assert!(!off.are_on(), "{wrong}");
            assert!(matches!(off.challenge(&[]), Err(Error::PasskeysOff)), "{wrong}");
        }
    }

    #[test]
    fn a_console_at_or_below_the_host_of_the_site_has_its_passkeys() {
        let accepted = |url: &str| console_origin(url, "tutti.example").is_some();
        assert!(accepted("https://tutti.example:8443") && accepted("https://console.tutti.example"));
        for url in [
            "http://console.tutti.example",
            "https://example",
            "https://eviltutti.example",
            "https://tutti.example.evil.example",
            "https://192.0.2.7",
            "console.tutti.example",
        ] {
            assert!(!accepted(url), "{url}");
            assert!(Passkeys::new("https://tutti.example", Some(url)).are_on(), "those of the site stay on");
        }
        assert!(console_origin("http://console.localhost:9443", "localhost").is_some());
    }

    #[test]
    fn a_challenge_names_the_passkeys_that_may_respond() {
        let challenge = Passkeys::new("https://tutti.example", None).challenge(&[vec![1, 2, 3]]).unwrap();
        let options = &challenge.options["publicKey"];
        assert_eq!(options["rpId"], "tutti.example");
        assert_eq!(options["userVerification"], "required");
        assert_eq!(options["allowCredentials"], json!([{"type": "public-key", "id": "AQID"}]));
        let sent = URL_SAFE_NO_PAD.decode(options["challenge"].as_str().unwrap()).unwrap();
        assert_eq!(challenge.id, sha256(&sent));
        assert!(challenge.options.get("mediation").is_none());
    }

    #[test]
    fn what_is_no_assertion_is_refused() {
        for wrong in [json!(null), json!([]), json!({}), json!({"id": "x", "rawId": "?", "response": {}, "type": ""})] {
            assert!(matches!(Assertion::parse(&wrong), Err(Error::WrongFactor)), "{wrong}");
        }
    }
}
