//! `[screening]` in the configuration, and the classifiers that it names.
//!
//! Invariant: an error names the key and says what it must be; without a key there is no classifier, and nothing is
//! asked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base::config::{Config, Error, Section};
use base::error::chain;
use base::{Clock, Environment, Random};
use outgoing::signature::Secret;
use outgoing::{AddressRules, address, certificates};
use screening::classifier::{Classifier, Picture};
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use crate::webhook::Webhook;
use crate::{ChildCommand, ChildModel, Fallback, HAS_MODEL_ENGINE};

const SECTION: &str = "screening";
/// The name of the model that `dev/models` installs; kept with each score.
const MODEL_NAME: &str = "OpenNSFW";

/// Classifiers of pictures and texts. Without them the table of rules works as it does without scores: pictures of
/// strangers stay blurred, and no others.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScreeningOptions {
    /// The file of the model that scores pictures for nudity (ONNX): what `dev/models` installs. It needs a program
    /// with the feature `classifiers`.
    #[schema(value_type = Option<String>)]
    pub picture_model: Option<PathBuf>,
    /// The URL of a server of your choice that scores pictures. It is asked first; where it has no score,
    /// `picture_model` is asked. It gets small JPEGs of what members upload.
    pub picture_webhook: Option<String>,
    /// The URL of a server of your choice that scores texts. It gets the first messages to members who don't know the
    /// sender, and no other texts.
    pub text_webhook: Option<String>,
    /// A file with the secret that signs what is sent to these servers: `whsec_` and the base64 of 24 to 64 bytes.
    #[schema(value_type = Option<String>)]
    pub webhook_secret_file: Option<PathBuf>,
    /// A PEM file of certificates to trust for these servers in addition to the system's.
    #[schema(value_type = Option<String>)]
    pub webhook_ca_file: Option<PathBuf>,
    /// How long the score of a text may take, in milliseconds, within the request that sends it; 10 to 5000.
    pub deadline_ms: u64,
    /// How long the score of a picture may take, in milliseconds, of which no request knows; 100 to 60000.
    pub picture_deadline_ms: u64,
}

impl Default for ScreeningOptions {
    fn default() -> Self {
        Self {
            picture_model: None,
            picture_webhook: None,
            text_webhook: None,
            webhook_secret_file: None,
            webhook_ca_file: None,
            deadline_ms: 50,
            picture_deadline_ms: 5000,
        }
    }
}

/// What requests to servers outside are made of.
#[derive(Debug, Clone)]
pub struct WebhookContext {
    /// The clock.
    pub clock: Clock,
    /// The source of random values.
    pub random: Random,
    /// Outside production, it says which servers may be asked.
    pub environment: Environment,
}

/// Returns the sections of this crate, for the configuration reference.
pub fn sections() -> Vec<Section> {
    vec![Section::of::<ScreeningOptions>(SECTION).with_rule(|config| ScreeningOptions::of(config).map(drop))]
}

impl ScreeningOptions {
    /// Reads the section. Opens nothing.
    pub fn of(config: &Config) -> Result<Self, Error> {
        let options: Self = config.section(SECTION)?;
        for (key, url) in options.webhooks() {
            parse(key, url)?;
            if options.webhook_secret_file.is_none() {
                return Err(Error::Unusable(format!(
                    "screening.{key} needs screening.webhook_secret_file: a file with `whsec_` and the base64 of 32 \
                     random bytes, which the server at that URL has too"
                )));
            }
        }
        Ok(options)
    }

    fn webhooks(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let named = [("picture_webhook", &self.picture_webhook), ("text_webhook", &self.text_webhook)];
        named.into_iter().filter_map(|(key, url)| Some((key, url.as_ref()?)))
    }

    /// Returns the file with a secret that the section names, with its key.
    pub fn secret_files(&self) -> impl Iterator<Item = (&'static str, PathBuf)> {
        self.webhook_secret_file.clone().map(|path| ("screening.webhook_secret_file", path)).into_iter()
    }

