//! Threads: opening, joining under each rule, approval, removal, and many at once.

use std::collections::BTreeSet;

use contract::AccountId;
use contract::accounts::Erased;
use contract::media::{Conversion, Kind};
use contract::social::threads::{PartAdded, PartApproved, PartRemoved, PartState, ThreadOpened};
use contract::transcode::Failed;
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World, fake_role};
use tokio::task::JoinSet;

use crate::fixtures::{Harness, each, end, follow, join, open, part_url, parts_url, put, remove, url};

/// Returns the URL of a thread.
fn thread_url(thread: &Value) -> String {
    format!("/v1/threads/{}", thread["id"].as_str().unwrap())
}

async fn may_join(member: &TestClient, thread: &Value) -> bool {
    member.get(&thread_url(thread)).await.expect(200).json()["can"]["join"].as_bool().unwrap()
}

#[tokio::test]
async fn a_thread_is_opened_joined_changed_and_removed() {
    let harness = Harness::new().await;
    let listener = fake_role("search").records::<ThreadOpened>().records::<PartAdded>().records::<PartRemoved>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let thread = open(&harness, &ada, "open", 20, "public").await;
    assert_eq!((&thread["title"], &thread["parts"]), (&json!("Sing the next line"), &json!(0)));
    assert_eq!((&thread["opening"]["id"], &thread["opening"]["state"]), (&thread["id"], &json!("published")));
    assert_eq!(thread["can"]["change"], true);
    let first = join(&harness, &bob, &thread).await.expect(201);
    assert_eq!(first.header("location"), part_url(&first.json()));
    let first = first.json();
    assert_eq!((&first["state"], &first["number"]), (&json!("joined"), &json!(1)));
    let answer = json!({"media": [harness.clip(&eve)], "text": "Mine", "answers": first["id"]});
    let second = eve.post(&parts_url(&thread), &answer).await.expect(201).json();
    assert_eq!((&second["answers"], &second["post"]["text"]), (&first["id"], &json!("Mine")));
    assert_eq!(second["post"]["can"]["join"], false, "a part is no thread");

    let visitor = harness.world.anonymous();
    let listed = visitor.get(&parts_url(&thread)).await.expect(200).json();
    assert_eq!(each(&listed, "id"), [first["id"].as_str().unwrap(), second["id"].as_str().unwrap()]);
    let members = visitor.get(&format!("{}/members", thread_url(&thread))).await.expect(200).json();
    assert_eq!(each(&members, "handle"), ["bob", "eve"]);
    let with_link = visitor.get(&format!("{}?link=a%26list%3Db", thread_url(&thread))).await.expect(200).json();
    assert_eq!(with_link["programme"], json!(format!("{}/programme.m3u8", thread_url(&thread))));
    assert_eq!(visitor.get(&url(&first)).await.expect(200).json()["thread"], thread["id"]);
    bob.get(&format!("/v1/threads/{}", first["id"].as_str().unwrap())).await.refused(404, "social.not_found");

    // Only the opener changes it; a closed thread takes nobody.
    bob.patch(&thread_url(&thread), &json!({"rule": "open"})).await.refused(404, "social.not_found");
    let change = json!({"rule": "closed", "title": " The\n last  line ", "cap": 30});
    let changed = ada.patch(&thread_url(&thread), &change).await.expect(200).json();
    assert_eq!((&changed["title"], &changed["cap"]), (&json!("The last line"), &json!(30)));
    assert_eq!(changed["opening"]["policies"]["join"], "nobody");
    join(&harness, &bob, &thread).await.refused(409, "social.thread_closed");
    // The policy of the opening and the rule are one.
    ada.patch(&url(&thread), &json!({"policies": {"join": "friends"}})).await.expect(200);
    assert_eq!(ada.get(&thread_url(&thread)).await.expect(200).json()["rule"], "friends");
    harness.assert_no_drift().await;

    bob.delete(&thread_url(&thread)).await.refused(404, "social.not_found");
    ada.delete(&thread_url(&thread)).await.expect(204);
    for gone in [thread_url(&thread), parts_url(&thread), part_url(&first), url(&first)] {
        eve.get(&gone).await.refused(404, "social.not_found");
    }
    join(&harness, &bob, &thread).await.refused(404, "social.not_found");
    bob.get(&url(&first)).await.expect(200);
    assert_eq!((harness.count("thread").await, harness.count("post").await), (0, 2));
    harness.assert_no_drift().await;
    harness.world.settle().await;
    assert_eq!(listener.events::<ThreadOpened>().len(), 1);
    assert_eq!(listener.events::<PartAdded>().len(), 2);
    harness.world.end().await;
}

