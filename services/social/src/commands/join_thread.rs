//! Joining a thread with a clip.
//!
//! A verdict comes first, unless the thread is the author's own and no stranger is mentioned. A part that it holds
//! waits for approval, by a moderator of the site or by the opener. Invariant: a thread never has more parts than its
//! cap, however many members join at once; a part is written only by who may see the thread at that moment and is
//! admitted by its rule.

use chrono::{DateTime, Utc};
use contract::media::Kind;
use contract::social::threads::{PartState, ThreadOpened};
use db::{Lane, Tx};
use http_server::Effect;
use screening::facts::{Relation as Closeness, Surface};
use uuid::Uuid;

use super::create_post::{Draft, finish, prepare, read_author, write};
use super::publish_post::announce_part;
use super::screen::{Disposition, into_error};
use crate::error::Error;
use crate::model::{InvalidPost, JoinRefusal, NewPost, Person, PostMedia, Sender, ThreadPart};
use crate::queries::openings::{self, Opening};
use crate::queries::posts::is_visible;
use crate::state::Social;
use crate::store::{people, posts, relations, thread_parts, threads};

/// The most parts of a thread that wait for approval.
const MAX_PENDING: u64 = 100;

/// A part with which a member joins.
#[derive(Debug, Clone)]
pub(crate) struct NewPart {
    /// The thread.
    pub thread: Uuid,
    /// The token of the thread's link, if the request has one.
    pub token: Option<String>,
    /// The part's post.
    pub post: NewPost,
    /// The part that it answers.
    pub answers: Option<Uuid>,
}

/// Joins a thread that the author may see, and returns the id of the part.
pub(crate) async fn join_thread(social: &Social, sender: Sender, new: NewPart, effect: Effect) -> Result<Uuid, Error> {
    let NewPart { thread, token, post, answers } = new;
    let mut draft = prepare(social, &sender, post).await?;
    check_clip(&draft.media)?;
    draft.candidate = draft.candidate.moved(Surface::Join, thread);
    let author = sender.person;
    let (id, now) = (draft.post.id, social.context.clock.now());
    let stopped = social
        .context
        .db
        .write(Lane::of(&author.account).and(&thread), async move |tx| {
            let author = read_author(tx, &author, now).await?;
            let opening = openings::find(tx, author.number, thread, token.as_deref(), now).await?;
            let decision = match screen(tx, &opening, &author, &draft).await? {
                Disposition::NotStored(what) => return Ok(Some(what)),
                Disposition::Held(decision) => Some(decision),
                Disposition::Delivered => None,
            };
            let admitted = admit(tx, &opening, &author, decision.is_some(), now).await?;
            let state = admitted.state;
            if let Some(answered) = answers {
                check_answered(tx, &author, (thread, token.as_deref()), answered, now).await?;
            }
            // The opener reads what needs approval by the rule of the thread, so no moderator does.
            let decision = decision.filter(|_| admitted.is_held);
            let sentence = decision.as_ref().and_then(|decision| decision.verdict.reason());
            let reason = sentence.map(|reason| reason.sentence().to_owned());
            let part = ThreadPart { thread, state, number: None, answers, reason };
            let candidate = draft.candidate.clone();
            write(tx, &author, draft.into_part(part.clone())).await?;
            if let Some(decision) = decision {
                candidate.hold(tx, &decision, id).await?;
            } else if state == PartState::Pending {
                announce_part(tx, id, &author, &part, now).await?;
            }
            effect.created(tx, format!("/v1/threads/{thread}/parts/{id}")).await?;
            Ok::<_, Error>(None)
        })
        .await?;
    if let Some(what) = stopped {
        return Err(into_error(what, social));
    }
    finish(social, id, true).await;
    Ok(id)
}

/// Checks that the media of a post are one clip.
pub(super) fn check_clip(media: &[PostMedia]) -> Result<(), Error> {
    match media {
        [clip] if clip.kind == Kind::Video && !clip.is_lost() => Ok(()),
        [other] => Err(Error::NotAClip(other.id.to_string())),
        _ => Err(InvalidPost("`media` is the id of one video.").into()),
    }
}

/// Decides about a part. One in a thread of its author's own, without a mention of a stranger, is not decided about.
async fn screen(tx: &Tx, opening: &Opening, author: &Person, draft: &Draft) -> Result<Disposition, Error> {
    let is_own = opening.opener.number == author.number;
    let to = (!is_own).then_some((&opening.opener, opening.relation));
    let reach = draft.candidate.reach(tx, author, to, &draft.mentioned).await?;
    if is_own && reach.relation == Closeness::Connected {
        return Ok(Disposition::Delivered);
    }
    draft.candidate.screen(tx, opening.opener.account, reach).await
}

/// How a part comes into a thread.
struct Admission {
    state: PartState,
    /// Whether it waits only because a verdict holds it.
    is_held: bool,
}

/// Applies the rule of the thread, and takes a place for a part that needs no approval. One that a verdict holds waits.
async fn admit(
    tx: &Tx,
    opening: &Opening,
    author: &Person,
    is_stopped: bool,
    now: DateTime<Utc>,
) -> Result<Admission, Error> {
    // An erasure, and media that is deleted, remove the opening in the lane of the opener alone.
    if !posts::hold(tx, opening.post.id).await? {
        return Err(Error::NotFound);
    }
    let (thread, joiner) = (&opening.thread, openings::joiner(tx, opening, author.number).await?);
    let state = thread.admit(&joiner).map_err(|refusal| match refusal {
        JoinRefusal::Closed => Error::ThreadClosed,
        JoinRefusal::Full => Error::ThreadFull(thread.cap),
        JoinRefusal::NotAllowed => Error::MayNotJoin,
    })?;
    let is_held = is_stopped && state == PartState::Joined;
    let state = if is_held { PartState::Pending } else { state };
    if !opening.has_row && threads::insert(tx, thread).await? {
        let (opener, audience, rule) = (opening.opener.account, opening.post.audience, thread.rule);
        tx.publish(&ThreadOpened { thread: thread.id, opener, rule, audience, at: now }, now)?;
    }
    if state == PartState::Joined && !threads::take_place(tx, thread.id).await? {
        return Err(Error::ThreadFull(thread.cap));
    }
    if state == PartState::Pending
        && thread_parts::count_waiting(tx, thread.id, PartState::Pending).await? >= MAX_PENDING
    {
        return Err(Error::TooManyWaiting(MAX_PENDING));
    }
    Ok(Admission { state, is_held })
}

/// Checks that a part which another one answers is shown in the thread, and to its author.
async fn check_answered(
    tx: &Tx,
    author: &Person,
    (thread, token): (Uuid, Option<&str>),
    answered: Uuid,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let found = posts::find(tx, answered).await?;
    let is_shown = |part: &ThreadPart| part.thread == thread && part.number.is_some();
    if let Some(found) = found.filter(|post| post.part.as_ref().is_some_and(is_shown))
        && let Some(owner) = people::find(tx, found.author).await?
    {
        let relation = relations::find(tx, author.number, owner.number, now).await?;
        if is_visible(tx, (author.number, relation), (&found, &owner), token, now).await? {
            return Ok(());
        }
    }
    Err(InvalidPost("`answers` is the id of a part that you see in this thread.").into())
}
