//! Firebase Cloud Messaging, HTTP v1 (`POST /v1/projects/{project}/messages:send`).
//!
//! A service account signs a request for an access token (RFC 7523), which is kept until shortly before it ends.
//! Invariant: one request at a time asks for a token.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use base::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Client;
use serde_json::{Value, json};
use service::{BootError, Context};
use tokio::sync::Mutex;

use super::apns;
use super::options::{PushOptions, ServiceAccount};
use super::outcome::Outcome;
use super::requests::{self, Answer};
use super::{Content, Message, Provider};
use crate::model::{Address, Priority, category};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// For how long the signed request is valid: the longest that Google takes.
const ASSERTION_LIFETIME: TimeDelta = TimeDelta::hours(1);
/// A token is not used in its last minutes.
const MARGIN: TimeDelta = TimeDelta::minutes(5);
/// The pause that Firebase asks for when a quota is used up and it names none.
const QUOTA_PAUSE: TimeDelta = TimeDelta::seconds(60);
/// The longest time for which Firebase keeps a message.
const MAX_TTL_SECONDS: i64 = 28 * 86_400;
/// A token that was refused is not replaced more often.
const MIN_TOKEN_AGE: TimeDelta = TimeDelta::seconds(30);
/// After a failure, no token is asked for.
const FAILURE_PAUSE: TimeDelta = TimeDelta::seconds(5);

/// What is known of access tokens.
#[derive(Default)]
struct Tokens {
    current: Option<AccessToken>,
    failed_at: Option<DateTime<Utc>>,
}

/// An access token.
struct AccessToken {
    text: Arc<str>,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

/// The provider.
pub(super) struct Fcm {
    client: Option<Client>,
    clock: Clock,
    url: String,
    token_uri: String,
    email: String,
    key_id: Option<String>,
    key: EncodingKey,
    tokens: Mutex<Tokens>,
}

impl Fcm {
    /// Creates the provider of a project.
    pub(super) fn new(context: &Context, options: &PushOptions, account: &ServiceAccount) -> Result<Self, BootError> {
        let key = EncodingKey::from_rsa_pem(account.private_key.as_bytes())
            .map_err(|_| BootError::Other("the private key of the service account of Firebase can't be read".into()))?;
        Ok(Self {
            client: requests::build(requests::builder(&options.certificates)),
            clock: context.clock.clone(),
            url: format!("{}/v1/projects/{}/messages:send", options.fcm_url, account.project_id),
            token_uri: account.token_uri.clone(),
            email: account.client_email.clone(),
            key_id: account.private_key_id.clone(),
            key,
            tokens: Mutex::default(),
        })
    }

    /// Returns an access token, a new one if there is none or it ends soon.
    async fn token(&self, client: &Client) -> Result<Arc<str>, Outcome> {
        let (mut tokens, now) = (self.tokens.lock().await, self.clock.now());
        if let Some(token) = tokens.current.as_ref().filter(|token| now < token.expires_at - MARGIN) {
            return Ok(token.text.clone());
        }
        // Those that waited for a request that failed don't repeat it one by one.
        if tokens.failed_at.is_some_and(|at| now < at + FAILURE_PAUSE) {
            return Err(Outcome::unavailable("no access token", None));
        }
        match self.fetch_token(client).await {
            Ok(fetched) => {
                tokens.failed_at = None;
                Ok(tokens.current.insert(fetched).text.clone())
            }
            Err(outcome) => {
                tokens.failed_at = Some(now);
                Err(outcome)
            }
        }
    }

