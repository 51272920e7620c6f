//! Verdicts about labelled traffic: how long each takes, and what becomes of honest members and of others.
//!
//! Runs the crate `screening` in this process, with state in memory instead of rows, so that it measures the rules and
//! not a database. Invariant: what a role would do with a verdict is done: what is slowed down is not tried again, and
//! what is held stays held.

mod traffic;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use base::Random;
use chrono::DateTime;
use screening::attempt::{Attempt, Decision, SenderState, decide};
use screening::facts::{Content, Facts, MediaFacts, Relation};
use screening::media_list::MediaList;
use screening::recent::{RecentLimits, RecentTexts};
use screening::replay::{Labelled, replay};
use screening::rules::RuleSet;
use screening::verdict::Outcome;
use serde_json::json;

use self::traffic::{Act, Kind, Traffic};
use crate::report::{Row, Scenario};
use crate::{Bench, Error};

const MAX_VERDICT: Duration = Duration::from_millis(2);
const MAX_MAILED: u64 = 20;
const MAX_RING_PERCENT: f64 = 5.0;
const MAX_HONEST_PERCENT: f64 = 0.1;
const MAX_UNANSWERED: u64 = 3;
/// Letters of the longest text that is timed apart.
const LONG_TEXT: usize = 5_000;

/// What became of the acts of one kind of sender.
#[derive(Debug, Default)]
struct Counts {
    sent: u64,
    delivered: u64,
    stopped: u64,
    slowed: u64,
    delivered_before_first_hold: u64,
}

/// What a role keeps between acts.
struct Community {
    rules: RuleSet,
    known_pictures: MediaList<usize>,
    senders: HashMap<u64, SenderState>,
    everybody: RecentTexts,
    /// Pairs of a sender and a recipient.
    contacts: HashSet<(u64, u64)>,
    unanswered: HashMap<(u64, u64), u32>,
    domains: BTreeSet<String>,
}

impl Community {
    fn new(traffic: &Traffic) -> Self {
        let known = traffic.known_pictures.iter().copied().enumerate().map(|(number, picture)| (picture, number));
        Self {
            rules: RuleSet::standard(),
            known_pictures: MediaList::of(known),
            senders: HashMap::new(),
            everybody: RecentTexts::new(RecentLimits::EVERYBODY),
            contacts: HashSet::new(),
            unanswered: HashMap::new(),
            domains: BTreeSet::from(["youtube.com".to_owned()]),
        }
    }

    /// Decides about an act, and returns how long that took: reading the text, comparing and deciding.
    fn decide(&mut self, act: &Act) -> (Decision, Duration) {
        let pair = (act.sender, act.recipient);
        let state = self.senders.remove(&act.sender);
        let state = state.unwrap_or_else(|| SenderState::new(act.surface, &act.standing, &self.rules, act.at));
        let mut facts = Facts::new(act.surface, act.relation, act.standing.clone());
        facts.recipients = act.recipients;
        facts.unanswered = self.unanswered.get(&pair).copied().unwrap_or_default();
        let is_new = act.relation != Relation::Connected && !self.contacts.contains(&pair);
        let new_recipients = if is_new { act.recipients } else { 0 };

        let started = Instant::now();
        let content = Content::of(&act.text);
        facts.text = content.text;
        facts.text.new_domains = content.domains.iter().filter(|domain| !self.domains.contains(*domain)).count() as u32;
        if let Some(picture) = act.picture {
            let is_listed = self.known_pictures.find(picture).is_some();
            facts.media.push(MediaFacts { is_listed, ..MediaFacts::default() });
        }
        if let (true, Some(fingerprint)) = (is_new, content.fingerprint) {
            let alike = self.everybody.parties_with_alike(fingerprint, self.rules.alike_distance, act.sender, act.at);
            facts.alike_senders = alike as u32;
        }
        let attempt = Attempt { facts, fingerprint: content.fingerprint, recipient: act.recipient, new_recipients };
        let decision = decide(state, attempt, &self.rules, act.at);
        let took = started.elapsed();

        self.senders.insert(act.sender, decision.state.clone());
        if let (true, Some(fingerprint)) = (is_new, content.fingerprint) {
            let everybody = std::mem::replace(&mut self.everybody, RecentTexts::new(RecentLimits::EVERYBODY));
            self.everybody = everybody.with(fingerprint, act.sender, act.at);
        }
        if decision.verdict.outcome.is_delivered() {
            self.contacts.insert(pair);
            *self.unanswered.entry(pair).or_default() += 1;
        }
        (decision, took)
    }
}

impl Counts {
    fn count(&mut self, act: &Act, outcome: Outcome) {
        let members = u64::from(act.recipients);
        self.sent += members;
        match outcome {
            Outcome::Deliver | Outcome::Blur | Outcome::RequestBox => self.delivered += members,
            Outcome::SlowDown => self.slowed += members,
            Outcome::Hold | Outcome::Refuse => self.stopped += members,
        }
        if self.stopped == 0 {
            self.delivered_before_first_hold = self.delivered;
        }
    }

    fn percent_delivered(&self) -> f64 {
        self.delivered as f64 * 100.0 / self.sent.max(1) as f64
    }

