//! One attempt from a sender's stored state to the verdict and the next state: the hot path of every role that delivers
//! something from one member to another.
//!
//! The caller reads the sender's row in the transaction and the lane of the sender, calls [`decide`], and stores the
//! new state beside what was sent. Owns which outcome costs what. Invariant: an attempt that is not stored (slowed down
//! or refused) changes neither the budget nor the rate, so trying again costs nothing twice.

use chrono::{DateTime, Utc};

use crate::budget::Budget;
use crate::facts::{Facts, Surface};
use crate::fingerprint::Fingerprint;
use crate::recent::{RecentLimits, RecentTexts};
use crate::rules::RuleSet;
use crate::standing::Standing;
use crate::verdict::{Outcome, Verdict};

/// What is kept about a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderState {
    /// The budget for new recipients.
    pub budget: Budget,
    /// When all of the rate is free again; `None` before the first attempt.
    pub rate_free_at: Option<DateTime<Utc>>,
    /// The texts that it has sent lately, by recipient.
    pub recent: RecentTexts,
}

/// What a sender attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The facts that the sender's state does not have; [`decide`] sets `rate`, `budget` and `alike_recipients`.
    pub facts: Facts,
    /// The fingerprint of the text, from [`crate::facts::Content`].
    pub fingerprint: Option<Fingerprint>,
    /// A number for the recipient or the conversation, such as a hash of its id.
    pub recipient: u64,
    /// How many of its recipients the sender reaches for the first time.
    pub new_recipients: u32,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The verdict.
    pub verdict: Verdict,
    /// All facts that it was made of, to be kept for a replay.
    pub facts: Facts,
    /// The state to store.
    pub state: SenderState,
}

impl SenderState {
    /// Returns the state of a sender who has sent nothing yet. A state is of surfaces that are messages, or of others.
    pub fn new(surface: Surface, standing: &Standing, rules: &RuleSet, now: DateTime<Utc>) -> Self {
        Self {
            budget: Budget::full(rules.budget(surface, standing.trust(rules.trust)), now),
            rate_free_at: None,
            recent: RecentTexts::new(RecentLimits::SENDER),
        }
    }
}

