//! The budget for new recipients: how many members a sender may write to for the first time.
//!
//! Apart from the rate of messages, because a mass mailer writes one message to each of many. The budget fills by time,
//! grows by answers and shrinks by upheld reports. All functions take a state and return the next one: the caller
//! stores it in the transaction that stores the message. Invariant: however a sender's requests are ordered, no more
//! new recipients are reached than the budget held, time added and answers earned.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::rate::Exhausted;

/// A recipient, in the unit of the budget.
const RECIPIENT: i64 = 1000;
/// Microseconds of a day.
const DAY: i128 = 86_400_000_000;
/// The lowest and the highest credit that a state has, in recipients.
const BOUND: i64 = 1_000_000 * RECIPIENT;

/// How a budget fills. What a sender's trust is worth is in the table of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetRules {
    /// New recipients that time fills it to.
    pub capacity: u32,
    /// New recipients that a day adds.
    pub per_day: u32,
    /// Thousandths of a new recipient that an answer adds.
    pub per_answer: u32,
    /// New recipients that answers can fill it to.
    pub max_earned: u32,
    /// New recipients that an upheld report takes.
    pub per_report: u32,
}

/// What a sender may still spend. Two columns of the sender's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Thousandths of a new recipient; below 0 after upheld reports.
    pub credit: i64,
    /// Until when time is counted in.
    pub at: DateTime<Utc>,
}

impl BudgetRules {
    fn capacity(self) -> i64 {
        i64::from(self.capacity) * RECIPIENT
    }

    fn max_earned(self) -> i64 {
        (i64::from(self.max_earned) * RECIPIENT).max(self.capacity())
    }

    /// Thousandths of a recipient that a day adds.
    fn daily(self) -> i128 {
        i128::from(self.per_day) * i128::from(RECIPIENT)
    }
}

impl Budget {
    /// Returns the full budget of a sender who has sent nothing yet.
    pub fn full(rules: BudgetRules, now: DateTime<Utc>) -> Self {
        Self { credit: rules.capacity(), at: now }
    }

    /// Returns the budget with what time has added. What time fills stops at the capacity; what was earned above it
    /// stays.
    #[must_use]
    pub fn at(self, rules: BudgetRules, now: DateTime<Utc>) -> Self {
        let elapsed = i128::from(now.signed_duration_since(self.at).num_microseconds().unwrap_or(i64::MAX).max(0));
        if self.credit >= rules.capacity() || rules.per_day == 0 {
            return Self { at: self.at.max(now), ..self };
        }
        let added = elapsed * rules.daily() / DAY;
        let credit = i128::from(self.credit) + added;
        if credit >= i128::from(rules.capacity()) {
            return Self { credit: rules.capacity(), at: self.at.max(now) };
        }
        // Only the time that made whole thousandths is used up, so that many small steps add as much as one large one.
        let used = (added * DAY + rules.daily() - 1) / rules.daily();
        let used = TimeDelta::microseconds(i64::try_from(used.min(elapsed)).unwrap_or(i64::MAX));
        Self {
            credit: i64::try_from(credit).unwrap_or(self.credit),
            at: self.at.checked_add_signed(used).unwrap_or(self.at),
        }
    }

    /// Takes so many new recipients, all or none.
    pub fn spend(self, rules: BudgetRules, now: DateTime<Utc>, recipients: u32) -> Result<Self, Exhausted> {
        let current = self.at(rules, now);
        let cost = i64::from(recipients) * RECIPIENT;
        if current.credit >= cost {
            return Ok(Self { credit: current.credit - cost, ..current });
        }
        if cost > rules.capacity() || rules.per_day == 0 {
            return Err(Exhausted { retry_after_ms: None });
        }
        let missing = i128::from(cost) - i128::from(current.credit);
        let filled = (missing * DAY + rules.daily() - 1) / rules.daily();
        let since = i128::from(now.signed_duration_since(current.at).num_microseconds().unwrap_or(0));
        let wait_ms = (filled - since).max(1).div_euclid(1000) + 1;
        Err(Exhausted { retry_after_ms: Some(u64::try_from(wait_ms).unwrap_or(u64::MAX)) })
    }

    /// Adds what an answer is worth: a recipient has written back, for the first time in the conversation.
    #[must_use]
    pub fn answered(self, rules: BudgetRules, now: DateTime<Utc>) -> Self {
        let current = self.at(rules, now);
        let earned = current.credit.saturating_add(rules.per_answer.into()).min(rules.max_earned());
        Self { credit: earned.max(current.credit), ..current }
    }