#[tokio::test]
async fn each_rule_admits_its_people() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    follow(&bob, "ada").await;
    for (rule, bob_may) in [("open", true), ("followers", true), ("friends", false), ("invited", false)] {
        let thread = open(&harness, &ada, rule, 20, "public").await;
        assert_eq!((may_join(&bob, &thread).await, may_join(&eve, &thread).await), (bob_may, rule == "open"), "{rule}");
        let joined = join(&harness, &bob, &thread).await;
        assert_eq!(joined.status, if bob_may { 201 } else { 403 }, "{rule}");
        if rule != "open" {
            join(&harness, &eve, &thread).await.refused(403, "social.may_not_join");
            let invitation = format!("{}/invitations/eve", thread_url(&thread));
            bob.send(bob.request(Method::PUT, &invitation)).await.refused(403, "social.not_moderator");
            ada.send(ada.request(Method::PUT, &invitation)).await.expect(204);
            assert!(may_join(&eve, &thread).await, "{rule}");
            join(&harness, &eve, &thread).await.expect(201);
            ada.delete(&invitation).await.expect(204);
            join(&harness, &eve, &thread).await.refused(403, "social.may_not_join");
        }
        assert!(!may_join(&harness.world.anonymous(), &thread).await);
    }
    // A post whose policy lets others join is a thread from the first part on.
    let body = json!({"text": "who sings with me?", "audience": "public", "policies": {"join": "followers"}});
    let post = ada.post("/v1/posts", &body).await.expect(201).json();
    join(&harness, &eve, &post).await.refused(403, "social.may_not_join");
    join(&harness, &bob, &post).await.expect(201);
    assert_eq!(eve.get(&thread_url(&post)).await.expect(200).json()["parts"], 1);
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn what_waits_for_approval_is_seen_by_its_author_and_those_who_approve() {
    let harness = Harness::new().await;
    let listener = fake_role("search").records::<PartAdded>().records::<PartApproved>();
    listener.join(&harness.world).await;
    let [ada, bob, eve, mia] = harness.members(["ada", "bob", "eve", "mia"]);
    let thread = open(&harness, &ada, "approval", 1, "public").await;
    let part = join(&harness, &bob, &thread).await.expect(201).json();
    let other = join(&harness, &mia, &thread).await.expect(201).json();
    assert_eq!((&part["state"], &part["number"]), (&json!("pending"), &Value::Null));
    let waiting = format!("{}?state=waiting", parts_url(&thread));
    let approve = format!("{}/approve", part_url(&part));
    for stranger in [&eve, &mia] {
        for hidden in [part_url(&part), url(&part)] {
            stranger.get(&hidden).await.refused(404, "social.not_found");
        }
        stranger.post(&approve, &json!({})).await.refused(403, "social.not_moderator");
    }
    assert_eq!(each(&eve.get(&waiting).await.expect(200).json(), "id"), [""; 0]);
    assert_eq!(each(&bob.get(&waiting).await.expect(200).json(), "id"), [part["id"].as_str().unwrap()]);
    assert_eq!(each(&ada.get(&waiting).await.expect(200).json(), "id").len(), 2);

    // A moderator approves; the cap counts what was approved.
    let office = format!("{}/moderators/eve", thread_url(&thread));
    bob.send(bob.request(Method::PUT, &office)).await.refused(403, "social.not_moderator");
    ada.send(ada.request(Method::PUT, &office)).await.expect(204);
    assert_eq!(eve.get(&part_url(&part)).await.expect(200).json()["can"]["approve"], true);
    for _ in 0..2 {
        eve.post(&approve, &json!({})).await.expect(204);
    }
    assert_eq!(mia.get(&part_url(&part)).await.expect(200).json()["number"], 1);
    let approve_other = format!("{}/approve", part_url(&other));
    put(&mia, "eve", "block").await.expect(200);
    eve.post(&approve_other, &json!({})).await.refused(404, "social.not_found");
    end(&mia, "eve", "block").await.expect(200);
    eve.post(&approve_other, &json!({})).await.refused(409, "social.thread_full");
    ada.delete(&office).await.expect(204);
    eve.get(&part_url(&other)).await.refused(404, "social.not_found");
    harness.assert_no_drift().await;
    harness.world.settle().await;
    let states: Vec<PartState> = listener.events::<PartAdded>().iter().map(|event| event.state).collect();
    assert_eq!(states.iter().filter(|state| **state == PartState::Pending).count(), 2);
    assert_eq!(states.iter().filter(|state| **state == PartState::Joined).count(), 1);
    assert_eq!(listener.events::<PartApproved>().len(), 1);
    harness.world.end().await;
}

