//! Following, requests to follow, and the lists of both.

use std::collections::BTreeSet;

use contract::AccountId;
use contract::social::{Contact, FindContacts, FindProfileView, FollowRequested, Followed, Unfollowed};
use serde_json::json;
use testkit::fake_role;

use crate::fixtures::{Harness, each, end, follow, put};

#[tokio::test]
async fn following_counts_lists_and_tells_once() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<Followed>().records::<Unfollowed>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    for _ in 0..2 {
        follow(&bob, "ADA").await;
    }
    harness.world.clock().advance(chrono::TimeDelta::seconds(1));
    follow(&eve, &ada.id.to_string()).await;

    // Pages, the newest first; the counts; how both stand to each other.
    let page = harness.world.anonymous().get("/v1/accounts/ada/followers?limit=1").await.expect(200).json();
    assert_eq!(each(&page, "handle"), ["eve"]);
    let rest = format!("/v1/accounts/ada/followers?limit=1&after={}", page["next"].as_str().unwrap());
    let rest = bob.get(&rest).await.expect(200).json();
    assert_eq!((each(&rest, "handle"), &rest["next"]), (vec!["bob"], &json!(null)));
    assert_eq!(each(&ada.get("/v1/accounts/bob/following").await.expect(200).json(), "handle"), ["ada"]);
    let query = FindProfileView { reader: Some(AccountId(bob.id)), account: AccountId(ada.id) };
    let profile = harness.world.process.peers.ask(&query).await.unwrap().unwrap();
    assert_eq!((profile.counts.followers, profile.counts.following), (2, 0));
    let relationship = serde_json::to_value(profile.relationship.unwrap()).unwrap();
    assert_eq!((&relationship["follow"], &relationship["follows_you"]), (&json!("following"), &json!(false)));

    for _ in 0..2 {
        assert_eq!(end(&bob, "ada", "follow").await.expect(200).json(), json!({"state": "none"}));
    }
    harness.assert_no_drift().await;
    harness.world.settle().await;
    let told: BTreeSet<AccountId> = listener.events::<Followed>().iter().map(|event| event.follower).collect();
    assert_eq!(told, BTreeSet::from([AccountId(bob.id), AccountId(eve.id)]));
    assert_eq!(listener.events::<Followed>().len(), 2);
    assert_eq!(listener.events::<Unfollowed>().len(), 1);

    // Bad input, and callers without a token.
    put(&ada, "ada", "follow").await.refused(422, "social.yourself");
    for unknown in ["nobody", "a%2fb", "..%2fme", "%00", &uuid::Uuid::nil().to_string()] {
        put(&ada, unknown, "follow").await.refused(404, "social.no_such_person");
    }
    put(&harness.world.anonymous(), "ada", "follow").await.refused(401, "auth.required");
    for cursor in ["x", "1-", "-1", "9999999999999999999-1"] {
        let url = format!("/v1/accounts/ada/followers?after={cursor}");
        bob.get(&url).await.refused(400, "request.invalid");
    }
    harness.world.end().await;
}

#[tokio::test]
async fn a_private_member_answers_requests() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<FollowRequested>().records::<Followed>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    follow(&ada, "eve").await;
    harness.set_private(&ada, "ada", true).await;
    for member in [&bob, &eve, &bob] {
        assert_eq!(put(member, "ada", "follow").await.expect(200).json()["state"], "requested");
    }
    let requests = ada.get("/v1/follow-requests").await.expect(200).json();
    let mut names = each(&requests, "handle");
    names.sort_unstable();
    assert_eq!(names, ["bob", "eve"]);
    bob.get("/v1/accounts/ada/followers").await.refused(404, "social.no_such_person");

    ada.post("/v1/follow-requests/bob/accept", &json!({})).await.expect(204);
    ada.post("/v1/follow-requests/eve/reject", &json!({})).await.expect(204);
    for (name, answer) in [("bob", "accept"), ("eve", "reject"), ("nobody", "accept")] {
        let again = ada.post(&format!("/v1/follow-requests/{name}/{answer}"), &json!({})).await;
        let code = if name == "nobody" { "social.no_such_person" } else { "social.no_such_request" };
        again.refused(404, code);
    }
    let followers = bob.get("/v1/accounts/ada/followers").await.expect(200).json();
    assert_eq!(each(&followers, "handle"), ["bob"]);
    eve.get("/v1/accounts/ada/followers").await.refused(404, "social.no_such_person");

    // One who asked while the profile was private follows at once when it is not.
    assert_eq!(put(&eve, "ada", "follow").await.expect(200).json()["state"], "requested");
    harness.set_private(&ada, "ada", false).await;
    follow(&eve, "ada").await;
    assert_eq!(harness.count("follow_request").await, 0);
    harness.assert_no_drift().await;
    harness.world.settle().await;
    let told = listener.events::<Followed>();
    assert_eq!((told.len(), told.iter().filter(|event| event.by_request).count()), (3, 1));
    assert_eq!(listener.events::<FollowRequested>().len(), 3);
    harness.world.end().await;
}

#[tokio::test]
async fn roles_that_deliver_are_told_how_people_stand_to_a_member() {
    let harness = Harness::new().await;
    let [ada, bob, _eve, mia] = harness.members(["ada", "bob", "eve", "mia"]);
    // Mia is a friend of Ada's and of Bob's; Bob follows Ada; Eve is a stranger.
    for (member, handle) in [(&ada, "mia"), (&mia, "ada"), (&bob, "mia"), (&mia, "bob"), (&bob, "ada")] {
        follow(member, handle).await;
    }
    let asked = async |names: &[&str]| -> Vec<Contact> {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        let query = FindContacts { member: AccountId(ada.id), names };
        harness.world.process.peers.ask(&query).await.unwrap().unwrap()
    };
    let found = asked(&["ada", "bob", "eve", "nemo"]).await;
    let handles: Vec<&str> = found.iter().map(|contact| contact.person.handle.as_str()).collect();
    assert_eq!(handles, ["ada", "bob", "eve"], "who does not exist is left out");
    let bob_to_ada = &found[1];
    assert!(bob_to_ada.follows_member && !bob_to_ada.is_followed && !bob_to_ada.blocks_member);
    assert_eq!((bob_to_ada.friends_in_common, found[2].friends_in_common), (1, 0));
    put(&bob, "ada", "block").await.expect(200);
    let found = asked(&[bob.id.to_string().as_str()]).await;
    assert!(found[0].blocks_member && !found[0].is_blocked && !found[0].follows_member);
    harness.world.end().await;
}
