//! Blocks, and what members decide about others without their knowing.

use contract::AccountId;
use contract::social::{Blocked, FindPeople, FindPosts, FindProfileView, FindShownPerson};
use serde_json::json;
use testkit::fake_role;

use crate::fixtures::{Harness, each, end, follow, id, post, put, url, without_request_id};

#[tokio::test]
async fn a_block_hides_each_from_the_other_at_once_and_everywhere() {
    let harness = Harness::new().await;
    let listener = fake_role("notify").records::<Blocked>();
    listener.join(&harness.world).await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    follow(&ada, "bob").await;
    follow(&bob, "ada").await;
    follow(&eve, "ada").await;
    put(&ada, "bob", "close").await.expect(200);
    let (of_ada, of_bob) = (post(&ada, "mine", "public").await, post(&bob, "yours", "public").await);
    let of_eve = post(&eve, "with @ada and @bob", "public").await;
    for _ in 0..2 {
        assert_eq!(put(&ada, "bob", "block").await.expect(200).json(), json!({"state": "blocked"}));
    }

    let peers = &harness.world.process.peers;
    let unknown = format!("/v1/posts/{}", uuid::Uuid::nil());
    for (reader, other, hidden) in [(&ada, (&bob, "bob"), &of_bob), (&bob, (&ada, "ada"), &of_ada)] {
        // A post beyond the block and one that does not exist are the same response.
        let beyond = reader.get(&url(hidden)).await.expect(404);
        assert_eq!(without_request_id(&beyond), without_request_id(&reader.get(&unknown).await.expect(404)));
        let account = Some(AccountId(reader.id));
        let posts = FindPosts { reader: account, ids: vec![id(hidden), id(&of_eve)] };
        let seen = peers.ask(&posts).await.unwrap().unwrap();
        assert_eq!(seen.len(), 1, "only that of the third");
        let mentions: Vec<&str> = seen[0].mentions.iter().map(|person| person.handle.as_str()).collect();
        assert!(!mentions.contains(&other.1), "{mentions:?}");
        let people = FindPeople { reader: account, accounts: vec![AccountId(other.0.id)] };
        assert!(peers.ask(&people).await.unwrap().unwrap().is_empty());
    }
    bob.get("/v1/accounts/ada/posts").await.refused(404, "social.no_such_person");
    bob.get("/v1/accounts/ada/followers").await.refused(404, "social.no_such_person");
    let query = FindProfileView { reader: Some(AccountId(bob.id)), account: AccountId(ada.id) };
    assert_eq!(peers.ask(&query).await.unwrap(), None);
    // What the gateway asks for the public pages of a member. Who blocks still finds whom they have blocked.
    for (reader, name, is_shown) in [(&bob, "Ada", false), (&eve, "Ada", true), (&ada, "bob", true)] {
        let query = FindShownPerson { reader: AccountId(reader.id), name: name.to_owned() };
        assert_eq!(peers.ask(&query).await.unwrap().is_some(), is_shown, "{name}");
    }
    assert_eq!(each(&ada.get("/v1/accounts/bob/posts").await.expect(200).json(), "id"), Vec::<&str>::new());

    // Nothing is left between them, and nothing new can be made; who blocked can undo it.
    assert_eq!((harness.count("follow").await, harness.count("close_friend").await), (1, 0));
    put(&bob, "ada", "follow").await.refused(404, "social.no_such_person");
    put(&bob, "ada", "mute").await.refused(404, "social.no_such_person");
    put(&ada, "bob", "follow").await.refused(409, "social.blocked");
    put(&ada, "bob", "close").await.refused(409, "social.blocked");
    put(&ada, "ada", "block").await.refused(422, "social.yourself");
    assert_eq!(put(&bob, "ada", "block").await.expect(200).json()["state"], "blocked", "back");
    end(&ada, "bob", "block").await.expect(200);
    ada.get(&url(&of_bob)).await.refused(404, "social.not_found");
    end(&bob, "ada", "block").await.expect(200);
    ada.get(&url(&of_bob)).await.expect(200);
    assert_eq!(harness.count("follow").await, 1, "no follow comes back");
    harness.assert_no_drift().await;
    harness.world.settle().await;
    assert_eq!(listener.events::<Blocked>().len(), 2);
    harness.world.end().await;
}

#[tokio::test]
async fn a_mute_ends_by_itself_and_close_friends_see_what_is_for_them() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    let until = harness.world.clock().now() + chrono::TimeDelta::hours(1);
    let until = until.format("%Y-%m-%dT%H:%M:%SZ");
    put(&ada, "bob", &format!("mute?until={until}")).await.expect(200);
    let query = FindProfileView { reader: Some(AccountId(ada.id)), account: AccountId(bob.id) };
    let relationship = async || {
        let found = harness.world.process.peers.ask(&query).await.unwrap().unwrap();
        found.relationship.unwrap()
    };
    assert!(relationship().await.muted);
    harness.world.clock().advance(chrono::TimeDelta::hours(1));
    assert!(!relationship().await.muted);
    put(&ada, "bob", "mute").await.expect(200);
    harness.world.clock().advance(chrono::TimeDelta::days(7));
    assert!(relationship().await.muted);
    end(&ada, "bob", "mute").await.expect(200);
    put(&ada, "bob", "mute?until=tomorrow").await.refused(400, "request.invalid");

    let secret = post(&ada, "for few", "close").await;
    bob.get(&url(&secret)).await.refused(404, "social.not_found");
    put(&ada, "bob", "close").await.expect(200);
    bob.get(&url(&secret)).await.expect(200);
    assert!(relationship().await.close);
    end(&ada, "bob", "close").await.expect(200);
    bob.get(&url(&secret)).await.refused(404, "social.not_found");
    harness.world.end().await;
}
