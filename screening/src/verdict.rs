//! What becomes of an attempt, and why.
//!
//! Invariant: a verdict that is worse than delivery has at least one finding, so there is always a reason to show.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::reason::Reason;

/// What a rule asks for, from mild to severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is delivered.
    Deliver,
    /// It is delivered, and its media stay blurred until the recipient opens them.
    Blur,
    /// It waits in the recipient's box of requests: no push, no preview, no receipt.
    RequestBox,
    /// It is not taken now (429): the sender may try again after some time. Nothing is stored.
    SlowDown,
    /// It is stored and waits for a moderator. The sender sees that it waits.
    Hold,
    /// It is not taken. Nothing is stored.
    Refuse,
}

impl Outcome {
    /// Returns the word of stored verdicts, which is that of the JSON form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Blur => "blur",
            Self::RequestBox => "request_box",
            Self::SlowDown => "slow_down",
            Self::Hold => "hold",
            Self::Refuse => "refuse",
        }
    }

    /// Whether the recipient gets it now, in one box or the other.
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Deliver | Self::Blur | Self::RequestBox)
    }

    /// Whether it is stored, so that it counts as sent.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Deliver | Self::Blur | Self::RequestBox | Self::Hold)
    }
}

/// A rule that applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Why.
    pub reason: Reason,
    /// What the rule asks for.
    pub outcome: Outcome,
}

/// The verdict about an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The severest outcome of all findings.
    pub outcome: Outcome,
    /// Whether media stay blurred until they are opened, also after a request was accepted or a held one released.
    pub is_blurred: bool,
    /// After how many milliseconds the sender may try again, if the outcome is [`Outcome::SlowDown`] and time helps.
    pub retry_after_ms: Option<u64>,
    /// The reasons that applied, each with its severest outcome, the one that decided first.
    pub findings: Vec<Finding>,
    /// The version of the rules.
    pub rules_version: u32,
}

impl Verdict {
    /// Returns the verdict that these findings make.
    pub fn of(mut findings: Vec<Finding>, retry_after_ms: Option<u64>, rules_version: u32) -> Self {
        // Stable: of equal outcomes, the rule that comes first in the table decides.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.outcome));
        let outcome = findings.first().map_or(Outcome::Deliver, |finding| finding.outcome);
        let is_blurred = findings.iter().any(|finding| finding.outcome == Outcome::Blur);
        let mut seen = BTreeSet::new();
        findings.retain(|finding| seen.insert(finding.reason));
        Self {
            outcome,
            is_blurred,
            retry_after_ms: retry_after_ms.filter(|_| outcome == Outcome::SlowDown),
            findings,
            rules_version,
        }
    }

    /// Returns why the verdict is what it is; `None` if nothing applied.
    pub fn reason(&self) -> Option<Reason> {
        self.findings.first().map(|finding| finding.reason)
    }

    /// Whether the sender may appeal: it was held or refused, for a reason that has an appeal.
    pub fn can_appeal(&self) -> bool {
        matches!(self.outcome, Outcome::Hold | Outcome::Refuse) && self.reason().is_some_and(Reason::can_appeal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(reason: Reason, outcome: Outcome) -> Finding {
        Finding { reason, outcome }
    }

    #[test]
    fn the_severest_finding_decides_and_a_blur_stays() {
        let findings = vec![
            finding(Reason::Nudity, Outcome::Blur),
            finding(Reason::Nudity, Outcome::RequestBox),
            finding(Reason::ManyLinks, Outcome::Hold),
            finding(Reason::Spam, Outcome::Hold),
            finding(Reason::TooFast, Outcome::SlowDown),
        ];
        let verdict = Verdict::of(findings, Some(1000), 7);
        assert_eq!((verdict.outcome, verdict.reason()), (Outcome::Hold, Some(Reason::ManyLinks)));
        assert_eq!(verdict.findings.len(), 4, "each reason once");
        assert!(verdict.is_blurred && verdict.can_appeal() && verdict.retry_after_ms.is_none());
        let slowed = Verdict::of(vec![finding(Reason::TooFast, Outcome::SlowDown)], Some(1000), 7);
        assert!(slowed.retry_after_ms == Some(1000) && !slowed.can_appeal() && !slowed.outcome.is_stored());
        for outcome in [Outcome::Deliver, Outcome::Blur, Outcome::RequestBox, Outcome::SlowDown, Outcome::Refuse] {
            assert_eq!(serde_json::json!(outcome), outcome.as_str());
        }
        let delivered = Verdict::of(Vec::new(), None, 7);
        assert!(delivered.outcome.is_delivered() && delivered.reason().is_none() && !delivered.is_blurred);
    }
}
