//! A verdict in the transaction of what it is about.
//!
//! Owns what the rules are told, not the rules (`screening`). Invariant: the caller holds the lane of the sender, so
//! parallel attempts spend one budget; the sender's next state is stored with what was decided.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::AccountState;
use contract::moderation::{Evidence, Screened};
use db::Tx;
use screening::attempt::{Attempt, Decision, SenderState, decide};
use screening::classifier::Opinion;
use screening::facts::{Content, Facts, MediaFacts, Relation, Surface};
use screening::reason::Reason;
use screening::rules::RuleSet;
use screening::standing::Standing;
use screening::verdict::Outcome;
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Author, account_age_days, thing_of};
use crate::state::Chat;
use crate::store::senders::{FirstText, Sender};
use crate::store::verdicts::StoredVerdict;
use crate::store::{people, senders, verdicts};

/// How many first messages of all members a new one is compared with.
const MAX_FIRST_TEXTS: usize = 512;
/// How long a first message is compared with others.
pub(super) const FIRST_TEXT_AGE: TimeDelta = TimeDelta::days(2);
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

/// What a member attempts, as it is known before the transaction.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Where it is sent.
    pub surface: Surface,
    /// Who sends.
    pub author: Author,
    /// The number of the recipient in the window of the sender's texts.
    pub recipient: u64,
    /// What its text has.
    pub content: Content,
    /// What moderation gets to read of it: its text and its media.
    pub evidence: Evidence,
    /// What the classifier of pictures says of each of its media.
    pub nudity: Vec<Opinion>,
    /// What the classifier of texts says.
    pub spam: Opinion,
    /// Whether it can be stored for a moderator to read first. What can't is refused then.
    pub can_wait: bool,
    /// The conversation.
    pub conversation: Uuid,
    /// The id of the verdict, and of what is recorded with it.
    pub verdict: Uuid,
    /// The rules.
    rules: Arc<RuleSet>,
    /// When.
    pub now: DateTime<Utc>,
}

/// Whom it reaches, as the transaction knows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
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
    pub(super) fn connected() -> Self {
        let relation = Relation::Connected;
        Self { relation, recipients: 1, new_recipients: 0, unanswered: 0, refuses_strangers: false }
    }
}

/// What was decided about something that is not stored.
#[derive(Debug, Clone)]
pub(super) enum NotStored {
    /// It is refused.
    Refused(Uuid, Reason),
    /// It comes too early.
    SlowDown(Reason, std::time::Duration),
}

impl NotStored {
    /// Counts it, and returns the error for its sender.
    pub(super) fn into_error(self, chat: &Chat) -> Error {
        match self {
            Self::Refused(verdict, reason) => {
                chat.metrics.refused.inc();
                Error::Refused { verdict, reason }
            }
            Self::SlowDown(reason, wait) => {
                chat.metrics.slowed.inc();
                Error::SlowDown { reason, wait }
            }
        }
    }
}

impl Draft {
    /// Returns the draft of a text.
    pub(super) fn new(chat: &Chat, surface: Surface, author: Author, conversation: Uuid, text: &str) -> Self {
        let now = chat.context.clock.now();
        Self {
            surface,
            author,
            recipient: crate::model::party(conversation),
            content: Content::of(text),
            evidence: Evidence::of(text, [], Some(conversation.to_string())),
            nudity: Vec::new(),
            spam: Opinion::NotAsked,
            can_wait: surface == Surface::Message,
            conversation,
            verdict: chat.context.random.uuid_v7(now),
            rules: chat.rules.clone(),
            now,
        }
    }

    /// Asks the classifier of texts, if there is one: before the transaction, and of first messages only. What friends
    /// write to each other is shown to no classifier.
    pub(super) async fn ask_classifier(&mut self, chat: &Chat, text: &str) {
        let Some(texts) = chat.texts.as_ref().filter(|_| !text.trim().is_empty()) else { return };
        let (began, deadline) = (Instant::now(), chat.text_deadline);
        let response = texts.score(text, deadline).await;
        self.spam = Opinion::of(response, began.elapsed(), deadline);
    }