    fn percent_stopped(&self) -> f64 {
        self.stopped as f64 * 100.0 / self.sent.max(1) as f64
    }
}

/// Returns the time that at most one of a hundred exceeds.
fn p99(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
}

/// Returns the 99th percentile of reading a long text in letters that look like others.
fn long_text() -> Duration {
    let text: String = "Привет, как дела? ".chars().cycle().take(LONG_TEXT).collect();
    let mut times: Vec<Duration> = (0..200)
        .map(|_| {
            let started = Instant::now();
            let links = Content::of(&text).text.links;
            assert_eq!(links, 0, "the text has no link");
            started.elapsed()
        })
        .collect();
    p99(&mut times)
}

/// Measures the scenario.
pub fn measure(_bench: &Bench) -> Result<Scenario, Error> {
    let start = DateTime::from_timestamp(1_800_000_000, 0).ok_or("no such time")?;
    let traffic = traffic::make(&Random::seeded(15), start);
    let mut community = Community::new(&traffic);
    let (mut counts, mut times) = (BTreeMap::<Kind, Counts>::new(), Vec::new());
    let mut labelled = Vec::new();
    for (number, act) in traffic.acts.iter().enumerate() {
        let (decision, took) = community.decide(act);
        counts.entry(act.kind).or_default().count(act, decision.verdict.outcome);
        times.push(took);
        let is_unwanted = act.kind != Kind::Honest;
        labelled.push(Labelled { id: number.to_string(), facts: decision.facts, is_unwanted });
    }
    let verdict = p99(&mut times);
    let long = long_text();
    let of = |kind| counts.get(&kind).ok_or("a kind of sender sent nothing");
    let (honest, mailer, ring) = (of(Kind::Honest)?, of(Kind::MassMailer)?, of(Kind::Ring)?);
    let row = |what: &str, goal: String, measured: String, passes| Row {
        what: what.into(),
        goal,
        measured,
        beside: String::new(),
        passes,
    };
    let rows = vec![
        row(
            "a verdict without classifiers, p99",
            format!("≤ {} ms", MAX_VERDICT.as_millis()),
            format!("{:.3} ms", verdict.as_secs_f64() * 1000.0),
            verdict <= MAX_VERDICT,
        ),
        row(
            "a mass mailer: delivered before the first hold",
            format!("≤ {MAX_MAILED}"),
            mailer.delivered_before_first_hold.to_string(),
            mailer.delivered_before_first_hold <= MAX_MAILED,
        ),
        row(
            "a slow ring of 50 accounts: delivered",
            format!("≤ {MAX_RING_PERCENT} %"),
            format!("{:.1} %", ring.percent_delivered()),
            ring.percent_delivered() <= MAX_RING_PERCENT,
        ),
        row(
            "honest members: held or refused",
            format!("≤ {MAX_HONEST_PERCENT} %"),
            format!("{:.3} %", honest.percent_stopped()),
            honest.percent_stopped() <= MAX_HONEST_PERCENT,
        ),
        row(
            "one text in look-alike letters: delivered before the first hold",
            format!("≤ {MAX_MAILED}"),
            of(Kind::Homoglyphs)?.delivered_before_first_hold.to_string(),
            of(Kind::Homoglyphs)?.delivered_before_first_hold <= MAX_MAILED,
        ),
        row(
            "a known picture, coded again each time: delivered",
            "0".into(),
            of(Kind::Pictures)?.delivered.to_string(),
            of(Kind::Pictures)?.delivered == 0,
        ),
        row(
            "one stranger written to a hundred times: delivered",
            format!("≤ {MAX_UNANSWERED}"),
            of(Kind::Harasser)?.delivered.to_string(),
            of(Kind::Harasser)?.delivered <= MAX_UNANSWERED,
        ),
    ];
    let invites = of(Kind::GroupInvites)?;
    let report = replay(&labelled, &community.rules, Outcome::Hold).all;
    let percent = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let method = vec![
        format!(
            "{} acts of ten days, made from one seed and decided in the order of time by the standard rules (version \
             {}), with the state of each sender and a list of {} known pictures in memory.",
            traffic.acts.len(),
            community.rules.version,
            community.known_pictures.len()
        ),
        format!("Reading a text of {LONG_TEXT} Cyrillic letters: p99 {:.3} ms.", long.as_secs_f64() * 1000.0),
        format!("Invitations of ten strangers at a time reached {} of {} members.", invites.delivered, invites.sent),
        format!("Held or refused: precision {}, recall {}.", percent(report.precision()), percent(report.recall())),
        "Recipients never answer and never report, so budgets earn nothing and standing never falls.".into(),
    ];
    let runs: BTreeMap<String, serde_json::Value> = counts
        .iter()
        .map(|(kind, counts)| {
            let value = json!({
                "sent": counts.sent,
                "delivered": counts.delivered,
                "held_or_refused": counts.stopped,
                "slowed_down": counts.slowed,
            });
            (format!("{kind:?}"), value)
        })
        .collect();
    Ok(Scenario { place: 30, title: "Verdicts".into(), method, rows, runs: json!(runs) })
}
