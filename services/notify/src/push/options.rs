//! The settings of pushes: read from the configuration, and checked.
//!
//! Invariant: what is here can be used; an error names the key and says what it must be, and never has a secret in it.

use std::path::{Path, PathBuf};

use base::config::{Error, Secret};
use jsonwebtoken::EncodingKey;
use outgoing::AddressRules;
use reqwest::Certificate;
use serde::Deserialize;
use url::{Host, Url};

use super::keys::read_vapid_key;
use crate::config::Config;

/// A service account of Google, as the file of its key says it.
#[derive(Clone, Deserialize)]
pub(crate) struct ServiceAccount {
    /// The project of Firebase.
    pub project_id: String,
    /// The account.
    pub client_email: String,
    /// Its private key (RSA, PEM).
    pub private_key: String,
    /// The id of the key.
    #[serde(default)]
    pub private_key_id: Option<String>,
    /// Where access tokens come from.
    pub token_uri: String,
}

/// A key of Apple.
#[derive(Clone)]
pub(crate) struct ApnsKey {
    /// The id of the key.
    pub key_id: String,
    /// The team that it belongs to.
    pub team_id: String,
    /// The app's bundle id.
    pub topic: String,
    /// The private key.
    pub key: EncodingKey,
}

/// The key of this installation for Web Push.
#[derive(Clone)]
pub(crate) struct VapidKey {
    /// The private key.
    pub key: EncodingKey,
    /// The public key, as pages and push services read it.
    pub public_key: String,
    /// Whom the operators of push services can reach.
    pub subject: String,
}

/// The settings.
#[derive(Clone)]
pub(crate) struct PushOptions {
    /// Which addresses push services of browsers may have.
    pub rules: AddressRules,
    /// Certificates to trust in addition to the system's.
    pub certificates: Vec<Certificate>,
    /// Firebase, if it is configured.
    pub fcm: Option<ServiceAccount>,
    /// The origin of Firebase.
    pub fcm_url: String,
    /// Apple, if it is configured.
    pub apns: Option<ApnsKey>,
    /// The origin of Apple's service.
    pub apns_url: String,
    /// Web Push, if it is configured.
    pub vapid: Option<VapidKey>,
}

/// Returns the files with secrets that `[notify]` names, each with the key that names it.
pub(crate) fn secret_files(configuration: &base::config::Config) -> Result<Vec<(&'static str, PathBuf)>, Error> {
    let config: Config = configuration.section("notify")?;
    let named = [
        ("notify.push_vapid_key_file", config.push_vapid_key_file),
        ("notify.push_fcm_account_file", config.push_fcm_account_file),
        ("notify.push_apns_key_file", config.push_apns_key_file),
    ];
    Ok(named.into_iter().filter_map(|(key, path)| Some((key, path?))).collect())
}

/// Checks the keys of pushes in `[notify]`.
pub(crate) fn check_section(configuration: &base::config::Config) -> Result<(), Error> {
    PushOptions::of(&configuration.section("notify")?).map(drop)
}

impl PushOptions {
    /// Reads the settings, with the files that they name.
    pub(crate) fn of(config: &Config) -> Result<Self, Error> {
        let networks = outgoing::networks("notify.push_allow_networks", &config.push_allow_networks)?;
        Ok(Self {
            rules: AddressRules::new(networks),
            certificates: outgoing::certificates("notify.push_ca_file", config.push_ca_file.as_deref())?,
            fcm: fcm(config)?,
            fcm_url: origin("notify.push_fcm_url", &config.push_fcm_url)?,
            apns: apns(config)?,
            apns_url: origin("notify.push_apns_url", &config.push_apns_url)?,
            vapid: vapid(config)?,
        })
    }
}

fn unusable(sentence: impl Into<String>) -> Error {
    Error::Unusable(sentence.into())
}

