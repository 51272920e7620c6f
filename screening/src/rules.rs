//! The table of rules, and how it is applied to facts.
//!
//! A rule is a row of data: where it applies, to whom, what it asks about, and what it leads to. Operators change the
//! table without a release; each table has a version, which every verdict names. Owns no state. Invariant: a table that
//! passed [`RuleSet::check`] gives every attempt exactly one verdict.

mod standard;

use serde::{Deserialize, Serialize};

use crate::budget::BudgetRules;
use crate::classifier::{Deadlines, Opinion, Score};
use crate::facts::{Facts, Relation, Surface};
use crate::rate::Rate;
use crate::reason::Reason;
use crate::standing::{Trust, TrustRules};
use crate::verdict::{Finding, Outcome, Verdict};

/// The most rows of a table.
pub const MAX_RULES: usize = 200;
/// The greatest distance between fingerprints of alike texts that a table may have: with more, unrelated texts are
/// alike too often (at 16 bits one pair in 13,000 sentences of documentation).
pub const MAX_ALIKE_DISTANCE: u32 = 16;

/// A version of the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// The version; each change has a higher one.
    pub version: u32,
    /// What trust takes.
    pub trust: TrustRules,
    /// The rates of messages and invitations.
    pub rates: ByTrust<Rate>,
    /// The budgets for new recipients of messages and invitations.
    pub budgets: ByTrust<BudgetRules>,
    /// The rates of what is no message: comments, mentions, follows, parts of threads, changes of a profile.
    pub public_rates: ByTrust<Rate>,
    /// The budgets for people whom a member reaches in public for the first time: by following or mentioning them.
    pub public_budgets: ByTrust<BudgetRules>,
    /// Texts whose fingerprints differ in at most so many bits are alike.
    pub alike_distance: u32,
    /// How long classifiers may take.
    pub deadlines: Deadlines,
    /// The rows. All that apply are found; the severest decides, of equal ones the first.
    pub rules: Vec<Rule>,
}

/// A value for each level of trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByTrust<T> {
    /// For [`Trust::New`].
    pub new: T,
    /// For [`Trust::Known`].
    pub known: T,
    /// For [`Trust::Trusted`].
    pub trusted: T,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// What the sender is told.
    pub reason: Reason,
    /// Where it applies; everywhere if empty.
    #[serde(default)]
    pub surfaces: Vec<Surface>,
    /// For which relations; for all if empty.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// The most trusted senders that it applies to.
    pub up_to: Trust,
    /// What it asks about; it applies if all hold, and always if there is nothing.
    #[serde(default)]
    pub all_of: Vec<Check>,
    /// What it leads to.
    pub outcome: Outcome,
}

/// What a rule asks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The rate of messages is exhausted.
    RateExhausted,
    /// The budget for new recipients is exhausted.
    BudgetExhausted,
    /// The recipient receives nothing from strangers.
    RefusesStrangers,
    /// At least so many messages to the recipient have no answer.
    Unanswered(u32),
    /// At least so many recipients have had an alike text of this sender.
    AlikeRecipients(u32),
    /// At least so many senders have sent an alike text.
    AlikeSenders(u32),
    /// It reaches at least so many members at once.
    Recipients(u32),
    /// The text has at least so many links.
    Links(u32),
    /// It has at least so many links through shorteners.
    Shorteners(u32),
    /// It has at least so many links that lead elsewhere than they seem.
    DisguisedLinks(u32),
    /// It links to at least so many new domains.
    NewDomains(u32),
    /// It links to at least so many listed domains.
    ListedDomains(u32),
    /// It has at least so many disguises.
    Disguises(u32),
    /// The sender's mail address is not confirmed.
    Unconfirmed,
    /// At least so many reports about the sender were upheld.
    ReportsUpheld(u32),
    /// It has at least so many pictures.
    Media(u32),
    /// One of its pictures is known as bad.
    ListedMedia,
    /// The classifier gives one of its pictures at least this score.
    Nudity(Score),
    /// The classifier was asked about one of its pictures in vain.
    NudityUnknown,
    /// The classifier gives its text at least this score.
    Spam(Score),
    /// The classifier was asked about its text in vain.
    SpamUnknown,
}

/// A table can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRules {
    /// The version is 0, which verdicts without rules have.
    #[error("give the rules a version of 1 or more")]
    NoVersion,
    /// Too many rows.
    #[error("a table has at most {} rules", MAX_RULES)]
    TooMany,
    /// Texts that have nothing in common would count as alike.
    #[error("alike_distance is {} at most: with more, unrelated texts would count as alike", MAX_ALIKE_DISTANCE)]
    AlikeDistance,
    /// A row slows down, and nothing says for how long.
    #[error("rule {0} slows down, so it must ask for an exhausted rate or budget, which say for how long")]
    NoWait(usize),
    /// A row delivers, which happens without a rule.
    #[error("rule {0} delivers, which happens without a rule")]
    Delivers(usize),
    /// A row applies to all senders and holds or refuses everything.
    #[error("rule {0} holds or refuses everything of everybody; let it ask for something")]
    StopsEverything(usize),
}

