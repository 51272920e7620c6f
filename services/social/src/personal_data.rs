//! What social keeps about members, and its part of an export: what a member has decided about others, their posts,
//! what they have said about those of others (`talk`), and their threads (`threads`).
//!
//! Invariant: a page has what one member has decided or written. It says nothing of who follows, blocks or mutes them,
//! and has no token of a link.

mod talk;
mod threads;

use async_trait::async_trait;
use chrono::DateTime;
use contract::AccountId;
use db::{Db, Error};
use screening_store::verdicts;
use serde_json::{Value, json};
use service::personal_data::{ExportFile, ExportPage, FileContent, KeptData, PersonalDataSource, TableData};
use uuid::Uuid;

use crate::model::{PersonNumber, Position, Post, PostMedia, Topic, parse_cursor};
use crate::state::Social;
use crate::store::personal_data::{DecisionKind, DecisionRow, KINDS, list_decisions};
use crate::store::verdicts::HOME;
use crate::store::{people, post_media, posts, songs, topics};

const FOLLOWS: &str = "social/follows.json";
const POSTS: &str = "social/posts.json";
const THREADS: &str = "social/threads.json";
const COMMENTS: &str = "social/comments.json";
const REACTIONS: &str = "social/reactions.json";
const SAVED: &str = "social/saved.json";
const REPOSTS: &str = "social/reposts.json";
const REPORTS: &str = "social/reports.json";
const REMOVALS: &str = "social/removals.json";
const GREETINGS: &str = "social/greetings.json";
const SETTINGS: &str = "social/settings.json";
const VERDICTS: &str = "social/verdicts.json";

/// Rows of a page.
const PAGE: usize = 100;
/// Posts of a page: each is read with its media.
const POSTS_PAGE: usize = 50;
/// The cursor of the page with the topics, of which a member has a limited number.
const TOPICS: &str = "topics";

