//! One attempt of a member, from what is known before the transaction to the verdict in it.
//!
//! Invariant: the sender's next state is stored with what was decided; a verdict that its sender can appeal is told to
//! moderation in the same transaction, with a copy of the text.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::moderation::{Evidence, Screened, Thing};
use db::{Error, Tx};
use screening::attempt::{Attempt, Decision, SenderState, decide};
use screening::classifier::Opinion;
use screening::facts::{Content, Facts, MediaFacts, Relation, Surface};
use screening::reason::Reason;
use screening::rules::RuleSet;
use screening::standing::Standing;
use screening::verdict::Outcome;
use uuid::Uuid;

use crate::senders::Sender;
use crate::texts::FirstText;
use crate::verdicts::StoredVerdict;
use crate::{Home, account_age_days, senders, texts, verdicts};

/// How many texts of all members a new one is compared with.
const MAX_FIRST_TEXTS: usize = 512;
/// How long a text is compared with those of others.
pub const FIRST_TEXT_AGE: TimeDelta = TimeDelta::days(2);
/// How long a domain is new after it was first linked to.
const NEW_DOMAIN_AGE: TimeDelta = TimeDelta::days(2);
/// The most domains of a text that are looked up; with more links, other rules apply.
const MAX_DOMAINS: usize = 20;
/// The most refusals of an hour that are recorded and told to moderation. Refusing costs a sender nothing, so beyond
/// these they wait.
const MAX_REFUSALS: usize = 30;
const REFUSALS_TIME: TimeDelta = TimeDelta::hours(1);
/// The most answers that a budget is told of at once.
const MAX_ANSWERS: u32 = 100;
/// How long a sender waits where a rule does not say it, in milliseconds: a day.
const LONGEST_WAIT_MS: u64 = 86_400_000;

/// What a member attempts, as it is known before the transaction.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Where the role keeps what verdicts need.
    pub home: &'static Home,
    /// Where it is sent.
    pub surface: Surface,
    /// What moderation calls such a thing, such as `comment`.
    pub kind: &'static str,
    /// Who sends.
    pub account: AccountId,
    /// Whether the sender has confirmed a mail address.
    pub is_confirmed: bool,
    /// The number of the recipient in the window of the sender's texts.
    pub recipient: u64,
    /// What its text has.
    pub content: Content,
    /// What moderation gets to read of it: its text and its media.
    pub evidence: Evidence,
    /// What a classifier of pictures says of each of its media.
    pub nudity: Vec<Opinion>,
    /// What a classifier of texts says.
    pub spam: Opinion,
    /// Whether it can be stored for a moderator to read first. What can't is refused then.
    pub can_wait: bool,
    /// What it stands in.
    pub place: Uuid,
    /// The id of the verdict, and of what is recorded with it. It sorts by time.
    pub verdict: Uuid,
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// When.
    pub now: DateTime<Utc>,
}

/// Whom it reaches, as the transaction knows it.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// How the recipient stands to the sender.
    pub relation: Relation,
    /// How many members it reaches at once.
    pub recipients: u32,
    /// How many of them the sender reaches for the first time.
    pub new_recipients: u32,
    /// How many messages have no answer.
    pub unanswered: u32,
    /// Whether a recipient receives nothing from people whom they don't follow.
    pub refuses_strangers: bool,
}

impl Reach {
    /// Returns the reach of what is sent to those who are connected.
    pub fn connected() -> Self {
        Self::of(Relation::Connected)
    }

    /// Returns the reach of what is sent to one member, which costs no budget.
    pub fn of(relation: Relation) -> Self {
        Self { relation, recipients: 1, new_recipients: 0, unanswered: 0, refuses_strangers: false }
    }
}

/// What was decided about something that is not stored.
#[derive(Debug, Clone, Copy)]
pub enum NotStored {
    /// It is refused, by this verdict.
    Refused(Uuid, Reason),
    /// It comes too early.
    SlowDown(Reason, Duration),
}

