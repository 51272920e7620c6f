//! The rules that Tutti comes with.
//!
//! The numbers are chosen so that people who write to people never meet them: friends are exempt by their relation, and
//! most rules end where trust begins. They are to be measured again by a replay whenever they change. Invariant: the
//! table passes its own check.

use super::{ByTrust, Check, Rule, RuleSet};
use crate::budget::BudgetRules;
use crate::classifier::{Deadlines, Score};
use crate::facts::Relation::{Acquainted, Stranger};
use crate::facts::Surface::{Bio, Comment, DisplayName, GroupInvite, Join, Media, Mention, Message};
use crate::facts::{Relation, Surface};
use crate::rate::Rate;
use crate::reason::Reason;
use crate::standing::{Trust, TrustRules};
use crate::verdict::Outcome::{self, Blur, Hold, Refuse, RequestBox, SlowDown};

/// The version of this table.
const VERSION: u32 = 2;
const EVERYWHERE: &[Surface] = &[];
const PRIVATE: &[Surface] = &[Message, GroupInvite];
/// Where words reach a person. Under a post many people write the same, such as congratulations.
const DIRECT: &[Surface] = &[Message, GroupInvite, Mention];
/// Where words reach a member who did not ask for them.
const WORDS: &[Surface] = &[Message, GroupInvite, Comment, Mention, Join];
const PROFILE: &[Surface] = &[DisplayName, Bio];
const ALL: &[Relation] = &[];
const STRANGERS: &[Relation] = &[Stranger];
const UNCONNECTED: &[Relation] = &[Acquainted, Stranger];

const SURE: Score = Score::of_thousandths(950);
const LIKELY: Score = Score::of_thousandths(800);

/// Reason, where, to whom, up to which trust, what must hold, and what it leads to.
type Row = (Reason, &'static [Surface], &'static [Relation], Trust, &'static [Check], Outcome);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    (Reason::ListedMedia, EVERYWHERE, ALL, Trust::Trusted, &[Check::ListedMedia], Refuse),
    (Reason::ListedDomain, EVERYWHERE, ALL, Trust::Trusted, &[Check::ListedDomains(1)], Refuse),
    (Reason::StrangersRefused, PRIVATE, UNCONNECTED, Trust::Trusted, &[Check::RefusesStrangers], Refuse),
    (Reason::Unanswered, PRIVATE, UNCONNECTED, Trust::Trusted, &[Check::Unanswered(3)], Refuse),
    (Reason::LinkInName, &[DisplayName], ALL, Trust::Trusted, &[Check::Links(1)], Refuse),
    (Reason::TooFast, EVERYWHERE, ALL, Trust::Trusted, &[Check::RateExhausted], SlowDown),
    (Reason::NewRecipients, EVERYWHERE, UNCONNECTED, Trust::Trusted, &[Check::BudgetExhausted], SlowDown),

    // Mass mail, by one account and by many.
    (Reason::AlikeTexts, WORDS, UNCONNECTED, Trust::Known, &[Check::AlikeRecipients(8)], Hold),
    (Reason::AlikeTexts, WORDS, UNCONNECTED, Trust::Trusted, &[Check::AlikeRecipients(30)], Hold),
    (Reason::AlikeSenders, DIRECT, STRANGERS, Trust::New, &[Check::AlikeSenders(5)], Hold),
    (Reason::AlikeSenders, DIRECT, STRANGERS, Trust::Known, &[Check::AlikeSenders(8)], Hold),
    (Reason::AlikeSenders, WORDS, STRANGERS, Trust::Known, &[Check::AlikeSenders(5), Check::Links(1)], Hold),
    // A bio is changed seldom: that many accounts have one text with one link is no accident.
    (Reason::AlikeSenders, &[Bio], ALL, Trust::Known, &[Check::AlikeSenders(5), Check::Links(1)], Refuse),
    (Reason::ManyRecipients, &[Comment, Mention], UNCONNECTED, Trust::Known, &[Check::Recipients(10)], Hold),
    (Reason::ManyRecipients, &[GroupInvite], STRANGERS, Trust::New, &[Check::Recipients(5)], Hold),
    (Reason::ManyRecipients, &[GroupInvite], STRANGERS, Trust::Known, &[Check::Recipients(10)], Hold),

    // Links.
    (Reason::Unconfirmed, WORDS, UNCONNECTED, Trust::New, &[Check::Unconfirmed, Check::Links(1)], Refuse),
    (Reason::Unconfirmed, &[Bio], ALL, Trust::New, &[Check::Unconfirmed, Check::Links(1)], Refuse),
    (Reason::ManyLinks, WORDS, STRANGERS, Trust::Known, &[Check::Links(4)], Hold),
    (Reason::NewDomain, WORDS, STRANGERS, Trust::New, &[Check::NewDomains(1)], Hold),
    (Reason::NewDomain, WORDS, STRANGERS, Trust::Known, &[Check::NewDomains(1), Check::AlikeRecipients(3)], Hold),
    (Reason::Shortener, WORDS, STRANGERS, Trust::New, &[Check::Shorteners(1)], Hold),
    (Reason::Shortener, WORDS, STRANGERS, Trust::Known, &[Check::Shorteners(1), Check::AlikeRecipients(3)], Hold),
    (Reason::DisguisedLink, WORDS, STRANGERS, Trust::Known, &[Check::DisguisedLinks(1)], Hold),
    (Reason::Shortener, PROFILE, ALL, Trust::Known, &[Check::Shorteners(1)], Refuse),
    (Reason::DisguisedLink, PROFILE, ALL, Trust::Known, &[Check::DisguisedLinks(1)], Refuse),

    // Words.
    (Reason::DisguisedText, WORDS, STRANGERS, Trust::Known, &[Check::Disguises(3)], Hold),
    (Reason::ReportsUpheld, WORDS, STRANGERS, Trust::Known, &[Check::ReportsUpheld(3)], Hold),
    (Reason::Spam, WORDS, STRANGERS, Trust::Known, &[Check::Spam(SURE)], Hold),
    (Reason::Spam, PRIVATE, UNCONNECTED, Trust::Known, &[Check::Spam(LIKELY)], RequestBox),
    (Reason::Spam, PROFILE, ALL, Trust::New, &[Check::Spam(SURE)], Hold),
    (Reason::SpamUnknown, PRIVATE, UNCONNECTED, Trust::New, &[Check::SpamUnknown], RequestBox),

    // Pictures. Friends choose what they send each other.
    (Reason::Nudity, WORDS, STRANGERS, Trust::New, &[Check::Nudity(LIKELY)], Hold),
    (Reason::Nudity, EVERYWHERE, UNCONNECTED, Trust::Trusted, &[Check::Nudity(LIKELY)], Blur),
    (Reason::NudityUnknown, &[Media], UNCONNECTED, Trust::Known, &[Check::NudityUnknown], Blur),
    (Reason::StrangerMedia, WORDS, UNCONNECTED, Trust::Trusted, &[Check::Media(1)], Blur),

    (Reason::Stranger, PRIVATE, UNCONNECTED, Trust::Trusted, &[], RequestBox),
];

