//! Verdicts about what members send to strangers: mass comments, sprees of follows, and what honest members may do.
//!
//! The numbers are those of a new member (`screening/src/rules/standard.rs`).

use contract::AccountId;
use contract::moderation::{Action, Overturned, Released, Screened};
use contract::social::talk::{CommentPending, Commented};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, World, fake_role};

use crate::fixtures::{Harness, each, end, follow, id, open, part_url, parts_url, post, put, url};

const ADVERTISEMENT: &str = "I earn three thousand a week from home with a simple trick, ask me how it is done";

async fn try_comment(member: &TestClient, post: &Value, text: &str) -> TestResponse {
    member.post(&format!("{}/comments", url(post)), &json!({"text": text})).await
}

async fn comment(member: &TestClient, post: &Value, text: &str) -> Value {
    try_comment(member, post, text).await.expect(201).json()
}

fn comment_url(comment: &Value) -> String {
    format!("/v1/comments/{}", comment["id"].as_str().unwrap())
}

/// Returns members who have a post each. Their ids differ in the half by which verdicts tell recipients apart, which a
/// test's id takes from the end of the name.
async fn authors(harness: &Harness, name: &str, count: usize) -> Vec<(TestClient, Value)> {
    let mut authors = Vec::new();
    for number in 0..count {
        let author = harness.member(&format!("{name:->10}{number}"));
        let clip = post(&author, "a clip", "public").await;
        authors.push((author, clip));
    }
    authors
}

fn overturned(screened: &Screened, by: &TestClient) -> Overturned {
    Overturned {
        id: screened.id,
        thing: screened.thing.clone(),
        owner: screened.owner,
        action: Action::Screened,
        check: Some(screened.check.clone()),
        unblocked_media: Vec::new(),
        by: AccountId(by.id),
        at: screened.at,
    }
}

fn released(screened: &Screened, by: &TestClient) -> Released {
    Released {
        id: screened.id,
        thing: screened.thing.clone(),
        owner: screened.owner,
        by: AccountId(by.id),
        at: screened.at,
    }
}

