//! `[telemetry]`: the collector that spans are sent to.
//!
//! Owns the keys and their rules; `otlp` sends. Invariant: a binary that can't send spans refuses the keys, so that no
//! operator waits for spans that never come.

use base::config::{Config, Error};
use reqwest::Url;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Spans for a collector of OpenTelemetry, which show where the time of a request went, across roles and the bus. Only
/// for a binary that was built with `--features otlp`; any other refuses these keys.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TelemetryOptions {
    /// The URL of a collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`; spans are posted to
    /// `/v1/traces` below it. If it is unset, no span is recorded.
    pub(crate) otlp_endpoint: Option<String>,
    /// The share of traces that are recorded, from 0 to 1; 0.01 if it is unset. The process in which a trace begins
    /// decides for all: in a fleet that is the gateway, and clients have no say.
    pub(crate) otlp_sample_ratio: Option<f64>,
}

impl TelemetryOptions {
    /// Returns the section; an error if a value can't be used, or if this binary can't send spans.
    pub(crate) fn of(config: &Config) -> Result<Self, Error> {
        let options: Self = config.section("telemetry")?;
        options.check(cfg!(feature = "otlp"))?;
        Ok(options)
    }

    fn check(&self, can_send: bool) -> Result<(), Error> {
        let set = [
            ("telemetry.otlp_endpoint", self.otlp_endpoint.is_some()),
            ("telemetry.otlp_sample_ratio", self.otlp_sample_ratio.is_some()),
        ];
        if let Some((key, _)) = set.iter().find(|(_, is_set)| *is_set && !can_send) {
            return Err(Error::Unusable(format!(
                "{key} needs a binary that was built with the feature `otlp` (`cargo build --release --package tutti \
                 --features otlp`), and this one was not; use such a binary, or remove the key"
            )));
        }
        if self.otlp_sample_ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)) {
            return Err(Error::Unusable("telemetry.otlp_sample_ratio is not a number from 0 to 1".to_owned()));
        }
        self.traces_url().map(drop)
    }

    /// Returns the URL that spans are posted to; `None` if there is no collector.
    pub(crate) fn traces_url(&self) -> Result<Option<String>, Error> {
        let Some(endpoint) = &self.otlp_endpoint else { return Ok(None) };
        let is_usable = Url::parse(endpoint).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if !is_usable {
            return Err(Error::Unusable(
                "telemetry.otlp_endpoint is not a URL such as http://127.0.0.1:4318, without a user and a query; a \
                 token for the collector belongs in the environment variable OTEL_EXPORTER_OTLP_HEADERS"
                    .to_owned(),
            ));
        }
        Ok(Some(format!("{}/v1/traces", endpoint.trim_end_matches('/'))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(endpoint: Option<&str>, ratio: Option<f64>) -> TelemetryOptions {
        TelemetryOptions { otlp_endpoint: endpoint.map(str::to_owned), otlp_sample_ratio: ratio }
    }

    #[test]
    fn a_binary_that_cannot_send_spans_refuses_the_keys() {
        for (set, key) in [
            (options(Some("http://127.0.0.1:4318"), None), "otlp_endpoint"),
            (options(None, Some(0.5)), "otlp_sample_ratio"),
        ] {
            let said = set.check(false).unwrap_err().to_string();
            assert!(said.contains(key) && said.contains("--features otlp"), "{said}");
            set.check(true).unwrap();
        }
        options(None, None).check(false).unwrap();
    }

    #[test]
    fn values_that_cannot_be_used_are_refused() {
        for endpoint in ["", "collector:4318", "ftp://c", "http://", "http://me:secret@c", "http://c/?key=secret"] {
            let said = options(Some(endpoint), None).check(true).unwrap_err().to_string();
            assert!(said.contains("telemetry.otlp_endpoint") && !said.contains("secret"), "{said}");
        }
        for ratio in [-0.1, 1.1, f64::NAN] {
            let said = options(Some("http://c"), Some(ratio)).check(true).unwrap_err().to_string();
            assert!(said.contains("telemetry.otlp_sample_ratio"), "{said}");
        }
        for endpoint in ["https://collector.example/otlp", "https://collector.example/otlp/"] {
            let url = options(Some(endpoint), Some(1.0)).traces_url().unwrap();
            assert_eq!(url.as_deref(), Some("https://collector.example/otlp/v1/traces"));
        }
    }
}
