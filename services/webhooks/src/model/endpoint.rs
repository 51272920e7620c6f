//! The URL of a receiver.
//!
//! Invariant: an [`Endpoint`] is an absolute URL without credentials whose host, if it is an address, may be reached,
//! and it is not this installation's own.

use outgoing::{AddressRules, address};
use url::Url;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2000;

/// The URL of a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint(Url);

/// The rule that a URL breaks, as a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct InvalidUrl(&'static str);

impl Endpoint {
    /// Checks a URL. `own_origin` is the public origin of this installation.
    ///
    /// What a name leads to is checked at each request, because it can change.
    pub(crate) fn parse(text: &str, rules: &AddressRules, own_origin: &str) -> Result<Self, InvalidUrl> {
        if text.len() > MAX_URL_BYTES {
            return Err(InvalidUrl("The URL has more than 2,000 bytes."));
        }
        let mut url = Url::parse(text.trim()).map_err(|_| InvalidUrl("This is not an absolute URL."))?;
        let is_encrypted = match url.scheme() {
            "https" => true,
            "http" if rules.has_exceptions() => false,
            _ => return Err(InvalidUrl("The URL must begin with `https://`.")),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidUrl("The URL must have no user name and no password; receivers check the signature."));
        }
        if address(&url).is_some_and(|address| !rules.admit(address, is_encrypted)) {
            return Err(InvalidUrl("The URL's address is not on the public internet."));
        }
        if Url::parse(own_origin).is_ok_and(|own| same_server(&own, &url)) {
            return Err(InvalidUrl("The URL is this installation's own."));
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// Returns the URL as text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Returns the host of a URL, for people: a path and a query may hold a secret.
pub(crate) fn host(url: &str) -> String {
    let host = Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned));
    host.unwrap_or_default()
}

fn same_server(one: &Url, other: &Url) -> bool {
    let name = |url: &Url| url.host_str().map(|host| host.trim_end_matches('.').to_owned());
    name(one) == name(other) && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use base::Networks;

    use super::*;

    const OWN: &str = "https://tutti.example";

    fn refusal(text: &str) -> Option<&'static str> {
        Endpoint::parse(text, &AddressRules::default(), OWN).err().map(|error| error.0)
    }

    #[test]
    fn a_receiver_is_a_public_https_url() {
        let url = "https://hooks.example.org:8443/a?b=c#d";
        let endpoint = Endpoint::parse(url, &AddressRules::default(), OWN).unwrap();
        assert_eq!(endpoint.as_str(), "https://hooks.example.org:8443/a?b=c");
        assert_eq!(host(endpoint.as_str()), "hooks.example.org");
        for (wrong, words) in [
            ("", "absolute"),
            ("/v1/hooks", "absolute"),
            ("http://hooks.example.org/", "https"),
            ("ftp://hooks.example.org/", "https"),
            ("file:///etc/passwd", "https"),
            ("https://user@hooks.example.org/", "user name"),
            ("https://:password@hooks.example.org/", "user name"),
            ("https://169.254.169.254/latest/meta-data", "public internet"),
            ("https://0xa9fea9fe/", "public internet"),
            ("https://2852039166/", "public internet"),
            ("https://127.1/", "public internet"),
            ("https://[::1]/", "public internet"),
            ("https://[::ffff:169.254.169.254]/", "public internet"),
            ("https://tutti.example/v1/media", "own"),
            ("https://TUTTI.example.:443/", "own"),
        ] {
            assert!(refusal(wrong).is_some_and(|text| text.contains(words)), "{wrong}: {:?}", refusal(wrong));
        }
        assert!(refusal(&format!("https://a.example/{}", "x".repeat(MAX_URL_BYTES))).is_some());
    }

    #[test]
    fn http_is_for_allowed_networks() {
        let rules = AddressRules::new(Networks::parse(&["127.0.0.0/8".to_owned()]).unwrap());
        let parse = |text: &str| Endpoint::parse(text, &rules, "http://127.0.0.1:8080").is_ok();
        assert!(parse("http://127.0.0.1:9000/") && parse("http://receiver.test/") && parse("https://1.1.1.1/"));
        assert!(!parse("http://1.1.1.1/") && !parse("http://127.0.0.1:8080/") && !parse("https://10.0.0.1/"));
    }
}