    /// Returns how long a text may take.
    pub fn text_deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms.clamp(10, 5000))
    }

    /// Returns how long a picture may take.
    pub fn picture_deadline(&self) -> Duration {
        Duration::from_millis(self.picture_deadline_ms.clamp(100, 60_000))
    }

    /// Returns the classifier of texts, if one is configured.
    pub fn texts(&self, context: &WebhookContext) -> Result<Option<Arc<dyn Classifier<str>>>, Error> {
        let webhook = self.webhook("text_webhook", self.text_webhook.as_deref(), context)?;
        Ok(webhook.map(|webhook| Arc::new(webhook) as Arc<dyn Classifier<str>>))
    }

    /// Returns the classifier of pictures, if one is configured. `child` starts the model, if there is one: see
    /// [`Self::model`].
    pub fn pictures(
        &self,
        child: Option<ChildCommand>,
        context: &WebhookContext,
    ) -> Result<Option<Arc<dyn Classifier<Picture>>>, Error> {
        let outside = self.webhook("picture_webhook", self.picture_webhook.as_deref(), context)?;
        let outside = outside.map(|webhook| Arc::new(webhook) as Arc<dyn Classifier<Picture>>);
        let own = child.map(|child| Arc::new(ChildModel::new(child, MODEL_NAME)) as Arc<dyn Classifier<Picture>>);
        Ok(match (outside, own) {
            (Some(outside), Some(own)) => Some(Arc::new(Fallback::new(outside, own))),
            (one, other) => one.or(other),
        })
    }

    /// Returns the file of the model that this program can run, or a sentence that says why there is none; `None` if
    /// none is configured.
    pub fn model(&self) -> Option<Result<&Path, String>> {
        let path = self.picture_model.as_deref()?;
        if !HAS_MODEL_ENGINE {
            return Some(Err(
                "screening.picture_model is set, and this program was built without the feature `classifiers`: \
                 install one that has it, or remove the key"
                    .to_owned(),
            ));
        }
        if !path.is_file() {
            let shown = path.display();
            return Some(Err(format!("screening.picture_model: there is no file {shown}: type `dev/models`")));
        }
        Some(Ok(path))
    }

    fn webhook(
        &self,
        key: &'static str,
        url: Option<&str>,
        context: &WebhookContext,
    ) -> Result<Option<Webhook>, Error> {
        let Some(url) = url else { return Ok(None) };
        let url = parse(key, url)?;
        if !context.environment.may_call(url.host_str().unwrap_or_default()) {
            tracing::warn!(key, "the classifier is not asked: environment.webhook_allowed does not name its host");
            return Ok(None);
        }
        let trusted = certificates("screening.webhook_ca_file", self.webhook_ca_file.as_deref())?;
        let webhook = Webhook::new(url, self.secret()?, trusted, (context.clock.clone(), context.random.clone()));
        Ok(webhook
            .inspect_err(|error| {
                let error = chain(error);
                tracing::warn!(key, error, "the classifier can't be asked; are ca-certificates installed?");
            })
            .ok())
    }

    fn secret(&self) -> Result<Secret, Error> {
        let unusable = |reason: &str| Error::Unusable(format!("screening.webhook_secret_file {reason}"));
        let path = self.webhook_secret_file.as_deref().ok_or_else(|| unusable("is not set"))?;
        let text = std::fs::read_to_string(path).map_err(|error| unusable(&format!("can't be read: {error}")))?;
        Secret::parse(&text).ok_or_else(|| unusable("must hold `whsec_` and the base64 of 24 to 64 bytes"))
    }
}

/// Reads the URL of a key. What members write goes over TLS, or stays in a network of the operator's.
fn parse(key: &str, text: &str) -> Result<Url, Error> {
    let unusable = |reason: &str| Error::Unusable(format!("screening.{key} {reason}"));
    let url =
        Url::parse(text).map_err(|_| unusable("is no URL; write one like \"https://scores.example/pictures\""))?;
    let is_private = match address(&url) {
        Some(address) => !AddressRules::default().admit(address, true),
        None => url.host_str() == Some("localhost"),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_private => Ok(url),
        _ => Err(unusable("must begin with https; http is for an address that is not on the public internet")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(assignments: &[&str]) -> Result<ScreeningOptions, String> {
        let set: Vec<String> = assignments.iter().map(|text| format!("screening.{text}")).collect();
        let config =
            Config::load(None, std::iter::empty(), &set, &[SECTION], &[]).map_err(|error| error.to_string())?;
        ScreeningOptions::of(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn what_members_write_leaves_the_house_signed_and_over_tls() {
        let secret = "webhook_secret_file=/run/secrets/scores";
        for url in ["https://scores.example/x", "http://10.0.0.7:8000/x", "http://[::1]/x", "http://localhost:9/x"] {
            assert!(read(&[&format!("picture_webhook={url}"), secret]).is_ok(), "{url}");
            let unsigned = read(&[&format!("text_webhook={url}")]).unwrap_err();
            assert!(unsigned.contains("text_webhook") && unsigned.contains("webhook_secret_file"), "{unsigned}");
        }
        for url in ["http://scores.example/x", "http://1.1.1.1/x", "ftp://10.0.0.7/x", "scores"] {
            let refused = read(&[&format!("text_webhook={url}"), secret]).unwrap_err();
            assert!(refused.contains("screening.text_webhook"), "{refused}");
        }
        let none = read(&[]).unwrap();
        assert!(none.model().is_none() && none.webhooks().next().is_none());
    }

    #[test]
    fn a_model_that_can_not_run_is_said_with_what_to_do() {
        let options = read(&["picture_model=/nowhere/open-nsfw.onnx"]).unwrap();
        let reason = options.model().unwrap().unwrap_err();
        let remedy = if HAS_MODEL_ENGINE { "dev/models" } else { "classifiers" };
        assert!(reason.contains("screening.picture_model") && reason.contains(remedy), "{reason}");
    }
}
