//! Feeds: what comes into them, walks through them, and members who come back.

use chrono::TimeDelta;
use db::{Lane, Sql as _};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{Harness, each, end, follow, id, post, put, url};

/// Posts a text a moment after everything before.
async fn say(harness: &Harness, member: &TestClient, text: &str, audience: &str) -> Value {
    harness.world.clock().advance(TimeDelta::milliseconds(2));
    post(member, text, audience).await
}

fn texts(page: &Value) -> Vec<String> {
    each(page, "text").into_iter().map(str::to_owned).collect()
}

async fn home(member: &TestClient) -> Vec<String> {
    texts(&member.get("/v1/feeds/home").await.expect(200).json())
}

/// Reads home and waits until its entries are written, so that the next read is that of a warm member.
async fn warm(harness: &Harness, member: &TestClient) {
    member.get("/v1/feeds/home").await.expect(200);
    harness.world.settle().await;
}

/// Walks through a feed, and does something before each next page.
async fn walk(member: &TestClient, feed: &str, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut walked, mut next, mut pages) = (Vec::new(), String::new(), 0);
    let sign = if feed.contains('?') { '&' } else { '?' };
    loop {
        let page = member.get(&format!("{feed}{sign}limit=2{next}")).await.expect(200).json();
        walked.extend(texts(&page));
        let Some(cursor) = page["next"].as_str() else { return walked };
        assert_eq!(page["items"].as_array().unwrap().len(), 2, "a page with a next one is full");
        next = format!("&after={cursor}");
        pages += 1;
        between(pages).await;
    }
}

async fn follow_topic(member: &TestClient, topic: &str) {
    member.send(member.request(Method::PUT, &format!("/v1/topics/{topic}/follow"))).await.expect(200);
}

#[tokio::test]
async fn home_has_what_followed_people_and_topics_show_each_post_once() {
    let harness = Harness::new().await;
    let [ada, bob, eve, zoe] = harness.members(["ada", "bob", "eve", "zoe"]);
    follow(&bob, "ada").await;
    follow_topic(&bob, "tag/Karaoke").await;
    follow_topic(&bob, "place/the%20bar").await;
    say(&harness, &ada, "one #karaoke", "public").await;
    warm(&harness, &bob).await;
    say(&harness, &ada, "two #karaoke", "followers").await;
    say(&harness, &eve, "three #karaoke", "public").await;
    say(&harness, &eve, "not for bob #karaoke", "followers").await;
    harness.world.clock().advance(TimeDelta::milliseconds(2));
    let body = json!({"text": "four", "audience": "public", "place": "The  Bar"});
    zoe.post("/v1/posts", &body).await.expect(201);
    say(&harness, &zoe, "not followed", "public").await;
    say(&harness, &bob, "five", "close").await;
    say(&harness, &ada, "not for bob", "close").await;
    let expected = ["five", "four", "three #karaoke", "two #karaoke", "one #karaoke"];
    assert_eq!(home(&bob).await, expected, "before the fan-out");
    harness.world.settle().await;
    assert_eq!(harness.count("merged_post").await, 0);
    assert_eq!(home(&bob).await, expected, "and after it");

    // A follow shows older posts as well, and a changed audience counts at once.
    follow(&bob, "zoe").await;
    assert_eq!(home(&bob).await.len(), 6);
    put(&zoe, "bob", "mute").await.expect(200);
    assert_eq!(home(&bob).await.len(), 6, "the mute of another changes nothing");
    put(&bob, "zoe", "mute").await.expect(200);
    assert_eq!(home(&bob).await, ["five", "three #karaoke", "two #karaoke", "one #karaoke"]);
    end(&bob, "ada", "follow").await.expect(200);
    assert_eq!(home(&bob).await, ["five", "three #karaoke", "one #karaoke"], "a topic stays");
    follow(&bob, "ada").await;
    assert_eq!(home(&bob).await.len(), 4);
    put(&ada, "bob", "block").await.expect(200);
    assert_eq!(home(&bob).await, ["five", "three #karaoke"]);
    harness.world.anonymous().get("/v1/feeds/home").await.refused(401, "auth.required");
    harness.world.end().await;
}

