//! What channels are told.
//!
//! Invariant: the JSON is that of Alertmanager's webhooks (version 4), so receivers that exist understand it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::rules::{RULES, Rule, Severity};

const RUNBOOKS: &str = "https://github.com/tutti/tutti/blob/main/docs/runbooks";
/// The end of what has not ended, as Alertmanager writes it.
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// Whether an alert fires, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Firing,
    Resolved,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// What is told of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AlertMessage {
    /// The alert's name.
    pub(crate) name: String,
    pub(crate) status: Status,
    /// What is wrong, or was.
    pub(crate) summary: String,
    /// Since when it fires, or did.
    pub(crate) since: DateTime<Utc>,
}

/// Whose alerts they are.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The process, such as `tutti-1:4711`.
    pub process: String,
    /// Its roles.
    pub roles: String,
    /// The site's URL.
    pub site_url: String,
}

impl AlertMessage {
    fn rule(&self) -> Option<&'static Rule> {
        RULES.iter().find(|rule| rule.name == self.name)
    }

    /// Returns how soon a person should look. What is not in the table any more is over.
    pub(crate) fn severity(&self) -> Severity {
        self.rule().map_or(Severity::Warning, |rule| rule.severity)
    }

    /// Returns the URL of the page that says what to do.
    pub(crate) fn runbook_url(&self) -> String {
        self.rule().map_or_else(|| RUNBOOKS.to_owned(), |rule| format!("{RUNBOOKS}/{}.md", rule.runbook))
    }
}

/// Returns messages as the body of a webhook.
pub(crate) fn webhook_body(origin: &Origin, messages: &[AlertMessage], now: DateTime<Utc>) -> Value {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let alerts: Vec<Value> = messages
        .iter()
        .map(|message| {
            json!({
                "status": message.status.as_str(),
                "labels": {
                    "alertname": message.name,
                    "severity": message.severity(),
                    "instance": origin.process,
                    "roles": origin.roles,
                },
                "annotations": { "summary": message.summary, "runbook_url": message.runbook_url() },
                "startsAt": time(message.since),
                "endsAt": if message.status == Status::Firing { NO_TIME.to_owned() } else { time(now) },
                "generatorURL": "",
                "fingerprint": format!("{}/{}", origin.process, message.name),
            })
        })
        .collect();
    let any_fires = messages.iter().any(|message| message.status == Status::Firing);
    json!({
        "version": "4",
        "groupKey": origin.process,
        "truncatedAlerts": 0,
        "status": if any_fires { Status::Firing.as_str() } else { Status::Resolved.as_str() },
        "receiver": "tutti",
        "groupLabels": { "instance": origin.process },
        "commonLabels": { "instance": origin.process },
        "commonAnnotations": {},
        "externalURL": origin.site_url,
        "alerts": alerts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_that_of_alertmanagers_webhooks() {
        let origin = Origin { process: "a:1".into(), roles: "media".into(), site_url: "https://tutti.example".into() };
        let since = DateTime::UNIX_EPOCH;
        let message = |name: &str, status| AlertMessage { name: name.into(), status, summary: "x".into(), since };
        let firing = message("DiskShort", Status::Firing);
        let gone = message("OfAnEarlierRelease", Status::Resolved);
        let body = webhook_body(&origin, &[firing, gone.clone()], since + chrono::TimeDelta::hours(1));
        assert_eq!((&body["version"], &body["status"]), (&json!("4"), &json!("firing")));
        assert_eq!(
            body["alerts"][0],
            json!({
                "status": "firing",
                "labels": { "alertname": "DiskShort", "severity": "critical", "instance": "a:1", "roles": "media" },
                "annotations": { "summary": "x", "runbook_url": format!("{RUNBOOKS}/disk-short.md") },
                "startsAt": "1970-01-01T00:00:00Z",
                "endsAt": NO_TIME,
                "generatorURL": "",
                "fingerprint": "a:1/DiskShort",
            })
        );
        assert_eq!(body["alerts"][1]["endsAt"], json!("1970-01-01T01:00:00Z"));
        assert_eq!(webhook_body(&origin, &[gone], since)["status"], json!("resolved"));
    }
}