impl RuleSet {
    /// Returns the rules that Tutti comes with.
    pub fn standard() -> Self {
        let budget = |capacity, per_day, per_answer, max_earned| BudgetRules {
            capacity,
            per_day,
            per_answer,
            max_earned,
            per_report: 20,
        };
        Self {
            version: VERSION,
            trust: TrustRules {
                known_after_days: 3,
                trusted_after_days: 30,
                trusted_after_replies: 20,
                new_after_reports: 2,
            },
            rates: ByTrust {
                new: Rate { burst: 10, interval_ms: 3000 },
                known: Rate { burst: 30, interval_ms: 1000 },
                trusted: Rate { burst: 60, interval_ms: 500 },
            },
            budgets: ByTrust {
                new: budget(5, 10, 1000, 15),
                known: budget(20, 30, 1000, 60),
                trusted: budget(50, 100, 1000, 150),
            },
            public_rates: ByTrust {
                new: Rate { burst: 80, interval_ms: 15_000 },
                known: Rate { burst: 120, interval_ms: 10_000 },
                trusted: Rate { burst: 200, interval_ms: 5000 },
            },
            // A new member follows dozens of people on the first day.
            public_budgets: ByTrust {
                new: budget(40, 60, 1000, 80),
                known: budget(120, 240, 1000, 300),
                trusted: budget(300, 600, 1000, 800),
            },
            alike_distance: 12,
            deadlines: Deadlines { spam_ms: 50, nudity_ms: 5000 },
            rules: ROWS.iter().map(Rule::of).collect(),
        }
    }
}

impl Rule {
    fn of(row: &Row) -> Self {
        let (reason, surfaces, relations, up_to, all_of, outcome) = *row;
        Self {
            reason,
            surfaces: surfaces.to_vec(),
            relations: relations.to_vec(),
            up_to,
            all_of: all_of.to_vec(),
            outcome,
        }
    }
}
