//! Flags: what the people who run the installation can turn off for all processes.
//!
//! Owns the table of flags and this process's copy of their state; accounts stores it. A new flag is one row of the
//! table, and [`Flags::require`] or [`Flags::is_on`] where it counts. Invariant: a state that can't be read stays as it
//! was last known, and all flags are on until it was read for the first time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use base::Query;
use base::tasks::Tasks;
use http_server::Problem;
use http_server::problem::every_role;
use peer::{Error, Peers};
use serde::{Deserialize, Serialize};

/// How often a process asks. A change counts everywhere within this and the time of one request.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(5);
/// How long the start of a process waits for the first state. Accounts may be starting too.
const FIRST_READ_TIMEOUT: Duration = Duration::from_secs(1);
/// After how long a client may try again what is turned off.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// Failed requests in a row after which the log says so. The accounts role may be starting.
const LOGGED_FAILURE: u32 = 3;

/// Declares the table of flags: the name in code, the name for operators, what it is about, and what a client is told
/// while it is off.
macro_rules! flags {
    ($($flag:ident $name:literal, $description:literal, $refusal:literal;)+) => {
        /// A flag.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Flag {
            $(#[doc = $description] $flag),+
        }

        impl Flag {
            /// All flags, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$flag),+];

            /// Returns the name, such as `sign_ups`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$flag => $name),+ }
            }

            /// Returns what is possible only while the flag is on, as a sentence.
            pub fn description(self) -> &'static str {
                match self { $(Self::$flag => $description),+ }
            }

            /// Returns what a client is told while it is off.
            fn refusal(self) -> &'static str {
                match self { $(Self::$flag => $refusal),+ }
            }
        }
    };
}

flags! {
    SignUps "sign_ups", "New accounts can be created.",
        "New accounts can't be created right now. Try again later.";
    Uploads "uploads", "Files can be sent.",
        "Files can't be sent right now. Try again later; what was sent of an unfinished upload stays.";
    Conversions "conversions", "What was sent is converted; meanwhile it waits.",
        "Nothing is converted right now. It will be later.";
}

impl Flag {
    /// Returns the flag with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|flag| flag.name() == name)
    }

    fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// Asks accounts which flags are off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindFlags;

/// The response.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagsState {
    /// The names of the flags that are off. A process passes over names that it does not know.
    pub off: Vec<String>,
    /// The epoch of the installation ([`db::restored::epoch`]); an earlier release of accounts tells none.
    #[serde(default)]
    pub epoch: i64,
}

impl Query for FindFlags {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/internal/flags";
    type Response = FlagsState;

    fn path(&self) -> String {
        Self::PATH.to_owned()
    }
}

/// The flags as this process knows them; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Flags(Arc<State>);

#[derive(Debug, Default)]
struct State {
    off: AtomicU64,
    epoch: AtomicI64,
}

impl Flags {
    /// Whether a flag is on.
    pub fn is_on(&self, flag: Flag) -> bool {
        self.0.off.load(Ordering::Relaxed) & flag.bit() == 0
    }

    /// Returns the epoch of the installation: another one after each restore from a backup, 0 if there was none.
    pub fn epoch(&self) -> i64 {
        self.0.epoch.load(Ordering::Relaxed)
    }

    /// Returns the 503 for what is turned off.
    pub fn require(&self, flag: Flag) -> Result<(), Problem> {
        if self.is_on(flag) {
            return Ok(());
        }
        Err(Problem::of(every_role::SERVER_TURNED_OFF, flag.refusal()).retry_after(RETRY_AFTER))
    }

    /// Takes over the state that accounts has.
    pub fn apply(&self, state: &FlagsState) {
        let off = state.off.iter().filter_map(|name| Flag::from_name(name)).fold(0, |off, flag| off | flag.bit());
        self.0.epoch.store(state.epoch, Ordering::Relaxed);
        let before = self.0.off.swap(off, Ordering::Relaxed);
        for flag in Flag::ALL.iter().filter(|flag| (before ^ off) & flag.bit() != 0) {
            tracing::info!(flag = flag.name(), on = self.is_on(*flag), "a flag was changed");
        }
    }

    /// Asks once.
    pub async fn read(&self, peers: &Peers) -> Result<(), Error> {
        // An earlier release of accounts has no flags.
        if let Some(state) = peers.ask(&FindFlags).await? {
            self.apply(&state);
        }
        Ok(())
    }

    /// Asks once before the process starts to work, and waits for the response a moment only.
    pub async fn read_first(&self, peers: &Peers) {
        match tokio::time::timeout(FIRST_READ_TIMEOUT, self.read(peers)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "the flags can't be read yet"),
            Err(_) => tracing::debug!("the flags can't be read yet"),
        }
    }

    /// Asks again and again until the process stops.
    pub fn follow(&self, peers: &Peers, tasks: &Tasks) {
        let (flags, peers, own) = (self.clone(), peers.clone(), tasks.clone());
        tasks.spawn(async move {
            let mut failures = 0_u32;
            while own.sleep(FOLLOW_INTERVAL).await {
                match flags.read(&peers).await {
                    Ok(()) => failures = 0,
                    Err(error) => {
                        failures = failures.saturating_add(1);
                        if failures == LOGGED_FAILURE {
                            tracing::warn!(%error, "the flags can't be read; they stay as they were");
                        }
                    }
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn off(names: &[&str]) -> FlagsState {
        FlagsState { off: names.iter().map(|&name| name.to_owned()).collect(), epoch: 7 }
    }

    #[test]
    fn flags_are_on_until_accounts_says_otherwise_and_unknown_ones_are_passed_over() {
        let flags = Flags::default();
        assert!(Flag::ALL.iter().all(|flag| flags.is_on(*flag)));
        flags.apply(&off(&["uploads", "of_a_later_release"]));
        assert!(!flags.is_on(Flag::Uploads) && flags.is_on(Flag::SignUps) && flags.is_on(Flag::Conversions));
        let refused = flags.require(Flag::Uploads).unwrap_err();
        assert_eq!((refused.status.as_u16(), &*refused.code), (503, "server.turned_off"));
        assert_eq!(refused.retry_after, Some(RETRY_AFTER));
        assert_eq!((flags.epoch(), Flags::default().epoch()), (7, 0));
        flags.apply(&off(&["sign_ups"]));
        assert!(flags.require(Flag::Uploads).is_ok() && flags.require(Flag::SignUps).is_err());
    }

    #[tokio::test]
    async fn a_state_that_cannot_be_read_stays() {
        let flags = Flags::default();
        flags.apply(&off(&["uploads"]));
        // No role can be asked.
        assert!(flags.read(&Peers::default()).await.is_err());
        flags.read_first(&Peers::default()).await;
        assert!(!flags.is_on(Flag::Uploads));
    }

    #[test]
    fn names_are_unique_and_found() {
        for flag in Flag::ALL {
            assert_eq!(Flag::from_name(flag.name()), Some(*flag));
            assert!(flag.description().ends_with('.') && flag.refusal().ends_with('.'));
        }
        assert_eq!(Flag::from_name("uploads "), None);
        let bits = Flag::ALL.iter().fold(0, |bits, flag| bits | flag.bit());
        assert_eq!(bits.count_ones() as usize, Flag::ALL.len());
    }
}