/// Decides about an attempt at `now`.
pub fn decide(state: SenderState, attempt: Attempt, rules: &RuleSet, now: DateTime<Utc>) -> Decision {
    let Attempt { mut facts, fingerprint, recipient, new_recipients } = attempt;
    let trust = facts.standing.trust(rules.trust);
    let rate = rules.rate(facts.surface, trust).take(state.rate_free_at, now, 1);
    let budget = match new_recipients {
        0 => Ok(state.budget),
        count => state.budget.spend(rules.budget(facts.surface, trust), now, count),
    };
    facts.rate = rate.err();
    facts.budget = budget.err();
    if let Some(fingerprint) = fingerprint {
        let alike = state.recent.parties_with_alike(fingerprint, rules.alike_distance, recipient, now);
        facts.alike_recipients = u32::try_from(alike).unwrap_or(u32::MAX);
    }
    let verdict = rules.screen(&facts);
    let state = match (verdict.outcome, fingerprint) {
        (Outcome::SlowDown, _) | (_, None) => state,
        // A text that was refused or held counts for the next one: it is not tried on recipient after recipient.
        (_, Some(fingerprint)) => SenderState { recent: state.recent.with(fingerprint, recipient, now), ..state },
    };
    let state = if verdict.outcome.is_stored() {
        SenderState { rate_free_at: rate.ok().or(state.rate_free_at), budget: budget.unwrap_or(state.budget), ..state }
    } else {
        state
    };
    Decision { verdict, facts, state }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::facts::{Content, Relation};
    use crate::reason::Reason;
    use crate::standing::Trust;

    const NAMES: [&str; 10] =
        ["Anna", "Bob", "Christopher", "Li", "Maria", "Konstantin", "Zoe", "Mohammed", "Jo", "Sebastian"];

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    fn new_member() -> Standing {
        Standing { account_age_days: 1, has_confirmed_address: true, ..Standing::default() }
    }

    fn to_stranger(standing: &Standing, text: &str, recipient: u64) -> Attempt {
        let content = Content::of(text);
        let mut facts = Facts::new(Surface::Message, Relation::Stranger, standing.clone());
        facts.text = content.text;
        Attempt { facts, fingerprint: content.fingerprint, recipient, new_recipients: 1 }
    }

    #[test]
    fn fifty_first_messages_at_once_reach_as_many_as_the_budget_holds() {
        let rules = RuleSet::standard();
        let mut state = SenderState::new(Surface::Message, &new_member(), &rules, at(0));
        let mut delivered = 0;
        for recipient in 0..50 {
            let decision = decide(state, to_stranger(&new_member(), "hi", recipient), &rules, at(0));
            delivered += u32::from(decision.verdict.outcome.is_delivered());
            if !decision.verdict.outcome.is_delivered() {
                assert_eq!(decision.verdict.reason(), Some(Reason::NewRecipients));
                assert!(decision.verdict.retry_after_ms.is_some_and(|wait| wait > 60_000));
            }
            state = decision.state;
        }
        assert_eq!(delivered, rules.budgets.of(Trust::New).capacity);
    }

    #[test]
    fn what_is_slowed_down_costs_nothing() {
        let rules = RuleSet::standard();
        let mut state = SenderState::new(Surface::Message, &new_member(), &rules, at(0));
        for recipient in 0..5 {
            state = decide(state, to_stranger(&new_member(), "hi", recipient), &rules, at(0)).state;
        }
        let refused =
            decide(state.clone(), to_stranger(&new_member(), "a first message to one more", 9), &rules, at(0));
        assert_eq!(refused.verdict.outcome, Outcome::SlowDown);
        assert_eq!(refused.state, state);
        let wait = TimeDelta::milliseconds(refused.verdict.retry_after_ms.unwrap() as i64);
        let later =
            decide(refused.state, to_stranger(&new_member(), "a first message to one more", 9), &rules, at(0) + wait);
        assert!(later.verdict.outcome.is_delivered(), "the wait is enough");
    }

    #[test]
    fn a_mass_mailer_is_held_before_twenty_are_reached() {
        let rules = RuleSet::standard();
        // Old enough to have a larger budget, and patient: one message each hour, each a little different.
        let standing = Standing { account_age_days: 10, ..new_member() };
        let mut state = SenderState::new(Surface::Message, &standing, &rules, at(0));
        let mut delivered = 0;
        for recipient in 0..200_u64 {
            let name = NAMES[recipient as usize % NAMES.len()];
            let text = format!(
                "Hi {name}, I saw your profile and love your singing. I earn 3000 a week from home with a simple \
                 trick, write me on my page to learn how, offer {recipient}"
            );
            let decision = decide(state, to_stranger(&standing, &text, recipient), &rules, at(60 * recipient as i64));
            state = decision.state;
            if decision.verdict.outcome == Outcome::Hold {
                assert_eq!(decision.verdict.reason(), Some(Reason::AlikeTexts));
                break;
            }
            delivered += u32::from(decision.verdict.outcome.is_delivered());
        }
        assert!((7..=20).contains(&delivered), "{delivered} were delivered");
    }

    #[test]
    fn a_slow_ring_of_fifty_accounts_delivers_a_twentieth() {
        let rules = RuleSet::standard();
        let standing = Standing { account_age_days: 10, ..new_member() };
        let mut everybody = RecentTexts::new(RecentLimits::EVERYBODY);
        let mut states = vec![SenderState::new(Surface::Message, &standing, &rules, at(0)); 50];
        let mut delivered = 0;
        for (round, sender) in (0..10).flat_map(|round| (0..50).map(move |sender| (round, sender))) {
            let name = NAMES[(round * 7 + sender) % NAMES.len()];
            let text = format!(
                "Hi {name}, I saw your profile and love your singing. I earn 3000 a week from home with a simple \
                 trick, write me on my page to learn how"
            );
            let (now, number) = (at(round as i64 * 720), (round * 50 + sender) as u64);
            let mut attempt = to_stranger(&standing, &text, number);
            let fingerprint = attempt.fingerprint.unwrap();
            let alike = everybody.parties_with_alike(fingerprint, rules.alike_distance, sender as u64, now);
            attempt.facts.alike_senders = alike as u32;
            let decision = decide(states[sender].clone(), attempt, &rules, now);
            delivered += u32::from(decision.verdict.outcome.is_delivered());
            states[sender] = decision.state;
            everybody = everybody.with(fingerprint, sender as u64, now);
        }
        assert!(delivered <= 25, "{delivered} of 500 were delivered");
    }

    #[test]
    fn a_follow_spree_waits_and_comments_cost_no_budget() {
        let rules = RuleSet::standard();
        let mut state = SenderState::new(Surface::Follow, &new_member(), &rules, at(0));
        let follow = |number| {
            let facts = Facts::new(Surface::Follow, Relation::Stranger, new_member());
            Attempt { facts, fingerprint: None, recipient: number, new_recipients: 1 }
        };
        let followed = (0..60).take_while(|number| {
            let decision = decide(state.clone(), follow(*number), &rules, at(0));
            state = decision.state;
            decision.verdict.outcome == Outcome::Deliver
        });
        assert_eq!(followed.count(), rules.public_budgets.of(Trust::New).capacity as usize);
        let slowed = decide(state.clone(), follow(99), &rules, at(0)).verdict;
        assert_eq!((slowed.outcome, slowed.reason()), (Outcome::SlowDown, Some(Reason::NewRecipients)));
        let mut comment = to_stranger(&new_member(), "What a voice!", 99);
        (comment.facts.surface, comment.new_recipients) = (Surface::Comment, 0);
        assert_eq!(decide(state, comment, &rules, at(0)).verdict.outcome, Outcome::Deliver);
    }

    #[test]
    fn an_honest_member_writes_to_many_friends_and_some_new_people() {
        let rules = RuleSet::standard();
        let standing = Standing { account_age_days: 10, replies_received: 3, ..new_member() };
        let mut state = SenderState::new(Surface::Message, &standing, &rules, at(0));
        for guest in 0..100 {
            let mut attempt = to_stranger(&standing, "Dear all, we are getting married in May! Are you coming?", guest);
            (attempt.facts.relation, attempt.new_recipients) = (Relation::Connected, 0);
            let decision = decide(state, attempt, &rules, at(guest as i64));
            assert_eq!(decision.verdict.outcome, Outcome::Deliver, "{:?}", decision.verdict);
            state = decision.state;
        }
        let texts = [
            "Hello, I sang the second voice in your thread yesterday, may I use the recording for our choir's video?",
            "Is the upright piano that you showed last week still for sale, and could I come and try it on Sunday?",
        ];
        for (recipient, text) in (1000..).zip(texts) {
            let decision = decide(state, to_stranger(&standing, text, recipient), &rules, at(200));
            assert_eq!(decision.verdict.outcome, Outcome::RequestBox, "{:?}", decision.verdict);
            state = decision.state;
        }
    }
}
