//! Writing a comment.
//!
//! A verdict comes first, unless the post is the author's own and mentions no stranger. Invariant: a comment is counted
//! and announced in the transaction from which on it is shown; one that waits for approval is neither. The author of
//! the post is told of what waits for them, and not of what waits for a moderator.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::social::Policy;
use contract::social::talk::{CommentPending, Commented};
use db::Tx;
use http_server::Effect;
use screening::facts::{Relation as Closeness, Surface};
use uuid::Uuid;

use super::about_post::{self, AboutPost};
use super::publish_post::draw_position;
use super::screen::{Candidate, Disposition, NotStored, Words, into_error};
use crate::error::Error;
use crate::known_people::by_handles;
use crate::model::budget::{Act, rest_of_hour};
use crate::model::{Comment, CommentText, HeldBy, Person, Post, Sender};
use crate::state::Social;
use crate::store::{budgets, comments, counts, people, talk_settings, verdicts};

/// A new comment.
#[derive(Debug, Clone)]
pub(crate) struct NewComment {
    /// The post.
    pub post: Uuid,
    /// The token of the post's link, if the request has one.
    pub token: Option<String>,
    /// The text.
    pub text: CommentText,
    /// The comment that it answers.
    pub answers: Option<Uuid>,
}

/// Writes a comment and returns its id.
pub(crate) async fn create_comment(
    social: &Social,
    sender: Sender,
    new: NewComment,
    effect: Effect,
) -> Result<Uuid, Error> {
    // First: while accounts does not respond, a post that is not shown and none are the same response as well.
    let mentioned = by_handles(social, &new.text.mentions).await?;
    let lane = about_post::lanes(social, &sender.person, new.post).await?.ok_or(Error::NotFound)?;
    let now = social.context.clock.now();
    let words = Words { surface: Surface::Comment, kind: "comment", place: new.post, text: &new.text.text };
    let (candidate, actor) = (Candidate::new(social, &sender, words), sender.person);
    let (id, max) = (social.context.random.uuid_v7(now), social.config.max_comments_per_hour);
    let position = draw_position(&social.context.random, now);
    let stopped: Option<NotStored> = social
        .context
        .db
        .write(lane, async move |tx| {
            let about = about_post::read(tx, &actor, new.post, new.token.as_deref(), now).await?;
            about.require(about.can.comment, now)?;
            let above = match new.answers {
                Some(answered) => Some(find_above(tx, &about, answered, now).await?),
                None => None,
            };
            let mentioned = people::retain_known(tx, mentioned).await?;
            let decision = match screen(tx, &candidate, &about, &mentioned).await? {
                Disposition::NotStored(what) => return Ok(Some(what)),
                Disposition::Held(decision) => Some(decision),
                Disposition::Delivered => None,
            };
            if !budgets::take(tx, about.actor.number, Act::Comment, max, now).await? {
                return Err(Error::TooOften { max, wait: rest_of_hour(now) });
            }
            let comment = Comment {
                id,
                post: about.post.id,
                post_author: about.owner.number,
                author: about.actor.number,
                parent: above.as_ref().map_or(about.post.id, |above| above.root.id),
                position,
                is_pending: decision.is_some() || waits(tx, &about, &new.text.text).await?,
                held: decision
                    .as_ref()
                    .and_then(|decision| decision.verdict.reason())
                    .map(|reason| HeldBy { verdict: candidate.verdict(), reason: reason.code().to_owned() }),
                text: new.text.text,
                answer_count: 0,
                created_at: now,
            };
            comments::insert(tx, &comment).await?;
            effect.created(tx, Comment::location(id, new.token.as_deref())).await?;
            if let Some(decision) = decision {
                candidate.hold(tx, &decision, id).await?;
                return Ok(None);
            }
            if comment.is_pending {
                announce_pending(tx, &comment, &about.owner, &about.actor, now)?;
                return Ok(None);
            }
            let shown = Shown { comment: &comment, post: &about.post, owner: &about.owner, author: &about.actor };
            shown.announce(tx, above.map(|above| above.answered), mentioned, now).await?;
            Ok(None)
        })
        .await?;
    match stopped {
        Some(what) => Err(into_error(what, social)),
        None => {
            social.metrics.comments.inc();
            Ok(id)
        }
    }
}

