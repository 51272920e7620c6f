//! `[accounts]` in the configuration.
//!
//! Invariant: the defaults are safe for a server that faces the world; tests choose cheaper hashes, nobody else should.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kit::config::Section;
use kit::service::BootError;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Passwords, sessions and the limits on guessing.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Memory of one password hash in KiB.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash over its memory.
    pub argon2_passes: u32,
    /// Lanes of one password hash; they run one after the other.
    pub argon2_lanes: u32,
    /// Password hashes at once; 0 for as many as there are cores.
    pub hashes_at_once: usize,
    /// Requests that may wait for a hash; more are answered 503.
    pub hashes_waiting: usize,
    /// Wrong passwords for one login from one network (IPv4: a /24, IPv6: a /48) in a window; more are answered 429. So many again
    /// has each client_key from whose network the account was signed in to before, and each live session.
    pub attempts_per_login: u32,
    /// Wrong passwords for one login in a window from all networks that it does not know. Its sessions and known networks are exempt.
    pub attempts_per_login_everywhere: u32,
    /// Wrong passwords from one address (IPv6: one /64) in a window; a whole venue may share one.
    pub attempts_per_address: u32,
    /// The window of the limits above.
    pub attempts_window_minutes: u32,
    /// Milliseconds that an attempt waits when half of the wrong passwords for a login are used up; twice as long with each step on.
    pub throttle_delay_ms: u32,
    /// New accounts from one address in an hour.
    pub sign_ups_per_address: u32,
    /// A session that was not used for so long ends.
    pub session_idle_days: u32,
    /// Sessions of one member; the one unused for longest makes place for the next.
    pub sessions_per_account: u32,
    /// How long after signing in an account may be erased without the password.
    pub recent_sign_in_minutes: u32,
    /// How long a key signs before the next takes over.
    pub key_rotation_days: u32,
    /// How often keys and idle sessions are looked after.
    pub maintenance_seconds: u32,
}

/// For the reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("accounts")]
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // OWASP Password Storage Cheat Sheet: argon2id with m = 19 MiB, t = 2, p = 1 at least.
            argon2_memory_kib: SAFE_MEMORY_KIB,
            argon2_passes: SAFE_PASSES,
            argon2_lanes: 1,
            hashes_at_once: 0,
            hashes_waiting: 64,
            attempts_per_login: 10,
            attempts_per_login_everywhere: 100,
            attempts_per_address: 100,
            attempts_window_minutes: 15,
            throttle_delay_ms: 250,
            sign_ups_per_address: 200,
            session_idle_days: 60,
            sessions_per_account: 50,
            recent_sign_in_minutes: 10,
            key_rotation_days: 30,
            maintenance_seconds: 3600,
        }
    }
}

const SAFE_MEMORY_KIB: u32 = 19 * 1024;
const SAFE_PASSES: u32 = 2;

/// Keys of earlier versions, each with the key that replaces it.
const RENAMED_KEYS: &[(&str, &str)] = &[
    ("fresh_minutes", "recent_sign_in_minutes"),
    ("key_days", "key_rotation_days"),
    ("signups_per_address", "sign_ups_per_address"),
    ("slow_down_ms", "throttle_delay_ms"),
    ("upkeep_seconds", "maintenance_seconds"),
];

impl Config {
    /// Reads and checks `[accounts]`. A key of an earlier version is refused with the name of its replacement.
    pub(crate) fn load(configuration: &kit::config::Config) -> Result<Self, BootError> {
        let keys: BTreeMap<String, IgnoredAny> = configuration.section("accounts")?;
        if let Some((old, new)) = RENAMED_KEYS.iter().find(|(old, _)| keys.contains_key(*old)) {
            return Err(BootError::Other(format!("accounts.{old} in the configuration is now called accounts.{new}")));
        }
        configuration.section::<Self>("accounts")?.check()
    }

    /// Refuses what can't work, warns of what should not be.
    fn check(self) -> Result<Self, BootError> {
        let positive = [
            ("attempts_per_login", self.attempts_per_login),
            ("attempts_per_login_everywhere", self.attempts_per_login_everywhere),
            ("attempts_per_address", self.attempts_per_address),
            ("attempts_window_minutes", self.attempts_window_minutes),
            ("sign_ups_per_address", self.sign_ups_per_address),
            ("session_idle_days", self.session_idle_days),
            ("sessions_per_account", self.sessions_per_account),
            // A key must sign for longer than it is announced before.
            ("key_rotation_days", self.key_rotation_days.saturating_sub(1)),
            ("maintenance_seconds", self.maintenance_seconds),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            let least = if *key == "key_rotation_days" { 2 } else { 1 };
            return Err(BootError::Other(format!("accounts.{key} in the configuration must be at least {least}")));
        }
        if self.argon2_memory_kib < SAFE_MEMORY_KIB || self.argon2_passes < SAFE_PASSES {
            tracing::warn!("accounts.argon2_memory_kib or argon2_passes is below what OWASP asks for (19456 and 2); passwords are cheaper to guess");
        }
        Ok(self)
    }

    /// After how long without use a session ends.
    pub(crate) fn session_idle_timeout(&self) -> TimeDelta {
        TimeDelta::days(self.session_idle_days.into())
    }

    /// How young a session must be to erase its account without the password.
    pub(crate) fn recent_sign_in(&self) -> TimeDelta {
        TimeDelta::minutes(self.recent_sign_in_minutes.into())
    }

    /// How often keys and idle sessions are looked after.
    pub(crate) fn maintenance_interval(&self) -> TimeDelta {
        TimeDelta::seconds(self.maintenance_seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_key_is_refused_with_its_new_name() {
        for (old, new) in RENAMED_KEYS {
            let set = |key: &str| kit::config::Config::load(None, std::iter::empty(), &[format!("accounts.{key}=7")], &["accounts"]).unwrap();
            let error = Config::load(&set(old)).unwrap_err().to_string();
            assert!(error.contains(old) && error.contains(new), "{error}");
            assert!(Config::load(&set(new)).is_ok(), "{new}");
        }
    }
}
