//! The screens: what several roles say, in one call.

use contract::accounts::{AccountState, FindAccounts, FoundAccount, Profile, StandingChanged};
use contract::notify::{FindNoticeCounts, NoticeCounts};
use contract::social::views::{FeedView, FollowState, PersonCountsView, PersonView, ProfileView, RelationshipView};
use contract::social::{FindHomeFeed, FindProfileView, FindShownPerson};
use contract::{AccountId, Query};
use serde_json::{Value, json};
use testkit::{TestClient, World, fake_role};
use uuid::Uuid;

use crate::harness::{Harness, OWNED, OWNER, SHARED};

/// The account of the profile in these tests.
const ADA: AccountId = AccountId(Uuid::from_u128(7));

/// The public operation of accounts, as the gateway asks for it.
struct ShowAccount;

impl Query for ShowAccount {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/v1/accounts/{handle}";
    type Response = Value;

    fn path(&self) -> String {
        Self::PATH.to_owned()
    }
}

fn found(names: &str) -> Option<Vec<FoundAccount>> {
    let account = AccountId(names.parse().ok()?);
    let profile = json!({
        "account": account,
        "handle": "bob",
        "display_name": "Bob",
        "avatar": null,
        "is_private": false,
        "at": "2026-05-17T09:00:00Z",
    });
    let profile: Profile = serde_json::from_value(profile).unwrap();
    let standing = StandingChanged { account, state: AccountState::Active, until: None, version: 0 };
    Some(vec![FoundAccount { profile, standing }])
}

fn feed(after: &str) -> Option<FeedView> {
    let (next, marker) = (Some("h-7".to_owned()), Some("h-9".to_owned()));
    (after != "e-1").then_some(FeedView { items: Vec::new(), next, marker })
}

