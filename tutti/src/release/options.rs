//! `[release]` in the configuration: how processes are replaced, who accepts releases, and when one is stopped.
//!
//! Invariant: with the defaults no process is started or ended by a command.

use std::path::PathBuf;

use base::config::{Config, Error};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::acceptance::Tester;
use super::budget::Budget;

/// Releases: who accepts them, how processes are replaced, and when a release is stopped. In commands, `{version}` and
/// `{binary}` are replaced by those of the new release.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReleaseOptions {
    /// The folder in which prepared and accepted releases are recorded. If unset, `releases` in the data folder.
    #[schema(value_type = Option<String>)]
    pub(crate) folder: Option<PathBuf>,
    /// Who may accept releases: a name, a space, and the public key that `tutti keys tester` prints. In `production` no
    /// release starts without the acceptance of one of them.
    pub(crate) testers: Vec<String>,
    /// The program with its arguments that starts the new release beside the old one, for some of the requests.
    pub(crate) canary: Vec<String>,
    /// The program with its arguments that replaces all processes by those of the new release.
    pub(crate) promote: Vec<String>,
    /// The program with its arguments that replaces all processes, the canary too, by those of the release before.
    pub(crate) roll_back: Vec<String>,
    /// The program with its arguments that ends all processes, before databases go back.
    pub(crate) stop: Vec<String>,
    /// The URLs of the canary's operations listeners, such as `http://127.0.0.1:8091`.
    pub(crate) watch: Vec<String>,
    /// For how many minutes the canary is watched.
    pub(crate) watch_minutes: u32,
    /// Seconds from one look at it to the next.
    pub(crate) watch_interval_seconds: u32,
    /// Seconds within which the canary must be ready.
    pub(crate) ready_seconds: u32,
    /// The share of requests in percent that must not fail: the rest is the error budget.
    pub(crate) availability_percent: f64,
    /// A release is stopped once it burns the budget this many times as fast as it may be spent.
    pub(crate) max_burn: f64,
    /// Fewer responses than these tell nothing.
    pub(crate) min_requests: u64,
}

impl Default for ReleaseOptions {
    fn default() -> Self {
        Self {
            folder: None,
            testers: Vec::new(),
            canary: Vec::new(),
            promote: Vec::new(),
            roll_back: Vec::new(),
            stop: Vec::new(),
            watch: Vec::new(),
            watch_minutes: 10,
            watch_interval_seconds: 5,
            ready_seconds: 120,
            availability_percent: 99.9,
            max_burn: 14.4,
            min_requests: 100,
        }
    }
}

impl ReleaseOptions {
    /// Reads the section.
    pub(crate) fn of(config: &Config) -> Result<Self, Error> {
        let options: Self = config.section("release")?;
        options.testers()?;
        let is_share = (0.0..100.0).contains(&options.availability_percent);
        if !is_share || options.max_burn.is_nan() || options.max_burn < 1.0 {
            return Err(Error::Unusable(
                "release.availability_percent must be from 0 to below 100, and release.max_burn at least 1".to_owned(),
            ));
        }
        Ok(options)
    }

    /// Returns who may accept releases.
    pub(super) fn testers(&self) -> Result<Vec<Tester>, Error> {
        let parse = |text: &String| {
            Tester::parse(text).ok_or_else(|| {
                Error::Unusable(format!(
                    "`{text}` in release.testers is not a name, a space and a public key of `tutti keys tester`"
                ))
            })
        };
        self.testers.iter().map(parse).collect()
    }

    /// Returns the error budget.
    pub(super) fn budget(&self) -> Budget {
        Budget {
            error_share: 1.0 - self.availability_percent / 100.0,
            max_burn: self.max_burn,
            min_requests: self.min_requests,
        }
    }
}
