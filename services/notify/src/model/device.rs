//! The devices that notices are pushed to: what a client sends to register one, and the rules for it.
//!
//! Invariant: an [`Address`] has a bounded size, and nothing in it can change the request that it becomes a part of.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use outgoing::{AddressRules, address};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;
use utoipa::ToSchema;

/// The longest token of Firebase, which promises no length: today's have about 160 bytes.
const MAX_FCM_TOKEN_BYTES: usize = 2048;
/// The longest token of Apple in hexadecimal digits: 100 bytes. Today's have 32.
const MAX_APNS_TOKEN_DIGITS: usize = 200;
const MIN_APNS_TOKEN_DIGITS: usize = 64;
/// The longest URL of a push service, in bytes.
const MAX_ENDPOINT_BYTES: usize = 2000;
/// A public key: an uncompressed point of P-256 (RFC 8291 §3.1, ANSI X9.62).
const PUBLIC_KEY_BYTES: usize = 65;
const UNCOMPRESSED: u8 = 4;
/// The authentication secret of a subscription (RFC 8291 §3.2).
const AUTH_SECRET_BYTES: usize = 16;

/// The service through which a device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "fcm")]
pub(crate) enum DeviceKind {
    /// Firebase Cloud Messaging: Android.
    Fcm,
    /// The Apple Push Notification service.
    Apns,
    /// A browser, through the push service of its maker.
    Webpush,
}

contract::string_enum!(DeviceKind: Fcm => "fcm", Apns => "apns", Webpush => "webpush");

impl DeviceKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 3] = [Self::Fcm, Self::Apns, Self::Webpush];
}

/// The keys of a subscription, as browsers write them (RFC 8291).
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(example = json!({
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
}))]
pub(crate) struct SubscriptionKeys {
    /// The public key of the browser.
    #[schema(max_length = 100)]
    pub p256dh: String,
    /// The secret that authenticates the sender.
    #[schema(max_length = 32)]
    pub auth: String,
}

/// A subscription of a browser, as `PushSubscription.toJSON()` writes it (W3C Push API). Other members are ignored.
#[derive(Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = PushSubscription, example = json!({
    "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gAAAAABn",
    "keys": {
        "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    },
}))]
pub(crate) struct Subscription {
    /// Where pushes go: an `https` URL of the browser's push service.
    #[schema(max_length = 2000)]
    pub endpoint: String,
    /// The keys that pushes are encrypted for.
    pub keys: SubscriptionKeys,
}

/// Where pushes to a device go.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A token of Firebase.
    Fcm(String),
    /// A token of Apple, in lower-case hexadecimal digits.
    Apns(String),
    /// A subscription of a browser.
    Webpush(WebAddress),
}

/// Where pushes to a browser go.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct WebAddress {
    /// The URL of the push service.
    pub endpoint: Url,
    /// The public key of the browser.
    pub public_key: [u8; PUBLIC_KEY_BYTES],
    /// The secret that authenticates the sender.
    pub auth_secret: [u8; AUTH_SECRET_BYTES],
}

/// The rule that a device breaks, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidDevice(&'static str);

impl Address {
    /// Checks what a client sends. What the name of an endpoint leads to is checked at each connection, because it can
    /// change.
    pub(crate) fn parse(
        kind: DeviceKind,
        token: Option<&str>,
        subscription: Option<&Subscription>,
        rules: &AddressRules,
    ) -> Result<Self, InvalidDevice> {
        match (kind, token, subscription) {
            (DeviceKind::Fcm, Some(token), None) => parse_fcm(token),
            (DeviceKind::Apns, Some(token), None) => parse_apns(token),
            (DeviceKind::Webpush, None, Some(subscription)) => {
                WebAddress::parse(subscription, rules).map(Self::Webpush)
            }
            (DeviceKind::Webpush, ..) => {
                Err(InvalidDevice("A device of the kind `webpush` has a `subscription`, and no `token`."))
            }
            _ => Err(InvalidDevice("A device of this kind has a `token`, and no `subscription`.")),
        }
    }