/// Returns a secret that is in the configuration, or in the file that it names.
fn secret(key: &str, secret: Option<&Secret>, file: Option<&Path>) -> Result<Option<String>, Error> {
    match (secret, file) {
        (Some(_), Some(_)) => Err(unusable(format!("notify.{key} and notify.{key}_file are both set; leave one out"))),
        (Some(secret), None) => Ok(Some(secret.expose().to_owned())),
        (None, Some(path)) => std::fs::read_to_string(path)
            .map(Some)
            .map_err(|error| unusable(format!("notify.{key}_file {} can't be read: {error}", path.display()))),
        (None, None) => Ok(None),
    }
}

/// Checks the origin of a service: the scheme, the host and the port, without a path.
fn origin(key: &str, text: &str) -> Result<String, Error> {
    let is_http = |url: &Url| ["https", "http"].contains(&url.scheme());
    let origin = Url::parse(text).ok().filter(is_http).map(|url| url.origin().ascii_serialization());
    origin
        .filter(|origin| text.trim_end_matches('/').eq_ignore_ascii_case(origin))
        .ok_or_else(|| unusable(format!("{key} must be an origin such as https://push.example")))
}

fn fcm(config: &Config) -> Result<Option<ServiceAccount>, Error> {
    let (given, file) = (config.push_fcm_account.as_ref(), config.push_fcm_account_file.as_deref());
    let Some(text) = secret("push_fcm_account", given, file)? else { return Ok(None) };
    let wrong = |why: &str| unusable(format!("notify.push_fcm_account must be the JSON of a service account: {why}"));
    // The library's own text may show a part of the key.
    let account: ServiceAccount = serde_json::from_str(&text).map_err(|_| wrong("a field is missing, or no text"))?;
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-:.".contains(letter);
    if account.project_id.is_empty() || !account.project_id.chars().all(is_name) {
        return Err(wrong("the project id has other characters than letters, digits and dashes"));
    }
    if !Url::parse(&account.token_uri).is_ok_and(|url| ["https", "http"].contains(&url.scheme())) {
        return Err(wrong("`token_uri` is no URL"));
    }
    EncodingKey::from_rsa_pem(account.private_key.as_bytes()).map_err(|_| wrong("the private key can't be read"))?;
    Ok(Some(account))
}

fn apns(config: &Config) -> Result<Option<ApnsKey>, Error> {
    let (given, file) = (config.push_apns_key.as_ref(), config.push_apns_key_file.as_deref());
    let Some(text) = secret("push_apns_key", given, file)? else { return Ok(None) };
    let key = EncodingKey::from_ec_pem(text.as_bytes())
        .map_err(|_| unusable("notify.push_apns_key must be the `.p8` file of a key of Apple"))?;
    let (key_id, team_id, topic) = (&config.push_apns_key_id, &config.push_apns_team_id, &config.push_apns_topic);
    let (Some(key_id), Some(team_id), Some(topic)) = (key_id.clone(), team_id.clone(), topic.clone()) else {
        return Err(unusable(
            "notify.push_apns_key goes together with push_apns_key_id, push_apns_team_id and push_apns_topic",
        ));
    };
    let is_name = |text: &String| {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
        (1..=155).contains(&text.len()) && text.bytes().all(is_letter)
    };
    if ![&key_id, &team_id, &topic].into_iter().all(is_name) {
        return Err(unusable(
            "notify.push_apns_key_id, push_apns_team_id and push_apns_topic have letters, digits, dots and dashes",
        ));
    }
    Ok(Some(ApnsKey { key_id, team_id, topic, key }))
}

fn vapid(config: &Config) -> Result<Option<VapidKey>, Error> {
    let (given, file) = (config.push_vapid_key.as_ref(), config.push_vapid_key_file.as_deref());
    let Some(text) = secret("push_vapid_key", given, file)? else { return Ok(None) };
    let (key, public_key) = read_vapid_key(&text).ok_or_else(|| {
        unusable("notify.push_vapid_key must be a private key of P-256 in PEM, as `tutti keys vapid` makes it")
    })?;
    let subject = config.push_vapid_subject.clone().unwrap_or_default();
    check_subject(&subject).map_err(|why| unusable(format!("notify.push_vapid_subject {why}")))?;
    Ok(Some(VapidKey { key, public_key, subject }))
}

