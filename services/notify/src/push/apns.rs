//! The Apple Push Notification service, over HTTP/2 (`POST /3/device/{token}`), with a provider token.
//!
//! Invariant: all processes use one provider token of a key (`provider_token.rs`).

use async_trait::async_trait;
use base::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Client;
use serde_json::{Value, json};
use service::{BootError, Context};

use super::options::{ApnsKey, PushOptions};
use super::outcome::Outcome;
use super::provider_token::ProviderTokens;
use super::requests::{self, Answer};
use super::{Content, Message, Provider};
use crate::model::{Address, Priority, category};

/// The priorities of Apple: at once; and when it suits the device.
const AT_ONCE: &str = "10";
const WHEN_IT_SUITS: &str = "5";
/// The pause after a provider token is renewed too often.
const TOKEN_PAUSE: TimeDelta = TimeDelta::minutes(5);

/// The provider.
pub(super) struct Apns {
    client: Option<Client>,
    clock: Clock,
    url: String,
    topic: String,
    tokens: ProviderTokens,
}

impl Apns {
    /// Creates the provider of an app.
    pub(super) fn new(context: &Context, options: &PushOptions, key: &ApnsKey) -> Result<Self, BootError> {
        // Apple speaks HTTP/2 only.
        let client = requests::builder(&options.certificates).http2_prior_knowledge();
        Ok(Self {
            client: requests::build(client),
            clock: context.clock.clone(),
            url: options.apns_url.clone(),
            topic: key.topic.clone(),
            tokens: ProviderTokens::new(context, key)?,
        })
    }
}

#[async_trait]
impl Provider for Apns {
    fn server(&self, _: &Address) -> String {
        "apns".to_owned()
    }

    async fn send(&self, address: &Address, message: &Message) -> Outcome {
        let Some(client) = &self.client else { return Outcome::NO_CLIENT };
        let Address::Apns(device) = address else { return Outcome::WRONG_KIND };
        let token = match self.tokens.current().await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let mut request = client
            .post(format!("{}/3/device/{device}", self.url))
            .bearer_auth(&token)
            .header("apns-id", message.id.to_string())
            .header("apns-topic", &self.topic)
            .json(&body(message));
        for (name, value) in headers(message) {
            request = request.header(name, value);
        }
        let answer = match requests::send(request, &self.clock).await {
            Ok(answer) => answer,
            Err(outcome) => return outcome,
        };
        if reason(&answer) == "ExpiredProviderToken" {
            self.tokens.renew(&token).await;
        }
        outcome(&answer)
    }
}

/// Returns the headers that say how Apple treats a push, also one that Firebase brings.
pub(super) fn headers(message: &Message) -> [(&'static str, String); 4] {
    let (push_type, priority) = match (&message.content, message.priority) {
        (Content::Show { .. }, Priority::High) => ("alert", AT_ONCE),
        (Content::Show { .. }, Priority::Normal) => ("alert", WHEN_IT_SUITS),
        // Apple refuses any other priority of a push that only wakes the app.
        (Content::Withdraw, _) => ("background", WHEN_IT_SUITS),
    };
    [
        ("apns-push-type", push_type.to_owned()),
        ("apns-priority", priority.to_owned()),
        ("apns-expiration", message.expires_at.timestamp().to_string()),
        ("apns-collapse-id", message.group.simple().to_string()),
    ]
}

/// Returns the payload as Apple reads it.
fn body(message: &Message) -> Value {
    let mut body = json!(message.data());
    body["aps"] = aps(message);
    body
}

/// Returns the part of the payload that is for the device, not for the app.
pub(super) fn aps(message: &Message) -> Value {
    let mut aps = match &message.content {
        Content::Show { text, .. } => json!({
            "alert": { "body": text },
            "badge": message.badge,
            "thread-id": category(message.kind.known()),
            "mutable-content": 1,
        }),
        Content::Withdraw => json!({ "content-available": 1 }),
    };
    if matches!(message.content, Content::Show { .. }) && message.priority == Priority::High {
        aps["sound"] = json!("default");
    }
    aps
}

fn reason(answer: &Answer) -> &str {
    answer.body["reason"].as_str().unwrap_or_default()
}

/// Returns what a response says.
fn outcome(answer: &Answer) -> Outcome {
    match (answer.status.as_u16(), reason(answer)) {
        (200, _) => Outcome::Accepted,
        (410, _) => Outcome::Gone(dead_since(&answer.body)),
        (_, "BadDeviceToken" | "Unregistered" | "ExpiredToken") => Outcome::Gone(None),
        (_, "DeviceTokenNotForTopic") => Outcome::Refused("the token is of another app"),
        (_, "ExpiredProviderToken") => Outcome::later("the provider token is renewed", None),
        (429, "TooManyProviderTokenUpdates") => {
            Outcome::unavailable("the provider token was renewed too often", Some(TOKEN_PAUSE))
        }
        // Too many to this device.
        (429, _) => Outcome::later("the device gets too many", answer.retry_after),
        (403, _) => Outcome::unavailable("Apple refuses the key", None),
        (500..=599, _) => Outcome::unavailable("Apple is unavailable", answer.retry_after),
        _ => Outcome::Refused("Apple refuses the push"),
    }
}

/// Returns since when a token is dead, in milliseconds as Apple says it.
fn dead_since(body: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(body["timestamp"].as_i64()?)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn reasons_mean_what_apple_says() {
        let said = |status, body: Value| {
            outcome(&Answer { status: StatusCode::from_u16(status).unwrap(), body, retry_after: None })
        };
        assert_eq!(said(200, Value::Null), Outcome::Accepted);
        let gone = json!({ "reason": "Unregistered", "timestamp": 1_700_000_000_123_i64 });
        assert_eq!(said(410, gone), Outcome::Gone(DateTime::from_timestamp_millis(1_700_000_000_123)));
        assert_eq!(said(400, json!({ "reason": "BadDeviceToken" })), Outcome::Gone(None));
        for (status, reason) in [(400, "BadTopic"), (400, "DeviceTokenNotForTopic"), (413, "PayloadTooLarge")] {
            assert!(matches!(said(status, json!({ "reason": reason })), Outcome::Refused(_)), "{reason}");
        }
        for (status, reason, is_provider) in [
            (403, "ExpiredProviderToken", false),
            (403, "InvalidProviderToken", true),
            (429, "TooManyRequests", false),
            (429, "TooManyProviderTokenUpdates", true),
            (503, "Shutdown", true),
        ] {
            let Outcome::Failed { is_of_provider, .. } = said(status, json!({ "reason": reason })) else {
                panic!("{reason}: it is tried again");
            };
            assert_eq!(is_of_provider, is_provider, "{reason}");
        }
    }
}