/// The declaration of every table.
pub(crate) const KEPT: &KeptData = &KeptData {
    files: &[
        file(
            FOLLOWS,
            FileContent::List,
            "Whom you follow, asked to follow, block, mute and made a close friend, and the tags, places and songs \
             that you follow.",
        ),
        file(
            POSTS,
            FileContent::List,
            "Your posts, also those that still wait for their media, with the ids of the media and of the songs, and \
             the threads whose parts they are.",
        ),
        file(THREADS, FileContent::List, "The threads that you have opened, moderate, or were invited into."),
        file(COMMENTS, FileContent::List, "Your comments, with the ids of the posts."),
        file(REACTIONS, FileContent::List, "Your reactions to posts."),
        file(SAVED, FileContent::List, "The posts that you have saved."),
        file(REPOSTS, FileContent::List, "The posts that you have reposted."),
        file(REPORTS, FileContent::List, "What you have reported to the moderators."),
        file(REMOVALS, FileContent::List, "What moderators have removed of yours, and why."),
        file(GREETINGS, FileContent::List, "Your greetings, with the ids of their clips, without their links."),
        file(VERDICTS, FileContent::List, "What was decided about comments, follows and parts of threads of yours."),
        file(SETTINGS, FileContent::Record, "For which comments on your posts you want to be asked first."),
    ],
    tables: &[
        ("person", TableData::NotExported("A copy of the profile and the standing that account.json has.")),
        ("person_counts", TableData::NotExported("Counts of follows and posts.")),
        ("erased_account", TableData::NotExported("Ids of accounts that were erased, for 30 days.")),
        ("action_budget", TableData::NotExported("How much was done within the hour.")),
        ("follow", TableData::ExportedIn(FOLLOWS)),
        ("follow_request", TableData::ExportedIn(FOLLOWS)),
        ("block", TableData::ExportedIn(FOLLOWS)),
        ("mute", TableData::ExportedIn(FOLLOWS)),
        ("close_friend", TableData::ExportedIn(FOLLOWS)),
        ("topic_follow", TableData::ExportedIn(FOLLOWS)),
        ("post", TableData::ExportedIn(POSTS)),
        ("post_counts", TableData::NotExported("Counts of what others did with the posts.")),
        ("post_media", TableData::ExportedIn(POSTS)),
        ("post_tag", TableData::NotExported("The tags of posts, which their texts have.")),
        ("post_mention", TableData::NotExported("The mentions of posts, which their texts have.")),
        ("post_place", TableData::NotExported("The places of posts, which posts.json has.")),
        ("post_song", TableData::ExportedIn(POSTS)),
        ("song", TableData::NotExported("The names of audio items that posts name as songs, which the library has.")),
        ("feed_entry", TableData::NotExported("What is in a home: the posts of others, found again from follows.")),
        ("feed_owner", TableData::NotExported("Which homes are read often, and since when they are filled.")),
        ("merged_post", TableData::NotExported("How far posts were written to the homes of followers.")),
        ("rising_post", TableData::NotExported("The order of posts that many react to, for an hour.")),
        ("thread", TableData::ExportedIn(THREADS)),
        ("thread_moderator", TableData::ExportedIn(THREADS)),
        ("thread_invitation", TableData::ExportedIn(THREADS)),
        ("post_comment", TableData::ExportedIn(COMMENTS)),
        ("reaction", TableData::ExportedIn(REACTIONS)),
        ("saved_post", TableData::ExportedIn(SAVED)),
        ("repost", TableData::ExportedIn(REPOSTS)),
        ("report", TableData::ExportedIn(REPORTS)),
        ("removal", TableData::ExportedIn(REMOVALS)),
        ("greeting", TableData::ExportedIn(GREETINGS)),
        ("talk_settings", TableData::ExportedIn(SETTINGS)),
        ("verdict", TableData::ExportedIn(VERDICTS)),
        ("verdict_sender", TableData::NotExported("Counts that limit how many new people a member can reach.")),
        ("verdict_answer", TableData::NotExported("Who has answered whom, which their comments have.")),
        ("verdict_text", TableData::NotExported("Numbers by which alike texts are found, for two days.")),
        ("verdict_domain", TableData::NotExported("Which sites were linked to; it is about no member.")),
        ("greeting_visit", TableData::NotExported("Hashes of who has opened a greeting, for an hour.")),
        ("post_remains", TableData::NotExported("The ids of removed posts, until what others left on them is gone.")),
    ],
};

const fn file(name: &'static str, content: FileContent, about: &'static str) -> ExportFile {
    ExportFile { name, content, about }
}

