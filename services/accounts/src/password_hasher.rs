//! Hashes and verifies passwords with Argon2id on blocking threads, with a bounded queue.
//!
//! A hash costs 19 MiB and about 20 ms by design, so the number of running hashes and the queue are limited, and
//! further requests are refused with 503. Invariant: verifying a password for an unknown account costs exactly as much
//! as for a known one.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use base::Random;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use prometheus_client::metrics::counter::Counter;
use service::BootError;
use tokio::sync::Semaphore;

use crate::config::Config;
use crate::error::Error;
use crate::model::Password;

/// How long a request waits for its hash before it is refused.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);
/// The length of a salt (RFC 9106 §3.1 recommends 16 bytes).
const SALT_BYTES: usize = 16;
/// The length of a hash.
const HASH_BYTES: usize = 32;

/// The priority of a request in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// A request from an unknown network. It shares the queue with all others.
    Normal,
    /// A request of a live session or from a known network. It may use reserved places that [`Priority::Normal`] can't
    /// take.
    Reserved,
}

/// The result of verifying a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordCheck {
    /// The password is wrong, or the account does not exist.
    Wrong,
    /// The password is right, and its hash has the configured parameters.
    Right,
    /// The password is right, and its hash has other parameters and should be replaced.
    NeedsRehash,
}

/// Hashes and verifies passwords.
#[derive(Debug)]
pub(crate) struct Hasher {
    argon: Argon2<'static>,
    /// Draws the salts.
    random: Random,
    /// A random hash that no password matches, for unknown accounts.
    dummy_hash: String,
    /// Permits for hashes that run.
    running: Arc<Semaphore>,
    /// Permits for requests that run or wait.
    queue: Arc<Semaphore>,
    /// Further places in the queue for [`Priority::Reserved`], used when `queue` is full.
    reserved: Arc<Semaphore>,
    /// The number of hashes computed.
    pub hashes: Counter,
}

impl Hasher {
    /// Creates a hasher with the configured parameters.
    pub(crate) fn new(config: &Config, random: Random) -> Result<Self, BootError> {
        let params = config.argon2_params()?;
        let salt = STANDARD_NO_PAD.encode(random.bytes::<SALT_BYTES>());
        let output = STANDARD_NO_PAD.encode(random.bytes::<HASH_BYTES>());
        let dummy_hash =
            format!("$argon2id$v=19$m={},t={},p={}${salt}${output}", params.m_cost(), params.t_cost(), params.p_cost());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let max_running = if config.hashes_at_once == 0 { cores } else { config.hashes_at_once };
        Ok(Self {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            random,
            dummy_hash,
            running: Arc::new(Semaphore::new(max_running)),
            queue: Arc::new(Semaphore::new(
                max_running.saturating_add(config.hashes_waiting).min(Semaphore::MAX_PERMITS),
            )),
            reserved: Arc::new(Semaphore::new((config.hashes_waiting / 4).clamp(1, Semaphore::MAX_PERMITS))),
            hashes: Counter::default(),
        })
    }

    /// Hashes a password with a random salt. Returns a PHC string, which contains the parameters.
    pub(crate) async fn hash(&self, password: &Password, priority: Priority) -> Result<String, Error> {
        let (argon, password) = (self.argon.clone(), password.clone());
        let salt = self.random.bytes::<SALT_BYTES>();
        let hash: password_hash::Result<PasswordHash> =
            self.run(priority, move || argon.hash_password_with_salt(password.as_bytes(), &salt)).await?;
        Ok(hash.map_err(|error| Error::Hashing(error.into()))?.to_string())
    }

    /// Verifies a password against a stored hash, or against a dummy hash at the same cost if there is none.
    pub(crate) async fn verify(
        &self,
        password: &Password,
        stored: Option<&str>,
        priority: Priority,
    ) -> Result<PasswordCheck, Error> {
        let (argon, password) = (self.argon.clone(), password.clone());
        let (exists, hash) = (stored.is_some(), stored.unwrap_or(&self.dummy_hash).to_owned());
        let checked = self.run(priority, move || verify_hash(&argon, &password, &hash)).await?;
        let check = checked.map_err(|error| Error::Hashing(error.into()))?;
        Ok(if exists { check } else { PasswordCheck::Wrong })
    }

