//! `[accounts]` in the configuration.
//!
//! Invariant: the defaults are safe for a server on the public internet. Only tests should configure cheaper hashes.

use argon2::Params;
use base::config::{Error, Section};
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{SessionLimits, WorkRule};

/// Passwords, sessions and the limits on guessing.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Memory of one password hash, in KiB.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash over its memory (Argon2's time cost).
    pub argon2_passes: u32,
    /// Lanes of one password hash (Argon2's parallelism). They run one after the other.
    pub argon2_lanes: u32,
    /// The most password hashes at once; 0 for the number of cores.
    pub hashes_at_once: usize,
    /// The most requests that may wait for a hash. The server responds 503 to more.
    pub hashes_waiting: usize,
    /// The most wrong passwords for one login from one network (IPv4: a /24, IPv6: a /48) in a window. The server
    /// responds 429 to more. Each client address (IPv6: each /64) in a network that the account has signed in from
    /// before may have as many of its own, and so may each live session.
    pub attempts_per_login: u32,
    /// The most wrong passwords for one login in a window from all networks that the account has not signed in from.
    /// Its sessions and known networks are exempt.
    pub attempts_per_login_everywhere: u32,
    /// The most wrong passwords from one IP address (IPv6: one /64) in a window; a whole venue may share one address.
    pub attempts_per_address: u32,
    /// The window of the limits above, in minutes.
    pub attempts_window_minutes: u32,
    /// How long an attempt is delayed, in milliseconds, once half of the wrong passwords for a login are used up. The
    /// delay doubles with each further step.
    pub throttle_delay_ms: u32,
    /// The most new accounts from one IP address in an hour.
    pub sign_ups_per_address: u32,
    /// The most new accounts from one network (IPv4: a /24, IPv6: a /48) in an hour. From half of them on, each needs a
    /// proof of work, a harder one the nearer the limit is.
    pub sign_ups_per_network: u32,
    /// From so many new accounts a minute on, in one process, each needs a proof of work, which is the
    /// harder the more they are; 0 for never.
    pub sign_ups_per_minute: u32,
    /// How many numbers a client tries at most for the easiest proof of work. The page tries some 100,000 a second.
    pub work_numbers: u32,
    /// A file of domains whose e-mail addresses are refused, one a line, in place of the short list of services for
    /// disposable addresses that comes with the server. An empty file refuses none.
    pub disposable_domains_file: String,
    /// The most requests for a forgotten password from one IP address (IPv6: one /64) in an hour. A member who has
    /// signed in from there before may make as many of their own.
    pub forgotten_per_address: u32,
    /// The most mails to one mailbox in an hour that strangers can cause: those of new accounts, and of accounts whose
    /// address is not confirmed. Members with a confirmed address may cause as many more by changing it.
    pub mails_per_mailbox: u32,
    /// After how many days without use a session ends.
    pub session_idle_days: u32,
    /// After how many minutes without a refresh a session of the operators' listener ends.
    pub operators_idle_minutes: u32,
    /// After how many hours a session of the operators' listener ends, however it is used.
    pub operators_session_hours: u32,
    /// The most sessions of one member. One more ends the session that was unused for longest.
    pub sessions_per_account: u32,
    /// For how many minutes after signing in, or after proving it again, what is dangerous needs no other proof: a new
    /// second factor, its removal, new recovery codes, another address, an API key, a change of roles, erasing the
    /// account.
    pub recent_sign_in_minutes: u32,
    /// The most wrong codes of second factors for one account in a day from all networks that it has not signed in
    /// from. Each client address in a network that it has signed in from may have as many of its own, and so may each
    /// live session. These codes are short, so this is stricter than for passwords, and beside those limits.
    pub wrong_codes_per_day: u32,
    /// After how many days the next key signs access tokens.
    pub key_rotation_days: u32,
    /// How often keys are rotated and idle sessions removed, in seconds.
    pub maintenance_seconds: u32,
}

/// Returns the sections for the configuration reference.
pub(crate) fn sections() -> Vec<Section> {
    vec![Section::of::<Config>("accounts").with_rule(|config| config.section::<Config>("accounts")?.check())]
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
            sign_ups_per_network: 400,
            sign_ups_per_minute: 120,
            work_numbers: 100_000,
            disposable_domains_file: String::new(),
            forgotten_per_address: 60,
            mails_per_mailbox: 10,
            session_idle_days: 60,
            operators_idle_minutes: 30,
            operators_session_hours: 8,
            sessions_per_account: 50,
            recent_sign_in_minutes: 10,
            wrong_codes_per_day: 30,
            key_rotation_days: 30,
            maintenance_seconds: 3600,
        }
    }
}