#[tokio::test]
async fn a_part_is_withdrawn_removed_and_unlinked() {
    let harness = Harness::new().await;
    let [ada, bob, eve, mia] = harness.members(["ada", "bob", "eve", "mia"]);
    let thread = open(&harness, &ada, "open", 20, "public").await;
    let asked = join(&harness, &bob, &thread).await.expect(201).json();
    let answering = json!({"media": harness.clip(&eve), "answers": asked["id"]});
    let answer = eve.post(&parts_url(&thread), &answering).await.expect(201).json();
    let third = join(&harness, &mia, &thread).await.expect(201).json();

    // Who is answered has the answer unlinked; it stays, and its author reads why.
    assert_eq!(bob.get(&part_url(&answer)).await.expect(200).json()["can"]["unlink"], true);
    remove(&mia, &answer, "I don't like it.").await.refused(403, "social.not_moderator");
    remove(&bob, &answer, " ").await.refused(422, "social.invalid_post");
    bob.delete(&part_url(&answer)).await.refused(422, "social.invalid_post");
    remove(&bob, &answer, "Not to me, please.").await.expect(204);
    let seen = eve.get(&part_url(&answer)).await.expect(200).json();
    assert_eq!((&seen["answers"], &seen["reason"]), (&Value::Null, &json!("Not to me, please.")));
    let of_others = mia.get(&part_url(&answer)).await.expect(200).json();
    assert_eq!((&of_others["reason"], &of_others["state"]), (&Value::Null, &json!("joined")));
    remove(&bob, &answer, "Again.").await.refused(403, "social.not_moderator");

    // The opener removes any part, also that of a member whom they have blocked.
    put(&ada, "mia", "block").await.expect(200);
    remove(&ada, &third, "Off topic.").await.expect(204);
    remove(&ada, &third, "Off topic.").await.expect(204);
    let own = mia.get(&part_url(&third)).await.expect(200).json();
    assert_eq!((&own["state"], &own["reason"]), (&json!("removed"), &json!("Off topic.")));
    for reader in [&ada, &bob] {
        reader.get(&part_url(&third)).await.refused(404, "social.not_found");
        reader.get(&url(&third)).await.refused(404, "social.not_found");
    }
    // An author withdraws their own, also where the thread is not shown to them.
    mia.delete(&part_url(&third)).await.expect(204);
    bob.delete(&part_url(&asked)).await.expect(204);
    bob.delete(&part_url(&asked)).await.refused(404, "social.not_found");
    let left = ada.get(&thread_url(&thread)).await.expect(200).json();
    assert_eq!((&left["parts"], harness.count("post").await), (&json!(1), 2));
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_members_at_once_fill_a_cap_of_twenty() {
    let harness = Harness::new().await;
    let ada = harness.member("ada");
    let thread = open(&harness, &ada, "open", 20, "public").await;
    let mut joins = JoinSet::new();
    for at in 0..50 {
        let member = harness.member(&format!("member{at}"));
        let (url, body) = (parts_url(&thread), json!({"media": harness.clip(&member)}));
        joins.spawn(async move { member.post(&url, &body).await });
    }
    let responses = joins.join_all().await;
    let (joined, refused): (Vec<_>, Vec<_>) = responses.into_iter().partition(|response| response.status == 201);
    assert_eq!((joined.len(), refused.len()), (20, 30));
    for response in refused {
        response.refused(409, "social.thread_full");
    }
    let listed = ada.get(&format!("{}?limit=100", parts_url(&thread))).await.expect(200).json();
    assert_eq!((each(&listed, "id").len(), harness.count("post").await), (20, 21));
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_walk_over_parts_visits_what_stays_once_while_others_come_and_go() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let thread = open(&harness, &ada, "open", 50, "public").await;
    let mut parts = Vec::new();
    for _ in 0..12 {
        parts.push(join(&harness, &bob, &thread).await.expect(201).json());
    }
    let (mut walked, mut next, mut removed) = (Vec::new(), String::new(), BTreeSet::new());
    loop {
        let page = ada.get(&format!("{}?limit=3{next}", parts_url(&thread))).await.expect(200).json();
        walked.extend(each(&page, "id").into_iter().map(str::to_owned));
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&after={cursor}");
        // One behind the walk and one before it go, and a new one comes.
        if removed.len() < 4 {
            for at in [removed.len() / 2, 11 - removed.len() / 2] {
                bob.delete(&part_url(&parts[at])).await.expect(204);
                removed.insert(parts[at]["id"].as_str().unwrap().to_owned());
            }
            join(&harness, &bob, &thread).await.expect(201);
        }
    }
    let ids: BTreeSet<&String> = walked.iter().collect();
    assert_eq!(ids.len(), walked.len(), "none twice");
    let stayed = parts.iter().map(|part| part["id"].as_str().unwrap().to_owned()).filter(|id| !removed.contains(id));
    for id in stayed {
        assert!(ids.contains(&id), "{id} was missed");
    }
    for wrong in ["x", "-1", "1.5"] {
        ada.get(&format!("{}?after={wrong}", parts_url(&thread))).await.refused(400, "request.invalid");
    }
    harness.world.end().await;
}

#[tokio::test]
async fn bad_threads_and_parts_are_refused_and_change_nothing() {
    let harness = Harness::with(World::builder().set("social.max_posts_per_hour=3")).await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let (clip, photo) = (harness.clip(&ada), harness.item(&ada, Kind::Photo, Conversion::Ready));
    let failed = harness.item(&ada, Kind::Video, Conversion::Failed);
    let with = |field: &str, value: Value| {
        let mut body = json!({"title": "x", "media": clip, "rule": "open", "audience": "public"});
        body[field] = value;
        body
    };
    for (body, code) in [
        (with("title", json!(" ")), "social.invalid_post"),
        (with("title", json!("a".repeat(201))), "social.invalid_post"),
        (with("cap", json!(0)), "social.invalid_post"),
        (with("cap", json!(201)), "social.invalid_post"),
        (with("media", json!([])), "social.invalid_post"),
        (with("media", json!([clip, photo])), "social.invalid_post"),
        (with("media", json!(photo)), "social.not_a_clip"),
        (with("media", json!(failed)), "social.not_a_clip"),
        (with("media", json!(harness.clip(&bob))), "social.no_such_media"),
        (with("rule", json!("everyone")), "request.invalid"),
    ] {
        ada.post("/v1/threads", &body).await.refused(422, code);
    }
    harness.world.anonymous().post("/v1/threads", &with("cap", json!(5))).await.refused(401, "auth.required");
    assert_eq!((harness.count("post").await, harness.count("thread").await), (0, 0));
    let thread = open(&harness, &ada, "open", 5, "public").await;
    let own = harness.clip(&bob);
    let foreign = json!({"media": clip});
    bob.post(&parts_url(&thread), &foreign).await.refused(422, "social.no_such_media");
    let answering = json!({"media": own, "answers": thread["id"]});
    bob.post(&parts_url(&thread), &answering).await.refused(422, "social.invalid_post");
    bob.post(&parts_url(&json!({"id": uuid::Uuid::nil()})), &json!({"media": own}))
        .await
        .refused(404, "social.not_found");
    for _ in 0..3 {
        join(&harness, &bob, &thread).await.expect(201);
    }
    join(&harness, &bob, &thread).await.refused(429, "social.too_many_posts");
    let part = ada.get(&parts_url(&thread)).await.expect(200).json()["items"][0].clone();
    bob.patch(&url(&part), &json!({"audience": "followers"})).await.refused(422, "social.invalid_post");
    let opened = bob.patch(&url(&part), &json!({"policies": {"join": "everyone"}})).await.expect(200).json();
    assert_eq!((&opened["policies"]["join"], &opened["can"]["join"]), (&json!("nobody"), &json!(false)));
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_lost_clip_frees_its_place_and_an_erased_member_leaves_nothing() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    let thread = open(&harness, &ada, "open", 1, "public").await;
    let lost = harness.item(&bob, Kind::Video, Conversion::Processing);
    let part = bob.post(&parts_url(&thread), &json!({"media": lost})).await.expect(201).json();
    assert_eq!((&part["state"], &part["number"]), (&json!("joined"), &Value::Null));
    eve.get(&part_url(&part)).await.refused(404, "social.not_found");
    join(&harness, &eve, &thread).await.refused(409, "social.thread_full");
    harness
        .publish(&Failed {
            id: lost,
            code: "transcode.no_picture".into(),
            detail: "No picture.".into(),
            retry: Some(0),
        })
        .await;
    let own = bob.get(&part_url(&part)).await.expect(200).json();
    assert_eq!((&own["state"], own["reason"].is_string()), (&json!("removed"), true));
    join(&harness, &eve, &thread).await.expect(201);
    harness.assert_no_drift().await;

    let other = open(&harness, &eve, "invited", 5, "public").await;
    for office in ["invitations", "moderators"] {
        let path = format!("{}/{office}/bob", thread_url(&other));
        eve.send(eve.request(Method::PUT, &path)).await.expect(204);
    }
    join(&harness, &bob, &other).await.expect(201);
    let now = harness.world.clock().now();
    for (member, name) in [(&bob, "bob"), (&eve, "eve")] {
        harness.forget(member, name);
        harness.publish(&Erased { account: AccountId(member.id), handle: name.into(), at: now }).await;
        harness.assert_no_drift().await;
    }
    let rows = [("thread", 1), ("thread_moderator", 0), ("thread_invitation", 0), ("post", 1), ("post_media", 1)];
    for (table, expected) in rows {
        assert_eq!(harness.count(table).await, expected, "{table}");
    }
    assert_eq!(ada.get(&thread_url(&thread)).await.expect(200).json()["parts"], 0);
    harness.world.end().await;
}