#[async_trait]
impl PersonalDataSource for Social {
    async fn export_page(&self, account: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, Error> {
        let db = &self.context.db;
        // Without a number, an account has done nothing here, and has no rows.
        let person = people::find_by_account(db.read(), AccountId(account)).await?;
        let number = person.map_or(PersonNumber::NONE, |person| person.number);
        match file {
            FOLLOWS => follows_page(db, number, after).await,
            POSTS => posts_page(db, number, after).await,
            THREADS => threads::threads_page(db, number, after).await,
            COMMENTS => talk::comments_page(db, number, after).await,
            REACTIONS => talk::reactions_page(db, number, after).await,
            SAVED => talk::saved_page(db, number, after).await,
            REPOSTS => talk::reposts_page(db, number, after).await,
            REPORTS => talk::reports_page(db, number, after).await,
            REMOVALS => talk::removals_page(db, number, after).await,
            GREETINGS => talk::greetings_page(db, number, after).await,
            VERDICTS => verdicts_page(db, account, after).await,
            SETTINGS => talk::settings_page(db, number).await,
            _ => Ok(ExportPage::default()),
        }
    }
}

/// Returns a page of the verdicts about what an account has sent, the newest first.
async fn verdicts_page(db: &Db, account: Uuid, after: Option<&str>) -> Result<ExportPage, Error> {
    let before = after.map_or(Ok(Uuid::max()), |text| Uuid::parse_str(text).map_err(|_| Error::Corrupt("a cursor")))?;
    let found = verdicts::list(db.read(), &HOME, account, before, PAGE).await?;
    let next = found.last().filter(|_| found.len() == PAGE).map(|last| last.id.to_string());
    let records = found.iter().map(|verdict| {
        json!({
            "id": verdict.id,
            "object": verdict.object,
            "outcome": verdict.outcome,
            "reason": verdict.reason,
            "created_at": verdict.created_at,
        })
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

/// Returns a page of decisions of one kind, and at last the page with the topics.
async fn follows_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    if after == Some(TOPICS) {
        return topics_page(db, member).await;
    }
    let (place, number) = after.map_or(Ok((0, 0)), parse_decision)?;
    let kind = *KINDS.get(place).ok_or(Error::Corrupt("a cursor"))?;
    let rows = list_decisions(db.read(), kind, member, PersonNumber(number), PAGE).await?;
    let next = match rows.last().filter(|_| rows.len() == PAGE) {
        Some(last) => format!("{place}-{}", last.number),
        None if place + 1 < KINDS.len() => format!("{}-0", place + 1),
        None => TOPICS.to_owned(),
    };
    Ok(ExportPage::of_records(rows.iter().map(|row| decision_record(kind, row)).collect(), Some(next)))
}

/// Returns the kind's place in [`KINDS`] and the other's number of a cursor.
fn parse_decision(text: &str) -> Result<(usize, i64), Error> {
    let parts = text.split_once('-').and_then(|(place, number)| Some((place.parse().ok()?, parse_cursor(number)?)));
    parts.ok_or(Error::Corrupt("a cursor"))
}

fn decision_record(kind: DecisionKind, row: &DecisionRow) -> Value {
    let at = |seconds: Option<i64>| seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
    json!({"kind": kind.name, "handle": row.handle, "since": at(row.since_s), "until": at(row.until_s)})
}

async fn topics_page(db: &Db, member: PersonNumber) -> Result<ExportPage, Error> {
    let (mut records, mut after): (Vec<Value>, Option<Topic>) = (Vec::new(), None);
    loop {
        let page = topics::list(db.read(), member, after.as_ref(), PAGE).await?;
        records.extend(page.iter().map(|topic| json!({"kind": topic.kind, "name": topic.name})));
        if page.len() < PAGE {
            return Ok(ExportPage::of_records(records, None));
        }
        after = page.into_iter().next_back();
    }
}

async fn posts_page(db: &Db, member: PersonNumber, after: Option<&str>) -> Result<ExportPage, Error> {
    let parse = |text| parse_cursor(text).map(Position).ok_or(Error::Corrupt("a cursor"));
    let after = after.map_or(Ok(Position::START), parse)?;
    let posts = posts::list_all_of_author(db.read(), member, after, POSTS_PAGE).await?;
    let next = posts.last().filter(|_| posts.len() == POSTS_PAGE).map(|last| last.position.0.to_string());
    let ids: Vec<Uuid> = posts.iter().map(|post| post.id).collect();
    let mut media = post_media::list(db.read(), &ids).await?;
    let songs = songs::list_named(db.read(), &ids).await?;
    let records = posts.iter().map(|post| {
        post_record(post, &media.remove(&post.id).unwrap_or_default(), songs.get(&post.id).map(String::as_str))
    });
    Ok(ExportPage::of_records(records.collect(), next))
}

fn post_record(post: &Post, media: &[PostMedia], song: Option<&str>) -> Value {
    let media: Value = media.iter().map(|item| json!({"id": item.id, "alt": item.alt})).collect();
    let part = post.part.as_ref().map(
        |part| json!({"thread": part.thread, "state": part.state, "answers": part.answers, "reason": part.reason}),
    );
    json!({
        "id": post.id,
        "state": post.state,
        "text": post.text,
        "place": post.place,
        "song": song,
        "media": media,
        "audience": post.audience,
        "policies": post.policies,
        "story": post.is_story,
        "part": part,
        "created_at": post.created_at,
        "published_at": post.published_at,
        "edited_at": post.edited_at,
        "expires_at": post.expires_at,
    })
}
