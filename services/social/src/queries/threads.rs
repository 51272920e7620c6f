//! Threads and their parts as a reader sees them.
//!
//! Invariant: what is returned of a thread, its parts and its members is what [`crate::model::may_see`] allows; the
//! opener and the moderators also get what waits for approval.

use contract::social::threads::{PartCanView, PartState, ThreadCanView, ThreadPartView, ThreadView};
use contract::social::views::{PersonView, PostView};
use uuid::Uuid;

use super::openings::{self, Opening};
use super::posts;
use crate::error::Error;
use crate::model::thread::MAX_MODERATORS;
use crate::model::{
    NumberedList, Person, PersonNumber, Post, ReaderFacts, ThreadPart, may_review, may_see_part, signature_end,
};
use crate::state::Social;
use crate::store;
use crate::store::thread_parts::ReadThread;
use crate::store::threads::Office;

/// The scope of a signature on the URL of a programme.
const PROGRAMME_SCOPE: &str = "programme";

/// A page of parts, and the cursor of the next one.
pub(crate) type PartPage = (Vec<ThreadPartView>, Option<String>);

/// Returns a thread that the reader may see. `token` is that of its link, if the request has one.
pub(crate) async fn get(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
) -> Result<ThreadView, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let opening = openings::find(sql, reader, id, token, now).await?;
    let me = store::people::find(sql, reader).await?;
    let joiner = openings::joiner(sql, &opening, reader).await?;
    let may_act = me.as_ref().is_some_and(|me| me.standing.may_publish(now));
    let can = ThreadCanView {
        join: may_act && opening.thread.admit(&joiner).is_ok(),
        moderate: opening.moderates,
        invite: opening.moderates,
        change: opening.relation.is_self,
        remove: opening.relation.is_self,
    };
    let (reads, first) = ((reader, now), PersonNumber::NONE);
    let moderators = store::threads::list_office(sql, Office::Moderator, id, reads, first, MAX_MODERATORS).await?;
    // Only the link itself goes on: whatever else a request has in its place stays out of the URL.
    let link = opening.post.link_token.as_deref().filter(|link| token == Some(*link));
    let view = posts::views(social, reader, vec![opening.post.clone()]).await?.pop().ok_or(Error::NotFound)?;
    Ok(ThreadView {
        id,
        title: view.text.clone(),
        rule: opening.thread.rule,
        cap: opening.thread.cap,
        parts: opening.thread.part_count,
        moderators: moderators.iter().map(Person::view).collect(),
        can,
        programme: programme_url(social, id, me.as_ref(), link),
        created_at: opening.thread.created_at,
        opening: view,
    })
}

/// Returns the URL of the programme for a reader: players send no tokens, so a member's is signed.
fn programme_url(social: &Social, id: Uuid, me: Option<&Person>, link: Option<&str>) -> String {
    let mut query = Vec::new();
    if let Some(me) = me {
        let end = signature_end(social.context.clock.now());
        let subject = programme_subject(id, me.account.0);
        let signature = social.context.url_signer.sign_until(PROGRAMME_SCOPE, &subject, end);
        query.push(format!("reader={}&t={signature}", me.account));
    }
    query.extend(link.map(|link| format!("link={link}")));
    let joint = if query.is_empty() { "" } else { "?" };
    format!("/v1/threads/{id}/programme.m3u8{joint}{}", query.join("&"))
}

fn programme_subject(thread: Uuid, reader: Uuid) -> String {
    format!("{thread} {reader}")
}

/// Whether a signature lets a player read a programme as a member.
pub(crate) fn is_programme_signature(social: &Social, thread: Uuid, reader: Uuid, signature: &str) -> bool {
    let (subject, now) = (programme_subject(thread, reader), social.context.clock.now());
    social.context.url_signer.is_valid(signature, PROGRAMME_SCOPE, &subject, now)
}

/// Returns a page of the parts that have appeared, in their order.
pub(crate) async fn parts(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
    after: i64,
    size: usize,
) -> Result<PartPage, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let opening = openings::find(sql, reader, id, token, now).await?;
    let mut found = store::thread_parts::list(sql, &opening.read_by(reader, now), after, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).and_then(|post| post.part.as_ref()).and_then(|part| part.number);
    Ok((part_views(social, reader, &opening, found).await?, next.map(|number| number.to_string())))
}

/// Returns a page of parts that have not appeared: the reader's own, and what waits for the reader's approval.
pub(crate) async fn waiting_parts(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
    after: Uuid,
    size: usize,
) -> Result<PartPage, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let opening = openings::find(sql, reader, id, token, now).await?;
    let read = opening.read_by(reader, now);
    let mut found = store::thread_parts::list_waiting(sql, &read, opening.moderates, after, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|post| post.id.to_string());
    Ok((part_views(social, reader, &opening, found).await?, next))
}