    /// Runs `work` on a blocking thread once a permit is free. The permits are held until the work is done, even if the
    /// caller is cancelled.
    async fn run<T: Send + 'static>(
        &self,
        priority: Priority,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let queue_permit = match (self.queue.clone().try_acquire_owned(), priority) {
            (Err(_), Priority::Reserved) => self.reserved.clone().try_acquire_owned(),
            (queue_permit, _) => queue_permit,
        };
        let queue_permit = queue_permit.map_err(|_| Error::Busy)?;
        let run_permit = tokio::time::timeout(QUEUE_TIMEOUT, self.running.clone().acquire_owned()).await;
        let Ok(Ok(run_permit)) = run_permit else { return Err(Error::Busy) };
        self.hashes.inc();
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop((queue_permit, run_permit));
            result
        });
        done.await.map_err(|error| Error::Hashing(error.into()))
    }
}

fn verify_hash(argon: &Argon2<'_>, password: &Password, hash: &str) -> password_hash::Result<PasswordCheck> {
    let hash = PasswordHash::new(hash)?;
    match argon.verify_password(password.as_bytes(), &hash) {
        Ok(()) => {
            let (used, configured) = (Params::try_from(&hash)?, argon.params());
            let same_cost = (used.m_cost(), used.t_cost(), used.p_cost())
                == (configured.m_cost(), configured.t_cost(), configured.p_cost());
            Ok(if same_cost { PasswordCheck::Right } else { PasswordCheck::NeedsRehash })
        }
        Err(password_hash::Error::PasswordInvalid) => Ok(PasswordCheck::Wrong),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        serde_json::from_value(text.into()).unwrap()
    }

    fn cheap() -> Config {
        Config { argon2_memory_kib: 64, argon2_passes: 1, ..Config::default() }
    }

    fn hasher(config: &Config) -> Hasher {
        Hasher::new(config, Random::system()).unwrap()
    }

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let hasher = hasher(&cheap());
        let hash = hasher.hash(&password("correct horse"), Priority::Normal).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash(&password("correct horse"), Priority::Normal).await.unwrap(), "salted");
        assert_eq!(
            hasher.verify(&password("correct horse"), Some(&hash), Priority::Normal).await.unwrap(),
            PasswordCheck::Right
        );
        assert_eq!(
            hasher.verify(&password("correct horse "), Some(&hash), Priority::Normal).await.unwrap(),
            PasswordCheck::Wrong
        );
        assert_eq!(
            hasher.verify(&password("correct horse"), None, Priority::Normal).await.unwrap(),
            PasswordCheck::Wrong
        );
    }

    #[tokio::test]
    async fn hashes_with_old_parameters_need_a_rehash() {
        let hash = hasher(&cheap()).hash(&password("correct horse"), Priority::Normal).await.unwrap();
        let today = hasher(&Config { argon2_passes: 2, ..cheap() });
        assert_eq!(
            today.verify(&password("correct horse"), Some(&hash), Priority::Normal).await.unwrap(),
            PasswordCheck::NeedsRehash
        );
    }

    #[tokio::test]
    async fn the_dummy_hash_costs_as_much_as_a_real_one() {
        let hasher = hasher(&Config::default());
        let dummy_hash = PasswordHash::new(&hasher.dummy_hash).unwrap();
        let params = Params::try_from(&dummy_hash).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (19_456, 2, 1));
        assert_eq!(dummy_hash.hash.unwrap().as_ref().len(), 32);
    }

    #[tokio::test]
    async fn requests_beyond_the_queue_are_refused() {
        let hasher = hasher(&Config { hashes_at_once: 1, hashes_waiting: 2, ..cheap() });
        let busy = hasher.queue.clone().try_acquire_many_owned(3).unwrap();
        assert!(matches!(hasher.hash(&password("correct horse"), Priority::Normal).await, Err(Error::Busy)));
        assert!(
            hasher.hash(&password("correct horse"), Priority::Reserved).await.is_ok(),
            "requests of normal priority can't use reserved places"
        );
        drop(busy);
        assert!(hasher.hash(&password("correct horse"), Priority::Normal).await.is_ok());
        assert_eq!(
            (hasher.queue.available_permits(), hasher.reserved.available_permits()),
            (3, 1),
            "every permit is given back"
        );
    }
}
