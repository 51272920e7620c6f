//! The query plans of this role's queries on both databases: none reads a whole table.

use base::Random;
use chrono::{TimeDelta, Utc};
use contract::social::PostState;
use contract::social::talk::{ReportKind, ReportState};
use contract::social::threads::PartState;
use contract::{AccountId, MediaId};
use screening_store::{senders, texts, verdicts};
use testkit::{Plans, World, plans};
use uuid::Uuid;

use super::feed_sources::{Followees, Source, Window};
use super::thread_parts::ReadThread;
use super::threads::Office;
use super::verdicts::HOME;
use super::{
    comments, counts, drift, feed_entries, feed_heads, feed_owners, feed_sources, follows, greetings, marks,
    merged_posts, own_marks, people, personal_data, post_media, post_words, posts, reactions, relations, remains,
    removals, reports, reposts, rising, saves, songs, talk_settings, thread_parts, threads, topics,
};
use crate::model::{Mark, PersonNumber, Position, RisingCursor};

const READER: PersonNumber = PersonNumber(7);
const OTHER: PersonNumber = PersonNumber(8);

async fn read_people(sql: &Plans<'_>) -> Result<(), db::Error> {
    let (now, account) = (Utc::now(), AccountId(Uuid::nil()));
    people::find_by_account(sql, account).await?;
    people::find_by_handle(sql, "ada").await?;
    people::find(sql, READER).await?;
    people::list(sql, &[READER, OTHER]).await?;
    people::list_by_account(sql, &[account]).await?;
    people::list_by_handle(sql, &["ada".to_owned()]).await?;
    people::is_erased(sql, account).await?;
    relations::list(sql, READER, &[OTHER], now).await?;
    follows::list_followers(sql, OTHER, READER, now, follows::After::START, 50).await?;
    follows::list_following(sql, OTHER, READER, now, follows::After::START, 50).await?;
    for mark in [Mark::Block, Mark::Mute, Mark::Close] {
        marks::list(sql, mark, READER, now, OTHER, 50).await?;
        marks::count(sql, mark, READER).await?;
    }
    follows::count(sql, READER).await?;
    follows::count_common_friends(sql, READER, OTHER, 100).await?;
    follows::list_requests(sql, OTHER, now, PersonNumber(i64::MAX), 50).await?;
    counts::find_of_person(sql, READER, READER).await?;
    counts::count_public(sql, &[Uuid::nil(), Uuid::max()]).await?;
    topics::list(sql, READER, None, 50).await?;
    topics::count(sql, READER).await?;
    for kind in personal_data::KINDS {
        personal_data::list_decisions(sql, kind, READER, OTHER, 50).await?;
    }
    Ok(())
}

async fn read_posts(sql: &Plans<'_>) -> Result<(), db::Error> {
    let (now, id, media) = (Utc::now(), Uuid::nil(), MediaId::new(&Random::seeded(1)));
    posts::find(sql, id).await?;
    posts::list_visible(sql, &[id, id], READER, now).await?;
    posts::list_limited(sql, &[id, id]).await?;
    posts::list_of_author(sql, OTHER, READER, now, Position(i64::MAX), 50).await?;
    posts::list_all_of_author(sql, OTHER, Position::START, 50).await?;
    posts::list_expired(sql, now, 50).await?;
    posts::list_waiting(sql, now - TimeDelta::days(1), now, 50).await?;
    posts::list_with_media(sql, media.as_str(), None, Uuid::max(), 50).await?;
    posts::list_with_media(sql, media.as_str(), Some(PostState::Waiting), Uuid::max(), 50).await?;
    post_media::list(sql, &[id]).await?;
    post_media::find_author(sql, &media).await?;
    post_words::list_mentions(sql, &[id]).await?;
    songs::list(sql, &[id, id], READER, now).await?;
    songs::list_named(sql, &[id]).await?;
    songs::find_owner_showing(sql, &media, READER, now).await?;
    songs::is_known(sql, &media).await?;
    songs::list_of_owner(sql, OTHER, 50).await?;
    songs::list_marked(sql, 50).await?;
    counts::list_of_posts(sql, &[id]).await?;
    Ok(())
}

async fn read_feeds(sql: &Plans<'_>) -> Result<(), db::Error> {
    let (now, window) = (Utc::now(), Window { above: Position::START, before: Position::END });
    feed_owners::find(sql, READER).await?;
    feed_owners::find_unseen(sql, now).await?;
    feed_entries::list(sql, READER, now, window, 50).await?;
    for which in [Followees::All, Followees::Since(7), Followees::Merged] {
        feed_sources::list_followees(sql, READER, now, window, which, 50).await?;
    }
    feed_sources::list_tags(sql, READER, now, window, 50).await?;
    feed_sources::list_places(sql, READER, now, window, 50).await?;
    feed_sources::list_songs(sql, READER, now, window, 50).await?;
    let topics = [Source::Tag("a".into()), Source::Place("a".into()), Source::Song("a".into())];
    for source in topics.into_iter().chain([Source::Author(OTHER)]) {
        feed_sources::list(sql, &source, READER, now, window, 50).await?;
    }
    let heads = [Position(7), Position(8)];
    feed_heads::list_older(sql, &heads, READER, now, Position::START).await?;
    posts::list_visible_at(sql, &heads, READER, now).await?;
    topics::list_kinds(sql, READER).await?;
    feed_sources::list_recent(sql, READER, now, window, 50).await?;
    feed_sources::list_followed_positions(sql, READER, Position::START, 50).await?;
    let fan_out = merged_posts::FanOut { author: OTHER, position: Position(7), after_s: 7, after_follower: 7 };
    merged_posts::find(sql, Uuid::nil()).await?;
    merged_posts::list_followers(sql, &fan_out, 50).await?;
    rising::list_scored(sql, now, window, 50).await?;
    rising::find_edition(sql).await?;
    rising::find_edition_at(sql, 7).await?;
    rising::has_edition(sql, 7).await?;
    rising::list_all(sql, 7).await?;
    rising::list(sql, READER, now, RisingCursor { edition: 7, ordinal: 7 }, 50).await?;
    Ok(())
}