#[tokio::test]
async fn a_walk_meets_each_post_once_while_posts_come_and_go_and_the_author_crosses_the_threshold() {
    let harness = Harness::with(World::builder().set("social.fan_out_threshold=1")).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    follow(&bob, "ada").await;
    warm(&harness, &bob).await;
    let mut kept = Vec::new();
    let mut removed = Vec::new();
    for round in 0..12 {
        // Ada has one follower, then two, then one again: her posts are written, merged, written …
        match round % 4 {
            1 => follow(&eve, "ada").await,
            3 => drop(end(&eve, "ada", "follow").await.expect(200)),
            _ => {}
        }
        if round % 3 == 0 {
            removed.push(say(&harness, &ada, &format!("gone {round}"), "public").await);
        }
        kept.insert(0, format!("post {round}"));
        say(&harness, &ada, &format!("post {round}"), "followers").await;
        say(&harness, &ada, &format!("hidden {round}"), "close").await;
        harness.world.settle().await;
    }
    assert!(harness.count("merged_post").await > 0, "some are merged");
    assert!(harness.count("feed_entry").await > 0, "and some are written");
    for is_warm in [true, false] {
        if !is_warm {
            let db = &harness.world.context("social").db;
            db.write(Lane::ALL, async move |tx| tx.execute("delete from feed_owner", vec![]).await).await.unwrap();
        }
        let walked = walk(&bob, "/v1/feeds/home", async |page| {
            if let Some(gone) = removed.pop() {
                ada.delete(&url(&gone)).await.expect(204);
            }
            let what = if page % 2 == 0 { end(&eve, "ada", "follow").await } else { put(&eve, "ada", "follow").await };
            what.expect(200);
            say(&harness, &ada, &format!("late {page}"), "public").await;
        })
        .await;
        let of_throughout: Vec<&String> = walked.iter().filter(|text| text.starts_with("post")).collect();
        assert_eq!(of_throughout, kept.iter().collect::<Vec<_>>(), "warm: {is_warm}");
        assert!(walked.iter().all(|text| !text.starts_with("hidden")), "{walked:?}");
    }
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_member_who_was_away_gets_a_full_page_at_once_and_new_posts_are_counted() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    follow(&bob, "ada").await;
    warm(&harness, &bob).await;
    for at in 0..5 {
        say(&harness, &ada, &format!("post {at}"), "followers").await;
    }
    harness.world.settle().await;
    assert_eq!(harness.count("feed_entry").await, 5);
    harness.world.clock().advance(TimeDelta::days(20));
    let is_trimmed =
        async || (harness.count("feed_entry").await + harness.count("feed_owner").await == 0).then_some(());
    harness.world.wait_for("the feed is trimmed", is_trimmed).await;

    let page = bob.get("/v1/feeds/home?limit=4").await.expect(200).json();
    assert_eq!(texts(&page), ["post 4", "post 3", "post 2", "post 1"]);
    harness.world.settle().await;
    let marker = page["marker"].as_str().unwrap();
    let fresh = async || bob.get(&format!("/v1/feeds/home/new?since={marker}")).await.expect(200).json();
    assert_eq!(fresh().await, json!({"count": 0, "has_more": false}));
    let newest = say(&harness, &ada, "new", "followers").await;
    say(&harness, &ada, "not for bob", "close").await;
    assert_eq!(fresh().await["count"], 1);
    harness.world.settle().await;
    assert_eq!((fresh().await["count"].as_u64(), harness.count("feed_entry").await), (Some(1), 2));

    // A removed post leaves no entry.
    ada.delete(&url(&newest)).await.expect(204);
    assert_eq!(fresh().await["count"], 0);
    harness.world.settle().await;
    assert_eq!(harness.count("feed_entry").await, 1);
    harness.world.end().await;
}