    /// Returns the kind of the device.
    pub(crate) fn kind(&self) -> DeviceKind {
        match self {
            Self::Fcm(_) => DeviceKind::Fcm,
            Self::Apns(_) => DeviceKind::Apns,
            Self::Webpush(_) => DeviceKind::Webpush,
        }
    }

    /// Returns the token or the endpoint.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Fcm(token) | Self::Apns(token) => token,
            Self::Webpush(web) => web.endpoint.as_str(),
        }
    }

    /// Returns the hash under which the address is registered once.
    pub(crate) fn hash(&self) -> String {
        let digest = Sha256::digest(format!("{} {}", self.kind().as_str(), self.as_str()));
        URL_SAFE_NO_PAD.encode(digest)
    }
}

fn parse_fcm(token: &str) -> Result<Address, InvalidDevice> {
    let is_token = !token.is_empty()
        && token.len() <= MAX_FCM_TOKEN_BYTES
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte));
    if !is_token {
        return Err(InvalidDevice(
            "A token of Firebase has 1 to 2,048 characters: letters, digits, dashes, underscores, dots and colons.",
        ));
    }
    Ok(Address::Fcm(token.to_owned()))
}

fn parse_apns(token: &str) -> Result<Address, InvalidDevice> {
    let is_token = (MIN_APNS_TOKEN_DIGITS..=MAX_APNS_TOKEN_DIGITS).contains(&token.len())
        && token.len().is_multiple_of(2)
        && token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_token {
        return Err(InvalidDevice("A token of Apple has 64 to 200 hexadecimal digits."));
    }
    Ok(Address::Apns(token.to_ascii_lowercase()))
}

impl WebAddress {
    fn parse(subscription: &Subscription, rules: &AddressRules) -> Result<Self, InvalidDevice> {
        let SubscriptionKeys { p256dh, auth } = &subscription.keys;
        let public_key = bytes(p256dh).filter(|key: &[u8; PUBLIC_KEY_BYTES]| key[0] == UNCOMPRESSED);
        Ok(Self {
            endpoint: parse_endpoint(&subscription.endpoint, rules)?,
            public_key: public_key
                .ok_or(InvalidDevice("`keys.p256dh` must be an uncompressed point of P-256: 65 bytes in base64url."))?,
            auth_secret: bytes(auth).ok_or(InvalidDevice("`keys.auth` must be 16 bytes in base64url."))?,
        })
    }

    /// Reads a stored subscription, whose endpoint was checked when it was registered.
    pub(crate) fn of_stored(endpoint: &str, public_key: &str, auth_secret: &str) -> Option<Self> {
        let endpoint = Url::parse(endpoint).ok()?;
        Some(Self { endpoint, public_key: bytes(public_key)?, auth_secret: bytes(auth_secret)? })
    }

    /// Returns the keys as they are stored.
    pub(crate) fn stored_keys(&self) -> (String, String) {
        (URL_SAFE_NO_PAD.encode(self.public_key), URL_SAFE_NO_PAD.encode(self.auth_secret))
    }
}

fn parse_endpoint(text: &str, rules: &AddressRules) -> Result<Url, InvalidDevice> {
    if text.len() > MAX_ENDPOINT_BYTES {
        return Err(InvalidDevice("The endpoint has more than 2,000 bytes."));
    }
    let mut url = Url::parse(text).map_err(|_| InvalidDevice("The endpoint is not an absolute URL."))?;
    let is_encrypted = match url.scheme() {
        "https" => true,
        "http" if rules.has_exceptions() => false,
        _ => return Err(InvalidDevice("The endpoint must begin with `https://`.")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidDevice("The endpoint must have no user name and no password."));
    }
    if address(&url).is_some_and(|address| !rules.admit(address, is_encrypted)) {
        return Err(InvalidDevice("The endpoint's address is not on the public internet."));
    }
    url.set_fragment(None);
    Ok(url)
}

