//! A verdict in the transaction of what it is about.
//!
//! Owns what the rules are told, not the rules (`screening`) nor the order of the steps (`screening-store`). Invariant:
//! the caller holds the lane of the sender, so parallel attempts spend one budget.

use std::ops::{Deref, DerefMut};

use contract::accounts::AccountState;
use contract::moderation::Evidence;
use db::Tx;
use screening::attempt::Decision;
use screening::classifier::Opinion;
use screening::facts::{Content, Surface};
pub(super) use screening_store::{FIRST_TEXT_AGE, NotStored, Reach};
use screening_store::{Submission, party};
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Author, kind_of};
use crate::state::Chat;
use crate::store::sending::Situation;
use crate::store::{VERDICTS, people};

/// What a member attempts, as it is known before the transaction.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// Who sends.
    pub author: Author,
    /// The conversation.
    pub conversation: Uuid,
    submission: Submission,
}

impl Deref for Draft {
    type Target = Submission;
    fn deref(&self) -> &Submission {
        &self.submission
    }
}

impl DerefMut for Draft {
    fn deref_mut(&mut self) -> &mut Submission {
        &mut self.submission
    }
}

/// Counts what is not stored, and returns the error for its sender.
pub(super) fn into_error(what: NotStored, chat: &Chat) -> Error {
    match what {
        NotStored::Refused(verdict, reason) => {
            chat.metrics.refused.inc();
            Error::Refused { verdict, reason }
        }
        NotStored::SlowDown(reason, wait) => {
            chat.metrics.slowed.inc();
            Error::SlowDown { reason, wait }
        }
    }
}

impl Draft {
    /// Returns the draft of a text.
    pub(super) fn new(chat: &Chat, surface: Surface, author: Author, conversation: Uuid, text: &str) -> Self {
        let now = chat.context.clock.now();
        let submission = Submission {
            home: &VERDICTS,
            surface,
            kind: kind_of(surface),
            account: author.account,
            is_confirmed: author.is_confirmed,
            recipient: party(conversation),
            content: Content::of(text),
            evidence: Evidence::of(text, [], Some(conversation.to_string())),
            nudity: Vec::new(),
            spam: Opinion::NotAsked,
            can_wait: surface == Surface::Message,
            place: conversation,
            verdict: chat.context.random.uuid_v7(now),
            rules: chat.rules.clone(),
            now,
        };
        Self { author, conversation, submission }
    }

    /// Asks the classifier of texts, if there is one: before the transaction, and of first messages only. What friends
    /// write to each other is shown to no classifier.
    pub(super) async fn ask_classifier(&mut self, chat: &Chat, text: &str) {
        let Some(texts) = chat.texts.as_ref().filter(|_| !text.trim().is_empty()) else { return };
        let (began, deadline) = (Instant::now(), chat.text_deadline);
        let response = texts.score(text, deadline).await;
        self.spam = Opinion::of(response, began.elapsed(), deadline);
    }

    /// Decides, and stores the sender's next state. Fails if the account is limited or erased.
    pub(super) async fn screen(&self, tx: &Tx, reach: Reach) -> Result<Decision, Error> {
        let account = self.author.account;
        if people::find_state(tx, account, self.now).await? != AccountState::Active
            || !people::list_erased(tx, &[account]).await?.is_empty()
        {
            return Err(Error::AccountLimited);
        }
        Ok(self.submission.screen(tx, reach).await?)
    }

    /// Does what [`Self::screen`] does, with what the transaction has read of the author.
    pub(super) async fn screen_in(&self, tx: &Tx, reach: Reach, situation: Situation) -> Result<Decision, Error> {
        if situation.state != AccountState::Active || situation.is_erased {
            return Err(Error::AccountLimited);
        }
        Ok(self.submission.screen_sender(tx, situation.sender, reach).await?)
    }
}