    async fn fetch_token(&self, client: &Client) -> Result<AccessToken, Outcome> {
        let now = self.clock.now();
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now.timestamp(),
            "exp": (now + ASSERTION_LIFETIME).timestamp(),
        });
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        let assertion = jsonwebtoken::encode(&header, &claims, &self.key)
            .map_err(|_| Outcome::unavailable("the service account can't sign", None))?;
        // Both values have characters of base64url, dots and colons only.
        let form = format!("grant_type={}&assertion={assertion}", ASSERTION_TYPE.replace(':', "%3A"));
        let request = client
            .post(&self.token_uri)
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let Answer { status, body, retry_after } = requests::send(request, &self.clock).await?;
        let Some(text) = body["access_token"].as_str().filter(|_| status.is_success()) else {
            tracing::warn!(status = status.as_u16(), "Firebase's token server refuses the service account");
            return Err(Outcome::unavailable("no access token", retry_after));
        };
        let lifetime = TimeDelta::seconds(body["expires_in"].as_i64().unwrap_or(3600).clamp(0, 86_400));
        Ok(AccessToken { text: text.into(), issued_at: now, expires_at: now + lifetime })
    }

    /// Forgets a token that was refused, unless another one has taken its place or it is very new.
    async fn forget_token(&self, refused: &str) {
        let mut tokens = self.tokens.lock().await;
        let age = |token: &AccessToken| self.clock.now() - token.issued_at;
        if tokens.current.as_ref().is_some_and(|token| *token.text == *refused && age(token) >= MIN_TOKEN_AGE) {
            tokens.current = None;
        }
    }
}

#[async_trait]
impl Provider for Fcm {
    fn server(&self, _: &Address) -> String {
        "fcm".to_owned()
    }

    async fn send(&self, address: &Address, message: &Message) -> Outcome {
        let Some(client) = &self.client else { return Outcome::NO_CLIENT };
        let Address::Fcm(device) = address else { return Outcome::WRONG_KIND };
        let token = match self.token(client).await {
            Ok(token) => token,
            Err(outcome) => return outcome,
        };
        let body = body(device, message, self.clock.now());
        let request = client.post(&self.url).bearer_auth(&token).json(&body);
        match requests::send(request, &self.clock).await {
            Ok(answer) => {
                if answer.status == StatusCode::UNAUTHORIZED {
                    self.forget_token(&token).await;
                }
                outcome(&answer)
            }
            Err(outcome) => outcome,
        }
    }
}

/// Returns the message as Firebase reads it. An iPhone ignores the `android` part, and has one of its own.
fn body(device: &str, message: &Message, now: DateTime<Utc>) -> Value {
    let ttl = format!("{}s", message.ttl_seconds(now).min(MAX_TTL_SECONDS));
    let apple = json!({
        "headers": BTreeMap::from(apns::headers(message)),
        "payload": { "aps": apns::aps(message) },
    });
    match &message.content {
        Content::Show { text, .. } => json!({ "message": {
            "token": device,
            "data": message.data(),
            "notification": { "body": text },
            "android": {
                "collapse_key": category(message.kind.known()),
                "priority": if message.priority == Priority::High { "HIGH" } else { "NORMAL" },
                "ttl": ttl,
                "notification": { "tag": message.group.to_string(), "notification_count": message.badge },
            },
            "apns": apple,
        }}),
        Content::Withdraw => json!({ "message": {
            "token": device,
            "data": message.data(),
            "android": { "priority": "NORMAL", "ttl": ttl },
            "apns": apple,
        }}),
    }
}

/// Returns what a response says: `google.rpc.Status` with an `FcmError`.
fn outcome(answer: &Answer) -> Outcome {
    let details = answer.body["error"]["details"].as_array().map(Vec::as_slice).unwrap_or_default();
    let code = details.iter().find_map(|detail| detail["errorCode"].as_str()).unwrap_or_default();
    match (answer.status.as_u16(), code) {
        (200..=299, _) => Outcome::Accepted,
        (_, "UNREGISTERED") => Outcome::Gone(None),
        // Firebase never takes this token. Any other argument is this installation's fault.
        (400, _) if details.iter().any(blames_token) => Outcome::Gone(None),
        // A bare 404 is a wrong project or URL.
        (404, _) => Outcome::unavailable("the project is not found", None),
        (429, _) => Outcome::unavailable("the quota is used up", Some(answer.retry_after.unwrap_or(QUOTA_PAUSE))),
        (401, _) => Outcome::unavailable("the access token is refused", None),
        (403, "SENDER_ID_MISMATCH") => Outcome::Refused("the token is of another project"),
        (403, _) => Outcome::unavailable("the service account may not send", None),
        (500..=599, _) => Outcome::unavailable("Firebase is unavailable", answer.retry_after),
        _ => Outcome::Refused("Firebase refuses the message"),
    }
}