/// Decides about a comment. One on a post of its author's own, without a mention of a stranger, is not decided about.
async fn screen(tx: &Tx, candidate: &Candidate, about: &AboutPost, mentioned: &[Person]) -> Result<Disposition, Error> {
    let to = (!about.is_own()).then_some((&about.owner, about.relation));
    let reach = candidate.reach(tx, &about.actor, to, mentioned).await?;
    if about.is_own() && reach.relation == Closeness::Connected {
        return Ok(Disposition::Delivered);
    }
    candidate.screen(tx, about.owner.account, reach).await
}

/// Tells the author of a post that a comment waits for them.
pub(super) fn announce_pending(
    tx: &Tx,
    comment: &Comment,
    owner: &Person,
    author: &Person,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let (id, post, post_author, author) = (comment.id, comment.post, owner.account, author.account);
    Ok(tx.publish(&CommentPending { id, post, post_author, author, at: now }, now)?)
}

/// A comment that is shown from now on.
pub(super) struct Shown<'a> {
    /// The comment.
    pub comment: &'a Comment,
    /// Its post.
    pub post: &'a Post,
    /// Who wrote the post.
    pub owner: &'a Person,
    /// Who wrote the comment.
    pub author: &'a Person,
}

impl Shown<'_> {
    /// Counts and announces it. `answered` is who wrote the comment that it answers: their standing grows by it.
    pub(super) async fn announce(
        &self,
        tx: &Tx,
        answered: Option<AccountId>,
        mentioned: Vec<Person>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let Comment { id, post, .. } = *self.comment;
        let (post_author, author) = (self.owner.account, self.author.account);
        count(tx, self.comment, 1).await?;
        if let Some(answered) = answered {
            verdicts::record_answer(tx, answered, author).await?;
        }
        let mentions = mentioned.into_iter().map(|person| person.account).collect();
        let (answers, audience) = (self.comment.answers(), Some(self.post.audience));
        let thread = self.post.part.as_ref().map(|part| part.thread);
        let event = Commented { id, post, post_author, author, answers, answered, mentions, audience, thread, at: now };
        Ok(tx.publish(&event, now)?)
    }
}

/// Adds a comment that is shown (or takes it away) to the counts of its post and of the comment above.
pub(super) async fn count(tx: &Tx, comment: &Comment, difference: i64) -> Result<(), Error> {
    counts::add_comments(tx, comment.post, difference).await?;
    if let Some(above) = comment.answers() {
        comments::add_answers(tx, above, difference).await?;
    }
    Ok(())
}

/// What an answer stands below.
struct AnswerTarget {
    /// The comment under which it stands.
    root: Comment,
    /// Who wrote the comment that it answers.
    answered: AccountId,
}

/// Returns what an answer stands below. The member must see both the comment that they answer and the one above it.
async fn find_above(tx: &Tx, about: &AboutPost, answered: Uuid, now: DateTime<Utc>) -> Result<AnswerTarget, Error> {
    let reader = about.actor.number;
    let found = comments::find_visible(tx, answered, reader, now).await?;
    let found = found.filter(|found| found.comment.post == about.post.id).ok_or(Error::NoSuchComment)?;
    let root = match found.comment.answers() {
        Some(above) => comments::find_visible(tx, above, reader, now).await?.ok_or(Error::NoSuchComment)?.comment,
        None => found.comment.clone(),
    };
    if found.comment.is_pending || root.is_pending {
        return Err(Error::CommentPending);
    }
    Ok(AnswerTarget { root, answered: found.author.account })
}

/// Whether a comment waits for approval: by the post's policy, or as its author wants it.
async fn waits(tx: &Tx, about: &AboutPost, text: &str) -> Result<bool, Error> {
    if about.is_own() {
        return Ok(false);
    }
    is_reviewed(tx, &about.post, text).await
}

/// Whether the author of a post wants to read a comment of others before it is shown.
pub(super) async fn is_reviewed(tx: &Tx, post: &Post, text: &str) -> Result<bool, Error> {
    let settings = talk_settings::find(tx, post.author).await?;
    let is_asked = post.policies.comment == Policy::Approval || settings.approval;
    Ok(is_asked || settings.watched_words.is_in(text))
}
