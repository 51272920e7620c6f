//! A verdict in the transaction of what it is about: a comment, a mention, a follow, a part of a thread.
//!
//! Owns what the rules are told, not the rules (`screening`) nor the order of the steps (`screening-store`). While
//! verdicts are not enforced, each is decided and counted as if they were. Invariant: the caller holds the lane of the
//! sender, so parallel attempts spend one budget.

use contract::AccountId;
use contract::moderation::Evidence;
use db::Tx;
use screening::attempt::Decision;
use screening::classifier::Opinion;
use screening::facts::{Content, Relation as Closeness, Surface};
use screening::verdict::Outcome;
pub(super) use screening_store::{FIRST_TEXT_AGE, NotStored};
use screening_store::{Reach, Submission, party};
use uuid::Uuid;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::model::{Person, PersonNumber, Relation, Sender};
use crate::state::Social;
use crate::store::verdicts::{self, HOME};
use crate::store::{follows, relations};

/// Something that has to be decided about, as it is known before the transaction.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    submission: Submission,
    is_enforced: bool,
    metrics: Metrics,
}

/// What a member sends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    /// Where.
    pub surface: Surface,
    /// What moderation calls such a thing, such as `comment`.
    pub kind: &'static str,
    /// What it stands in.
    pub place: Uuid,
    /// The text.
    pub text: &'a str,
}

/// What was decided.
#[derive(Debug, Clone)]
pub(super) enum Disposition {
    /// It is delivered.
    Delivered,
    /// It is stored, and waits.
    Held(Box<Decision>),
    /// It is not stored.
    NotStored(NotStored),
}

/// Counts what is not stored, and returns the error for its sender.
pub(super) fn into_error(what: NotStored, social: &Social) -> Error {
    match what {
        NotStored::Refused(verdict, reason) => {
            social.metrics.refused.inc();
            Error::Refused { verdict, reason }
        }
        NotStored::SlowDown(reason, wait) => {
            social.metrics.slowed.inc();
            Error::SlowDown { reason, wait }
        }
    }
}

impl Candidate {
    /// Returns what is to be decided about. Comments and parts of threads can wait for a moderator.
    pub(super) fn new(social: &Social, sender: &Sender, words: Words<'_>) -> Self {
        let now = social.context.clock.now();
        let submission = Submission {
            home: &HOME,
            surface: words.surface,
            kind: words.kind,
            account: sender.person.account,
            is_confirmed: sender.is_confirmed,
            recipient: party(words.place),
            content: Content::of(words.text),
            evidence: Evidence::of(words.text, [], Some(words.place.to_string())),
            nudity: Vec::new(),
            spam: Opinion::NotAsked,
            can_wait: matches!(words.surface, Surface::Comment | Surface::Join),
            place: words.place,
            verdict: social.context.random.uuid_v7(now),
            rules: social.rules.clone(),
            now,
        };
        Self { submission, is_enforced: social.config.enforce_verdicts, metrics: social.metrics.clone() }
    }

    /// Returns the same on another surface, in another place.
    pub(super) fn moved(self, surface: Surface, place: Uuid) -> Self {
        let can_wait = surface == Surface::Join;
        Self { submission: Submission { surface, place, can_wait, ..self.submission }, ..self }
    }

    /// Returns the same for a change of what others may have read already: it can't wait.
    pub(super) fn without_waiting(self) -> Self {
        Self { submission: Submission { can_wait: false, ..self.submission }, ..self }
    }

    /// Returns the id of the verdict.
    pub(super) fn verdict(&self) -> Uuid {
        self.submission.verdict
    }

    /// Returns how it reaches the person whose post or thread it is about, if there is one besides the sender, and
    /// those whom it mentions. Who follows the sender, or has answered them, is no stranger to them.
    pub(super) async fn reach(
        &self,
        tx: &Tx,
        sender: &Person,
        to: Option<(&Person, Relation)>,
        mentioned: &[Person],
    ) -> Result<Reach, Error> {
        let is_other = |person: &&Person| {
            person.number != sender.number && to.is_none_or(|(owner, _)| owner.number != person.number)
        };
        let others: Vec<&Person> = mentioned.iter().filter(is_other).collect();
        let numbers: Vec<PersonNumber> = others.iter().map(|person| person.number).collect();
        let known = relations::list(tx, sender.number, &numbers, self.submission.now).await?;
        let accounts = others.iter().map(|person| person.account).chain(to.map(|(owner, _)| owner.account));
        let accounts: Vec<AccountId> = accounts.collect();
        let answerers = verdicts::list_answerers(tx, sender.account, &accounts).await?;
        let is_stranger = |person: &Person, relation: Option<&Relation>| {
            !relation.is_some_and(|relation| relation.is_followed_by) && !answerers.contains(&person.account)
        };
        let strangers = others.iter().filter(|person| is_stranger(person, known.get(&person.number))).count();
        let strangers = u32::try_from(strangers).unwrap_or(u32::MAX);
        let owner = to.filter(|(owner, relation)| is_stranger(owner, Some(relation)));
        let relation = match owner {
            None if strangers == 0 => Closeness::Connected,
            Some((owner, _)) if strangers == 0 => self.closeness(tx, sender, owner).await?,
            _ => Closeness::Stranger,
        };
        Ok(Reach { recipients: strangers.max(1), new_recipients: strangers, ..Reach::of(relation) })
    }

    /// Returns how two stand to each other who are not connected. Friends in common are only asked for where a rule
    /// makes a difference by them.
    async fn closeness(&self, tx: &Tx, sender: &Person, other: &Person) -> Result<Closeness, Error> {
        let text = &self.submission.content.text;
        let is_asked = text.links > 0 || text.disguises > 0;
        let is_acquainted = is_asked && follows::count_common_friends(tx, sender.number, other.number, 1).await? > 0;
        Ok(if is_acquainted { Closeness::Acquainted } else { Closeness::Stranger })
    }

    /// Decides, and stores the sender's next state and, of what is refused, the verdict. `recipient` is the member whom
    /// it reaches first.
    pub(super) async fn screen(&self, tx: &Tx, recipient: AccountId, reach: Reach) -> Result<Disposition, Error> {
        let submission = Submission { recipient: party(recipient.0), ..self.submission.clone() };
        let decision = submission.screen(tx, reach).await?;
        let outcome = decision.verdict.outcome;
        if !self.is_enforced {
            if !outcome.is_delivered() {
                self.metrics.not_enforced.inc();
            }
        } else if let Some(what) = submission.not_stored(tx, &decision).await? {
            return Ok(Disposition::NotStored(what));
        }
        if reach.relation != Closeness::Connected {
            submission.record(tx).await?;
        }
        let is_held = self.is_enforced && outcome == Outcome::Hold;
        Ok(if is_held { Disposition::Held(Box::new(decision)) } else { Disposition::Delivered })
    }

    /// Stores the verdict about something that was stored and waits, and tells moderation of it.
    pub(super) async fn hold(&self, tx: &Tx, decision: &Decision, object: Uuid) -> Result<(), Error> {
        self.metrics.held.inc();
        Ok(self.submission.insert_verdict(tx, decision, Some(object)).await?)
    }
}