impl Submission {
    /// Returns the facts that the transaction knows.
    async fn facts(&self, tx: &Tx, sender: Option<&Sender>, reach: Reach) -> Result<Facts, Error> {
        let standing = Standing {
            account_age_days: account_age_days(self.account.0, self.now),
            has_confirmed_address: self.is_confirmed,
            replies_received: sender.map_or(0, |sender| sender.reply_count),
            reports_upheld: sender.map_or(0, |sender| sender.report_count),
            is_limited: false,
            exempt: sender.map_or_else(Vec::new, Sender::exemptions),
        };
        let mut facts = Facts::new(self.surface, reach.relation, standing);
        facts.recipients = reach.recipients;
        facts.unanswered = reach.unanswered;
        facts.refuses_strangers = reach.refuses_strangers;
        facts.text = self.content.text;
        let nudity = |index: usize| self.nudity.get(index).copied().unwrap_or_default();
        let media = (0..self.evidence.media.len()).map(|index| MediaFacts { is_listed: false, nudity: nudity(index) });
        facts.media = media.collect();
        facts.spam = self.spam;
        if reach.relation != Relation::Connected {
            facts.text.new_domains = self.new_domains(tx).await?;
            facts.alike_senders = self.alike_senders(tx).await?;
        }
        Ok(facts)
    }

    fn domains(&self) -> &[String] {
        self.content.domains.get(..MAX_DOMAINS).unwrap_or(&self.content.domains)
    }

    async fn new_domains(&self, tx: &Tx) -> Result<u32, Error> {
        let domains = self.domains();
        let known = texts::count_known_domains(tx, self.home, domains, self.now - NEW_DOMAIN_AGE).await?;
        Ok(u32::try_from(domains.len().saturating_sub(known)).unwrap_or(u32::MAX))
    }

    /// Whether its text is compared with those of other members. Under a post many people write the same, such as
    /// congratulations; with a link in it, it is compared.
    fn is_compared(&self) -> bool {
        self.surface.is_private() || self.surface == Surface::Mention || self.content.text.links > 0
    }

    /// Returns how many senders an alike text came from lately, this one included.
    async fn alike_senders(&self, tx: &Tx) -> Result<u32, Error> {
        let Some(fingerprint) = self.content.fingerprint.filter(|_| self.is_compared()) else { return Ok(1) };
        let oldest = self.now - FIRST_TEXT_AGE;
        let first = texts::list_first(tx, self.home, MAX_FIRST_TEXTS).await?;
        let is_alike = |text: &&FirstText| {
            text.at >= oldest && text.fingerprint.distance(fingerprint) <= self.rules.alike_distance
        };
        let mut parties: Vec<_> = first.iter().filter(is_alike).map(|text| text.sender).collect();
        parties.push(self.account.0);
        parties.sort_unstable();
        parties.dedup();
        Ok(u32::try_from(parties.len()).unwrap_or(u32::MAX))
    }

    /// Decides, and stores the sender's next state. The caller holds the lane of the sender.
    pub async fn screen(&self, tx: &Tx, reach: Reach) -> Result<Decision, Error> {
        let sender = senders::find(tx, self.home, self.account.0).await?;
        self.screen_sender(tx, sender, reach).await
    }

    /// Does what [`Self::screen`] does, about a sender that the caller has read in this transaction; `None` if there is
    /// no row yet.
    pub async fn screen_sender(&self, tx: &Tx, sender: Option<Sender>, reach: Reach) -> Result<Decision, Error> {
        let account = self.account.0;
        let facts = self.facts(tx, sender.as_ref(), reach).await?;
        let budget_rules = self.rules.budget(self.surface, facts.standing.trust(self.rules.trust));
        let told = sender.as_ref().map_or(0, |sender| sender.answer_count.min(MAX_ANSWERS));
        let mut state = match sender {
            Some(sender) => sender.state,
            None => SenderState::new(self.surface, &facts.standing, &self.rules, self.now),
        };
        for _ in 0..told {
            state.budget = state.budget.answered(budget_rules, self.now);
        }
        let attempt = Attempt {
            facts,
            fingerprint: self.content.fingerprint,
            recipient: self.recipient,
            new_recipients: reach.new_recipients,
        };
        let (budget, rate_free_at) = (state.budget, state.rate_free_at);
        let mut decision = decide(state, attempt, &self.rules, self.now);
        if decision.verdict.outcome == Outcome::Hold && !self.can_wait {
            // Nothing of it is stored, so it costs nothing.
            (decision.state.budget, decision.state.rate_free_at) = (budget, rate_free_at);
        }
        senders::put(tx, self.home, account, &decision.state, told).await?;
        Ok(decision)
    }

