//! The whole matrix, in the database: the SQL condition and the pure rule agree about every reader and every post, and
//! about the songs that posts show.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::{AccountState, FoundAccount, Profile, StandingChanged};
use contract::media::{Conversion, Kind, Sensitivity};
use contract::social::threads::PartState;
use contract::social::{Audience, Policies, PostState};
use contract::{AccountId, MediaId};
use db::{Db, Error, Lane, Tx};
use testkit::World;
use uuid::Uuid;

use crate::model::{
    PartFacts, Person, PersonNumber, Position, Post, PostMedia, ReaderFacts, Relation, Song, ThreadPart, may_see,
    may_see_part,
};
use crate::store::feed_sources::{self, Source, Window};
use crate::store::{follows, marks, people, post_media, posts, relations, songs};

/// How a reader stands to an author: their numbers, and what to write.
const RELATIONS: [&str; 9] = [
    "visitor",
    "stranger",
    "followed by the author",
    "follower",
    "friend",
    "close friend",
    "close friend who follows",
    "has blocked",
    "is blocked",
];
/// The number of the first reader; that of an author is below.
const FIRST_READER: i64 = 100;

/// The authors: whether the profile is private, the state, and whether the state has ended.
const AUTHORS: [(bool, AccountState, bool); 6] = [
    (false, AccountState::Active, false),
    (true, AccountState::Active, false),
    (false, AccountState::Limited, false),
    (false, AccountState::Suspended, false),
    (true, AccountState::Banned, false),
    (false, AccountState::Suspended, true),
];

fn account(number: i64, is_private: bool, state: AccountState, until: Option<DateTime<Utc>>) -> FoundAccount {
    let account = AccountId(Uuid::from_u128(number.unsigned_abs().into()));
    FoundAccount {
        profile: Profile {
            account,
            handle: format!("person{number}"),
            display_name: String::new(),
            avatar: None,
            is_private,
            at: Utc::now(),
        },
        standing: StandingChanged { account, state, until, version: 1 },
    }
}

/// Writes how a reader stands to an author.
async fn relate(tx: &Tx, relation: &str, reader: PersonNumber, author: PersonNumber) -> Result<(), Error> {
    let now = Utc::now();
    if ["follower", "friend", "close friend who follows", "has blocked", "is blocked"].contains(&relation) {
        follows::insert(tx, reader, author, now).await?;
    }
    if ["friend", "followed by the author"].contains(&relation) {
        follows::insert(tx, author, reader, now).await?;
    }
    if relation.starts_with("close friend") || relation == "is blocked" {
        marks::insert_close(tx, author, reader).await?;
    }
    match relation {
        "has blocked" => marks::insert_block(tx, reader, author, now).await.map(drop),
        "is blocked" => marks::insert_block(tx, author, reader, now).await.map(drop),
        _ => Ok(()),
    }
}

/// Returns the posts of an author: every audience, waiting and published, without an end, before it and after it; and
/// of every audience one that has neither a text nor media.
fn posts_of(author: PersonNumber, now: DateTime<Utc>) -> Vec<Post> {
    let ends = [None, Some(now + TimeDelta::hours(1)), Some(now), Some(now - TimeDelta::hours(1))];
    let mut posts = Vec::new();
    for audience in Audience::ALL {
        for state in [PostState::Waiting, PostState::Published] {
            for expires_at in ends {
                let number = author.0 * 1000 + posts.len() as i64;
                posts.push(Post {
                    id: Uuid::from_u128(number.unsigned_abs().into()),
                    author,
                    position: Position(number),
                    state,
                    audience,
                    text: "hello".into(),
                    has_content: true,
                    place: None,
                    policies: Policies::default(),
                    link_token: None,
                    is_story: expires_at.is_some(),
                    version: 1,
                    created_at: now,
                    published_at: None,
                    edited_at: None,
                    expires_at,
                    part: None,
                });
            }
        }
    }
    let empty = posts.iter().filter(|post| post.state == PostState::Published && post.expires_at.is_none());
    let empty = (author.0 * 1000 + posts.len() as i64..).zip(empty).map(|(number, post)| Post {
        id: Uuid::from_u128(number.unsigned_abs().into()),
        position: Position(number),
        text: String::new(),
        has_content: false,
        ..post.clone()
    });
    let empty: Vec<Post> = empty.collect();
    posts.extend(empty);
    posts
}

/// Returns parts of the threads that the first two authors have opened: by every author, in every state.
fn parts_of(openings: &[Post], authors: &[Person], now: DateTime<Utc>) -> Vec<Post> {
    let mut parts = Vec::new();
    // Every audience, and one opening that waits.
    let is_opening = |post: &&Post| {
        let is_shown = post.state == PostState::Published && post.expires_at.is_none();
        post.author.0 <= 2 && (is_shown || post.position.0 % 1000 == 0)
    };
    for opening in openings.iter().filter(is_opening) {
        for author in authors {
            for state in [PartState::Joined, PartState::Pending, PartState::Removed] {
                let number = 1_000_000 + parts.len() as i64;
                let thread = ThreadPart { thread: opening.id, state, number: None, answers: None, reason: None };
                parts.push(Post {
                    id: Uuid::from_u128(number.unsigned_abs().into()),
                    author: author.number,
                    position: Position(number),
                    state: PostState::Published,
                    audience: Audience::Public,
                    text: "hello".into(),
                    has_content: true,
                    expires_at: None,
                    created_at: now,
                    part: Some(thread),
                    ..opening.clone()
                });
            }
        }
    }
    parts
}

