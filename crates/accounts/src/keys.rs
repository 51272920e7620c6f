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
use crate::tokens::ACCESS_LIFE;

/// How long a key is announced before it signs.
const ANNOUNCED: TimeDelta = TimeDelta::hours(24);
/// Clocks differ and answers take time: a key stays for this long after its last token has expired.
const MARGIN: TimeDelta = TimeDelta::minutes(45);
/// How old a process's knowledge of the keys may be; far less than [`ANNOUNCED`].
const FRESH: TimeDelta = TimeDelta::seconds(60);
/// When to look again after a look that failed: whoever waits for keys should not wait for a silent database each time.
const AGAIN: TimeDelta = TimeDelta::seconds(5);

struct Key {
    signs_from: DateTime<Utc>,
    header: Header,
    private: EncodingKey,
    public: Jwk,
}

/// What a process knows of the keys.
struct Ring {
    read_at: DateTime<Utc>,
    /// In the order in which they sign; never empty.
    keys: Vec<Key>,
}

/// Signs tokens and looks after the keys.
pub(crate) struct Keys {
    db: Db,
    clock: Clock,
    signs_for: TimeDelta,
    ring: RwLock<Arc<Ring>>,
    failed_at: Mutex<DateTime<Utc>>,
}

impl Keys {
    /// Reads the keys, or makes the first.
    pub(crate) async fn open(db: Db, clock: Clock, config: &Config) -> Result<Self, Error> {
        let now = clock.now();
        db.write(move |tx| {
            Box::pin(async move {
                if store::keys::list(tx).await?.is_empty() {
                    store::keys::insert(tx, &random(now), now).await?;
                }
                Ok::<_, db::Error>(())
            })
        })
        .await?;
        let ring = RwLock::new(Arc::new(read(&db, now).await?));
        Ok(Self { db, clock, signs_for: TimeDelta::days(config.key_days.into()), ring, failed_at: Mutex::new(DateTime::UNIX_EPOCH) })
    }

    /// Signs a token.
    pub(crate) async fn sign(&self, claims: &Claims) -> Result<String, Error> {
        let ring = self.ring().await;
        let now = self.clock.now();
        let key = ring.keys.iter().rev().find(|key| key.signs_from <= now).or(ring.keys.first());
        let key = key.ok_or(Error::Db(db::Error::Corrupt("the signing keys")))?;
        jsonwebtoken::encode(&key.header, claims, &key.private).map_err(|error| Error::Signing(error.into()))
    }

    /// The public halves, for whoever checks tokens.
    pub(crate) async fn public(&self) -> JwkSet {
        JwkSet { keys: self.ring().await.keys.iter().map(|key| key.public.clone()).collect() }
    }

    async fn ring(&self) -> Arc<Ring> {
        let known = self.ring.read().unwrap_or_else(PoisonError::into_inner).clone();
        if self.clock.now() - known.read_at <= FRESH {
            return known;
        }
        if self.clock.now() - *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) <= AGAIN {
            return known;
        }
        match self.reread().await {
            Ok(ring) => ring,
            Err(error) => {
                *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = self.clock.now();
                tracing::warn!(%error, "the signing keys could not be read again; going on with those that are known");
                known
            }
        }
    }

    async fn reread(&self) -> Result<Arc<Ring>, Error> {
        let ring = Arc::new(read(&self.db, self.clock.now()).await?);
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring.clone();
        Ok(ring)
    }

    /// Announces the next key when it is time, retires those that nobody can need any more.
    pub(crate) async fn look_after(&self, run: Run) -> Result<(), Error> {
        let (now, signs_for) = (self.clock.now(), self.signs_for);
        self.db
            .write(move |tx| {
                Box::pin(async move {
                    run.fence(tx).await?;
                    let keys = store::keys::list(tx).await?;
                    let starts: Vec<_> = keys.iter().map(|key| key.signs_from).collect();
                    if let Some(signs_from) = next_start(&starts, signs_for, now) {
                        store::keys::insert(tx, &random(signs_from), now).await?;
                        tracing::info!(%signs_from, "a new signing key is announced");
                    }
                    for key in keys.iter().take(retired(&starts, now)) {
                        store::keys::remove(tx, &key.kid).await?;
                    }
                    Ok::<_, db::Error>(())
                })
            })
            .await?;
        self.reread().await.map(drop)
    }
}

/// When the next key begins to sign, if it must be announced now.
fn next_start(starts: &[DateTime<Utc>], signs_for: TimeDelta, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let Some(newest) = starts.last() else { return Some(now) };
    let due = *newest + signs_for;
    (due <= now + ANNOUNCED).then(|| due.max(now + ANNOUNCED))
}

/// How many of the oldest keys have signed nothing that still holds.
fn retired(starts: &[DateTime<Utc>], now: DateTime<Utc>) -> usize {
    starts.iter().skip(1).take_while(|&&successor| successor + ACCESS_LIFE + MARGIN <= now).count()
}

fn random(signs_from: DateTime<Utc>) -> store::keys::Row {
    store::keys::Row { kid: Uuid::new_v4().simple().to_string(), seed: rand::random::<[u8; 32]>().to_vec(), signs_from }
}

async fn read(db: &Db, now: DateTime<Utc>) -> Result<Ring, Error> {
    let rows = store::keys::list(db.read()).await?;
    let keys = rows.into_iter().map(Key::read).collect::<Result<Vec<_>, _>>()?;
    Ok(Ring { read_at: now, keys })
}

impl Key {
    fn read(row: store::keys::Row) -> Result<Self, Error> {
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
        assert_eq!(next_start(&[start], MONTH, late), Some(late + ANNOUNCED));
        assert_eq!(next_start(&[start, start + MONTH], MONTH, start + TimeDelta::days(29)), None, "announced already");
    }

    #[test]
    fn a_key_stays_until_its_last_token_has_expired() {
        let start = Utc::now();
        let starts = [start, start + MONTH];
        assert_eq!(retired(&[start], start + TimeDelta::days(900)), 0, "the only key stays");
        assert_eq!(retired(&starts, start + MONTH + ACCESS_LIFE), 0);
        assert_eq!(retired(&starts, start + MONTH + TimeDelta::hours(1)), 1);
        assert_eq!(retired(&[start, start + MONTH, start + MONTH * 2], start + MONTH * 3), 2);
    }
}
