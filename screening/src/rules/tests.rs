//! Each rule of the standard table, and what it leaves alone.

use super::*;
use crate::classifier::NoScore;
use crate::facts::{MediaFacts, TextFacts};
use crate::rate::Exhausted;
use crate::standing::Standing;

const EXHAUSTED: Option<Exhausted> = Some(Exhausted { retry_after_ms: Some(1000) });

fn standing(trust: Trust) -> Standing {
    let (account_age_days, replies_received) = match trust {
        Trust::New => (1, 0),
        Trust::Known => (10, 2),
        Trust::Trusted => (100, 50),
    };
    Standing { account_age_days, replies_received, has_confirmed_address: true, ..Standing::default() }
}

/// A plain message of a sender of this trust to a stranger.
fn message(trust: Trust) -> Facts {
    Facts::new(Surface::Message, Relation::Stranger, standing(trust))
}

/// Returns the verdict's outcome and reason about a changed message.
fn verdict(trust: Trust, change: impl FnOnce(&mut Facts)) -> (Outcome, Option<Reason>) {
    let mut facts = message(trust);
    change(&mut facts);
    let verdict = RuleSet::standard().screen(&facts);
    (verdict.outcome, verdict.reason())
}

fn picture(nudity: Opinion) -> Vec<MediaFacts> {
    vec![MediaFacts { is_listed: false, nudity }]
}

/// A row of a test: what is changed, and what follows for a sender of each trust.
type Case = (fn(&mut Facts), [(Outcome, Reason); 3]);

#[test]
fn each_rule_applies_up_to_its_trust() {
    const BOX: (Outcome, Reason) = (Outcome::RequestBox, Reason::Stranger);
    let hold = |reason| (Outcome::Hold, reason);
    let (refuse, slow) = (|reason| (Outcome::Refuse, reason), |reason| (Outcome::SlowDown, reason));
    let cases: [Case; 20] = [
        (|_| {}, [BOX; 3]),
        (
            |facts| facts.media = vec![MediaFacts { is_listed: true, ..MediaFacts::default() }],
            [refuse(Reason::ListedMedia); 3],
        ),
        (|facts| facts.text.listed_domains = 1, [refuse(Reason::ListedDomain); 3]),
        (|facts| facts.refuses_strangers = true, [refuse(Reason::StrangersRefused); 3]),
        (|facts| facts.unanswered = 3, [refuse(Reason::Unanswered); 3]),
        (|facts| facts.rate = EXHAUSTED, [slow(Reason::TooFast); 3]),
        (|facts| facts.budget = EXHAUSTED, [slow(Reason::NewRecipients); 3]),
        (|facts| facts.alike_recipients = 7, [BOX; 3]),
        (|facts| facts.alike_recipients = 8, [hold(Reason::AlikeTexts), hold(Reason::AlikeTexts), BOX]),
        (|facts| facts.alike_recipients = 30, [hold(Reason::AlikeTexts); 3]),
        (|facts| facts.alike_senders = 5, [hold(Reason::AlikeSenders), BOX, BOX]),
        (|facts| facts.alike_senders = 8, [hold(Reason::AlikeSenders), hold(Reason::AlikeSenders), BOX]),
        (|facts| facts.text.links = 4, [hold(Reason::ManyLinks), hold(Reason::ManyLinks), BOX]),
        (|facts| facts.text.new_domains = 1, [hold(Reason::NewDomain), BOX, BOX]),
        (
            |facts| (facts.text.new_domains, facts.alike_recipients) = (1, 3),
            [hold(Reason::NewDomain), hold(Reason::NewDomain), BOX],
        ),
        (|facts| facts.text.shorteners = 1, [hold(Reason::Shortener), BOX, BOX]),
        (|facts| facts.text.disguised_links = 1, [hold(Reason::DisguisedLink), hold(Reason::DisguisedLink), BOX]),
        (|facts| facts.text.disguises = 3, [hold(Reason::DisguisedText), hold(Reason::DisguisedText), BOX]),
        (
            |facts| facts.spam = Opinion::Scored(Score::of_thousandths(950)),
            [hold(Reason::Spam), hold(Reason::Spam), BOX],
        ),
        (|facts| facts.media = picture(Opinion::Scored(Score::of_thousandths(800))), [hold(Reason::Nudity), BOX, BOX]),
    ];
    for (at, (change, expected)) in cases.into_iter().enumerate() {
        for (trust, (outcome, reason)) in [Trust::New, Trust::Known, Trust::Trusted].into_iter().zip(expected) {
            assert_eq!(verdict(trust, change), (outcome, Some(reason)), "case {at}, {trust:?}");
        }
    }
}

