//! The keys that sign access tokens, and their rotation.
//!
//! A new key is published in the JWKS a day before it signs and stays there until the last token that it signed has
//! expired, so a rotation invalidates no token. Keys are stored in the database because all processes of this role sign
//! with the same ones. Invariant: a key that signs has been in the JWKS for longer than clients may cache it, except
//! for the very first key.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use chrono::{DateTime, TimeDelta, Utc};
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kit::Clock;
use kit::auth::Claims;
use kit::db::{self, Db};
use kit::schedule::Run;
use uuid::Uuid;

use crate::config::Config;
use crate::error::Error;
use crate::store;
use crate::tokens::ACCESS_TOKEN_LIFETIME;

/// How long a key is published before it signs.
const PUBLISHED_AHEAD: TimeDelta = TimeDelta::hours(24);
/// How long a key stays after its last token has expired, because clocks differ and requests take time.
const RETIREMENT_MARGIN: TimeDelta = TimeDelta::minutes(45);
/// How long a process may use its cached keys. Far less than [`PUBLISHED_AHEAD`].
const CACHE_LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// How long after a failed reload the next one is tried, so that not every request waits for an unresponsive database.
const RETRY_DELAY: TimeDelta = TimeDelta::seconds(5);

struct SigningKey {
    signs_from: DateTime<Utc>,
    header: Header,
    private: EncodingKey,
    public: Jwk,
}

/// The keys that a process has cached.
struct CachedKeys {
    loaded_at: DateTime<Utc>,
    /// In the order in which they sign; never empty.
    keys: Vec<SigningKey>,
}

/// Signs access tokens, publishes the public keys and rotates the keys.
pub(crate) struct SigningKeys {
    db: Db,
    clock: Clock,
    rotation_period: TimeDelta,
    cache: RwLock<Arc<CachedKeys>>,
    failed_at: Mutex<DateTime<Utc>>,
}

impl SigningKeys {
    /// Loads the keys, or generates the first one.
    pub(crate) async fn open(db: Db, clock: Clock, config: &Config) -> Result<Self, Error> {
        let now = clock.now();
        db.write(move |tx| {
            Box::pin(async move {
                if store::signing_keys::list(tx).await?.is_empty() {
                    store::signing_keys::insert(tx, &generate(now), now).await?;
                }
                Ok::<_, db::Error>(())
            })
        })
        .await?;
        let cache = RwLock::new(Arc::new(load(&db, now).await?));
        Ok(Self {
            db,
            clock,
            rotation_period: TimeDelta::days(config.key_rotation_days.into()),
            cache,
            failed_at: Mutex::new(DateTime::UNIX_EPOCH),
        })
    }

    /// Signs a token with the current key.
    pub(crate) async fn sign(&self, claims: &Claims) -> Result<String, Error> {
        let cached = self.cached_keys().await;
        let now = self.clock.now();
        let key = cached.keys.iter().rev().find(|key| key.signs_from <= now).or(cached.keys.first());
        let key = key.ok_or(Error::Db(db::Error::Corrupt("the signing keys")))?;
        jsonwebtoken::encode(&key.header, claims, &key.private).map_err(|error| Error::Signing(error.into()))
    }

    /// Returns the public keys, which verify tokens.
    pub(crate) async fn jwks(&self) -> JwkSet {
        JwkSet { keys: self.cached_keys().await.keys.iter().map(|key| key.public.clone()).collect() }
    }

    async fn cached_keys(&self) -> Arc<CachedKeys> {
        let cached = self.cache.read().unwrap_or_else(PoisonError::into_inner).clone();
        if self.clock.now() - cached.loaded_at <= CACHE_LIFETIME {
            return cached;
        }
        if self.clock.now() - *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) <= RETRY_DELAY {
            return cached;
        }
        match self.reload().await {
            Ok(keys) => keys,
            Err(error) => {
                *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.now();
                tracing::warn!(%error, "the signing keys could not be reloaded; the cached ones are used");
                cached
            }
        }
    }

    async fn reload(&self) -> Result<Arc<CachedKeys>, Error> {
        let keys = Arc::new(load(&self.db, self.clock.now()).await?);
        *self.cache.write().unwrap_or_else(PoisonError::into_inner) = keys.clone();
        Ok(keys)
    }

    /// Publishes the next key when it is due and removes keys whose tokens have all expired.
    pub(crate) async fn rotate(&self, run: Run) -> Result<(), Error> {
        let (now, rotation_period) = (self.clock.now(), self.rotation_period);
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    run.fence(tx).await?;
                    let keys = store::signing_keys::list(tx).await?;
                    let starts: Vec<_> = keys.iter().map(|key| key.signs_from).collect();
                    if let Some(signs_from) = next_start(&starts, rotation_period, now) {
                        store::signing_keys::insert(tx, &generate(signs_from), now).await?;
                        tracing::info!(%signs_from, "a new signing key was published");
                    }
                    for key in keys.iter().take(retired_count(&starts, now)) {
                        store::signing_keys::remove(tx, &key.kid).await?;
                    }
                    Ok::<_, db::Error>(())
                })
            })
            .await?;
        self.reload().await.map(drop)
    }
}

