//! Writing a comment.
//!
//! Invariant: a comment is counted and announced in the transaction from which on it is shown; one that waits for
//! approval is neither.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::social::Policy;
use contract::social::talk::{CommentPending, Commented};
use db::Tx;
use http_server::Effect;
use uuid::Uuid;

use super::about_post::{self, AboutPost};
use super::publish_post::draw_position;
use crate::error::Error;
use crate::known_people::by_handles;
use crate::model::budget::{Act, rest_of_hour};
use crate::model::{Comment, CommentText, Person};
use crate::state::Social;
use crate::store::{budgets, comments, counts, people, talk_settings};

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
    actor: Person,
    new: NewComment,
    effect: Effect,
) -> Result<Uuid, Error> {
    // First: while accounts does not respond, a post that is not shown and none are the same response as well.
    let mentioned = by_handles(social, &new.text.mentions).await?;
    let lane = about_post::lanes(social, &actor, new.post).await?.ok_or(Error::NotFound)?;
    let now = social.context.clock.now();
    let (id, max) = (social.context.random.uuid_v7(now), social.config.max_comments_per_hour);
    let position = draw_position(&social.context.random, now);
    social
        .context
        .db
        .write(lane, async move |tx| {
            let about = about_post::read(tx, &actor, new.post, new.token.as_deref(), now).await?;
            about.require(about.can.comment, now)?;
            let above = match new.answers {
                Some(answered) => Some(find_above(tx, &about, answered, now).await?),
                None => None,
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
                is_pending: waits(tx, &about, &new.text.text).await?,
                text: new.text.text,
                answer_count: 0,
                created_at: now,
            };
            comments::insert(tx, &comment).await?;
            effect.created(tx, Comment::location(id, new.token.as_deref())).await?;
            let (post, post_author, author) = (comment.post, about.owner.account, about.actor.account);
            if comment.is_pending {
                return Ok(tx.publish(&CommentPending { id, post, post_author, author, at: now }, now)?);
            }
            count(tx, &comment, 1).await?;
            let mentioned = people::retain_known(tx, mentioned).await?;
            let mentions = mentioned.into_iter().map(|person| person.account).collect();
            let answered = above.map(|above| above.answered);
            let answers = comment.answers();
            let (audience, thread) = (Some(about.post.audience), about.post.part.as_ref().map(|part| part.thread));
            let event =
                Commented { id, post, post_author, author, answers, answered, mentions, audience, thread, at: now };
            Ok(tx.publish(&event, now)?)
        })
        .await?;
    social.metrics.comments.inc();
    Ok(id)
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
    let settings = talk_settings::find(tx, about.owner.number).await?;
    let is_asked = about.post.policies.comment == Policy::Approval || settings.approval;
    Ok(is_asked || settings.watched_words.is_in(text))
}