#[test]
fn friends_are_left_alone_but_for_rates_and_lists() {
    let mut facts = message(Trust::New);
    facts.relation = Relation::Connected;
    facts.text = TextFacts { links: 9, shorteners: 9, new_domains: 9, disguises: 9, ..TextFacts::default() };
    (facts.alike_recipients, facts.alike_senders) = (99, 99);
    facts.spam = Opinion::Scored(Score::of_thousandths(1000));
    facts.media = picture(Opinion::Scored(Score::of_thousandths(1000)));
    (facts.budget, facts.unanswered) = (EXHAUSTED, 99);
    assert_eq!(RuleSet::standard().screen(&facts).outcome, Outcome::Deliver);
    facts.rate = EXHAUSTED;
    let verdict = RuleSet::standard().screen(&facts);
    assert_eq!((verdict.outcome, verdict.retry_after_ms), (Outcome::SlowDown, Some(1000)));
}

#[test]
fn pictures_of_strangers_are_blurred_whatever_a_classifier_says() {
    for opinion in [Opinion::NotAsked, Opinion::Missing(NoScore::TimedOut), Opinion::Scored(Score::of_thousandths(0))] {
        let mut facts = message(Trust::Trusted);
        facts.media = picture(opinion);
        let verdict = RuleSet::standard().screen(&facts);
        assert!(verdict.is_blurred && verdict.outcome == Outcome::RequestBox, "{opinion:?}");
    }
    let missing = |facts: &mut Facts| {
        facts.surface = Surface::Media;
        facts.media = picture(Opinion::Missing(NoScore::Unavailable));
    };
    assert_eq!(verdict(Trust::Known, missing), (Outcome::Blur, Some(Reason::NudityUnknown)));
    assert_eq!(verdict(Trust::Trusted, missing), (Outcome::Deliver, None));
}

#[test]
fn names_profiles_and_comments_have_rules_of_their_own() {
    let on = |surface, trust, change: fn(&mut Facts)| {
        verdict(trust, |facts| {
            facts.surface = surface;
            change(facts);
        })
    };
    let link = |facts: &mut Facts| facts.text.links = 1;
    let refused = |reason| (Outcome::Refuse, Some(reason));
    assert_eq!(on(Surface::DisplayName, Trust::Trusted, link), refused(Reason::LinkInName));
    assert_eq!(on(Surface::Bio, Trust::New, link), (Outcome::Deliver, None));
    let unconfirmed = |facts: &mut Facts| (facts.standing.has_confirmed_address, facts.text.links) = (false, 1);
    assert_eq!(on(Surface::Bio, Trust::New, unconfirmed), refused(Reason::Unconfirmed));
    assert_eq!(on(Surface::Message, Trust::Known, unconfirmed), refused(Reason::Unconfirmed));
    let shortened = |facts: &mut Facts| (facts.text.links, facts.text.shorteners) = (1, 1);
    assert_eq!(on(Surface::Bio, Trust::Known, shortened), refused(Reason::Shortener));
    assert_eq!(on(Surface::Bio, Trust::Trusted, shortened), (Outcome::Deliver, None));
    let shared = |facts: &mut Facts| (facts.text.links, facts.alike_senders) = (1, 5);
    assert_eq!(on(Surface::Bio, Trust::Known, shared), refused(Reason::AlikeSenders));
    let many = |facts: &mut Facts| facts.recipients = 10;
    assert_eq!(on(Surface::Mention, Trust::Known, many), (Outcome::Hold, Some(Reason::ManyRecipients)));
    assert_eq!(on(Surface::GroupInvite, Trust::Known, many), (Outcome::Hold, Some(Reason::ManyRecipients)));
    let some = |facts: &mut Facts| facts.recipients = 5;
    assert_eq!(on(Surface::GroupInvite, Trust::New, some), (Outcome::Hold, Some(Reason::ManyRecipients)));
    assert_eq!(on(Surface::Comment, Trust::New, |_| {}), (Outcome::Deliver, None));
    let congratulation = |facts: &mut Facts| facts.alike_senders = 50;
    assert_eq!(on(Surface::Comment, Trust::New, congratulation), (Outcome::Deliver, None));
    let advertisement = |facts: &mut Facts| (facts.alike_senders, facts.text.links) = (5, 1);
    assert_eq!(on(Surface::Comment, Trust::Known, advertisement), (Outcome::Hold, Some(Reason::AlikeSenders)));
    let silent = |facts: &mut Facts| facts.spam = Opinion::Missing(NoScore::TimedOut);
    assert_eq!(
        on(Surface::Comment, Trust::New, silent),
        (Outcome::Deliver, None),
        "a comment does not wait for a model"
    );
    let reported = |facts: &mut Facts| facts.standing.reports_upheld = 3;
    assert_eq!(on(Surface::Comment, Trust::Trusted, reported), (Outcome::Hold, Some(Reason::ReportsUpheld)));
}