/// Returns when the next key begins to sign, if it must be published now.
fn next_start(starts: &[DateTime<Utc>], rotation_period: TimeDelta, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let Some(newest) = starts.last() else { return Some(now) };
    let due = *newest + rotation_period;
    (due <= now + PUBLISHED_AHEAD).then(|| due.max(now + PUBLISHED_AHEAD))
}

/// Returns how many of the oldest keys have signed no token that is still valid.
fn retired_count(starts: &[DateTime<Utc>], now: DateTime<Utc>) -> usize {
    starts.iter().skip(1).take_while(|&&successor| successor + ACCESS_TOKEN_LIFETIME + RETIREMENT_MARGIN <= now).count()
}

fn generate(signs_from: DateTime<Utc>) -> store::signing_keys::Row {
    store::signing_keys::Row {
        kid: Uuid::new_v4().simple().to_string(),
        seed: rand::random::<[u8; 32]>().to_vec(),
        signs_from,
    }
}

async fn load(db: &Db, now: DateTime<Utc>) -> Result<CachedKeys, Error> {
    let rows = store::signing_keys::list(db.read()).await?;
    let keys = rows.into_iter().map(SigningKey::from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(CachedKeys { loaded_at: now, keys })
}

impl SigningKey {
    fn from_row(row: store::signing_keys::Row) -> Result<Self, Error> {
        let seed: [u8; 32] = row.seed.try_into().map_err(|_| db::Error::Corrupt("a signing key"))?;
        // Without the public key (PKCS#8 version 1), because jsonwebtoken's older parser refuses version 2.
        let der = KeypairBytes { secret_key: seed, public_key: None }
            .to_pkcs8_der()
            .map_err(|error| Error::Signing(error.into()))?;
        let private = EncodingKey::from_ed_der(der.as_bytes());
        let mut public =
            Jwk::from_encoding_key(&private, Algorithm::EdDSA).map_err(|error| Error::Signing(error.into()))?;
        public.common.key_id = Some(row.kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(row.kid);
        Ok(Self { signs_from: row.signs_from, header, private, public })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONTH: TimeDelta = TimeDelta::days(30);

    #[test]
    fn the_next_key_is_published_a_day_before_it_signs() {
        let start = Utc::now();
        assert_eq!(next_start(&[start], MONTH, start + TimeDelta::days(28)), None);
        assert_eq!(next_start(&[start], MONTH, start + TimeDelta::days(29)), Some(start + MONTH));
        // After a long downtime the old key goes on signing until the new one has been published for a day.
        let late = start + TimeDelta::days(400);
        assert_eq!(next_start(&[start], MONTH, late), Some(late + PUBLISHED_AHEAD));
        assert_eq!(next_start(&[start, start + MONTH], MONTH, start + TimeDelta::days(29)), None, "published already");
    }

    #[test]
    fn a_key_stays_until_its_last_token_has_expired() {
        let start = Utc::now();
        let starts = [start, start + MONTH];
        assert_eq!(retired_count(&[start], start + TimeDelta::days(900)), 0, "the only key stays");
        assert_eq!(retired_count(&starts, start + MONTH + ACCESS_TOKEN_LIFETIME), 0);
        assert_eq!(retired_count(&starts, start + MONTH + TimeDelta::hours(1)), 1);
        assert_eq!(retired_count(&[start, start + MONTH, start + MONTH * 2], start + MONTH * 3), 2);
    }
}