/// Returns a part that the reader may see, or has to approve. Its author sees it also where the thread is not shown to
/// them any more.
pub(crate) async fn part(
    social: &Social,
    reader: PersonNumber,
    thread: Uuid,
    id: Uuid,
    token: Option<&str>,
) -> Result<ThreadPartView, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let post = store::posts::find(sql, id).await?.ok_or(Error::NotFound)?;
    let part = post.part.clone().filter(|part| part.thread == thread).ok_or(Error::NotFound)?;
    let author = store::people::find(sql, post.author).await?.ok_or(Error::NotFound)?;
    let relation = store::relations::find(sql, reader, post.author, now).await?;
    let facts = posts::part_facts(sql, reader, (&post, &part), token, now).await?;
    let (reads, object) = (ReaderFacts { relation, has_link: false }, post.facts(&author, now));
    let opening = if facts.sees_opening { openings::find(sql, reader, thread, token, now).await.ok() } else { None };
    let moderates = opening.as_ref().is_some_and(|opening| opening.moderates);
    if !may_see_part(reads, object, facts) && !may_review(reads, object, facts, moderates) {
        return Err(Error::NotFound);
    }
    let is_own = relation.is_self;
    let answered = match &opening {
        Some(opening) => answered_authors(social, &opening.read_by(reader, now), std::slice::from_ref(&part)).await?,
        None => Vec::new(),
    };
    let view = posts::views(social, reader, vec![post]).await?.pop().ok_or(Error::NotFound)?;
    Ok(part_view(view, part, Standpoint { reader, is_own, moderates }, &answered))
}

/// Returns a page of the members who have joined, in the order in which they have appeared.
pub(crate) async fn members(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
    after: i64,
    size: usize,
) -> Result<(Vec<PersonView>, Option<String>), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let opening = openings::find(sql, reader, id, token, now).await?;
    let mut found = store::thread_parts::list_first(sql, &opening.read_by(reader, now), after, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).and_then(|post| post.part.as_ref()).and_then(|part| part.number);
    let numbers: Vec<PersonNumber> = found.iter().map(|post| post.author).collect();
    let people = store::people::list(sql, &numbers).await?;
    let find = |number: &PersonNumber| people.iter().find(|person| person.number == *number);
    Ok((numbers.iter().filter_map(find).map(Person::view).collect(), next.map(|number| number.to_string())))
}

/// Returns a page of those who are invited and shown to the reader, for the opener and the moderators.
pub(crate) async fn invitations(
    social: &Social,
    reader: PersonNumber,
    id: Uuid,
    token: Option<&str>,
    after: Option<&str>,
    size: usize,
) -> Result<(Vec<PersonView>, Option<String>), Error> {
    let list = NumberedList::Invited(id);
    let after = after.map_or(Ok(0), |text| list.parse(text).ok_or(Error::WrongCursor))?;
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let opening = openings::find(sql, reader, id, token, now).await?;
    if !opening.moderates {
        return Err(Error::NotModerator);
    }
    let (reads, after) = ((reader, now), PersonNumber(after));
    let mut found = store::threads::list_office(sql, Office::Invited, id, reads, after, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|person| list.cursor(person.number.0));
    Ok((found.iter().map(Person::view).collect(), next))
}

/// Who reads a part.
#[derive(Debug, Clone, Copy)]
struct Standpoint {
    reader: PersonNumber,
    is_own: bool,
    moderates: bool,
}

async fn part_views(
    social: &Social,
    reader: PersonNumber,
    opening: &Opening,
    found: Vec<Post>,
) -> Result<Vec<ThreadPartView>, Error> {
    let parts: Vec<(Uuid, PersonNumber, ThreadPart)> =
        found.iter().filter_map(|post| Some((post.id, post.author, post.part.clone()?))).collect();
    let read = opening.read_by(reader, social.context.clock.now());
    let in_thread: Vec<ThreadPart> = parts.iter().map(|(_, _, part)| part.clone()).collect();
    let answered = answered_authors(social, &read, &in_thread).await?;
    let mut views = posts::views(social, reader, found).await?;
    let mut shown = Vec::with_capacity(parts.len());
    for (id, author, part) in parts {
        let Some(at) = views.iter().position(|view| view.id == id) else { continue };
        let standpoint = Standpoint { reader, is_own: author == reader, moderates: opening.moderates };
        shown.push(part_view(views.remove(at), part, standpoint, &answered));
    }
    Ok(shown)
}

/// Returns the parts that these answer and that the reader may see, with their authors.
async fn answered_authors(
    social: &Social,
    read: &ReadThread,
    parts: &[ThreadPart],
) -> Result<Vec<(Uuid, PersonNumber)>, Error> {
    let ids: Vec<Uuid> = parts.iter().filter_map(|part| part.answers).collect();
    Ok(store::thread_parts::list_authors(social.context.db.read(), read, &ids).await?)
}

fn part_view(
    post: PostView,
    part: ThreadPart,
    standpoint: Standpoint,
    answered: &[(Uuid, PersonNumber)],
) -> ThreadPartView {
    let Standpoint { reader, is_own, moderates } = standpoint;
    let is_in = part.state != PartState::Removed;
    // One that the reader may not see has no id here.
    let above = answered.iter().find(|(id, _)| Some(*id) == part.answers);
    let is_answered = above.is_some_and(|(_, author)| *author == reader);
    ThreadPartView {
        id: post.id,
        thread: part.thread,
        state: part.state,
        number: part.number,
        answers: above.map(|(id, _)| *id),
        reason: part.reason.filter(|_| is_own),
        can: PartCanView {
            approve: moderates && part.state == PartState::Pending,
            remove: is_own || moderates && is_in,
            unlink: is_answered && is_in && !is_own && !moderates,
        },
        post,
    }
}
