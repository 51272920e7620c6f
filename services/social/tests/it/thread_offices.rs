//! Moderators of a thread that only its link opens, who is invited, and what stays of a moderator who is erased.

use contract::AccountId;
use contract::accounts::Erased;
use http::Method;
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::{Harness, each, join, open, part_url, parts_url, remove};

fn office(thread: &Value, office: &str, query: &str) -> String {
    format!("/v1/threads/{}/{office}{query}", thread["id"].as_str().unwrap())
}

async fn put(member: &TestClient, path: &str) -> testkit::TestResponse {
    member.send(member.request(Method::PUT, path)).await
}

#[tokio::test]
async fn a_moderator_invites_to_a_thread_that_only_its_link_opens() {
    let harness = Harness::new().await;
    let [ada, mia, bob] = harness.members(["ada", "mia", "bob"]);
    let thread = open(&harness, &ada, "invited", 20, "link").await;
    let link = thread["opening"]["link"].as_str().unwrap().split_once('?').unwrap().1;
    let (link, wrong) = (format!("?{link}"), "?link=AAAAAAAAAAAAAAAAAAAAAA");
    put(&ada, &office(&thread, "moderators/mia", "")).await.expect(204);
    for query in ["", wrong] {
        put(&mia, &office(&thread, "invitations/bob", query)).await.refused(404, "social.not_found");
        mia.get(&office(&thread, "invitations", query)).await.refused(404, "social.not_found");
        mia.delete(&office(&thread, "invitations/bob", query)).await.refused(404, "social.not_found");
    }
    put(&bob, &office(&thread, "invitations/bob", &link)).await.refused(403, "social.not_moderator");
    put(&mia, &office(&thread, "moderators/bob", &link)).await.refused(403, "social.not_moderator");
    put(&mia, &office(&thread, "invitations/bob", &link)).await.expect(204);
    let invited = mia.get(&office(&thread, "invitations", &link)).await.expect(200).json();
    assert_eq!(each(&invited, "handle"), ["bob"]);

    // The invitation opens nothing: who is invited needs the link as well.
    let clip = json!({"media": harness.clip(&bob)});
    bob.post(&parts_url(&thread), &clip).await.refused(404, "social.not_found");
    bob.post(&format!("{}{link}", parts_url(&thread)), &clip).await.expect(201);
    mia.delete(&office(&thread, "invitations/bob", &link)).await.expect(204);
    let invited = mia.get(&office(&thread, "invitations", &link)).await.expect(200).json();
    assert_eq!(invited["items"], json!([]));
    harness.world.end().await;
}

#[tokio::test]
async fn who_is_invited_is_listed_in_full_pages_without_those_beyond_a_block() {
    let harness = Harness::new().await;
    let [ada, mia, bob, eve, _zoe] = harness.members(["ada", "mia", "bob", "eve", "zoe"]);
    let thread = open(&harness, &ada, "invited", 20, "public").await;
    put(&ada, &office(&thread, "moderators/mia", "")).await.expect(204);
    for name in ["bob", "eve", "zoe"] {
        put(&mia, &office(&thread, &format!("invitations/{name}"), "")).await.expect(204);
    }
    put(&eve, "/v1/accounts/mia/block").await.expect(200);
    let all = ada.get(&office(&thread, "invitations", "")).await.expect(200).json();
    assert_eq!(each(&all, "handle").len(), 3, "the opener is on no side of the block");

    let (mut found, mut query) = (Vec::new(), "?limit=1".to_owned());
    while found.len() < 3 {
        let page = mia.get(&office(&thread, "invitations", &query)).await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1, "no page is empty: {page}");
        found.push(each(&page, "handle")[0].to_owned());
        let Some(next) = page["next"].as_str() else { break };
        query = format!("?limit=1&after={next}");
    }
    found.sort_unstable();
    assert_eq!(found, ["bob", "zoe"]);

    // A cursor is one of its thread; whoever is invited does not learn who else is.
    let other = open(&harness, &ada, "invited", 20, "public").await;
    let foreign = query.replace("limit=1&", "");
    ada.get(&office(&other, "invitations", &foreign)).await.refused(422, "social.wrong_cursor");
    bob.get(&office(&thread, "invitations", "")).await.refused(403, "social.not_moderator");
    mia.delete(&office(&thread, "invitations/bob", "")).await.expect(204);
    let left = mia.get(&office(&thread, "invitations", "")).await.expect(200).json();
    assert_eq!(each(&left, "handle"), ["zoe"]);
    harness.world.end().await;
}

#[tokio::test]
async fn the_words_of_an_erased_moderator_go_and_what_they_removed_stays_removed() {
    let harness = Harness::new().await;
    let [ada, mia, bob] = harness.members(["ada", "mia", "bob"]);
    let thread = open(&harness, &ada, "open", 20, "public").await;
    put(&ada, &office(&thread, "moderators/mia", "")).await.expect(204);
    let parts = [join(&harness, &bob, &thread).await, join(&harness, &bob, &thread).await];
    let parts = parts.map(|part| part.expect(201).json());
    remove(&mia, &parts[0], "Mia says no.").await.expect(204);
    remove(&ada, &parts[1], "Ada says no.").await.expect(204);
    let reason = async |part: &Value| {
        let part = bob.get(&part_url(part)).await.expect(200).json();
        (part["state"].clone(), part["reason"].clone())
    };
    assert_eq!(reason(&parts[0]).await, (json!("removed"), json!("Mia says no.")));
    let now = harness.world.clock().now();
    harness.forget(&mia, "mia");
    harness.publish(&Erased { account: AccountId(mia.id), handle: "mia".into(), at: now }).await;
    assert_eq!(reason(&parts[0]).await, (json!("removed"), Value::Null));
    assert_eq!(reason(&parts[1]).await, (json!("removed"), json!("Ada says no.")));
    harness.assert_no_drift().await;
    harness.world.end().await;
}

#[tokio::test]
async fn a_block_ends_offices_in_threads_for_good() {
    let harness = Harness::new().await;
    let [ada, mia, bob] = harness.members(["ada", "mia", "bob"]);
    let thread = open(&harness, &ada, "invited", 20, "public").await;
    let offices = ["moderators/mia", "invitations/bob"].map(|named| office(&thread, named, ""));
    for path in &offices {
        put(&ada, path).await.expect(204);
    }
    for name in ["mia", "bob"] {
        put(&ada, &format!("/v1/accounts/{name}/block")).await.expect(200);
    }
    // None is given beside a block, and none comes back with its end.
    for path in &offices {
        put(&ada, path).await.expect(204);
    }
    assert_eq!((harness.count("thread_moderator").await, harness.count("thread_invitation").await), (0, 0));
    for name in ["mia", "bob"] {
        ada.delete(&format!("/v1/accounts/{name}/block")).await.expect(200);
    }
    put(&mia, &office(&thread, "invitations/bob", "")).await.refused(403, "social.not_moderator");
    join(&harness, &bob, &thread).await.refused(403, "social.may_not_join");
    harness.world.end().await;
}
