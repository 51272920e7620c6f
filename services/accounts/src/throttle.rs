//! Throttling of password guesses, without locking out the owner.
//!
//! A wrong password from an unknown network is counted per login and network, per login over all networks, and per
//! client address over all logins. Attempts from a network that the account has signed in from before, and attempts of
//! a live session, are counted separately. Owns the counters and the delays. Does not own which networks are known
//! ([`crate::store::known_networks`]). Invariant: attempts from unknown networks never use up the attempts of a known
//! network or of a live session.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http_server::client_prefix;
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::config::Config;
use crate::password_hasher::Priority;
use crate::rate_limiter::RateLimiter;

/// The most attempts that are delayed at once; further ones are refused with a wait. Each delayed attempt holds a
/// request permit of the gateway for a few seconds.
const MAX_DELAYED: usize = 256;

/// Where an attempt comes from. It decides how the attempt is counted.
#[derive(Debug, Clone)]
pub(crate) enum AttemptSource<'a> {
    /// A network that the account has not signed in from.
    UnknownNetwork {
        /// The login as the client sent it.
        login: &'a str,
        /// The client's address.
        address: Option<IpAddr>,
    },
    /// A network that the account has signed in from before.
    KnownNetwork {
        /// The login as the client sent it.
        login: &'a str,
        /// The client's address.
        address: Option<IpAddr>,
    },
    /// A session that has not ended, by its id.
    Session(Uuid),
}

impl AttemptSource<'_> {
    /// Returns the priority in the queue of the password hasher.
    pub(crate) fn priority(&self) -> Priority {
        if matches!(self, Self::UnknownNetwork { .. }) { Priority::Normal } else { Priority::Reserved }
    }
}

/// The counters of attempts.
pub(crate) struct Throttle {
    by_login_and_network: RateLimiter,
    by_login: RateLimiter,
    by_client: RateLimiter,
    by_session: RateLimiter,
    base_delay: Duration,
    delayed: Semaphore,
}

/// An attempt that has been counted, and the delay before its password may be verified.
pub(crate) struct Attempt<'b> {
    acquired: Vec<(&'b RateLimiter, String)>,
    delay: Duration,
}

impl Attempt<'_> {
    /// Takes the attempt back, because the password was not wrong.
    pub(crate) fn refund(self) {
        for (limiter, key) in &self.acquired {
            limiter.refund(key);
        }
    }
}

impl Throttle {
    /// Creates the counters with the configured limits.
    pub(crate) fn new(config: &Config) -> Self {
        let window = TimeDelta::minutes(config.attempts_window_minutes.into());
        Self {
            by_login_and_network: RateLimiter::new(config.attempts_per_login, window),
            by_login: RateLimiter::new(config.attempts_per_login_everywhere, window),
            by_client: RateLimiter::new(config.attempts_per_address, window),
            by_session: RateLimiter::new(config.attempts_per_login, window),
            base_delay: Duration::from_millis(config.throttle_delay_ms.into()),
            delayed: Semaphore::new(MAX_DELAYED),
        }
    }

    /// Counts an attempt. Fails with the time to wait if a limit is reached; then no limiter counts the attempt.
    pub(crate) fn try_acquire(&self, source: &AttemptSource<'_>, now: DateTime<Utc>) -> Result<Attempt<'_>, Duration> {
        // The last column: whether this limiter delays attempts. That of the address does not, because a whole venue
        // may share one.
        let limiters = match source {
            AttemptSource::UnknownNetwork { login, address } => {
                vec![
                    (&self.by_login_and_network, format!("{login}\n{}", network_key(*address)), true),
                    (&self.by_login, (*login).to_owned(), true),
                    (&self.by_client, client_key(*address), false),
                ]
            }
            AttemptSource::KnownNetwork { login, address } => {
                vec![(&self.by_login_and_network, format!("{login}\nknown\n{}", client_key(*address)), true)]
            }
            AttemptSource::Session(session) => vec![(&self.by_session, session.to_string(), true)],
        };
        let mut attempt = Attempt { acquired: Vec::with_capacity(limiters.len()), delay: Duration::ZERO };
        for (limiter, key, delays) in limiters {
            match limiter.try_acquire(&key, now) {
                Ok(used) => {
                    if delays && let Some(doublings) = limiter.delay_steps(used).checked_sub(1) {
                        attempt.delay = attempt.delay.max(self.base_delay.saturating_mul(1 << doublings));
                    }
                    attempt.acquired.push((limiter, key));
                }
                Err(wait) => {
                    attempt.refund();
                    return Err(wait);
                }
            }
        }
        Ok(attempt)
    }

    /// Waits before the attempt is verified: longer with every wrong password. Holds no place in the hasher's queue.
    /// Fails with the delay if too many attempts are being delayed.
    pub(crate) async fn delay(&self, attempt: &Attempt<'_>) -> Result<(), Duration> {
        if attempt.delay.is_zero() {
            return Ok(());
        }
        let Ok(_permit) = self.delayed.try_acquire() else { return Err(attempt.delay) };
        tokio::time::sleep(attempt.delay).await;
        Ok(())
    }
}

/// Returns the key of a client: its IPv4 address or IPv6 /64. Clients with an unknown address share one key.
pub(crate) fn client_key(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "unknown".to_owned(), |address| client_prefix(address).to_string())
}