#[test]
fn an_overturned_verdict_exempts_from_its_check_and_from_no_other() {
    let exempt = |facts: &mut Facts| {
        facts.standing.exempt = vec![Reason::AlikeTexts, Reason::TooFast];
        facts.alike_recipients = 9;
    };
    assert_eq!(verdict(Trust::New, exempt).0, Outcome::RequestBox);
    let also_links = |facts: &mut Facts| {
        exempt(facts);
        facts.text.links = 4;
    };
    assert_eq!(verdict(Trust::New, also_links), (Outcome::Hold, Some(Reason::ManyLinks)));
    let too_fast = |facts: &mut Facts| {
        exempt(facts);
        facts.rate = EXHAUSTED;
    };
    assert_eq!(verdict(Trust::New, too_fast).0, Outcome::SlowDown, "what has no appeal has no exemption");
}

#[test]
fn tables_are_checked_and_read_back() {
    let standard = RuleSet::standard();
    assert_eq!(standard.check(), Ok(()));
    let json = serde_json::to_value(&standard).unwrap();
    assert_eq!(serde_json::from_value::<RuleSet>(json.clone()).unwrap(), standard);
    let mut unknown = json;
    unknown["rules"][0]["all_of"] = serde_json::json!(["moon_is_full"]);
    assert!(serde_json::from_value::<RuleSet>(unknown).is_err(), "a misspelt check");

    let with = |change: fn(&mut RuleSet)| {
        let mut rules = RuleSet::standard();
        change(&mut rules);
        rules.check()
    };
    assert_eq!(with(|rules| rules.version = 0), Err(InvalidRules::NoVersion));
    assert_eq!(with(|rules| rules.alike_distance = 17), Err(InvalidRules::AlikeDistance));
    assert_eq!(with(|rules| rules.rules = vec![rules.rules[0].clone(); 201]), Err(InvalidRules::TooMany));
    assert_eq!(with(|rules| rules.rules[1].outcome = Outcome::SlowDown), Err(InvalidRules::NoWait(2)));
    assert_eq!(with(|rules| rules.rules[0].outcome = Outcome::Deliver), Err(InvalidRules::Delivers(1)));
    assert_eq!(with(|rules| rules.rules[0].all_of.clear()), Err(InvalidRules::StopsEverything(1)));
}

#[test]
fn the_rule_of_the_guide_is_one_of_the_standard_table() {
    let guide = include_str!("../../../docs/guides/protection.md");
    let (_, rest) = guide.split_once("```json\n").unwrap();
    let (json, _) = rest.split_once("```").unwrap();
    let rule: Rule = serde_json::from_str(json).unwrap();
    assert!(RuleSet::standard().rules.contains(&rule), "{rule:?}");
}