impl<T: Copy> ByTrust<T> {
    /// Returns the value for a level of trust.
    pub fn of(&self, trust: Trust) -> T {
        match trust {
            Trust::New => self.new,
            Trust::Known => self.known,
            Trust::Trusted => self.trusted,
        }
    }
}

impl RuleSet {
    /// Refuses a table that can't be used. Rules are numbered from 1.
    pub fn check(&self) -> Result<(), InvalidRules> {
        if self.version == 0 {
            return Err(InvalidRules::NoVersion);
        }
        if self.rules.len() > MAX_RULES {
            return Err(InvalidRules::TooMany);
        }
        if self.alike_distance > MAX_ALIKE_DISTANCE {
            return Err(InvalidRules::AlikeDistance);
        }
        for (number, rule) in (1..).zip(&self.rules) {
            rule.check(number)?;
        }
        Ok(())
    }

    /// Returns the rate of a sender of this trust.
    pub fn rate(&self, surface: Surface, trust: Trust) -> Rate {
        if surface.is_private() { self.rates.of(trust) } else { self.public_rates.of(trust) }
    }

    /// Returns the budget of a sender of this trust.
    pub fn budget(&self, surface: Surface, trust: Trust) -> BudgetRules {
        if surface.is_private() { self.budgets.of(trust) } else { self.public_budgets.of(trust) }
    }

    /// Returns the verdict about an attempt. Takes microseconds; reading its text is the larger part.
    pub fn screen(&self, facts: &Facts) -> Verdict {
        let trust = facts.standing.trust(self.trust);
        let applied = self.rules.iter().filter(|rule| rule.applies(facts, trust));
        let findings = applied.map(|rule| Finding { reason: rule.reason, outcome: rule.outcome }).collect();
        let waits = [facts.rate, facts.budget];
        let wait = waits.iter().flatten().filter_map(|exhausted| exhausted.retry_after_ms).max();
        Verdict::of(findings, wait, self.version)
    }
}

impl Rule {
    fn check(&self, number: usize) -> Result<(), InvalidRules> {
        let says_how_long = |check: &Check| matches!(check, Check::RateExhausted | Check::BudgetExhausted);
        let is_for_all = self.surfaces.is_empty() && self.relations.is_empty() && self.up_to == Trust::Trusted;
        match self.outcome {
            Outcome::SlowDown if !self.all_of.iter().any(says_how_long) => Err(InvalidRules::NoWait(number)),
            Outcome::Deliver => Err(InvalidRules::Delivers(number)),
            Outcome::Hold | Outcome::Refuse if is_for_all && self.all_of.is_empty() => {
                Err(InvalidRules::StopsEverything(number))
            }
            _ => Ok(()),
        }
    }

    fn applies(&self, facts: &Facts, trust: Trust) -> bool {
        let is_exempt = self.reason.can_appeal() && facts.standing.exempt.contains(&self.reason);
        !is_exempt
            && trust <= self.up_to
            && (self.surfaces.is_empty() || self.surfaces.contains(&facts.surface))
            && (self.relations.is_empty() || self.relations.contains(&facts.relation))
            && self.all_of.iter().all(|check| check.holds(facts))
    }
}

impl Check {
    fn holds(self, facts: &Facts) -> bool {
        let nudity = |is_so: &dyn Fn(Opinion) -> bool| facts.media.iter().any(|media| is_so(media.nudity));
        match self {
            Self::RateExhausted => facts.rate.is_some(),
            Self::BudgetExhausted => facts.budget.is_some(),
            Self::RefusesStrangers => facts.refuses_strangers,
            Self::Unanswered(count) => facts.unanswered >= count,
            Self::AlikeRecipients(count) => facts.alike_recipients >= count,
            Self::AlikeSenders(count) => facts.alike_senders >= count,
            Self::Recipients(count) => facts.recipients >= count,
            Self::Links(count) => facts.text.links >= count,
            Self::Shorteners(count) => facts.text.shorteners >= count,
            Self::DisguisedLinks(count) => facts.text.disguised_links >= count,
            Self::NewDomains(count) => facts.text.new_domains >= count,
            Self::ListedDomains(count) => facts.text.listed_domains >= count,
            Self::Disguises(count) => facts.text.disguises >= count,
            Self::Unconfirmed => !facts.standing.has_confirmed_address,
            Self::ReportsUpheld(count) => facts.standing.reports_upheld >= count,
            Self::Media(count) => facts.media.len() >= count as usize,
            Self::ListedMedia => facts.media.iter().any(|media| media.is_listed),
            Self::Nudity(score) => nudity(&|opinion: Opinion| opinion.is_at_least(score)),
            Self::NudityUnknown => nudity(&Opinion::is_missing),
            Self::Spam(score) => facts.spam.is_at_least(score),
            Self::SpamUnknown => facts.spam.is_missing(),
        }
    }
}

#[cfg(test)]
mod tests;
