//! Secrets in the configuration, and how a value is shown without them.
//!
//! A key that holds a secret has the type [`Secret`], so what is hidden follows from types and not from names.
//! Invariant: a secret leaves its type through [`Secret::expose`] only, never through `Debug` or `Serialize`.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// What stands in the place of a secret.
pub(super) const HIDDEN: &str = "(hidden)";
/// Parameters of a URL whose values are no secrets. All other values are hidden.
const SHOWN_PARAMETERS: [&str; 3] = ["sslmode", "sslrootcert", "application_name"];

/// A secret. In the schema of a section it is a text: `#[schema(value_type = Option<String>)]`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret itself, for the program that it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

/// Returns a URL without its password and without the values of its query, which may be passwords too; `None` if the
/// text has nothing to hide.
pub(super) fn redact_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (address, query) = rest.split_once('?').map_or((rest, None), |(address, query)| (address, Some(query)));
    if address.contains('#') || query.is_some_and(|query| query.contains('@') && !address.contains('@')) {
        // It is no URL that works. What stands before the sign may be a part of a password.
        return Some(format!("{scheme}://{HIDDEN}"));
    }
    let (user, host) = address.rsplit_once('@').map_or((None, address), |(user, host)| (Some(user), host));
    let user = match user.map(|user| user.split_once(':')) {
        None => String::new(),
        Some(Some((name, _))) => format!("{name}:{HIDDEN}@"),
        // Some servers take a token in the place of a name.
        Some(None) => format!("{HIDDEN}@"),
    };
    let query = query.map_or_else(String::new, |query| format!("?{}", redact_query(query)));
    let shown = format!("{scheme}://{user}{host}{query}");
    (shown != text).then_some(shown)
}

fn redact_query(query: &str) -> String {
    let redact = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if SHOWN_PARAMETERS.contains(&name) => pair.to_owned(),
        Some((name, _)) => format!("{name}={HIDDEN}"),
        None => HIDDEN.to_owned(),
    };
    query.split('&').map(redact).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_in_no_debug_output_and_in_no_json() {
        let secret = Secret::from("LEAKME");
        assert_eq!(secret.expose(), "LEAKME");
        let shown = format!("{secret:?} {} {:?}", serde_json::to_string(&secret).unwrap(), Some(&secret));
        assert!(!shown.contains("LEAKME") && shown.contains(HIDDEN), "{shown}");
        assert_eq!(serde_json::from_str::<Secret>("\"x\"").unwrap().expose(), "x");
    }

    #[test]
    fn a_url_is_shown_without_passwords_wherever_they_stand() {
        for (url, shown) in [
            (
                "postgres://me:LEAKME@db:5432/x?sslmode=verify-full",
                "postgres://me:(hidden)@db:5432/x?sslmode=verify-full",
            ),
            ("postgres://me:LEAK@ME@db/x", "postgres://me:(hidden)@db/x"),
            ("postgres://me:LEAK/ME@db/x", "postgres://me:(hidden)@db/x"),
            ("postgres://db/x?user=me&password=LEAKME", "postgres://db/x?user=(hidden)&password=(hidden)"),
            ("postgres://me:12?LEAKME@db/x", "postgres://(hidden)"),
            ("postgres://me:12#LEAKME@db/x", "postgres://(hidden)"),
            ("nats://LEAKME@nats:4222", "nats://(hidden)@nats:4222"),
        ] {
            assert_eq!(redact_url(url).as_deref(), Some(shown), "{url}");
        }
        for plain in ["https://minio.internal:9000", "nats://nats-0:4222", "data", "info,media=debug", "a@b", ""] {
            assert_eq!(redact_url(plain), None, "{plain}");
        }
    }
}