/// Returns the key of the network of an address, of which one attacker may have many addresses: its IPv4 /24 or IPv6
/// /48 (the size of a site's network, RFC 6177 §2). Each loopback address is a network of its own.
pub(crate) fn network_key(address: Option<IpAddr>) -> String {
    let Some(address) = address else { return "unknown".to_owned() };
    match client_prefix(address) {
        IpAddr::V4(v4) if v4.is_loopback() => v4.to_string(),
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle(config: &Config) -> Throttle {
        Throttle::new(&Config { throttle_delay_ms: 250, ..config.clone() })
    }

    fn unknown_network(login: &str, address: [u8; 4]) -> AttemptSource<'_> {
        AttemptSource::UnknownNetwork { login, address: Some(address.into()) }
    }

    #[test]
    fn addresses_of_one_network_share_a_key() {
        let of = |text: &str| network_key(Some(text.parse().unwrap()));
        assert_eq!((of("203.0.113.7"), of("::ffff:203.0.113.9")), ("203.0.113.0/24".into(), "203.0.113.0/24".into()));
        assert_eq!(
            (of("2001:db8:1:2::7"), of("2001:db8:1:ffff::9")),
            ("2001:db8:1::/48".into(), "2001:db8:1::/48".into())
        );
        assert_ne!(of("127.0.0.1"), of("127.0.0.2"));
        assert_eq!(network_key(None), "unknown");
    }

    #[test]
    fn one_network_cannot_use_up_the_attempts_of_others() {
        let (throttle, now) = (throttle(&Config::default()), Utc::now());
        for _ in 0..10 {
            throttle.try_acquire(&unknown_network("ada", [203, 0, 113, 7]), now).unwrap();
        }
        assert!(
            throttle.try_acquire(&unknown_network("ada", [203, 0, 113, 8]), now).is_err(),
            "another address of the same network is the same attacker"
        );
        assert!(throttle.try_acquire(&unknown_network("ada", [198, 51, 100, 1]), now).is_ok());
        assert!(throttle.try_acquire(&unknown_network("bob", [203, 0, 113, 7]), now).is_ok());
    }

    #[test]
    fn guessing_from_everywhere_slows_and_then_stops_strangers_only() {
        let (throttle, now) = (throttle(&Config::default()), Utc::now());
        let mut delays = Vec::new();
        for network in 0..100 {
            delays.push(throttle.try_acquire(&unknown_network("ada", [10, 1, network, 1]), now).unwrap().delay);
        }
        assert!(delays.is_sorted(), "{delays:?}");
        assert_eq!((delays.first(), delays.last()), (Some(&Duration::ZERO), Some(&Duration::from_secs(4))));
        assert_eq!(
            throttle.try_acquire(&unknown_network("ada", [10, 2, 0, 1]), now).err(),
            Some(Duration::from_secs(9))
        );
        let known = AttemptSource::KnownNetwork { login: "ada", address: Some([198, 51, 100, 1].into()) };
        assert_eq!(throttle.try_acquire(&known, now).unwrap().delay, Duration::ZERO);
        assert_eq!(throttle.try_acquire(&AttemptSource::Session(Uuid::nil()), now).unwrap().delay, Duration::ZERO);
    }

    #[test]
    fn each_wrong_password_makes_the_next_wait_longer() {
        let (throttle, now) = (throttle(&Config::default()), Utc::now());
        let delays = std::array::from_fn::<_, 10, _>(|_| {
            throttle.try_acquire(&unknown_network("ada", [10, 0, 0, 1]), now).unwrap().delay.as_millis()
        });
        assert_eq!(delays, [0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000]);
    }

    #[test]
    fn a_refused_attempt_is_counted_by_no_limiter() {
        let (throttle, now) = (throttle(&Config { attempts_per_address: 1, ..Config::default() }), Utc::now());
        throttle.try_acquire(&unknown_network("bob", [10, 0, 0, 1]), now).unwrap();
        for _ in 0..50 {
            assert!(throttle.try_acquire(&unknown_network("ada", [10, 0, 0, 1]), now).is_err());
        }
        assert!(throttle.try_acquire(&unknown_network("ada", [10, 0, 0, 2]), now).is_ok());
    }

    #[tokio::test]
    async fn the_number_of_delayed_attempts_is_limited() {
        let (throttle, now) = (throttle(&Config { attempts_per_login: 2, ..Config::default() }), Utc::now());
        throttle.try_acquire(&unknown_network("ada", [10, 0, 0, 1]), now).unwrap();
        let delayed = throttle.try_acquire(&unknown_network("ada", [10, 0, 0, 1]), now).unwrap();
        let _all = throttle.delayed.try_acquire_many(u32::try_from(MAX_DELAYED).unwrap()).unwrap();
        assert_eq!(throttle.delay(&delayed).await, Err(Duration::from_secs(4)));
    }
}