fn profile(reader: &str) -> ProfileView {
    let relationship = RelationshipView {
        follow: FollowState::Following,
        follows_you: false,
        requested_you: false,
        blocked: false,
        muted: false,
        close: false,
    };
    ProfileView {
        person: PersonView {
            id: ADA,
            handle: "ada".into(),
            display_name: "Ada".into(),
            avatar: None,
            is_private: false,
        },
        counts: PersonCountsView { followers: 3, following: 2, posts: 1 },
        relationship: (reader != "-").then_some(relationship),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_screen_asks_each_role_once_and_says_what_is_missing() {
    let world = World::of(&[gateway::service()]).await;
    let accounts = fake_role("accounts").answer::<FindAccounts>(|path| found(path.get("names")));
    let social = fake_role("social").answer::<FindHomeFeed>(|path| feed(path.get("after")));
    let notify = fake_role("notify").answer::<FindNoticeCounts>(|_| Some(NoticeCounts { unseen: 2, unread: 5 }));
    for role in [&accounts, &social, &notify] {
        role.join(&world).await;
    }
    let bob = world.member("bob");
    let screen = bob.get("/v1/home").await.expect(200).json();
    assert_eq!((&screen["unseen"], &screen["unread"]), (&json!(2), &json!(5)));
    assert_eq!(notify.requests()[0].path, format!("/internal/members/{}/notice-counts", bob.id));
    assert_eq!((&screen["me"]["handle"], &screen["me"]["id"]), (&json!("bob"), &json!(bob.id)));
    assert_eq!((&screen["feed"]["marker"], &screen["degraded"]), (&json!("h-9"), &json!([])));
    let asked = accounts.requests().into_iter().filter(|request| request.path.starts_with("/internal/accounts/"));
    assert_eq!((asked.count(), social.requests().len()), (1, 1));
    assert_eq!(social.requests()[0].path, format!("/internal/readers/{}/feeds/home/20/-", bob.id));

    let small = bob.get("/v1/home?limit=500&after=h-7&fields=me.handle,feed.next").await.expect(200).json();
    assert_eq!(small, json!({"me": {"handle": "bob"}, "feed": {"next": "h-7"}, "degraded": []}));
    assert!(social.requests()[1].path.ends_with("/feeds/home/100/h-7"));
    for wrong in ["e-1", "..%2f..", "h%2f7", "-"] {
        bob.get(&format!("/v1/home?after={wrong}")).await.refused(422, "home.wrong_cursor");
    }
    bob.get("/v1/home?fields=ME").await.refused(400, "request.invalid");
    world.anonymous().get("/v1/home").await.refused(401, "auth.required");

    notify.fail_with(503);
    let screen = bob.get("/v1/home").await.expect(200).json();
    assert_eq!((&screen["unread"], &screen["degraded"]), (&Value::Null, &json!(["notify"])));
    assert_eq!(screen["feed"]["marker"], "h-9");
    notify.recover();
    social.fail_with(503);
    let screen = bob.get("/v1/home").await.expect(200).json();
    assert_eq!((&screen["feed"], &screen["degraded"]), (&Value::Null, &json!(["social"])));
    assert_eq!(screen["me"]["handle"], "bob");
    accounts.fail_with(503);
    bob.get("/v1/home").await.refused(503, "server.unavailable");
    social.recover();
    let screen = bob.get("/v1/home").await.expect(200).json();
    assert_eq!((&screen["me"], &screen["degraded"]), (&Value::Null, &json!(["accounts"])));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_has_what_accounts_and_social_say_and_is_hidden_where_social_hides_it() {
    let world = World::of(&[gateway::service()]).await;
    let account = |handle: &str| match handle {
        "ada" => Some(json!({"id": ADA, "handle": "ada", "bio": "poet"})),
        "eve" => Some(json!({"id": Uuid::from_u128(8), "handle": "eve"})),
        _ => None,
    };
    let accounts = fake_role("accounts").answer::<ShowAccount>(move |path| account(path.get("handle")));
    let social = fake_role("social").answer::<FindProfileView>(|path| {
        let is_ada = path.get("account") == ADA.to_string();
        is_ada.then(|| profile(path.get("reader")))
    });
    accounts.join(&world).await;
    social.join(&world).await;
    let (bob, visitor) = (world.member("bob"), world.anonymous());
    let screen = bob.get("/v1/profiles/ada").await.expect(200).json();
    assert_eq!((&screen["account"]["bio"], &screen["counts"]["followers"]), (&json!("poet"), &json!(3)));
    assert_eq!(screen["relationship"]["follow"], "following");
    let screen = visitor.get("/v1/profiles/ada?fields=account.handle,relationship").await.expect(200).json();
    assert_eq!(screen, json!({"account": {"handle": "ada"}, "relationship": null, "degraded": []}));
    // Eve has blocked Bob: as if there were no such account.
    for hidden in ["eve", "nobody", "a%2fb"] {
        bob.get(&format!("/v1/profiles/{hidden}")).await.expect(404);
    }
    bob.get("/v1/profiles/eve").await.refused(404, "profiles.not_found");

    social.fail_with(503);
    let screen = visitor.get("/v1/profiles/ada").await.expect(200).json();
    assert_eq!((&screen["counts"], &screen["degraded"]), (&Value::Null, &json!(["social"])));
    bob.get("/v1/profiles/ada").await.refused(503, "server.unavailable");
    world.end().await;
}

/// Returns the URI that the role has received for a request.
async fn forwarded(harness: &Harness, client: &TestClient, path: &str) -> String {
    client.get(path).await.expect(200);
    let received = harness.received();
    received.iter().rev().find(|request| request.uri.starts_with("/v1/")).unwrap().uri.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_reader_is_answered_as_if_the_member_did_not_exist() {
    let harness = Harness::start(&[]).await;
    let (bob, visitor) = (harness.world.member("bob"), harness.world.anonymous());
    let eve = OWNER.0;
    let (of_eve, items) = ("/v1/accounts/%45ve".to_owned(), format!("/v1/media?limit=2&owner={eve}"));
    // Without social, no member has blocked another.
    assert_eq!(forwarded(&harness, &bob, &of_eve).await, of_eve);
    let social = fake_role("social").answer::<FindShownPerson>(move |path| {
        let is_eve = path.get("name").eq_ignore_ascii_case("eve") || path.get("name") == eve.to_string();
        (!is_eve).then(|| profile(path.get("reader")).person)
    });
    social.join(&harness.world).await;
    let nobody = Uuid::from_u128(!bob.id.as_u128());
    assert_eq!(forwarded(&harness, &bob, &of_eve).await, format!("/v1/accounts/{nobody}"));
    assert_eq!(forwarded(&harness, &bob, &items).await, format!("/v1/media?limit=2&owner={nobody}"));
    let urn = format!("/v1/accounts/{}", eve.urn());
    assert_eq!(forwarded(&harness, &bob, &urn).await, format!("/v1/accounts/{nobody}"), "every form of an id");
    assert_eq!(social.requests().len(), 3, "one question for each request");
    let own = format!("/v1/media?owner={}", bob.id);
    for (client, path) in
        [(&bob, "/v1/accounts/ada"), (&bob, "/v1/media"), (&bob, own.as_str()), (&visitor, items.as_str())]
    {
        assert_eq!(forwarded(&harness, client, path).await, path);
    }
    assert_eq!(social.requests().len(), 4, "only about other members, for those who are signed in");
    // One item: that of a member who has blocked the reader, and one that is not there.
    let (item, other) = (format!("/v1/media/{OWNED}"), format!("/v1/media/{SHARED}"));
    let nothing = "/v1/media/zzzzzzzzzzzzzzzzzzzzzz";
    assert_eq!(forwarded(&harness, &bob, &item).await, nothing);
    let album = format!("/v1/albums/{OWNED}/items?limit=1");
    assert_eq!(forwarded(&harness, &bob, &album).await, "/v1/albums/zzzzzzzzzzzzzzzzzzzzzz/items?limit=1");
    for (client, path) in [(&visitor, &item), (&bob, &other)] {
        assert_eq!(forwarded(&harness, client, path).await, *path);
    }
    social.fail_with(503);
    for path in [&of_eve, &items, &item] {
        bob.get(path).await.refused(503, "server.unavailable");
        assert_eq!(forwarded(&harness, &visitor, path).await, *path);
    }
}