    /// Records what a text to people who don't know its sender has, for the verdicts about others.
    pub async fn record(&self, tx: &Tx) -> Result<(), Error> {
        if let Some(fingerprint) = self.content.fingerprint.filter(|_| self.is_compared()) {
            let first = FirstText { fingerprint, sender: self.account.0, at: self.now };
            texts::insert_first(tx, self.home, self.verdict, first).await?;
        }
        texts::insert_domains(tx, self.home, self.domains(), self.now).await
    }

    /// Stores a verdict, and tells moderation of one that its sender can appeal, and of what is held.
    pub async fn insert_verdict(&self, tx: &Tx, decision: &Decision, object: Option<Uuid>) -> Result<(), Error> {
        let facts = serde_json::to_string(&decision.facts).map_err(|_| Error::Corrupt("facts"))?;
        let verdict = &decision.verdict;
        let stored = StoredVerdict {
            id: self.verdict,
            account: self.account.0,
            place: self.place,
            object,
            outcome: verdict.outcome.as_str().to_owned(),
            reason: verdict.reason().map(|reason| reason.code().to_owned()),
            rules_version: verdict.rules_version,
            facts,
            created_at: self.now,
        };
        verdicts::insert(tx, self.home, &stored).await?;
        let is_held = verdict.outcome == Outcome::Hold && object.is_some();
        match verdict.reason().filter(|_| is_held || verdict.can_appeal()) {
            Some(reason) => tx.publish(&self.screened(reason, object, is_held), self.now),
            None => Ok(()),
        }
    }

    /// Returns the event of a verdict.
    fn screened(&self, reason: Reason, object: Option<Uuid>, is_held: bool) -> Screened {
        // What was not stored has the id of the verdict.
        let id = object.unwrap_or(self.verdict).to_string();
        Screened {
            id: self.verdict,
            thing: Thing { role: self.home.role.to_owned(), kind: self.kind.to_owned(), id },
            owner: self.account,
            check: reason.code().to_owned(),
            statement: reason.sentence().to_owned(),
            evidence: self.evidence.clone(),
            is_held,
            at: self.now,
        }
    }

    /// Returns how long a sender waits who was refused too often within an hour.
    async fn refusals_wait(&self, tx: &Tx) -> Result<Option<Duration>, Error> {
        let times = verdicts::list_refusal_times(tx, self.home, self.account.0, MAX_REFUSALS).await?;
        let oldest = times.last().filter(|_| times.len() >= MAX_REFUSALS);
        let wait = oldest.and_then(|oldest| (*oldest + REFUSALS_TIME - self.now).to_std().ok());
        Ok(wait.filter(|wait| !wait.is_zero()))
    }

    /// Returns what becomes of an attempt that is not stored, after recording its verdict; `None` if it is stored.
    pub async fn not_stored(&self, tx: &Tx, decision: &Decision) -> Result<Option<NotStored>, Error> {
        let verdict = &decision.verdict;
        // Every verdict that is worse than delivery has a reason.
        let Some(reason) = verdict.reason() else { return Ok(None) };
        match verdict.outcome {
            Outcome::SlowDown => {
                let wait = Duration::from_millis(verdict.retry_after_ms.unwrap_or(LONGEST_WAIT_MS));
                Ok(Some(NotStored::SlowDown(reason, wait)))
            }
            Outcome::Hold if self.can_wait => Ok(None),
            Outcome::Hold | Outcome::Refuse => {
                if let Some(wait) = self.refusals_wait(tx).await? {
                    return Ok(Some(NotStored::SlowDown(reason, wait)));
                }
                self.insert_verdict(tx, decision, None).await?;
                Ok(Some(NotStored::Refused(self.verdict, reason)))
            }
            Outcome::Deliver | Outcome::Blur | Outcome::RequestBox => Ok(None),
        }
    }
}