/// Decodes base64url, with or without padding.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    // Longer texts are not decoded.
    let text = Some(text.trim_end_matches('=')).filter(|text| text.len() <= N * 2)?;
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use base::Networks;

    use super::*;

    fn web(endpoint: &str) -> Subscription {
        let keys = SubscriptionKeys {
            p256dh: URL_SAFE_NO_PAD.encode([UNCOMPRESSED; PUBLIC_KEY_BYTES]),
            auth: URL_SAFE_NO_PAD.encode([7; AUTH_SECRET_BYTES]),
        };
        Subscription { endpoint: endpoint.to_owned(), keys }
    }

    fn refusal(kind: DeviceKind, token: Option<&str>, web: Option<&Subscription>) -> &'static str {
        Address::parse(kind, token, web, &AddressRules::default()).err().map_or("", |error| error.0)
    }

    #[test]
    fn tokens_have_the_form_and_the_size_of_their_service() {
        let parse = |kind, token: &str| Address::parse(kind, Some(token), None, &AddressRules::default()).ok();
        let fcm = "cX7a:APA91bH-_x.y";
        assert_eq!(parse(DeviceKind::Fcm, fcm).unwrap().as_str(), fcm);
        let digits = "AB".repeat(32);
        assert_eq!(parse(DeviceKind::Apns, &digits).unwrap().as_str(), "ab".repeat(32));
        for wrong in ["", "a b", "a\nb", "é", &"a".repeat(1_000_000)] {
            assert!(refusal(DeviceKind::Fcm, Some(wrong), None).contains("Firebase"));
        }
        for wrong in ["", "ab", "../3/device", &"zz".repeat(32), &"a".repeat(65), &"ab".repeat(500_000)] {
            assert!(refusal(DeviceKind::Apns, Some(wrong), None).contains("Apple"));
        }
        assert!(refusal(DeviceKind::Fcm, None, Some(&web("https://push.example/1"))).contains("`token`"));
        assert!(refusal(DeviceKind::Webpush, Some("a"), None).contains("`subscription`"));
    }

    #[test]
    fn an_endpoint_is_a_public_https_url() {
        let parse = |endpoint: &str, rules: &AddressRules| {
            Address::parse(DeviceKind::Webpush, None, Some(&web(endpoint)), rules)
        };
        let public = AddressRules::default();
        let address = parse("https://push.example/a?b#c", &public).unwrap();
        assert_eq!(address.as_str(), "https://push.example/a?b");
        for (wrong, words) in [
            ("", "absolute"),
            ("http://push.example/", "https"),
            ("file:///etc/passwd", "https"),
            ("https://me@push.example/", "user name"),
            ("https://127.0.0.1/", "public"),
            ("https://169.254.169.254/latest", "public"),
            ("https://2130706433/", "public"),
            ("https://[::ffff:10.0.0.1]/", "public"),
            (format!("https://push.example/{}", "a".repeat(1_000_000)).as_str(), "2,000"),
        ] {
            assert!(refusal(DeviceKind::Webpush, None, Some(&web(wrong))).contains(words), "{words}");
        }
        let local = AddressRules::new(Networks::parse(&["127.0.0.0/8".to_owned()]).unwrap());
        assert!(parse("http://127.0.0.1:9/", &local).is_ok() && parse("http://10.0.0.1/", &local).is_err());
    }

    #[test]
    fn keys_of_another_size_are_refused_and_stored_ones_come_back() {
        let mut wrong = web("https://push.example/1");
        wrong.keys.auth = URL_SAFE_NO_PAD.encode([7; 15]);
        assert!(refusal(DeviceKind::Webpush, None, Some(&wrong)).contains("keys.auth"));
        let mut wrong = web("https://push.example/1");
        wrong.keys.p256dh = "A".repeat(1_000_000);
        assert!(refusal(DeviceKind::Webpush, None, Some(&wrong)).contains("keys.p256dh"));
        let Address::Webpush(address) =
            Address::parse(DeviceKind::Webpush, None, Some(&web("https://push.example/1")), &AddressRules::default())
                .unwrap()
        else {
            panic!("it is of the kind that was asked for");
        };
        let (public_key, auth_secret) = address.stored_keys();
        assert!(WebAddress::of_stored("https://push.example/1", &public_key, &auth_secret) == Some(address));
    }
}