async fn fill(db: &Db, now: DateTime<Utc>) -> Result<(Vec<Person>, Vec<Post>), Error> {
    db.write(Lane::ALL, async move |tx| {
        let (mut authors, mut written) = (Vec::new(), Vec::new());
        for (number, (is_private, state, is_over)) in (1_i64..).zip(AUTHORS) {
            let until = is_over.then_some(now);
            people::insert(tx, &account(number, is_private, state, until), PersonNumber(number)).await?;
            authors.push(people::find(tx, PersonNumber(number)).await?.unwrap());
            for post in posts_of(PersonNumber(number), now) {
                posts::insert(tx, &post).await?;
                written.push(post);
            }
        }
        for (number, relation) in (FIRST_READER..).zip(RELATIONS).skip(1) {
            let reader = PersonNumber(number);
            people::insert(tx, &account(number, false, AccountState::Active, None), reader).await?;
            for author in &authors {
                relate(tx, relation, reader, author.number).await?;
            }
        }
        let parts = parts_of(&written, &authors, now);
        for part in &parts {
            posts::insert(tx, part).await?;
        }
        written.extend(parts);
        // A block between who has opened a thread and who has joined it.
        marks::insert_block(tx, PersonNumber(1), PersonNumber(3), now).await?;
        Ok::<_, Error>((authors, written))
    })
    .await
}

/// How each reader stands to each author.
type Relations = HashMap<PersonNumber, HashMap<PersonNumber, Relation>>;

/// Reads how each reader stands to each author.
async fn read_relations(db: &Db, authors: &[Person], now: DateTime<Utc>) -> Relations {
    let numbers: Vec<PersonNumber> = authors.iter().map(|author| author.number).collect();
    let mut known = Relations::new();
    for (reader, _) in readers(authors) {
        known.insert(reader, relations::list(db.read(), reader, &numbers, now).await.unwrap());
    }
    known
}

/// Whether the pure rule shows a post to a reader.
fn sees(known: &Relations, reader: PersonNumber, post: &Post, all: (&[Person], &[Post]), now: DateTime<Utc>) -> bool {
    let (authors, written) = all;
    let relation_of = |from: PersonNumber, to: PersonNumber| known[&from].get(&to).copied().unwrap_or_default();
    let facts_of = |to: PersonNumber| ReaderFacts { relation: relation_of(reader, to), has_link: false };
    let author = |number: PersonNumber| authors.iter().find(|author| author.number == number).unwrap();
    let (facts, object) = (facts_of(post.author), post.facts(author(post.author), now));
    let Some(part) = &post.part else { return may_see(facts, object) };
    let opening = written.iter().find(|post| post.id == part.thread).unwrap();
    let between = relation_of(opening.author, post.author);
    let sees_opening = may_see(facts_of(opening.author), opening.facts(author(opening.author), now));
    may_see_part(facts, object, PartFacts { state: part.state, sees_opening, is_blocked: between.is_blocked() })
}

/// Returns the readers, and how each stands to the authors. The authors read as well, each their own and those of
/// strangers.
fn readers(authors: &[Person]) -> Vec<(PersonNumber, &'static str)> {
    let readers = (FIRST_READER..).zip(RELATIONS).map(|(number, relation)| match relation {
        "visitor" => (PersonNumber::NONE, relation),
        _ => (PersonNumber(number), relation),
    });
    readers.chain(authors.iter().map(|author| (author.number, "author"))).collect()
}