/// Checks the subject of signatures: a `mailto:` or `https:` URI (RFC 8292 §2.1). Apple refuses all pushes of an
/// installation whose subject is of another form, has spaces or brackets, or is of this machine only.
fn check_subject(subject: &str) -> Result<(), &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"<>\"".contains(&byte);
    if subject.len() > 255 || !subject.bytes().all(is_plain) {
        return Err("has spaces, brackets or other characters that Apple refuses; write mailto:you@example.org");
    }
    let url = Url::parse(subject);
    let domain = match &url {
        Ok(url) if url.scheme() == "https" => url.host().map(|host| host.to_string()),
        Ok(url) if url.scheme() == "mailto" => {
            let address = url.path().rsplit_once('@').filter(|(local, _)| !local.is_empty());
            address.map(|(_, domain)| domain.to_owned())
        }
        _ => None,
    };
    let domain = domain.ok_or("must be an operator's address: mailto:you@example.org or https://example.org")?;
    let is_local = !domain.contains('.')
        || [".localhost", ".local", ".internal", ".test", ".invalid"].iter().any(|end| domain.ends_with(end));
    let is_name = matches!(Host::parse(&domain), Ok(Host::Domain(_)));
    if is_local || !is_name {
        return Err("must have a domain of the public internet: Apple refuses all pushes with any other");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use base::Random;

    use super::*;
    use crate::push::new_vapid_key;

    #[test]
    fn a_subject_that_apple_refuses_is_refused() {
        for good in ["mailto:ops@example.org", "https://example.org/contact", "https://example.org"] {
            assert_eq!(check_subject(good), Ok(()), "{good}");
        }
        for wrong in [
            "",
            "ops@example.org",
            "mailto: ops@example.org",
            "mailto:<ops@example.org>",
            "mailto:ops",
            "mailto:@example.org",
            "mailto:ops@localhost",
            "mailto:ops@tutti.local",
            "https://localhost",
            "https://localhost:8080/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "http://example.org",
            "tel:+123",
        ] {
            assert!(check_subject(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_can_not_be_used_is_named_without_its_secret() {
        let pem = new_vapid_key(&Random::seeded(1)).unwrap().0;
        let vapid = |subject: Option<&str>| Config {
            push_vapid_key: Some(Secret::from(pem.as_str())),
            push_vapid_subject: subject.map(str::to_owned),
            ..Config::default()
        };
        assert!(PushOptions::of(&vapid(Some("mailto:ops@example.org"))).unwrap().vapid.is_some());
        assert!(PushOptions::of(&Config::default()).unwrap().vapid.is_none());
        let leak = || Some(Secret::from("LEAKME"));
        let wrong = [
            (vapid(None), "notify.push_vapid_subject"),
            (vapid(Some("mailto:ops@localhost")), "notify.push_vapid_subject"),
            (Config { push_vapid_key: leak(), ..Config::default() }, "notify.push_vapid_key"),
            (Config { push_vapid_key_file: Some("/none".into()), ..Config::default() }, "can't be read"),
            (Config { push_vapid_key_file: Some("/none".into()), ..vapid(None) }, "leave one out"),
            (Config { push_fcm_account: leak(), ..Config::default() }, "notify.push_fcm_account"),
            (Config { push_apns_key: leak(), ..Config::default() }, "notify.push_apns_key"),
            (Config { push_apns_key: Some(Secret::from(pem.as_str())), ..Config::default() }, "push_apns_key_id"),
            (Config { push_fcm_url: "https://fcm.example/v1".into(), ..Config::default() }, "notify.push_fcm_url"),
            (Config { push_allow_networks: vec!["x".into()], ..Config::default() }, "notify.push_allow_networks"),
        ];
        for (config, words) in wrong {
            let error = PushOptions::of(&config).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(words) && !error.contains("LEAKME"), "{words}: {error}");
        }
    }
}