    /// Returns the facts that the transaction knows.
    async fn facts(&self, tx: &Tx, sender: Option<&Sender>, reach: Reach) -> Result<Facts, db::Error> {
        let author = self.author.account;
        let standing = Standing {
            account_age_days: account_age_days(author, self.now),
            has_confirmed_address: self.author.is_confirmed,
            replies_received: sender.map_or(0, |sender| sender.reply_count),
            reports_upheld: sender.map_or(0, |sender| sender.report_count),
            is_limited: false,
            exempt: sender.map_or_else(Vec::new, |sender| {
                sender.exempt.split(' ').filter_map(|code| code.parse().ok()).collect()
            }),
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

    async fn new_domains(&self, tx: &Tx) -> Result<u32, db::Error> {
        let domains = self.domains();
        let known = senders::count_known_domains(tx, domains, self.now - NEW_DOMAIN_AGE).await?;
        Ok(u32::try_from(domains.len().saturating_sub(known)).unwrap_or(u32::MAX))
    }

    /// Returns how many senders an alike first message came from lately, this one included.
    async fn alike_senders(&self, tx: &Tx) -> Result<u32, db::Error> {
        let Some(fingerprint) = self.content.fingerprint else { return Ok(1) };
        let oldest = self.now - FIRST_TEXT_AGE;
        let first = senders::list_first(tx, MAX_FIRST_TEXTS).await?;
        let is_alike = |text: &&FirstText| {
            text.at >= oldest && text.fingerprint.distance(fingerprint) <= self.rules.alike_distance
        };
        let mut parties: Vec<_> = first.iter().filter(is_alike).map(|text| text.sender).collect();
        parties.push(self.author.account);
        parties.sort_unstable();
        parties.dedup();
        Ok(u32::try_from(parties.len()).unwrap_or(u32::MAX))
    }

    /// Decides, and stores the sender's next state.
    pub(super) async fn screen(&self, tx: &Tx, reach: Reach) -> Result<Decision, Error> {
        let account = self.author.account;
        if people::find_state(tx, account, self.now).await? != AccountState::Active
            || !people::list_erased(tx, &[account]).await?.is_empty()
        {
            return Err(Error::AccountLimited);
        }
        let sender = senders::find(tx, account).await?;
        let facts = self.facts(tx, sender.as_ref(), reach).await?;
        let budget_rules = self.rules.budgets.of(facts.standing.trust(self.rules.trust));
        let told = sender.as_ref().map_or(0, |sender| sender.answer_count.min(MAX_ANSWERS));
        let mut state = match sender {
            Some(sender) => sender.state,
            None => SenderState::new(&facts.standing, &self.rules, self.now),
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
        senders::put(tx, account, &decision.state, told).await?;
        Ok(decision)
    }

    /// Records what a first message has, for the verdicts about others.
    pub(super) async fn record(&self, tx: &Tx) -> Result<(), db::Error> {
        if let Some(fingerprint) = self.content.fingerprint {
            let first = FirstText { fingerprint, sender: self.author.account, at: self.now };
            senders::insert_first(tx, self.verdict, first).await?;
        }
        senders::insert_domains(tx, self.domains(), self.now).await
    }

    /// Stores a verdict, and tells moderation of one that its sender can appeal, and of what is held.
    pub(super) async fn insert_verdict(
        &self,
        tx: &Tx,
        decision: &Decision,
        message: Option<Uuid>,
    ) -> Result<(), db::Error> {
        let facts = serde_json::to_string(&decision.facts).map_err(|_| db::Error::Corrupt("facts"))?;
        let stored = StoredVerdict {
            id: self.verdict,
            account: self.author.account,
            conversation: self.conversation,
            message,
            outcome: outcome_word(decision.verdict.outcome).to_owned(),
            reason: decision.verdict.reason().map(|reason| reason.code().to_owned()),
            rules_version: decision.verdict.rules_version,
            facts,
            created_at: self.now,
        };
        verdicts::insert(tx, &stored).await?;
        let verdict = &decision.verdict;
        let is_held = verdict.outcome == Outcome::Hold && message.is_some();
        match verdict.reason().filter(|_| is_held || verdict.can_appeal()) {
            Some(reason) => tx.publish(&self.screened(reason, message, is_held), self.now),
            None => Ok(()),
        }
    }

    /// Returns the event of a verdict.
    fn screened(&self, reason: Reason, message: Option<Uuid>, is_held: bool) -> Screened {
        Screened {
            id: self.verdict,
            // What was not stored has the id of the verdict.
            thing: thing_of(self.surface, message.unwrap_or(self.verdict)),
            owner: self.author.account,
            check: reason.code().to_owned(),
            statement: reason.sentence().to_owned(),
            evidence: self.evidence.clone(),
            is_held,
            at: self.now,
        }
    }

    /// Returns how long a sender waits who was refused too often within an hour.
    async fn refusals_wait(&self, tx: &Tx) -> Result<Option<std::time::Duration>, db::Error> {
        let times = verdicts::list_refusal_times(tx, self.author.account, MAX_REFUSALS).await?;
        let oldest = times.last().filter(|_| times.len() >= MAX_REFUSALS);
        let wait = oldest.and_then(|oldest| (*oldest + REFUSALS_TIME - self.now).to_std().ok());
        Ok(wait.filter(|wait| !wait.is_zero()))
    }

    /// Returns what becomes of an attempt that is not stored, after recording its verdict; `None` if it is stored.
    pub(super) async fn not_stored(&self, tx: &Tx, decision: &Decision) -> Result<Option<NotStored>, db::Error> {
        let verdict = &decision.verdict;
        // Every verdict that is worse than delivery has a reason.
        let Some(reason) = verdict.reason() else { return Ok(None) };
        match verdict.outcome {
            Outcome::SlowDown => {
                let wait = std::time::Duration::from_millis(verdict.retry_after_ms.unwrap_or(86_400_000));
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

/// Returns the word of an outcome, as `screening` writes it.
pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deliver => "deliver",
        Outcome::Blur => "blur",
        Outcome::RequestBox => "request_box",
        Outcome::SlowDown => "slow_down",
        Outcome::Hold => "hold",
        Outcome::Refuse => "refuse",
    }
}