/// The key of `[admin]` that says where operators open the console. A process without that role has the section as
/// well.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConsoleOrigin {
    public_url: String,
}

/// Returns the origin of the operators' console, if it is configured.
pub(crate) fn console_url(configuration: &base::config::Config) -> Result<Option<String>, Error> {
    let url = configuration.section::<ConsoleOrigin>("admin")?.public_url;
    Ok(Some(url).filter(|url| !url.is_empty()))
}

const SAFE_MEMORY_KIB: u32 = 19 * 1024;
const SAFE_PASSES: u32 = 2;

impl Config {
    /// Reads and checks `[accounts]`.
    pub(crate) fn load(configuration: &base::config::Config) -> Result<Self, Error> {
        let config = configuration.section::<Self>("accounts")?;
        config.check()?;
        if config.argon2_memory_kib < SAFE_MEMORY_KIB || config.argon2_passes < SAFE_PASSES {
            tracing::warn!(
                "accounts.argon2_memory_kib or argon2_passes is below OWASP's minimum (19456 and 2), so passwords are \
                 cheaper to guess"
            );
        }
        Ok(config)
    }

    /// Refuses invalid values.
    fn check(&self) -> Result<(), Error> {
        let positive = [
            ("attempts_per_login", self.attempts_per_login),
            ("attempts_per_login_everywhere", self.attempts_per_login_everywhere),
            ("attempts_per_address", self.attempts_per_address),
            ("attempts_window_minutes", self.attempts_window_minutes),
            ("sign_ups_per_address", self.sign_ups_per_address),
            ("sign_ups_per_network", self.sign_ups_per_network),
            ("work_numbers", self.work_numbers),
            ("forgotten_per_address", self.forgotten_per_address),
            ("mails_per_mailbox", self.mails_per_mailbox),
            ("session_idle_days", self.session_idle_days),
            ("operators_idle_minutes", self.operators_idle_minutes),
            ("operators_session_hours", self.operators_session_hours),
            ("sessions_per_account", self.sessions_per_account),
            // A key must sign for longer than the day that it is published ahead.
            ("key_rotation_days", self.key_rotation_days.saturating_sub(1)),
            ("maintenance_seconds", self.maintenance_seconds),
            ("wrong_codes_per_day", self.wrong_codes_per_day),
        ];
        if let Some((key, _)) = positive.iter().find(|(_, value)| *value == 0) {
            let least = if *key == "key_rotation_days" { 2 } else { 1 };
            return Err(Error::Unusable(format!("accounts.{key} in the configuration must be at least {least}")));
        }
        self.argon2_params().map(drop)
    }

    /// Returns the parameters of a password hash.
    pub(crate) fn argon2_params(&self) -> Result<Params, Error> {
        Params::new(self.argon2_memory_kib, self.argon2_passes, self.argon2_lanes, None).map_err(|error| {
            Error::Unusable(format!(
                "accounts.argon2_memory_kib, argon2_passes or argon2_lanes in the configuration don't fit: {error}"
            ))
        })
    }

    /// Returns when a sign-up needs a proof of work, and how hard one.
    pub(crate) fn work_rule(&self) -> WorkRule {
        WorkRule { per_minute: self.sign_ups_per_minute, numbers: self.work_numbers }
    }

    /// Returns after how long without use a session ends.
    pub(crate) fn session_idle_timeout(&self) -> TimeDelta {
        TimeDelta::days(self.session_idle_days.into())
    }

    /// Returns how long a session of the operators' listener, or of the public one, may go on.
    pub(crate) fn session_limits(&self, operators: bool) -> SessionLimits {
        if operators {
            SessionLimits {
                idle: TimeDelta::minutes(self.operators_idle_minutes.into()),
                total: Some(TimeDelta::hours(self.operators_session_hours.into())),
            }
        } else {
            SessionLimits { idle: self.session_idle_timeout(), total: None }
        }
    }

    /// Returns the age up to which a proof of who the caller is counts for what is dangerous.
    pub(crate) fn recent_sign_in(&self) -> TimeDelta {
        TimeDelta::minutes(self.recent_sign_in_minutes.into())
    }

    /// Returns after how long the next key signs access tokens.
    pub(crate) fn key_rotation(&self) -> TimeDelta {
        TimeDelta::days(self.key_rotation_days.into())
    }

    /// Returns how often keys are rotated and idle sessions removed.
    pub(crate) fn maintenance_interval(&self) -> TimeDelta {
        TimeDelta::seconds(self.maintenance_seconds.into())
    }
}