#[tokio::test]
async fn explore_and_tags_have_what_everyone_sees_and_a_cursor_is_one_of_its_feed() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    harness.set_private(&eve, "eve", true).await;
    let mut open = Vec::new();
    for at in 0..9 {
        let audience = if at % 3 == 0 { "public" } else { "followers" };
        say(&harness, &ada, &format!("number {at} #tag"), audience).await;
        if at % 3 == 0 {
            open.insert(0, format!("number {at} #tag"));
        }
        say(&harness, &eve, &format!("private {at} #tag"), "public").await;
    }
    let visitor = harness.world.anonymous();
    for feed in ["/v1/feeds/explore", "/v1/feeds/explore?sort=recent", "/v1/feeds/tags/TAG"] {
        for reader in [&bob, &visitor] {
            assert_eq!(walk(reader, feed, async |_| {}).await, open, "{feed}");
        }
    }
    put(&bob, "ada", "mute").await.expect(200);
    assert_eq!(walk(&bob, "/v1/feeds/explore", async |_| {}).await, Vec::<String>::new());
    end(&bob, "ada", "mute").await.expect(200);
    follow(&bob, "ada").await;

    let feeds = ["/v1/feeds/home?", "/v1/feeds/explore?", "/v1/feeds/tags/tag?", "/v1/accounts/ada/posts?"];
    for feed in feeds {
        let page = bob.get(&format!("{feed}limit=1")).await.expect(200).json();
        let cursor = page["next"].as_str().unwrap();
        for other in feeds.into_iter().chain([
            "/v1/feeds/tags/other?",
            "/v1/feeds/places/tag?",
            "/v1/accounts/bob/posts?",
            "/v1/feeds/explore?sort=rising&",
        ]) {
            let response = bob.get(&format!("{other}after={cursor}")).await;
            if other == feed {
                response.expect(200);
            } else {
                response.refused(422, "social.wrong_cursor");
            }
        }
        bob.get(&format!("{feed}after=1")).await.refused(422, "social.wrong_cursor");
    }
    bob.get("/v1/feeds/home/new?since=x").await.refused(422, "social.wrong_cursor");
    bob.get("/v1/feeds/tags/two%20words").await.refused(422, "social.invalid_topic");
    for (text, audience) in [("for all", "public"), ("for few", "close")] {
        let body = json!({"text": text, "audience": audience, "place": "The  Bar"});
        ada.post("/v1/posts", &body).await.expect(201);
    }
    for reader in [&bob, &visitor] {
        assert_eq!(walk(reader, "/v1/feeds/places/THE%20bar", async |_| {}).await, ["for all"]);
    }
    bob.get("/v1/feeds/places/%20").await.refused(422, "social.invalid_topic");
    bob.get("/v1/feeds/explore?sort=loudest").await.refused(400, "request.invalid");
    harness.world.end().await;
}

#[tokio::test]
async fn what_many_react_to_rises_and_a_walk_stays_in_its_order() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let mut posts = Vec::new();
    for (member, text) in [(&ada, "a1"), (&ada, "a2"), (&bob, "b1"), (&eve, "e1"), (&ada, "a3")] {
        posts.push(say(&harness, member, text, "public").await);
    }
    say(&harness, &bob, "for few", "followers").await;
    let early = bob.get("/v1/feeds/explore?sort=rising").await.expect(200).json();
    assert_eq!((texts(&early).len(), &early["next"]), (5, &Value::Null), "also before there is an order");
    let react = async |post: &Value, count: i64| {
        let (post, text) = (id(post), "update post_counts set reaction_count = $2 where post = $1");
        let db = &harness.world.context("social").db;
        let set = db.write(Lane::ALL, async move |tx| tx.execute(text, vec![post.into(), count.into()]).await);
        set.await.unwrap();
    };
    for (at, count) in [(0, 90), (1, 80), (2, 20), (3, 10), (4, 70)] {
        react(&posts[at], count).await;
    }
    harness.world.clock().advance(TimeDelta::minutes(5));
    let begins_with = async |expected: [&str; 2]| {
        let page = bob.get("/v1/feeds/explore?sort=rising&limit=2").await.expect(200).json();
        (texts(&page) == expected).then_some(page)
    };
    let page = harness.world.wait_for("not one author's posts only", async || begins_with(["a1", "b1"]).await).await;
    let cursor = page["next"].as_str().unwrap().to_owned();

    // A newer order does not disturb a walk; what is removed meanwhile is left out.
    react(&posts[3], 900).await;
    harness.world.clock().advance(TimeDelta::minutes(5));
    harness.world.wait_for("a newer order", async || begins_with(["e1", "a1"]).await).await;
    bob.delete(&url(&posts[2])).await.expect(204);
    let rest = bob.get(&format!("/v1/feeds/explore?sort=rising&after={cursor}")).await.expect(200).json();
    assert_eq!((texts(&rest), &rest["next"]), (vec!["e1".into(), "a2".into(), "a3".into()], &Value::Null));
    bob.get("/v1/feeds/explore?sort=rising&after=r-7-1").await.refused(422, "social.wrong_cursor");
    harness.world.end().await;
}
