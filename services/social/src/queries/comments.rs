//! Comments as a reader sees them.
//!
//! Invariant: a comment is shown to those who may see its post, without those of people who are not shown to the
//! reader, and without answers to these. What waits is shown to its author and to the author of the post; what a
//! verdict holds to its author alone.

use contract::social::talk::TalkState;
use contract::social::talk_views::{CommentCanView, CommentView, HeldByView};
use screening::reason::Reason;
use uuid::Uuid;

use super::posts;
use crate::error::Error;
use crate::model::{Comment, HeldBy, PersonNumber, Position, Post};
use crate::state::Social;
use crate::store::comments::{self, AuthoredComment};

/// Which comments of a post a reader wants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CommentSelection<'a> {
    /// The post.
    pub post: Uuid,
    /// The token of the post's link, if the request has one.
    pub token: Option<&'a str>,
    /// The answers to this comment; without it, what is no answer.
    pub answers: Option<Uuid>,
}

/// Returns a page of comments, and the cursor of the next one: the newest first, and answers the oldest first.
pub(crate) async fn list(
    social: &Social,
    reader: PersonNumber,
    selection: CommentSelection<'_>,
    after: Option<Position>,
    size: usize,
) -> Result<(Vec<CommentView>, Option<String>), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let post = posts::find_visible(social, reader, selection.post, selection.token).await?;
    let parent = match selection.answers {
        Some(above) => {
            let found = comments::find_visible(sql, above, reader, now).await?;
            // An answer has no answers.
            let found = found.filter(|found| found.comment.parent == post.id).ok_or(Error::NoSuchComment)?;
            (found.comment.id, false)
        }
        None => (post.id, true),
    };
    let may_answer = posts::find_can(social, reader, &post).await?.comment;
    let written = comments::list(sql, parent, reader, now, after, size + 1).await?;
    Ok(page(written, size, |written| view(written, reader, may_answer)))
}

/// Returns a comment that the reader may see.
pub(crate) async fn get(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
) -> Result<CommentView, Error> {
    let (written, post) = find_visible(social, reader, id, token).await?;
    let may_answer = posts::find_can(social, reader, &post).await?.comment;
    Ok(view(&written, reader, may_answer))
}

/// Returns the row of a comment that the reader may see, with its author, and its post.
pub(crate) async fn find_visible(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
) -> Result<(AuthoredComment, Post), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let written = comments::find_visible(sql, id, reader, now).await?.ok_or(Error::NoSuchComment)?;
    if let Some(above) = written.comment.answers() {
        comments::find_visible(sql, above, reader, now).await?.ok_or(Error::NoSuchComment)?;
    }
    match posts::find_visible(social, reader, written.comment.post, token).await {
        Ok(post) => Ok((written, post)),
        Err(Error::NotFound) => Err(Error::NoSuchComment),
        Err(error) => Err(error),
    }
}

/// Returns a page of the comments on a member's posts that wait for approval, the oldest first, and the cursor of the
/// next one.
pub(crate) async fn list_pending(
    social: &Social,
    member: PersonNumber,
    after: Position,
    size: usize,
) -> Result<(Vec<CommentView>, Option<String>), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let written = comments::list_pending(sql, member, now, after, size + 1).await?;
    Ok(page(written, size, |written| view(written, member, true)))
}

/// Makes a page of a list that was read with one entry more than the page has.
fn page(
    mut written: Vec<AuthoredComment>,
    size: usize,
    view: impl Fn(&AuthoredComment) -> CommentView,
) -> (Vec<CommentView>, Option<String>) {
    let has_more = written.len() > size;
    written.truncate(size);
    let next = written.last().filter(|_| has_more).map(|last| last.comment.position.0.to_string());
    (written.iter().map(view).collect(), next)
}

fn verdict_view(held: &HeldBy) -> HeldByView {
    let known: Option<Reason> = held.reason.parse().ok();
    HeldByView {
        id: held.verdict,
        reason: held.reason.clone(),
        sentence: known.map_or_else(String::new, |reason| reason.sentence().to_owned()),
        can_appeal: known.is_some_and(Reason::can_appeal),
    }
}

fn view(written: &AuthoredComment, reader: PersonNumber, may_answer: bool) -> CommentView {
    let Comment { is_pending, post_author, author, .. } = written.comment;
    let held = written.comment.held.as_ref().filter(|_| author == reader);
    CommentView {
        id: written.comment.id,
        post: written.comment.post,
        answers: written.comment.answers(),
        author: written.author.view(),
        state: TalkState::of(is_pending),
        text: written.comment.text.clone(),
        answer_count: written.comment.answer_count,
        verdict: held.map(verdict_view),
        can: CommentCanView {
            answer: may_answer && !is_pending,
            approve: is_pending && post_author == reader && written.comment.held.is_none(),
            remove: written.comment.may_remove(reader),
        },
        created_at: written.comment.created_at,
    }
}