    /// Takes what an upheld report costs.
    #[must_use]
    pub fn reported(self, rules: BudgetRules, now: DateTime<Utc>) -> Self {
        let current = self.at(rules, now);
        let cost = i64::from(rules.per_report) * RECIPIENT;
        Self { credit: current.credit.saturating_sub(cost).clamp(-BOUND, BOUND), ..current }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: BudgetRules =
        BudgetRules { capacity: 5, per_day: 10, per_answer: 2000, max_earned: 12, per_report: 20 };

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + minutes * 60, 0).unwrap()
    }

    /// Spends one recipient at a time until none is left.
    fn spend_all(mut budget: Budget, now: DateTime<Utc>) -> u32 {
        let mut spent = 0;
        while let Ok(next) = budget.spend(RULES, now, 1) {
            budget = next;
            spent += 1;
        }
        spent
    }

    #[test]
    fn fifty_first_messages_cannot_overspend() {
        let budget = Budget::full(RULES, at(0));
        assert_eq!(spend_all(budget, at(0)), 5);
        assert_eq!(spend_all(budget, at(100_000)), 5, "time fills to the capacity");
        let empty = budget.spend(RULES, at(0), 5).unwrap();
        assert_eq!(empty.spend(RULES, at(0), 6), Err(Exhausted { retry_after_ms: None }), "more than it ever holds");
        // Ten a day is one in 144 minutes.
        let Err(Exhausted { retry_after_ms: Some(wait) }) = empty.spend(RULES, at(0), 1) else {
            panic!("none is left")
        };
        assert_eq!(wait / 60_000, 144);
        assert_eq!((spend_all(empty, at(143)), spend_all(empty, at(144)), spend_all(empty, at(288))), (0, 1, 2));
    }

    #[test]
    fn answers_earn_more_and_reports_cost() {
        let empty = Budget { credit: 0, at: at(0) };
        assert_eq!(spend_all(empty.answered(RULES, at(0)), at(0)), 2);
        let answered = (0..50).fold(empty, |budget, _| budget.answered(RULES, at(0)));
        assert_eq!(spend_all(answered, at(0)), 12, "answers fill to their own limit");
        assert_eq!(spend_all(answered, at(10_000)), 12, "time takes nothing away");
        let reported = Budget::full(RULES, at(0)).reported(RULES, at(0));
        assert_eq!((spend_all(reported, at(1440)), spend_all(reported, at(2880))), (0, 5), "15 below 0");
    }

    proptest! {
        #[test]
        fn no_order_of_requests_spends_more_than_time_and_answers_gave(
            steps in proptest::collection::vec((0_i64..500, 0_u8..3, 1_u32..4), 0..120),
        ) {
            let (mut budget, mut minutes, mut spent, mut answers) = (Budget::full(RULES, at(0)), 0, 0, 0);
            for (step, act, recipients) in steps {
                minutes += step;
                match act {
                    0 => {
                        budget = budget.answered(RULES, at(minutes));
                        answers += 1;
                    }
                    _ => match budget.spend(RULES, at(minutes), recipients) {
                        Ok(next) => {
                            budget = next;
                            spent += i64::from(recipients);
                        }
                        Err(Exhausted { retry_after_ms }) => {
                            let wait = retry_after_ms.expect("three fit into five");
                            let later = at(minutes) + TimeDelta::milliseconds(wait as i64);
                            prop_assert!(budget.spend(RULES, later, recipients).is_ok(), "the wait is enough");
                        }
                    },
                }
                prop_assert!(budget.credit >= 0 && budget.credit <= 12 * RECIPIENT);
                prop_assert!(spent * 1440 <= 5 * 1440 + minutes * 10 + answers * 2 * 1440);
            }
        }

        #[test]
        fn many_small_steps_fill_as_much_as_one(steps in proptest::collection::vec(0_i64..400, 1..60)) {
            let empty = Budget { credit: 0, at: at(0) };
            let total: i64 = steps.iter().sum();
            let mut minutes = 0;
            let small = steps.iter().fold(empty, |budget, step| {
                minutes += step;
                budget.at(RULES, at(minutes))
            });
            // A thousandth that falls on a microsecond may come one microsecond later.
            let missing = empty.at(RULES, at(total)).credit - small.credit;
            prop_assert!((0..=1).contains(&missing), "{}", missing);
        }

        #[test]
        fn any_numbers(
            credit: i64,
            capacity: u32,
            per_day: u32,
            per_answer: u32,
            recipients: u32,
            minutes in -9_999_i64..9_999_999,
        ) {
            let rules = BudgetRules { capacity, per_day, per_answer, max_earned: capacity, per_report: capacity };
            let budget = Budget { credit: credit / 2, at: at(0) };
            let _ = budget.spend(rules, at(minutes), recipients);
            let _ = budget.answered(rules, at(minutes)).reported(rules, at(minutes));
        }
    }
}
