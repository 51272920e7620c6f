//! The provider token of a key of Apple, in a row that all processes share.
//!
//! Apple refuses a key whose tokens are renewed more often than every 20 minutes, and tokens older than an hour;
//! several processes with a token each would be throttled. Invariant: a token is made in the lane of its key, and only
//! if the one in the row is old enough.

use std::sync::Arc;

use base::error::chain;
use chrono::{DateTime, TimeDelta, Utc};
use db::Lane;
use http_server::sealed_secret;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use service::{BootError, Context};
use tokio::sync::Mutex;

use super::options::ApnsKey;
use super::outcome::Outcome;
use crate::store::provider_tokens::{self, StoredToken};

/// A token is used for this long.
const MAX_AGE: TimeDelta = TimeDelta::minutes(45);
/// A token that Apple refuses is not replaced earlier.
const MIN_AGE: TimeDelta = TimeDelta::minutes(21);
const PROVIDER: &str = "apns";
/// The scope of the key that encrypts the token in the row.
const SCOPE: &str = "notify.provider_token";

#[derive(Clone)]
struct Token {
    text: Arc<str>,
    issued_at: DateTime<Utc>,
}

/// The tokens of a key.
pub(super) struct ProviderTokens {
    context: Context,
    key: EncodingKey,
    key_id: String,
    team_id: String,
    cached: Mutex<Option<Token>>,
}

impl ProviderTokens {
    /// Creates the tokens of a key.
    pub(super) fn new(context: &Context, key: &ApnsKey) -> Result<Self, BootError> {
        let tokens = Self {
            context: context.clone(),
            key: key.key.clone(),
            key_id: key.key_id.clone(),
            team_id: key.team_id.clone(),
            cached: Mutex::default(),
        };
        let is_usable = tokens.sign(context.clock.now()).is_some();
        is_usable.then_some(tokens).ok_or_else(|| BootError::Other("the key of Apple can't sign".to_owned()))
    }

    /// Returns the token to use.
    pub(super) async fn current(&self) -> Result<Arc<str>, Outcome> {
        self.get(MAX_AGE).await
    }

    /// Replaces a token that Apple refuses, if it is old enough; another process may have done it.
    pub(super) async fn renew(&self, refused: &str) {
        {
            let mut cached = self.cached.lock().await;
            if cached.as_ref().is_none_or(|token| *token.text != *refused) {
                return;
            }
            *cached = None;
        }
        if let Err(Outcome::Failed { reason, .. }) = self.get(MIN_AGE).await {
            tracing::warn!(reason, "the provider token of Apple was not renewed");
        }
    }

    async fn get(&self, max_age: TimeDelta) -> Result<Arc<str>, Outcome> {
        let mut cached = self.cached.lock().await;
        let now = self.context.clock.now();
        if let Some(token) = cached.as_ref().filter(|token| now - token.issued_at < max_age) {
            return Ok(token.text.clone());
        }
        let token = self.shared(now, max_age).await.map_err(|error| {
            tracing::warn!(error = chain(&error), "the provider token of Apple can't be read");
            Outcome::unavailable("no provider token", None)
        })?;
        Ok(cached.insert(token).text.clone())
    }

    /// Returns the token of the row, or puts a new one there.
    async fn shared(&self, now: DateTime<Utc>, max_age: TimeDelta) -> Result<Token, db::Error> {
        let subject = format!("{} {}", self.team_id, self.key_id);
        let text = self.sign(now).ok_or(db::Error::Corrupt("the key of Apple"))?;
        let new = Token { text: text.into(), issued_at: now };
        let (context, made) = (self.context.clone(), new.text.clone());
        let token = self
            .context
            .db
            .write(Lane::of(&format!("{PROVIDER} {}", self.key_id)), async move |tx| {
                if let Some(stored) = provider_tokens::find(tx, PROVIDER, &subject).await?
                    && now - stored.issued_at < max_age
                    && let Some(token) = open(&context, &subject, &stored)
                {
                    return Ok(token);
                }
                let (signer, random) = (&context.url_signer, &context.random);
                let sealed = sealed_secret::seal(signer, random, (SCOPE, &subject), new.text.as_bytes());
                let sealed = sealed.map_err(|_| db::Error::Corrupt("a provider token"))?;
                provider_tokens::set(tx, PROVIDER, &subject, sealed, now).await?;
                Ok::<_, db::Error>(new)
            })
            .await?;
        if token.text == made {
            tracing::info!("a provider token of Apple was made");
        }
        Ok(token)
    }

    /// Signs a token; `None` if the key can't.
    fn sign(&self, now: DateTime<Utc>) -> Option<String> {
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(Algorithm::ES256) };
        let claims = json!({ "iss": self.team_id, "iat": now.timestamp() });
        jsonwebtoken::encode(&header, &claims, &self.key).ok()
    }
}

/// Decrypts a stored token; `None` if it was stored under another installation's secret.
fn open(context: &Context, subject: &str, stored: &StoredToken) -> Option<Token> {
    let text = sealed_secret::open(&context.url_signer, (SCOPE, subject), &stored.token).ok()?;
    Some(Token { text: String::from_utf8(text).ok()?.into(), issued_at: stored.issued_at })
}

#[cfg(test)]
mod tests {
    use base::Random;
    use testkit::World;

    use super::*;
    use crate::push::new_vapid_key;

    #[tokio::test]
    async fn processes_share_a_token_that_is_renewed_between_twenty_minutes_and_an_hour() {
        let world = World::of(&[crate::service()]).await;
        let (pem, _) = new_vapid_key(&Random::system()).unwrap();
        let key = ApnsKey {
            key_id: "ABC123DEFG".to_owned(),
            team_id: "DEF123GHIJ".to_owned(),
            topic: "org.example.app".to_owned(),
            key: EncodingKey::from_ec_pem(pem.as_bytes()).unwrap(),
        };
        let process = || ProviderTokens::new(world.context("notify"), &key).unwrap();
        let (one, other) = (process(), process());
        let first = one.current().await.unwrap();
        world.clock().advance(TimeDelta::minutes(20));
        assert_eq!(other.current().await.unwrap(), first, "it is in the row");
        one.renew(&first).await;
        assert_eq!(one.current().await.unwrap(), first, "it is too young");
        world.clock().advance(TimeDelta::minutes(2));
        one.renew(&first).await;
        let second = one.current().await.unwrap();
        assert_ne!(second, first);
        other.renew(&first).await;
        assert_eq!(other.current().await.unwrap(), second, "the other process has renewed it");
        world.clock().advance(TimeDelta::minutes(46));
        let third = other.current().await.unwrap();
        assert_ne!(third, second);
        assert_eq!(one.current().await.unwrap(), third);
        world.end().await;
    }
}