#[tokio::test]
async fn a_mass_commenter_is_stopped_is_told_why_and_an_appeal_that_is_won_shows_it_once() {
    let harness = Harness::new().await;
    let moderation = fake_role("moderation").records::<Screened>().records::<Commented>().records::<CommentPending>();
    moderation.join(&harness.world).await;
    let [ada, moderator] = harness.members(["ada", "moderator"]);
    let authors = authors(&harness, "author", 21).await;
    let (mut shown, mut held) = (0, Vec::new());
    for (number, (author, clip)) in authors.iter().take(20).enumerate() {
        let text = match number % 3 {
            0 => ADVERTISEMENT.to_owned(),
            // Another letter that looks the same, and one that can't be seen.
            1 => ADVERTISEMENT.replacen('a', "\u{430}", 1),
            _ => ADVERTISEMENT.replacen("week", "we\u{200b}ek", 1),
        };
        let written = comment(&ada, clip, &text).await;
        if written["verdict"].is_null() {
            assert_eq!(written["state"], "shown");
            shown += 1;
        } else {
            assert_eq!((&written["state"], &written["verdict"]["can_appeal"]), (&json!("pending"), &json!(true)));
            assert_eq!(written["verdict"]["reason"], "screening.alike_texts");
            assert!(written["verdict"]["sentence"].as_str().unwrap().ends_with('.'));
            held.push((author, clip, written));
        }
    }
    assert_eq!((shown, held.len()), (7, 13));

    // It is shown to its author alone, and the author of the post is not asked.
    let (author, clip, first) = &held[0];
    author.get(&comment_url(first)).await.refused(404, "social.no_such_comment");
    author.post(&format!("{}/approve", comment_url(first)), &json!({})).await.refused(404, "social.no_such_comment");
    assert_eq!(author.get("/v1/me/comments/pending").await.expect(200).json()["items"], json!([]));
    assert_eq!(ada.get(&comment_url(first)).await.expect(200).json()["verdict"], first["verdict"]);
    harness.world.settle().await;
    let screened = moderation.events::<Screened>();
    assert_eq!((screened.len(), moderation.events::<CommentPending>().len()), (13, 0));
    let of = |written: &Value| {
        let is_named = |event: &&Screened| written["verdict"]["id"] == event.id.to_string();
        screened.iter().find(is_named).unwrap()
    };
    let told = of(first);
    assert!(told.is_held && told.owner == AccountId(ada.id) && told.evidence.text.ends_with("how it is done"));
    assert_eq!((told.thing.role.as_str(), told.thing.kind.as_str()), ("social", "comment"));
    assert_eq!((json!(told.thing.id), told.evidence.place.clone()), (first["id"].clone(), Some(id(clip).to_string())));

    // What a moderator lets go still waits for the author of the post, if they want to be asked.
    let (asked, _, second) = &held[1];
    asked.send(asked.request(Method::PUT, "/v1/me/talk").json(&json!({"approval": true}))).await.expect(200);
    harness.publish(&released(of(second), &moderator)).await;
    let pending = asked.get("/v1/me/comments/pending").await.expect(200).json();
    assert_eq!(
        (each(&pending, "id"), moderation.events::<CommentPending>().len()),
        (vec![second["id"].as_str().unwrap()], 1)
    );

    for _ in 0..2 {
        harness.publish(&overturned(told, &moderator)).await;
    }
    let visitor = harness.world.anonymous();
    let now_shown = visitor.get(&comment_url(first)).await.expect(200).json();
    assert_eq!((&now_shown["state"], &now_shown["verdict"]), (&json!("shown"), &Value::Null));
    assert_eq!(visitor.get(&url(clip)).await.expect(200).json()["counts"]["comments"], 1);
    assert_eq!(moderation.events::<Commented>().len(), 8);
    // And the sender is exempt from that check.
    assert_eq!(comment(&ada, &authors[20].1, ADVERTISEMENT).await["state"], "shown");
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn honest_members_are_not_stopped() {
    let harness = Harness::new().await;
    let bob = harness.member("bob");
    let authors = authors(&harness, "author", 10).await;
    let texts = [
        "What a voice! How long did you practise this one?",
        "The second line goes up a third, doesn't it? I have tried it all evening.",
        "We sang this at our wedding, thank you for bringing it back.",
        "Could you post the chords as well? I'd love to play along on the piano.",
        "The bridge at one minute twenty gave me goose bumps.",
        "My daughter wants to sing the harmony with you, is she welcome?",
        "Best version that I have heard in years, and so calm.",
        "Which microphone is that? Mine never sounds so warm.",
        "I had forgotten this song completely. Off to the record shelf!",
        "Next time in the original key, please, for us altos.",
    ];
    for ((author, clip), text) in authors.iter().zip(texts) {
        let written = comment(&bob, clip, text).await;
        assert_eq!(written["state"], "shown", "{text}");
        let answer = json!({"text": "Thank you!", "answers": written["id"]});
        author.post(&format!("{}/comments", url(clip)), &answer).await.expect(201);
    }
    // Those who have answered are no strangers: the same words to all of them are not mass mail.
    for (_, clip) in &authors {
        let text = "All of you are invited to our concert on Sunday, the doors open at six, bring your friends along";
        assert_eq!(comment(&bob, clip, text).await["state"], "shown");
    }
    harness.world.end().await;
}

#[tokio::test]
async fn a_spree_of_follows_is_slowed_down_and_mentions_and_parts_have_verdicts_too() {
    let harness = Harness::new().await;
    let moderation = fake_role("moderation").records::<Screened>();
    moderation.join(&harness.world).await;
    let [ada, bob, moderator] = harness.members(["ada", "bob", "moderator"]);
    let handles: Vec<String> = (0..42).map(|number| format!("other{number}")).collect();
    let others: Vec<TestClient> = handles.iter().map(|handle| harness.member(handle)).collect();
    for handle in &handles[..40] {
        put(&ada, handle, "follow").await.expect(200);
    }
    let slowed = put(&ada, &handles[40], "follow").await.refused(429, "social.slow_down");
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(
        (&slowed.json()["reason"], &slowed.json()["can_appeal"]),
        (&json!("screening.new_recipients"), &json!(false))
    );
    // To follow back costs nothing, and each member who follows back gives one again.
    follow(&others[41], "ada").await;
    put(&ada, &handles[41], "follow").await.expect(200);
    follow(&others[0], "ada").await;
    put(&ada, &handles[40], "follow").await.expect(200);

    // Ten strangers in one post are many; it can't wait for a moderator, so it is refused, and can be appealed.
    let text = handles[..10].iter().map(|handle| format!("@{handle}")).collect::<Vec<_>>().join(" ");
    let body = json!({"text": text, "audience": "public"});
    let refused = bob.post("/v1/posts", &body).await.refused(403, "social.refused").json();
    assert_eq!((&refused["reason"], &refused["can_appeal"]), (&json!("screening.many_recipients"), &json!(true)));
    assert!(refused["detail"].as_str().unwrap().contains("appeal"));
    let few = json!({"text": format!("@{} @{}", handles[0], handles[1]), "audience": "public"});
    let few = bob.post("/v1/posts", &few).await.expect(201).json();
    let edited = bob.patch(&url(&few), &body).await.expect(200).json();
    assert_eq!(edited["mentions"].as_array().unwrap().len(), 10, "two were mentioned before");
    let more = handles[..30].iter().map(|handle| format!("@{handle}")).collect::<Vec<_>>().join(" ");
    bob.patch(&url(&few), &json!({"text": more})).await.refused(403, "social.refused");

    // A part with a shortened link waits; its author reads why.
    let thread = open(&harness, &ada, "open", 10, "public").await;
    let body = json!({"media": harness.clip(&bob), "text": "more at https://bit.ly/abc"});
    let part = bob.post(&parts_url(&thread), &body).await.expect(201).json();
    assert_eq!((&part["state"], part["reason"].is_string()), (&json!("pending"), true), "{part}");
    harness.world.settle().await;
    let screened = moderation.events::<Screened>();
    assert_eq!(json!(screened[0].id.to_string()), refused["verdict"]);
    let [_, of_edit, of_part] = screened.as_slice() else { panic!("{screened:?}") };
    assert!(!screened[0].is_held && !of_edit.is_held && of_part.is_held);
    assert_eq!((of_part.thing.kind.as_str(), json!(of_part.thing.id)), ("post", part["id"].clone()));
    for _ in 0..2 {
        harness.publish(&released(of_part, &moderator)).await;
    }
    let part = bob.get(&part_url(&part)).await.expect(200).json();
    assert_eq!((&part["state"], &part["number"], &part["reason"]), (&json!("joined"), &json!(1), &Value::Null));

    // A part beyond a block is not let go.
    let body = json!({"media": harness.clip(&bob), "text": "and even more at https://bit.ly/abd"});
    let second = bob.post(&parts_url(&thread), &body).await.expect(201).json();
    harness.world.settle().await;
    let of_second = moderation.events::<Screened>().pop().unwrap();
    put(&ada, "bob", "block").await;
    harness.publish(&released(&of_second, &moderator)).await;
    end(&ada, "bob", "block").await;
    assert_eq!(bob.get(&part_url(&second)).await.expect(200).json()["state"], "pending");

    // What is held under a post of one's own is a moderator's to let go, too.
    let held = comment(&bob, &few, &text).await;
    assert_eq!((&held["state"], &held["can"]["approve"]), (&json!("pending"), &json!(false)), "{held}");
    assert_eq!(bob.get("/v1/me/comments/pending").await.expect(200).json()["items"], json!([]));
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_dry_run_stops_nothing() {
    let harness = Harness::with(World::builder().set("social.enforce_verdicts=false")).await;
    let ada = harness.member("ada");
    for number in 0..41 {
        let handle = format!("other{number}");
        harness.member(&handle);
        put(&ada, &handle, "follow").await.expect(200);
    }
    harness.world.end().await;
}
