//! Web Push: an encrypted message to the push service of a browser (RFC 8030, RFC 8291), signed by this installation
//! (VAPID, RFC 8292).
//!
//! Clients name the servers. Invariant: a connection goes to an address that the rules admit, over TLS unless the
//! configuration allows that network.

mod encryption;
mod signature;

use std::sync::Arc;

use async_trait::async_trait;
use base::{Clock, Random};
use chrono::TimeDelta;
use http::header;
use outgoing::{AddressRules, Resolver, address, system_lookup};
use reqwest::Client;
use service::Context;
use tokio::sync::Semaphore;

use super::options::{PushOptions, VapidKey};
use super::outcome::Outcome;
use super::requests::{self, Answer};
use super::{MAX_REQUESTS, Message, Provider};
use crate::model::{Address, Priority, WebAddress};
use signature::Signatures;

/// The longest TTL that push services take: four weeks.
const MAX_TTL_SECONDS: i64 = 28 * 86_400;
/// The pause after 429 without `Retry-After`.
const BUSY_PAUSE: TimeDelta = TimeDelta::seconds(60);

/// The provider.
pub(super) struct Webpush {
    https: Option<Client>,
    /// For networks that the configuration allows.
    http: Option<Client>,
    rules: AddressRules,
    clock: Clock,
    random: Random,
    signatures: Signatures,
    /// Permits for messages that are being encrypted: one for each processor.
    encrypting: Arc<Semaphore>,
}

impl Webpush {
    /// Creates the provider.
    pub(super) fn new(context: &Context, options: &PushOptions, vapid: &VapidKey) -> Self {
        let client = |is_encrypted: bool| {
            let builder = requests::builder(&options.certificates)
                .dns_resolver(Resolver::new(system_lookup(), options.rules.clone(), is_encrypted))
                .https_only(is_encrypted)
                // An idle connection is one to an address that was checked when it was made.
                // A server of HTTP/1 needs one for each request: what is closed is a handshake more for the next batch.
                .pool_max_idle_per_host(MAX_REQUESTS);
            requests::build(builder)
        };
        Self {
            https: client(true),
            http: options.rules.has_exceptions().then(|| client(false)).flatten(),
            rules: options.rules.clone(),
            clock: context.clock.clone(),
            random: context.random.clone(),
            signatures: Signatures::new(vapid),
            encrypting: Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))),
        }
    }

    async fn post(&self, web: &WebAddress, message: &Message) -> Result<Answer, Outcome> {
        let is_encrypted = web.endpoint.scheme() == "https";
        // The connector asks the resolver about names only.
        if address(&web.endpoint).is_some_and(|address| !self.rules.admit(address, is_encrypted)) {
            return Err(Outcome::Refused("the address of the push service may not be reached"));
        }
        let client = if is_encrypted { &self.https } else { &self.http };
        let client = client.as_ref().ok_or(Outcome::NO_CLIENT)?;
        let now = self.clock.now();
        let signature =
            self.signatures.of(&web.endpoint, now).ok_or(Outcome::unavailable("the key can't sign", None))?;
        let text = serde_json::to_vec(&message.data()).map_err(|_| Outcome::Refused("the message can't be written"))?;
        let body = self.encrypt(web, text).await?;
        let request = client
            .post(web.endpoint.clone())
            .header(header::AUTHORIZATION, signature)
            .header(header::CONTENT_ENCODING, "aes128gcm")
            .header(header::CONTENT_TYPE, "application/octet-stream")
            .header("ttl", message.ttl_seconds(now).min(MAX_TTL_SECONDS))
            .header("urgency", if message.priority == Priority::High { "high" } else { "normal" })
            // At most 32 characters of base64url (RFC 8030 §5.4): the digits of the group are 32.
            .header("topic", message.group.simple().to_string())
            .body(body);
        requests::send(request, &self.clock).await
    }

    /// Encrypts a message on a thread for such work: it takes some 100 µs, and all messages of a batch come at once.
    async fn encrypt(&self, web: &WebAddress, text: Vec<u8>) -> Result<Vec<u8>, Outcome> {
        // It is never closed.
        let permit = self.encrypting.clone().acquire_owned().await;
        let (web, random) = (web.clone(), self.random.clone());
        let encrypted = tokio::task::spawn_blocking(move || {
            let encrypted = encryption::encrypt(&web, &text, &random);
            drop(permit);
            encrypted
        });
        match encrypted.await {
            Ok(Ok(body)) if body.len() > encryption::MAX_MESSAGE_BYTES => {
                Err(Outcome::Refused("the message is too long"))
            }
            Ok(Ok(body)) => Ok(body),
            Ok(Err(_)) => Err(Outcome::Refused("the public key of the browser is no point of the curve")),
            Err(_) => Err(Outcome::later("the message was not encrypted", None)),
        }
    }
}