#[tokio::test]
async fn the_condition_and_the_rule_say_the_same_over_the_whole_matrix() {
    let world = World::of(&[crate::service()]).await;
    let (db, now) = (world.context("social").db.clone(), world.clock().now());
    // As the database stores it.
    let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap();
    let (authors, written) = fill(&db, now).await.unwrap();
    let known = read_relations(&db, &authors, now).await;
    let ids: Vec<Uuid> = written.iter().map(|post| post.id).collect();
    let mut seen_of_all = 0;
    for (reader, relation) in readers(&authors) {
        let seen = written.iter().filter(|post| sees(&known, reader, post, (&authors, &written), now));
        let mut by_rule: Vec<Uuid> = seen.map(|post| post.id).collect();
        let listed = posts::list_visible(db.read(), &ids, reader, now).await.unwrap();
        let has_content = |id: Uuid| written.iter().any(|post| post.id == id && post.has_content);
        assert!(listed.iter().all(|post| post.has_content == has_content(post.id)), "{relation} {reader:?}");
        let mut by_sql: Vec<Uuid> = listed.iter().map(|post| post.id).collect();
        by_rule.sort_unstable();
        by_sql.sort_unstable();
        assert_eq!(by_sql, by_rule, "{relation} {reader:?}");
        // The list of each author has the same, before its limit.
        let mut by_author = Vec::new();
        for author in &authors {
            let page = posts::list_of_author(db.read(), author.number, reader, now, Position(i64::MAX), 1000).await;
            by_author.extend(page.unwrap().into_iter().map(|post| post.id));
        }
        by_author.sort_unstable();
        assert_eq!(by_author, by_rule, "{relation} {reader:?}");
        // Feeds have what is published of it, and explore what everyone may see.
        let window = Window { above: Position::START, before: Position::END };
        let mut by_source = Vec::new();
        for author in &authors {
            let source = Source::Author(author.number);
            let listed = feed_sources::list(db.read(), &source, reader, now, window, 1000).await;
            by_source.extend(listed.unwrap().into_iter().map(|post| post.id));
        }
        by_source.sort_unstable();
        let mut published: Vec<&Post> = written.iter().filter(|post| post.state == PostState::Published).collect();
        published.retain(|post| by_rule.contains(&post.id));
        let mut expected: Vec<Uuid> = published.iter().map(|post| post.id).collect();
        expected.sort_unstable();
        assert_eq!(by_source, expected, "{relation} {reader:?}");
        let is_private = |post: &Post| authors.iter().any(|author| author.number == post.author && author.is_private);
        published.retain(|post| post.audience == Audience::Public && !is_private(post));
        published.sort_unstable_by_key(|post| std::cmp::Reverse(post.position));
        let expected: Vec<Uuid> = published.iter().map(|post| post.id).collect();
        let recent = feed_sources::list_recent(db.read(), reader, now, window, 1000).await.unwrap();
        let recent: Vec<Uuid> = recent.into_iter().map(|post| post.id).collect();
        assert_eq!(recent, expected, "{relation} {reader:?}");
        seen_of_all += by_rule.len();
    }
    assert!(seen_of_all > 200, "only {seen_of_all}: the test proves little");
    world.end().await;
}

/// Has every public post show a song, which a post of another author names. Returns the posts that show and name each.
async fn name_songs(db: &Db, authors: &[Person], written: &[Post]) -> Result<Vec<(Post, Post)>, Error> {
    let of = |number: PersonNumber| written.iter().filter(move |post| post.author == number && post.part.is_none());
    let mut named: Vec<(Post, Post)> = Vec::new();
    for (author, other) in authors.iter().zip(authors.iter().cycle().skip(1)) {
        let showing = of(author.number).filter(|post| post.audience == Audience::Public && post.has_content).cloned();
        named.extend(showing.zip(of(other.number).cloned()));
    }
    let rows = named.clone();
    db.write(Lane::ALL, async move |tx| {
        for (showing, naming) in rows {
            let (id, owner) = (MediaId::random(), showing.author);
            let item = PostMedia {
                id: id.clone(),
                kind: Kind::Audio,
                state: Conversion::Ready,
                alt: String::new(),
                width: None,
                height: None,
                duration_ms: None,
                thumbhash: None,
                assets: Vec::new(),
                is_hidden: false,
                version: 1,
                sensitivity: Sensitivity::Clear,
                sensitivity_version: 0,
            };
            post_media::insert(tx, showing.id, &[item]).await?;
            let song = Song { id, owner, title: "a song".into(), duration_ms: None, version: 1 };
            songs::set(tx, naming.id, Some(&song), naming.position).await?;
        }
        Ok::<_, Error>(named)
    })
    .await
}

#[tokio::test]
async fn a_song_is_shown_to_those_to_whom_a_public_post_of_its_owner_shows_it() {
    let world = World::of(&[crate::service()]).await;
    let (db, now) = (world.context("social").db.clone(), world.clock().now());
    let now = DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap();
    let (authors, written) = fill(&db, now).await.unwrap();
    let named = name_songs(&db, &authors, &written).await.unwrap();
    let naming: Vec<Uuid> = named.iter().map(|(_, naming)| naming.id).collect();
    let known = read_relations(&db, &authors, now).await;
    let mut shown_of_all = 0;
    for (reader, relation) in readers(&authors) {
        let mut by_rule = Vec::new();
        for (showing, naming) in &named {
            let is_published = showing.state == PostState::Published;
            if is_published && sees(&known, reader, showing, (&authors, &written), now) {
                by_rule.push(naming.id);
            }
        }
        let shown = songs::list(db.read(), &naming, reader, now).await.unwrap();
        let mut by_sql: Vec<Uuid> = shown.into_keys().collect();
        by_rule.sort_unstable();
        by_sql.sort_unstable();
        assert_eq!(by_sql, by_rule, "{relation} {reader:?}");
        shown_of_all += by_rule.len();
    }
    assert!(shown_of_all > 50, "only {shown_of_all}: the test proves little");
    world.end().await;
}
