//! The keys that sign access tokens: a cache of them, and the public keys.
//!
//! A new key is published in the JWKS a day before it signs and stays there until the last token that it signed has
//! expired, so a rotation invalidates no token. Keys are stored in the database because all processes of this role sign
//! with the same ones. [`crate::model`] has the times, [`crate::commands`] the rotation.
//!
//! Removing a key only ends its publication. This role signs with a removed key for up to [`CACHE_LIFETIME`] more (or
//! for as long as the database is unavailable), and every process that has fetched a key accepts tokens of it until
//! that process restarts. So a leaked key is revoked by removing its row and then restarting all processes. Invariant:
//! a key that signs has been in the JWKS for longer than clients may cache it, except for the very first key.

use std::sync::Arc;

use base::{Clock, Random};
use chrono::{DateTime, TimeDelta, Utc};
use db::Db;
use ed25519_dalek::pkcs8::{EncodePrivateKey as _, KeypairBytes};
use http_server::auth::Claims;
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::{Mutex, RwLock};

use crate::error::Error;
use crate::model::Account;
use crate::store;
use crate::tokens::{self, RefreshToken, SignedIn, TokenSession};

/// The lane of all writes of signing keys. It has a space, as no handle, address or id has.
pub(crate) const LANE: &str = "signing keys";
/// How long a process may use its cached keys. Far less than a key is published before it signs.
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

/// Signs access tokens and publishes the public keys.
pub(crate) struct SigningKeys {
    db: Db,
    clock: Clock,
    cache: RwLock<Arc<CachedKeys>>,
    failed_at: Mutex<DateTime<Utc>>,
}

impl SigningKeys {
    /// Loads the keys.
    pub(crate) async fn open(db: Db, clock: Clock) -> Result<Self, Error> {
        let cache = RwLock::new(Arc::new(load(&db, clock.now()).await?));
        Ok(Self { db, clock, cache, failed_at: Mutex::new(DateTime::UNIX_EPOCH) })
    }

    /// Signs an access token with the current key and returns it with the refresh token.
    pub(crate) async fn issue(
        &self,
        account: Account,
        session: &TokenSession,
        refresh: &RefreshToken,
    ) -> Result<SignedIn, Error> {
        let claims = tokens::claims(&account, session, self.clock.now());
        let access_token = self.sign(&claims).await?;
        let expires_in = claims.exp - claims.iat;
        Ok(SignedIn { account, access_token, expires_in, refresh_token: refresh.encode() })
    }

    /// Signs an access token with the current key.
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

    /// Loads the keys anew.
    pub(crate) async fn reload(&self) -> Result<(), Error> {
        let keys = Arc::new(load(&self.db, self.clock.now()).await?);
        *self.cache.write() = keys;
        Ok(())
    }

    async fn cached_keys(&self) -> Arc<CachedKeys> {
        let cached = self.cache.read().clone();
        let now = self.clock.now();
        if now - cached.loaded_at <= CACHE_LIFETIME || now - *self.failed_at.lock() <= RETRY_DELAY {
            return cached;
        }
        match self.reload().await {
            Ok(()) => self.cache.read().clone(),
            Err(error) => {
                *self.failed_at.lock() = self.clock.now();
                tracing::warn!(%error, "the signing keys could not be reloaded; the cached ones are used");
                cached
            }
        }
    }
}

/// Generates a key.
pub(crate) fn generate(random: &Random, signs_from: DateTime<Utc>) -> store::signing_keys::Row {
    store::signing_keys::Row {
        kid: random.uuid_v4().simple().to_string(),
        seed: random.bytes::<32>().to_vec(),
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
