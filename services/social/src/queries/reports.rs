//! Reports: whose the reported thing is, and the queue as operators see it.
//!
//! Invariant: a member reports only what they may see, and accounts whether or not one has blocked the other; what they
//! may not see does not exist for them here either. What was reported is shown to operators without a question to the
//! rule: they decide about it.

use std::collections::{BTreeSet, HashMap};

use contract::AccountId;
use contract::moderation::Evidence;
use contract::social::talk::{ReportKind, ReportState};
use contract::social::talk_views::{ReportDetailView, ReportView, ReportedObjectView};
use uuid::Uuid;

use super::{comments, posts};
use crate::error::Error;
use crate::known_people::by_name;
use crate::model::{Person, PersonNumber, Report};
use crate::state::Social;
use crate::store;

/// Returns the person whose a thing is that the reader may report, and the id of the thing. It is named by its id; an
/// account also by its handle. `token` is that of the post's link, if the request has one.
pub(crate) async fn find_reported(
    social: &Social,
    reader: PersonNumber,
    named: (ReportKind, Option<Uuid>, Option<&str>),
    token: Option<&str>,
) -> Result<(Person, Uuid), Error> {
    match named {
        (ReportKind::Post, Some(id), None) => {
            let post = posts::find_visible(social, reader, id, token).await?;
            let author = store::people::find(social.context.db.read(), post.author).await?;
            Ok((author.ok_or(Error::NotFound)?, id))
        }
        (ReportKind::Comment, Some(id), None) => {
            Ok((comments::find_visible(social, reader, id, token).await?.0.author, id))
        }
        (ReportKind::Account, Some(id), None) => find_account(social, &id.to_string()).await,
        (ReportKind::Account, None, Some(handle)) => find_account(social, handle).await,
        _ => Err(Error::InvalidReport("Send the `id` of what you report, or the `handle` of an account.")),
    }
}

/// Returns an account that is not suspended, and its id. Blocks don't count: who is harassed by a member beyond a block
/// must be able to say so.
async fn find_account(social: &Social, name: &str) -> Result<(Person, Uuid), Error> {
    let (person, now) = (by_name(social, name).await?, social.context.clock.now());
    if person.standing.is_hidden(now) {
        return Err(Error::NoSuchPerson);
    }
    let id = person.account.0;
    Ok((person, id))
}

/// Returns a page of reports in a state, of one kind of things if one is given, the newest first, and the cursor of the
/// next one.
pub(crate) async fn list(
    social: &Social,
    selection: (ReportState, Option<ReportKind>),
    before: Uuid,
    size: usize,
) -> Result<(Vec<ReportView>, Option<String>), Error> {
    let sql = social.context.db.read();
    let mut reports = store::reports::list(sql, selection, before, size + 1).await?;
    let has_more = reports.len() > size;
    reports.truncate(size);
    let next = reports.last().filter(|_| has_more).map(|last| last.id.to_string());
    Ok((views(social, reports).await?, next))
}

/// Returns a report with what was reported.
pub(crate) async fn find(social: &Social, id: Uuid) -> Result<ReportDetailView, Error> {
    let sql = social.context.db.read();
    let report = store::reports::find(sql, id).await?.ok_or(Error::NoSuchReport)?;
    let (kind, object) = (report.new.kind, report.new.object);
    let open_reports = store::reports::count_open(sql, kind, object).await?;
    let object = find_object(social, kind, object).await?;
    let report = views(social, vec![report]).await?.pop().ok_or(Error::NoSuchReport)?;
    Ok(ReportDetailView { report, object, open_reports })
}

/// Returns what a thing of `owner`'s is at this moment, for moderators: of an account, its name and its picture.
pub(crate) async fn find_evidence(
    social: &Social,
    owner: &Person,
    kind: ReportKind,
    id: Uuid,
) -> Result<Evidence, Error> {
    if kind == ReportKind::Account {
        return Ok(Evidence::of(&owner.display_name, owner.avatar.clone(), None));
    }
    let found = find_object(social, kind, id).await?.ok_or(Error::NotFound)?;
    let place = found.post.filter(|post| *post != id).map(|post| post.to_string());
    Ok(Evidence::of(&found.text, found.media, place))
}

/// Returns what was reported, whoever may see it; `None` if it is gone.
async fn find_object(social: &Social, kind: ReportKind, id: Uuid) -> Result<Option<ReportedObjectView>, Error> {
    let sql = social.context.db.read();
    Ok(match kind {
        ReportKind::Post => {
            let Some(post) = store::posts::find(sql, id).await? else { return Ok(None) };
            let media = store::post_media::list(sql, &[id]).await?.remove(&id).unwrap_or_default();
            let media = media.into_iter().map(|item| item.id).collect();
            Some(ReportedObjectView { text: post.text, media, post: Some(id) })
        }
        ReportKind::Comment => {
            let comment = store::comments::find(sql, id).await?;
            comment.map(|found| ReportedObjectView { text: found.text, media: Vec::new(), post: Some(found.post) })
        }
        ReportKind::Account => {
            let person = store::people::find_by_account(sql, AccountId(id)).await?;
            person.map(|_| ReportedObjectView { text: String::new(), media: Vec::new(), post: None })
        }
    })
}

async fn views(social: &Social, reports: Vec<Report>) -> Result<Vec<ReportView>, Error> {
    let named: BTreeSet<PersonNumber> = reports.iter().flat_map(|report| [report.owner, report.reporter]).collect();
    let sql = social.context.db.read();
    let people = store::people::list(sql, &named.into_iter().collect::<Vec<_>>()).await?;
    let people: HashMap<PersonNumber, Person> = people.into_iter().map(|person| (person.number, person)).collect();
    Ok(reports.into_iter().map(|report| view(report, &people)).collect())
}

fn view(report: Report, people: &HashMap<PersonNumber, Person>) -> ReportView {
    ReportView {
        id: report.id,
        kind: report.new.kind,
        object: report.new.object,
        owner: people.get(&report.owner).map(Person::view),
        reporter: people.get(&report.reporter).map(Person::view),
        reason: report.new.reason,
        text: report.new.text,
        state: report.state,
        decision: report.decision,
        created_at: report.created_at,
        closed_at: report.closed_at,
    }
}