async fn read_talk(sql: &Plans<'_>) -> Result<(), db::Error> {
    let (now, id, media) = (Utc::now(), Uuid::nil(), MediaId::new(&Random::seeded(1)));
    let last = Position(i64::MAX);
    comments::find(sql, id).await?;
    super::verdicts::list_answerers(sql, AccountId(id), &[AccountId(id), AccountId(id)]).await?;
    senders::find(sql, &HOME, id).await?;
    texts::count_known_domains(sql, &HOME, &["a".to_owned()], now).await?;
    verdicts::find(sql, &HOME, id, id).await?;
    verdicts::list(sql, &HOME, id, Uuid::max(), 50).await?;
    verdicts::list_refusal_times(sql, &HOME, id, 50).await?;
    comments::find_visible(sql, id, READER, now).await?;
    comments::list(sql, (id, true), READER, now, None, 50).await?;
    comments::list(sql, (id, false), READER, now, None, 50).await?;
    comments::list_pending(sql, OTHER, now, Position(0), 50).await?;
    comments::list_of_author(sql, OTHER, 50).await?;
    talk_settings::find(sql, READER).await?;
    reactions::list(sql, id, READER, now, OTHER, 50).await?;
    own_marks::list(sql, READER, &[id, id]).await?;
    saves::list(sql, READER, now, last, 50).await?;
    reposts::list(sql, (id, OTHER), READER, now, OTHER, 50).await?;
    remains::list(sql, id, 50).await?;
    for kind in [None, Some(ReportKind::Comment)] {
        reports::list(sql, (ReportState::Open, kind), Uuid::max(), 50).await?;
    }
    reports::find(sql, id).await?;
    reports::count_open(sql, ReportKind::Post, id).await?;
    reports::has_reported(sql, READER, ReportKind::Post, id).await?;
    removals::list(sql, READER, last, 50).await?;
    greetings::find(sql, id, READER).await?;
    greetings::find_by_token(sql, "00", now).await?;
    greetings::list(sql, READER, Uuid::max(), 50).await?;
    greetings::list_ended(sql, now, 50).await?;
    greetings::list_with_media(sql, &media, 50).await?;
    greetings::find_sender(sql, &media).await?;
    drift::list_posts(sql, id, 50).await?;
    drift::list_comments(sql, id, 50).await?;
    personal_data::list_comments(sql, READER, id, 50).await?;
    personal_data::list_reactions(sql, READER, id, 50).await?;
    personal_data::list_saved(sql, READER, id, 50).await?;
    personal_data::list_reposts(sql, READER, Position::START, 50).await?;
    personal_data::list_reports(sql, READER, id, 50).await?;
    Ok(())
}

async fn read_threads(sql: &Plans<'_>) -> Result<(), db::Error> {
    let (now, id) = (Utc::now(), Uuid::nil());
    let read = ReadThread { thread: id, opener: OTHER, reader: READER, now };
    threads::find(sql, id).await?;
    for office in [Office::Moderator, Office::Invited] {
        threads::has_office(sql, office, id, READER).await?;
        threads::count_office(sql, office, id).await?;
        threads::list_office(sql, office, id, (READER, now), PersonNumber::NONE, 50).await?;
    }
    thread_parts::list(sql, &read, 0, 50).await?;
    thread_parts::list_first(sql, &read, 0, 50).await?;
    for moderates in [false, true] {
        thread_parts::list_waiting(sql, &read, moderates, id, 50).await?;
    }
    thread_parts::count_waiting(sql, id, PartState::Pending).await?;
    thread_parts::list_authors(sql, &read, &[id, id]).await?;
    thread_parts::list_ids(sql, id, 50).await?;
    drift::list_threads(sql, id, 50).await?;
    personal_data::list_threads(sql, READER, Position::START, 50).await?;
    for office in [Office::Moderator, Office::Invited] {
        threads::list_with_office(sql, office, READER, id, 50).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let query_plans = plans(&world.context("social").db, move |sql| {
        Box::pin(async move {
            read_people(sql).await?;
            read_posts(sql).await?;
            read_feeds(sql).await?;
            read_talk(sql).await?;
            read_threads(sql).await
        })
    })
    .await;
    let uses = |part: &str, index: &str| query_plans.iter().any(|plan| plan.query.contains(part) && plan.uses(index));
    assert!(uses("order by follow.since_s desc", "follow_followee"), "{query_plans:#?}");
    assert!(uses("follow.followee desc", "follow_follower"), "{query_plans:#?}");
    assert!(uses("order by post.position desc", "post_author"), "{query_plans:#?}");
    assert!(uses("order by post_comment.position desc", "post_comment_parent"), "{query_plans:#?}");
    assert!(uses("and post_comment.is_pending\n", "post_comment_pending"), "{query_plans:#?}");
    assert!(uses("order by saved_post.position desc", "saved_post_position"), "{query_plans:#?}");
    assert!(uses("order by post.part_number", "post_thread"), "{query_plans:#?}");
    assert!(uses("from removal", "removal_author"), "{query_plans:#?}");
    assert!(uses("order by post_song.position desc", "post_song_media"), "{query_plans:#?}");
    world.end().await;
}
