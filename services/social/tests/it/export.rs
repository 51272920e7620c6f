//! What an export of a member's data has of social.

use contract::media::{Conversion, Kind};
use http::Method;
use serde_json::{Value, json};
use service::personal_data::{ExportPage, path};
use testkit::TestClient;

use crate::fixtures::{Harness, follow, join, open, post, put, url};

/// Returns all objects of a file, page by page.
async fn read(harness: &Harness, of: &TestClient, file: &str) -> Vec<Value> {
    let (mut records, mut after): (Vec<Value>, Option<String>) = (Vec::new(), None);
    loop {
        let path = path("social", of.id, file, after.as_deref());
        let page: ExportPage = harness.world.process.peers.get_json("social", &path).await.unwrap().unwrap();
        records.extend(page.records);
        match page.next {
            Some(next) => after = Some(next),
            None => return records,
        }
    }
}

#[tokio::test]
async fn an_export_has_what_a_member_decided_and_wrote_and_nothing_of_others() {
    let harness = Harness::new().await;
    let [ada, bob, _, mia, zoe] = harness.members(["ada", "bob", "eve", "mia", "zoe"]);
    harness.set_private(&zoe, "zoe", true).await;
    follow(&ada, "bob").await;
    follow(&bob, "ada").await;
    put(&ada, "bob", "close").await.expect(200);
    put(&ada, "zoe", "follow").await.expect(200);
    put(&ada, "mia", "mute?until=2090-01-01T00:00:00Z").await.expect(200);
    put(&ada, "eve", "block").await.expect(200);
    put(&mia, "ada", "mute").await.expect(200);
    put(&bob, "eve", "block").await.expect(200);
    ada.send(ada.request(Method::PUT, "/v1/topics/tag/karaoke/follow")).await.expect(200);
    let waiting = harness.item(&ada, Kind::Video, Conversion::Processing);
    let song = harness.item(&ada, Kind::Audio, Conversion::Ready);
    let body = json!({"text": "soon", "audience": "close", "media": [waiting], "alts": ["A stage."], "song": song});
    ada.post("/v1/posts", &body).await.expect(201);
    post(&ada, "for those with the link", "link").await;
    for at in 0..50 {
        post(&ada, &format!("{at}"), "followers").await;
    }
    post(&bob, "of another", "public").await;

    let decided = read(&harness, &ada, "social/follows.json").await;
    let kinds: Vec<(&str, &str)> = decided
        .iter()
        .map(|record| (record["kind"].as_str().unwrap(), record["handle"].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        ("follow", "bob"),
        ("request", "zoe"),
        ("block", "eve"),
        ("mute", "mia"),
        ("close_friend", "bob"),
        ("tag", ""),
    ];
    assert_eq!(kinds, expected);
    assert!(decided[0]["since"].is_string(), "{}", decided[0]);
    assert_eq!(decided[3]["until"], "2090-01-01T00:00:00Z");
    assert_eq!(decided[5], json!({"kind": "tag", "name": "karaoke"}));

    let posts = read(&harness, &ada, "social/posts.json").await;
    let mut texts: Vec<&str> = posts.iter().map(|record| record["text"].as_str().unwrap()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!((posts.len(), texts.len()), (52, 52), "each of the member's own, once");
    assert!(!texts.contains(&"of another"));
    let soon = posts.iter().find(|record| record["text"] == "soon").unwrap();
    assert_eq!(soon["media"], json!([{"id": waiting, "alt": "A stage."}]));
    assert_eq!((&soon["state"], &soon["audience"]), (&json!("waiting"), &json!("close")));
    assert_eq!(soon["song"], json!(song));
    let linked = posts.iter().find(|record| record["audience"] == "link").unwrap();
    assert!(linked.get("link").is_none() && linked.get("link_token").is_none(), "{linked}");
    assert_eq!(read(&harness, &harness.member("new"), "social/posts.json").await, Vec::<Value>::new());
    harness.world.end().await;
}

#[tokio::test]
async fn an_export_has_what_a_member_said_and_nothing_that_others_said() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let [of_ada, of_bob] = [post(&ada, "mine", "public").await, post(&bob, "of another", "public").await];
    let mut written = Vec::new();
    for (member, post) in [(&ada, &of_bob), (&bob, &of_ada), (&bob, &of_bob)] {
        let comments = format!("{}/comments", url(post));
        let comment = member.post(&comments, &json!({"text": "What a voice!"})).await.expect(201).json();
        let answer = json!({"text": "Thank you.", "answers": comment["id"]});
        bob.post(&comments, &answer).await.expect(201);
        let react = member.request(Method::PUT, &format!("{}/reaction", url(post)));
        member.send(react.json(&json!({"kind": "applause"}))).await.expect(200);
        written.push(comment);
    }
    for (member, post) in [(&ada, &of_bob), (&bob, &of_ada)] {
        member.send(member.request(Method::PUT, &format!("{}/save", url(post)))).await.expect(200);
        member.post(&format!("{}/repost", url(post)), &json!({})).await.expect(201);
        let report = json!({"kind": "post", "id": post["id"], "reason": "spam"});
        member.post("/v1/reports", &report).await.expect(201);
    }
    let wanted = json!({"approval": true, "watched_words": ["nightjar"]});
    ada.send(ada.request(Method::PUT, "/v1/me/talk").json(&wanted)).await.expect(200);
    let clip = harness.item(&ada, Kind::Video, Conversion::Ready);
    ada.post("/v1/greetings", &json!({"media": clip, "to_name": "Grandma"})).await.expect(201);

    let (post, comment) = (&of_bob["id"], &written[0]["id"]);
    let only = async |name: &str, id: &str, expected: &Value| {
        let found = read(&harness, &ada, &format!("social/{name}.json")).await;
        assert_eq!((found.len(), &found[0][id]), (1, expected), "{name}: {found:?}");
        found[0].clone()
    };
    let own = only("comments", "id", comment).await;
    assert_eq!((&own["post"], &own["answers"], &own["text"]), (post, &Value::Null, &json!("What a voice!")));
    let own = only("reactions", "post", post).await;
    assert!(own["kind"] == "applause" && own["since"].is_string(), "{own}");
    for name in ["saved", "reposts"] {
        assert!(only(name, "post", post).await["since"].is_string(), "{name}");
    }
    assert_eq!(only("reports", "object", post).await["reason"], "spam");
    let own = only("greetings", "to_name", &json!("Grandma")).await;
    assert_eq!(own["media"], json!([clip]));
    assert!(own.get("url").is_none() && own.get("token").is_none() && own.get("token_hash").is_none(), "{own}");
    assert_eq!(read(&harness, &ada, "social/settings.json").await, [wanted]);
    let moderator = harness.world.operator("mona", &["moderator"]);
    let reports = moderator.get("/v1/admin/reports?kind=post").await.expect(200).json();
    let mut reports = reports["items"].as_array().unwrap().iter();
    let report = reports.find(|report| report["object"] == of_ada["id"]).unwrap()["id"].as_str().unwrap();
    let decision = json!({"decision": "remove", "reason": "Spam.", "message": "No advertising."});
    moderator.post(&format!("/v1/admin/reports/{report}/decision"), &decision).await.expect(200);
    let own = only("removals", "id", &of_ada["id"]).await;
    assert_eq!((&own["message"], &own["excerpt"]), (&json!("No advertising."), &json!("mine")));
    let unset = json!({"approval": false, "watched_words": []});
    assert_eq!(read(&harness, &harness.member("new"), "social/settings.json").await, [unset]);
    harness.world.end().await;
}

#[tokio::test]
async fn an_export_has_the_threads_that_a_member_opened_moderates_and_joined() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let own = open(&harness, &ada, "open", 20, "public").await;
    let other = open(&harness, &bob, "invited", 20, "public").await;
    open(&harness, &bob, "open", 20, "public").await;
    for office in ["moderators", "invitations"] {
        let path = format!("/v1/threads/{}/{office}/ada", other["id"].as_str().unwrap());
        bob.send(bob.request(Method::PUT, &path)).await.expect(204);
    }
    let part = join(&harness, &ada, &other).await.expect(201).json();
    join(&harness, &bob, &own).await.expect(201);

    let threads = read(&harness, &ada, "social/threads.json").await;
    let kinds: Vec<(&Value, &Value)> = threads.iter().map(|record| (&record["kind"], &record["id"])).collect();
    let expected =
        [(json!("opened"), &own["id"]), (json!("moderated"), &other["id"]), (json!("invited"), &other["id"])];
    assert_eq!(kinds, expected.iter().map(|(kind, id)| (kind, *id)).collect::<Vec<_>>());
    assert_eq!((&threads[0]["rule"], &threads[0]["cap"]), (&json!("open"), &json!(20)));
    let posts = read(&harness, &ada, "social/posts.json").await;
    assert_eq!(posts.len(), 2, "the opening and the part: {posts:?}");
    let of_part = posts.iter().find(|record| record["id"] == part["id"]).unwrap();
    assert_eq!((&of_part["part"]["thread"], &of_part["part"]["state"]), (&other["id"], &json!("joined")));
    harness.world.end().await;
}