/// Whether a detail of an error is a `google.rpc.BadRequest` about the token of the device.
fn blames_token(detail: &Value) -> bool {
    let violations = detail["fieldViolations"].as_array().map(Vec::as_slice).unwrap_or_default();
    violations.iter().any(|violation| violation["field"] == "message.token")
}

#[cfg(test)]
mod tests {
    use contract::notify::NoticeKind;
    use uuid::Uuid;

    use super::super::prepare::MAX_TEXT_CHARS;
    use super::*;

    /// "About FCM messages" in Firebase's guides: the payload of a message, in bytes.
    const MAX_PAYLOAD_BYTES: usize = 4096;

    #[test]
    fn the_longest_message_fits_also_where_each_letter_takes_four_bytes() {
        let now = DateTime::UNIX_EPOCH;
        let content = Content::Show {
            notice: Uuid::max(),
            text: "\u{1F389}".repeat(MAX_TEXT_CHARS),
            url: format!("/{}", "u".repeat(200)),
        };
        let (id, group, badge) = (Uuid::max(), Uuid::max(), u64::from(u32::MAX));
        let kind = NoticeKind::CommentPending.into();
        let message = Message { id, group, kind, priority: Priority::High, expires_at: now, badge, content };
        let bytes = body("", &message, now).to_string().len();
        assert!(bytes <= MAX_PAYLOAD_BYTES, "{bytes}");
    }

    #[test]
    fn a_token_that_firebase_calls_invalid_is_dead_and_another_invalid_argument_is_not() {
        let answer = |field: &str| Answer {
            status: StatusCode::BAD_REQUEST,
            body: json!({ "error": { "status": "INVALID_ARGUMENT", "details": [
                { "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT" },
                { "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{ "field": field }] },
            ]}}),
            retry_after: None,
        };
        assert_eq!(outcome(&answer("message.token")), Outcome::Gone(None));
        for field in ["message.android.ttl", "message.data[0].value", ""] {
            assert!(matches!(outcome(&answer(field)), Outcome::Refused(_)), "{field}");
        }
    }

    #[test]
    fn errors_mean_what_firebase_says() {
        let answer = |status, code: &str| Answer {
            status: StatusCode::from_u16(status).unwrap(),
            body: json!({ "error": { "details": [{ "@type": "x" }, { "errorCode": code }] } }),
            retry_after: None,
        };
        assert_eq!(outcome(&answer(404, "UNREGISTERED")), Outcome::Gone(None));
        for status in [401, 403, 404, 429, 500, 503] {
            let outcome = outcome(&answer(status, "OTHER"));
            assert!(matches!(outcome, Outcome::Failed { is_of_provider: true, .. }), "{status}: {outcome:?}");
        }
        for (status, code) in [(400, "INVALID_ARGUMENT"), (403, "SENDER_ID_MISMATCH"), (307, "")] {
            assert!(matches!(outcome(&answer(status, code)), Outcome::Refused(_)), "{status}");
        }
        let Outcome::Failed { retry_after, .. } = outcome(&answer(429, "QUOTA_EXCEEDED")) else { panic!("it waits") };
        assert_eq!(retry_after, Some(QUOTA_PAUSE));
        let accepted = Answer { status: StatusCode::OK, body: Value::Null, retry_after: None };
        assert_eq!(outcome(&accepted), Outcome::Accepted);
    }
}
