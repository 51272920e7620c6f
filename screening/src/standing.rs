//! What is known about a sender, and how much trust it earns.
//!
//! Invariant: an account cannot buy trust by sending: only time, a confirmed address and the answers of others raise
//! it, and upheld reports lower it.

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// A sender's standing at the time of an attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// How many whole days old the account is.
    pub account_age_days: u32,
    /// Whether its mail address is confirmed.
    pub has_confirmed_address: bool,
    /// How many members that it wrote to first have written back.
    pub replies_received: u32,
    /// How many reports about it were upheld in the last 90 days.
    pub reports_upheld: u32,
    /// Whether a moderator has limited it.
    pub is_limited: bool,
    /// Checks that a decided appeal has exempted it from, by the reason that the overturned verdict had.
    #[serde(default)]
    pub exempt: Vec<Reason>,
}

/// How much a sender is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Young, unconfirmed or limited, or with upheld reports.
    New,
    /// Some days old, with a confirmed address.
    Known,
    /// Some weeks old, and answered by many.
    Trusted,
}

/// What trust takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustRules {
    /// Days after which an account with a confirmed address is known.
    pub known_after_days: u32,
    /// Days after which it can be trusted.
    pub trusted_after_days: u32,
    /// Replies from different members that it takes to be trusted.
    pub trusted_after_replies: u32,
    /// Upheld reports that make it new again. One takes a trusted account's trust away.
    pub new_after_reports: u32,
}

impl Standing {
    /// Returns how much the sender is trusted.
    pub fn trust(&self, rules: TrustRules) -> Trust {
        let is_known = self.has_confirmed_address
            && self.account_age_days >= rules.known_after_days
            && self.reports_upheld < rules.new_after_reports;
        let is_trusted = self.account_age_days >= rules.trusted_after_days
            && self.replies_received >= rules.trusted_after_replies
            && self.reports_upheld == 0;
        match (is_known && !self.is_limited, is_trusted) {
            (false, _) => Trust::New,
            (true, false) => Trust::Known,
            (true, true) => Trust::Trusted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: TrustRules =
        TrustRules { known_after_days: 3, trusted_after_days: 30, trusted_after_replies: 20, new_after_reports: 2 };

    #[test]
    fn time_answers_and_reports_make_trust() {
        let trusted =
            Standing { account_age_days: 30, has_confirmed_address: true, replies_received: 20, ..Standing::default() };
        assert_eq!(trusted.trust(RULES), Trust::Trusted);
        for (standing, trust) in [
            (Standing { account_age_days: 2, ..trusted.clone() }, Trust::New),
            (Standing { account_age_days: 29, ..trusted.clone() }, Trust::Known),
            (Standing { replies_received: 19, ..trusted.clone() }, Trust::Known),
            (Standing { has_confirmed_address: false, ..trusted.clone() }, Trust::New),
            (Standing { reports_upheld: 1, ..trusted.clone() }, Trust::Known),
            (Standing { reports_upheld: 2, ..trusted.clone() }, Trust::New),
            (Standing { is_limited: true, ..trusted.clone() }, Trust::New),
            (Standing::default(), Trust::New),
        ] {
            assert_eq!(standing.trust(RULES), trust, "{standing:?}");
        }
    }
}
