//! The keys that sign access tokens: made, announced, used, retired.
//!
//! A new key is announced in the JWKS a day before it signs and stays there until the last token it signed has expired, so turning over
//! logs nobody out. Keys live in the database because every process of this role signs with the same ones. Invariant: whatever signs now has been
//! in the JWKS for longer than anybody may cache it, except the very first key.

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

/// How long a key is announced before it signs.
const PUBLISHED_AHEAD: TimeDelta = TimeDelta::hours(24);
/// Clocks differ and answers take time: a key stays for this long after its last token has expired.
const RETIREMENT_MARGIN: TimeDelta = TimeDelta::minutes(45);
/// How old a process's knowledge of the keys may be; far less than [`PUBLISHED_AHEAD`].
const CACHE_LIFETIME: TimeDelta = TimeDelta::seconds(60);
/// When to look again after a look that failed: whoever waits for keys should not wait for a silent database each time.
const RETRY_DELAY: TimeDelta = TimeDelta::seconds(5);

struct SigningKey {
    signs_from: DateTime<Utc>,
    header: Header,
    private: EncodingKey,
    public: Jwk,
}

/// What a process knows of the keys.
struct CachedKeys {
    loaded_at: DateTime<Utc>,
    /// In the order in which they sign; never empty.
    keys: Vec<SigningKey>,
}

/// Signs tokens and looks after the keys.
pub(crate) struct SigningKeys {
    db: Db,
    clock: Clock,
    rotation_period: TimeDelta,
    cache: RwLock<Arc<CachedKeys>>,
    failed_at: Mutex<DateTime<Utc>>,
}

impl SigningKeys {
    /// Reads the keys, or makes the first.
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
        Ok(Self { db, clock, rotation_period: TimeDelta::days(config.key_rotation_days.into()), cache, failed_at: Mutex::new(DateTime::UNIX_EPOCH) })
    }

    /// Signs a token.
    pub(crate) async fn sign(&self, claims: &Claims) -> Result<String, Error> {
        let cached = self.cached_keys().await;
        let now = self.clock.now();
        let key = cached.keys.iter().rev().find(|key| key.signs_from <= now).or(cached.keys.first());
        let key = key.ok_or(Error::Db(db::Error::Corrupt("the signing keys")))?;
        jsonwebtoken::encode(&key.header, claims, &key.private).map_err(|error| Error::Signing(error.into()))
    }

    /// The public halves, for whoever checks tokens.
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
                tracing::warn!(%error, "the signing keys could not be read again; going on with those that are known");
                cached
            }
        }
    }

    async fn reload(&self) -> Result<Arc<CachedKeys>, Error> {
        let keys = Arc::new(load(&self.db, self.clock.now()).await?);
        *self.cache.write().unwrap_or_else(PoisonError::into_inner) = keys.clone();
        Ok(keys)
    }

    /// Announces the next key when it is time, retires those that nobody can need any more.
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
                        tracing::info!(%signs_from, "a new signing key is announced");
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

/// When the next key begins to sign, if it must be announced now.
fn next_start(starts: &[DateTime<Utc>], rotation_period: TimeDelta, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let Some(newest) = starts.last() else { return Some(now) };
    let due = *newest + rotation_period;
    (due <= now + PUBLISHED_AHEAD).then(|| due.max(now + PUBLISHED_AHEAD))
}

/// How many of the oldest keys have signed nothing that still holds.
fn retired_count(starts: &[DateTime<Utc>], now: DateTime<Utc>) -> usize {
    starts.iter().skip(1).take_while(|&&successor| successor + ACCESS_TOKEN_LIFETIME + RETIREMENT_MARGIN <= now).count()
}

fn generate(signs_from: DateTime<Utc>) -> store::signing_keys::Row {
    store::signing_keys::Row { kid: Uuid::new_v4().simple().to_string(), seed: rand::random::<[u8; 32]>().to_vec(), signs_from }
}

async fn load(db: &Db, now: DateTime<Utc>) -> Result<CachedKeys, Error> {
    let rows = store::signing_keys::list(db.read()).await?;
    let keys = rows.into_iter().map(SigningKey::from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(CachedKeys { loaded_at: now, keys })
}

impl SigningKey {
    fn from_row(row: store::signing_keys::Row) -> Result<Self, Error> {
        let seed: [u8; 32] = row.seed.try_into().map_err(|_| db::Error::Corrupt("a signing key"))?;
        // Without the public half (PKCS#8 version 1): jsonwebtoken's older parser refuses version 2.
        let der = KeypairBytes { secret_key: seed, public_key: None }.to_pkcs8_der().map_err(|error| Error::Signing(error.into()))?;
        let private = EncodingKey::from_ed_der(der.as_bytes());
        let mut public = Jwk::from_encoding_key(&private, Algorithm::EdDSA).map_err(|error| Error::Signing(error.into()))?;
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
    fn the_next_key_is_announced_a_day_before_it_signs() {
        let start = Utc::now();
        assert_eq!(next_start(&[start], MONTH, start + TimeDelta::days(28)), None);
        assert_eq!(next_start(&[start], MONTH, start + TimeDelta::days(29)), Some(start + MONTH));
        // After a long sleep the old key goes on until the new one has been announced for a day.
        let late = start + TimeDelta::days(400);
        assert_eq!(next_start(&[start], MONTH, late), Some(late + PUBLISHED_AHEAD));
        assert_eq!(next_start(&[start, start + MONTH], MONTH, start + TimeDelta::days(29)), None, "announced already");
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