#[async_trait]
impl Provider for Webpush {
    fn server(&self, address: &Address) -> String {
        match address {
            Address::Webpush(web) => web.endpoint.origin().ascii_serialization(),
            _ => "webpush".to_owned(),
        }
    }

    async fn send(&self, address: &Address, message: &Message) -> Outcome {
        let Address::Webpush(web) = address else { return Outcome::WRONG_KIND };
        self.post(web, message).await.map_or_else(|outcome| outcome, |answer| outcome(&answer))
    }
}

/// Returns what a response says (RFC 8030 §7.3 and §8.4).
fn outcome(answer: &Answer) -> Outcome {
    match answer.status.as_u16() {
        200..=299 => Outcome::Accepted,
        300..=399 => Outcome::Refused("the push service redirects; redirects are not followed"),
        404 | 410 => Outcome::Gone(None),
        413 => Outcome::Refused("the message is too long for the push service"),
        429 => Outcome::later("the device gets too many", Some(answer.retry_after.unwrap_or(BUSY_PAUSE))),
        500..=599 => Outcome::unavailable("the push service is unavailable", answer.retry_after),
        _ => Outcome::Refused("the push service refuses the message"),
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use base::config::Secret;
    use contract::notify::NoticeKind;
    use http::StatusCode;
    use serde_json::Value;
    use testkit::World;
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;
    use crate::config::Config;
    use crate::push::{Content, new_vapid_key};

    #[test]
    fn a_status_decides() {
        let said = |status| {
            let status = StatusCode::from_u16(status).unwrap();
            outcome(&Answer { status, body: Value::Null, retry_after: Some(TimeDelta::seconds(7)) })
        };
        assert!([201, 202, 204].into_iter().all(|status| said(status) == Outcome::Accepted));
        assert!([404, 410].into_iter().all(|status| said(status) == Outcome::Gone(None)));
        assert!([301, 307, 400, 403, 413].into_iter().all(|status| matches!(said(status), Outcome::Refused(_))));
        let asked = Some(TimeDelta::seconds(7));
        assert_eq!(said(429), Outcome::later("the device gets too many", asked));
        assert_eq!(said(503), Outcome::unavailable("the push service is unavailable", asked));
    }

    #[tokio::test]
    async fn a_push_service_in_the_own_network_is_never_connected() {
        let world = World::of(&[crate::service()]).await;
        let (context, (pem, public_key)) = (world.context("notify"), new_vapid_key(&Random::system()).unwrap());
        let config = Config {
            push_vapid_key: Some(Secret::from(pem)),
            push_vapid_subject: Some("mailto:ops@example.org".to_owned()),
            ..Config::default()
        };
        let options = PushOptions::of(&config).unwrap();
        let provider = Webpush::new(context, &options, options.vapid.as_ref().unwrap());
        let message = Message {
            id: Uuid::nil(),
            group: Uuid::nil(),
            kind: NoticeKind::Followed.into(),
            priority: Priority::High,
            expires_at: context.clock.now(),
            badge: 1,
            content: Content::Withdraw,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        for (scheme, host) in [
            ("https", "127.0.0.1"),
            ("https", "[::ffff:127.0.0.1]"),
            ("https", "localhost"),
            ("http", "127.0.0.1"),
            ("http", "localhost"),
        ] {
            let endpoint = format!("{scheme}://{host}:{port}/");
            // As if it had been registered when the configuration allowed it.
            let web = WebAddress::of_stored(&endpoint, &public_key, "BTBZMqHH6r4Tts7J_aSIgg").unwrap();
            let outcome = provider.send(&Address::Webpush(web), &message).await;
            assert!(matches!(outcome, Outcome::Refused(_) | Outcome::Failed { .. }), "{endpoint}: {outcome:?}");
        }
        let accepted = listener.into_std().unwrap().accept();
        assert_eq!(accepted.map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        world.end().await;
    }
}
